"""Every pack and preset in a real Prometheus: accepted by all who judge it, loaded, evaluated without error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from demo.stage import Stage
from testbed import Json
from tests.e2e.exposition import Exposition
from tests.e2e.scenes import (
    add_namespace,
    failing_rules,
    monitor,
    pods_target,
    rules_of,
    static_target,
    wait_for_series,
    wait_until_ready,
)
from walletmon.packs.catalogue import packs

NAMESPACE = "wallets-packs"
PRESETS = sorted({preset for pack in packs().values() for preset in pack.presets})
RECORDED = {"geth": "geth-1.13.15", "centrifugo": "centrifuge-0.40.1", "pushpin": "pushpin-1.36.0"}
"""Presets whose software was recorded."""
JUDGED = (("monitoring.coreos.com/v1", "PrometheusRule"), ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"))


@pytest.fixture(scope="module")
def scene(stage: Stage, repository: Path) -> Iterator[Stage]:
    """The example of all packs with two of its wallets alive, and a monitor for each preset."""
    stage.bed.start_admission_webhook()
    add_namespace(stage, NAMESPACE, ["on-call"])
    for wallet in ("hot-1", "hot-2"):
        stage.add_wallet(NAMESPACE, f"every-{wallet}", {"app": "every", "walletmon.dev/wallet": wallet})
    example: Json = yaml.safe_load((repository / "examples" / "every-pack.yaml").read_text(encoding="utf-8"))
    example["metadata"]["namespace"] = NAMESPACE
    example["spec"]["evaluationInterval"] = "5s"
    example["spec"]["targets"] = [pods_target("api", {"app": "every"}, walletFrom={"label": "walletmon.dev/wallet"})]
    example["spec"]["routing"]["receivers"][0]["webhook"]["urlSecret"] = {"name": "pager", "key": "on-call"}
    with ExitStack() as stack:
        monitors = [example]
        for preset in PRESETS:
            target = pods_target("node", {"app": "nobody"}, wallet="hot-1")
            if preset in RECORDED:
                file = repository / "tests" / "recordings" / f"{RECORDED[preset]}.prom"
                address = stack.enter_context(Exposition(file)).address
                target = static_target("node", [address], wallet="hot-1")
            use = [{"name": pack.name, "preset": preset} for pack in packs().values() if preset in pack.presets]
            # A figure of one wallet's own makes thresholds series: the rules then match vectors with vectors.
            own = {f"{pack}.{name}": figure for pack, name, figure in _figures(preset)}
            wallets = [{"name": "hot-1", "thresholds": own}, {"name": "hot-2"}]
            monitors.append(
                monitor(NAMESPACE, preset, wallets=wallets, targets=[target], packs=use, evaluationInterval="5s")
            )
        stage.bed.apply(monitors)
        for each in monitors:
            wait_until_ready(stage, NAMESPACE, each["metadata"]["name"])
        yield stage


def _figures(preset: str) -> Iterator[tuple[str, str, str]]:
    """Each threshold of the preset's packs with the figure at its lower bound, which contradicts no other."""
    for pack in packs().values():
        if preset in pack.presets:
            for name, threshold in pack.thresholds.items():
                if threshold.below is None and not any(other.below == name for other in pack.thresholds.values()):
                    yield pack.name, name, threshold.min


def test_prometheus_operators_admission_takes_every_object(scene: Stage) -> None:
    reviewed = 0
    for api_version, kind in JUDGED:
        for obj in scene.bed.api.items(api_version, kind, NAMESPACE):
            answer = scene.bed.review(obj)
            assert answer["allowed"], f"{kind} {obj['metadata']['name']}: {answer.get('status')}"
            reviewed += 1
    assert reviewed >= len(PRESETS) + 2


def test_every_pack_is_loaded_and_evaluates_without_error(scene: Stage) -> None:
    wait_for_series(scene, f'up{{namespace="{NAMESPACE}",walletmon="everything"}} == 1', lambda found: len(found) == 2)
    names = {alert.name for pack in packs().values() for alert in pack.alerts}
    scene.wait(
        "every alert to be loaded", lambda: names == {r["name"] for r in _alerts(scene, "everything")}, timeout=120
    )
    assert failing_rules(scene, "everything") == {}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_loaded_and_evaluates_without_error(scene: Stage, preset: str) -> None:
    names = {alert.name for pack in packs().values() if preset in pack.presets for alert in pack.served(preset)}
    scene.wait("every alert to be loaded", lambda: names == {r["name"] for r in _alerts(scene, preset)}, timeout=120)
    assert failing_rules(scene, preset) == {}


@pytest.mark.parametrize(
    ("preset", "record"),
    [
        ("geth", "wallet:rpc_calls:increase5m"),
        ("centrifugo", "sse:active_connections:sum"),
        ("pushpin", "sse:active_connections:sum"),
    ],
)
def test_recorded_software_gives_the_signals_of_its_preset(scene: Stage, preset: str, record: str) -> None:
    wait_for_series(scene, f'{record}{{namespace="{NAMESPACE}",walletmon="{preset}",wallet="hot-1"}}')


def _alerts(scene: Stage, name: str) -> list[Json]:
    return [rule for rule in rules_of(scene, name) if rule["type"] == "alerting"]
