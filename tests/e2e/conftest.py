"""The demo's stage, started once: a real control plane, walletmon, prometheus-operator, Prometheus, Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.stage import Stage
from demo.wallet import Wallet
from tests.e2e.exposition import Exposition
from tests.e2e.prober import Prober
from tests.e2e.scenes import COLD, TREASURY, monitor, pods_target, static_target, wait_until_ready


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Everything but wallets and monitors; tests keep apart by namespace."""
    with Stage() as stage:
        stage.start_control_plane()
        stage.start_monitoring()
        stage.install_chart()
        stage.start_operator()
        yield stage
        if request.session.testsfailed:
            print(stage.account())
        stage.check()


@pytest.fixture(scope="session")
def treasury(stage: Stage, repository: Path) -> dict[str, Wallet]:
    """The demo's monitor, Ready, and its two wallets; beside them a pod of a wallet that the monitor does not know."""
    stage.bed.kubectl("create", "namespace", TREASURY)
    wallets = {
        name: stage.add_wallet(TREASURY, f"wallet-api-{name}", {"app": "wallet-api", "walletmon.dev/wallet": name})
        for name in ("hot-1", "hot-2")
    }
    stranger = {"app": "wallet-api", "walletmon.dev/wallet": "hot-9"}
    stage.bed.workload(TREASURY, "wallet-api-hot-9", port=stage.port, labels=stranger, service=False)
    stage.add_service(TREASURY, "wallet-api")
    url = stage.pager.url("treasury")
    stage.bed.kubectl("-n", TREASURY, "create", "secret", "generic", "treasury-on-call", f"--from-literal=url={url}")
    stage.bed.kubectl("apply", "-f", str(repository / "examples" / "treasury.yaml"))
    impatient = repository / "examples" / "demo" / "impatient.yaml"
    over = ("--server-side", "--force-conflicts", "--field-manager", "demo")
    stage.bed.kubectl("apply", *over, "-f", str(impatient))
    wait_until_ready(stage, TREASURY, "treasury")
    return wallets


@pytest.fixture(scope="session")
def prober() -> Iterator[Prober]:
    with Prober() as prober:
        yield prober


@pytest.fixture(scope="session")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposition]:
    """A workload that tells its users apart."""
    file = tmp_path_factory.mktemp("exposed") / "metrics.prom"
    file.write_text('seen{userId="7"} 1\nseen{USER_ID="7"} 1\nseen{tx_hash="7",a="b"} 1\nseen{users="7"} 1\nseen 1\n')
    with Exposition(file) as alive:
        yield alive


@pytest.fixture(scope="session")
def cold(stage: Stage, prober: Prober, exposed: Exposition) -> dict[str, Wallet]:
    """A monitor with every other kind of target, and two wallets whose thresholds differ."""
    stage.bed.kubectl("create", "namespace", COLD)
    wallets = {
        name: stage.add_wallet(COLD, name, {"app": "cold", "example.com/wallet": name}) for name in ("cold-1", "cold-2")
    }
    both = [wallet.address for wallet in wallets.values()]
    stage.bed.apply(
        [
            monitor(
                COLD,
                "cold",
                wallets=[
                    {"name": "cold-1", "thresholds": {"golden-signals.heartbeatAge": "10s"}},
                    {"name": "cold-2", "thresholds": {"golden-signals.heartbeatAge": "1h"}},
                ],
                targets=[
                    pods_target("pods", {"app": "cold"}, walletFrom={"label": "example.com/wallet"}),
                    static_target("fixed", both, wallet="cold-1", role="node"),
                    static_target("exposed", [exposed.address], wallet="cold-1", role="node"),
                    {
                        "name": "site",
                        "probe": {
                            "prober": prober.address,
                            "module": "http_2xx",
                            "urls": ["https://wallet.example.com/healthz", "https://wallet.example.com/broken"],
                        },
                        "interval": "1s",
                        "timeout": "1s",
                        "wallet": "cold-2",
                    },
                ],
                packs=[{"name": "golden-signals", "overrides": {"WalletHeartbeatStale": {"for": "1s"}}}],
            )
        ]
    )
    wait_until_ready(stage, COLD, "cold")
    return wallets
