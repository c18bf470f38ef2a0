"""The opposite test: an hour of wallets that are well, recorded, raises only what its events deserve.

The recording (`tests/recordings/healthy_hour`) has two restarts, a deploy, six minutes without RPC and ten without a
chain exporter; all but the last happen to hot-1, the last to hot-1 and hot-2, and nothing to vault. The rules of all
packs see it as they come from the compiler.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rules.proofs import API, STEP, Json, rule_groups, seconds
from walletmon.api.monitor import WalletMonitor
from walletmon.packs.catalogue import packs

ROOT = Path(__file__).parents[2]
SERIES = ROOT / "tests/recordings/healthy_hour/series.txt.gz"
START = 1_800_000_000
HOUR = 3600
WALLETS = ("hot-1", "hot-2", "vault")

NOBODY = ""
"""The wallet of alerts about workloads of no wallet."""


@dataclass(frozen=True)
class Deserved:
    """An alert that an event deserves. Between the first and the second time, and between the third and the last, it
    may fire or not: there a pack's `for`, `keepFiringFor` and windows decide. Before and after it must not."""

    alert: str
    wallet: str
    earliest: str
    by: str
    until: str
    gone: str

    def must(self, at: int) -> bool:
        """Whether it must fire then."""
        return seconds(self.by) <= at <= seconds(self.until)

    def may(self, at: int) -> bool:
        """Whether it can fire then or not."""
        return seconds(self.earliest) <= at < seconds(self.by) or seconds(self.until) < at < seconds(self.gone)


# The RPC endpoint is cut off from 22m5s to 28m5s. What looks at 5 minutes sees failures until 33m.
RPC_OUTAGE = (
    Deserved("WalletRpcErrorRateHigh", "hot-1", "24m", "26m30s", "28m", "38m"),
    Deserved("RpcErrorRateVeryHigh", "hot-1", "24m", "27m", "28m", "38m"),
    Deserved("WalletRpcUnreachable", "hot-1", "26m", "28m", "28m", "33m30s"),
    Deserved("RpcQuorumLost", "hot-1", "24m", "27m30s", "28m", "40m"),
    Deserved("WalletSyncLagUnknown", "hot-1", "26m", "28m", "28m", "28m30s"),
    Deserved("SyncNetworkHeightUnknown", "hot-1", "26m", "28m", "28m", "39m"),
)

# The exporter is away from 36m5s to 46m5s and last read everything at 36m1s.
EXPORTER_OUTAGE = (
    Deserved("WalletDependencyDown", NOBODY, "39m", "42m", "46m", "49m"),
    *(Deserved("NonceUnknown", wallet, "41m", "46m", "46m", "52m") for wallet in ("hot-1", "hot-2")),
    *(Deserved("BalanceUnknown", wallet, "44m", "46m", "46m", "52m") for wallet in ("hot-1", "hot-2")),
)

# The same, had it stayed away.
EXPORTER_GONE = (
    Deserved("WalletDependencyDown", NOBODY, "39m", "42m", "1h", "2h"),
    *(Deserved("NonceUnknown", wallet, "41m", "46m30s", "1h", "2h") for wallet in ("hot-1", "hot-2")),
    *(Deserved("BalanceUnknown", wallet, "44m", "46m", "1h", "2h") for wallet in ("hot-1", "hot-2")),
)


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[str]]:
    """The samples of each series, every 30 s."""
    lines = gzip.decompress(SERIES.read_bytes()).decode().splitlines()
    return {name: _written_out(values) for name, values in (line.split("\t") for line in lines)}


def test_only_what_the_events_deserve_fires(promtool: Path, tmp_path: Path, recorded: dict[str, list[str]]) -> None:
    _prove(promtool, tmp_path, recorded, RPC_OUTAGE + EXPORTER_OUTAGE)


def test_what_stays_unknown_is_called_unknown_and_never_low(
    promtool: Path, tmp_path: Path, recorded: dict[str, list[str]]
) -> None:
    gone_at = seconds("36m30s") // STEP
    last = HOUR // STEP + 1

    def without_exporter(name: str, samples: list[str]) -> list[str]:
        if 'target="chain"' not in name:
            return samples
        if name.startswith(("up{", "scrape_")):
            return [*samples[:gone_at], *["0"] * (last - gone_at)]
        return [*samples[:gone_at], "stale", *["_"] * (last - gone_at - 1)]

    altered = {name: without_exporter(name, samples) for name, samples in recorded.items()}
    _prove(promtool, tmp_path, altered, RPC_OUTAGE + EXPORTER_GONE)


def test_an_outage_is_told_in_few_alerts(promtool: Path, tmp_path: Path, recorded: dict[str, list[str]]) -> None:
    """What is left when each alert has silenced those that say nothing new beside it."""
    told = 'ALERTS{alertstate="firing"}'
    for pack in packs().values():
        for alert in pack.alerts:
            for silenced in alert.silenced:
                labels = ", ".join(("alertname", "namespace", "walletmon", "wallet", *silenced.equal))
                told += (
                    f'\nunless on ({labels}) label_replace(ALERTS{{alertname="{alert.name}",alertstate="firing"}}, '
                    f'"alertname", "{silenced.alert}", "", "")'
                )
    samples = [{"labels": '{alertname="RpcQuorumLost",wallet="hot-1"}', "value": 1}]
    _run(promtool, tmp_path, recorded, [_expectation(f"group by (alertname, wallet) ({told})", "28m", samples)])


class TestTheRecordingHasIt:
    """Silence would prove nothing if the hour had not what it is said to have."""

    def test_everything_that_wallets_and_exporters_expose(self, recorded: dict[str, list[str]]) -> None:
        page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
        sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL))
        described = {
            name
            for title in ("Wallet services", "Chain exporter")
            for name in re.findall(r"^\| `(\w+)`", sections[title], flags=re.MULTILINE)
        }
        assert len(described) > 20
        there = {re.sub(r"_(bucket|count|sum)$", "", name.partition("{")[0]) for name in recorded}
        # One of them is optional.
        assert described - there == {"wallet_balance_total"}

    def test_restarts_with_and_without_a_failed_scrape(self, recorded: dict[str, list[str]]) -> None:
        born = [
            sample
            for sample in self._of(recorded, "process_start_time_seconds", 'pod="hot-1-7d9c-a"')
            if sample not in ("_", "stale")
        ]
        assert len(set(born)) == 3
        assert self._of(recorded, "up", 'pod="hot-1-7d9c-a"').count("0") == 1

    def test_a_deploy_with_two_pods_for_a_while(self, recorded: dict[str, list[str]]) -> None:
        old = self._of(recorded, "up", 'pod="hot-1-7d9c-a"')
        new = self._of(recorded, "up", 'pod="hot-1-85f4-b"')
        assert sum(before == after == "1" for before, after in zip(old, new, strict=True)) == 4
        assert new[-1] == "1"
        assert old[-1] == "_"

    def test_failing_calls_and_an_unknown_network_for_six_minutes(self, recorded: dict[str, list[str]]) -> None:
        errors = self._of(recorded, "wallet_rpc_requests_total", 'pod="hot-1-85f4-b"', "eth_blockNumber", '"error"')
        assert float(errors[-1]) == 72
        height = self._of(recorded, "wallet_network_height_blocks", 'pod="hot-1-85f4-b"')
        assert height.count("stale") == 1
        assert height[30:].count("_") == 11

    def test_ten_minutes_without_one_of_the_exporters(self, recorded: dict[str, list[str]]) -> None:
        assert self._of(recorded, "up", 'target="chain"').count("0") == 20
        assert set(self._of(recorded, "up", 'target="chain-vault"')) == {"1"}

    def test_transactions_that_are_mined_and_paid_for(self, recorded: dict[str, list[str]]) -> None:
        nonces = self._of(recorded, "wallet_nonce_latest", 'wallet="hot-2"', 'source="backup"')
        assert float(nonces[-1]) == 30
        coins = self._of(recorded, "wallet_balance_coins", 'wallet="hot-2"', 'source="backup"')
        assert 99.9 < float(coins[-1]) < float(coins[1]) < 100

    @staticmethod
    def _of(recorded: dict[str, list[str]], name: str, *parts: str) -> list[str]:
        (found,) = (
            samples
            for series, samples in recorded.items()
            if series.startswith(f"{name}{{") and all(part in series for part in parts)
        )
        return found


def _prove(promtool: Path, folder: Path, recorded: dict[str, list[str]], deserved: Iterable[Deserved]) -> None:
    """At each evaluation of the hour exactly what is deserved fires."""
    expectations = []
    for at in range(0, HOUR + 1, STEP):
        firing = 'group by (alertname, wallet) (ALERTS{alertstate="firing"})'
        for each in deserved:
            if each.may(at):
                excepted = f'ALERTS{{alertname="{each.alert}",wallet="{each.wallet}"}}'
                firing += f" unless on (alertname, wallet) {excepted}"
        samples = [
            {
                "labels": f'{{alertname="{each.alert}"' + (f',wallet="{each.wallet}"' * bool(each.wallet)) + "}",
                "value": 1,
            }
            for each in deserved
            if each.must(at)
        ]
        expectations.append(_expectation(firing, f"{at}s", samples))
    _run(promtool, folder, recorded, expectations)


def _expectation(expr: str, at: str, samples: list[Json]) -> Json:
    return {"expr": expr, "eval_time": at, "exp_samples": samples}


def _run(promtool: Path, folder: Path, recorded: dict[str, list[str]], expectations: list[Json]) -> None:
    groups = rule_groups(_monitor())
    (folder / "rules.yaml").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    inputs = [{"series": name, "values": " ".join(samples)} for name, samples in recorded.items()]
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{STEP}s",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [
            {
                "interval": f"{STEP}s",
                "start_timestamp": START,
                "input_series": inputs,
                "promql_expr_test": expectations,
            }
        ],
    }
    (folder / "test.yaml").write_text(json.dumps(document), encoding="utf-8")
    run = subprocess.run([promtool, "test", "rules", folder / "test.yaml"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def _monitor() -> WalletMonitor:
    """The monitor of the recorded wallets and exporters, with every pack there is."""
    exporters = [
        {"name": name, "role": "rpc", "service": {"selector": {"matchLabels": {"app": name}}, "port": "metrics"}}
        for name in ("chain", "chain-vault")
    ]
    return WalletMonitor.model_validate(
        {
            "metadata": {"name": "treasury", "namespace": "wallets-prod"},
            "spec": {
                "environment": "prod",
                "wallets": [
                    {"name": name, "chain": {"family": "evm", "id": 1, "name": "ethereum"}} for name in WALLETS
                ],
                "targets": [API, *exporters],
                "packs": [{"name": name} for name in packs()],
            },
        }
    )


def _written_out(values: str) -> list[str]:
    """`1x3 stale _x2` as samples."""
    samples = []
    for item in values.split():
        value, _, times = item.partition("x")
        samples += [value] * (int(times or 0) + (value != "_" or not times))
    return samples
