"""Presets read what software really exposes: their expressions, held against recorded expositions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.recordings.judge import Judge, read
from walletmon.language.selectors import metrics_read
from walletmon.packs.catalogue import packs

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests/recordings"
PACKS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "operator/walletmon/packs").glob("*.yaml"))
}
PRESETS = [(pack, preset) for pack, content in PACKS.items() for preset in content.get("presets", {})]

RECORDED = {"geth": "geth-1.13.15", "centrifugo": "centrifuge-0.40.1", "pushpin": "pushpin-1.36.0"}
"""What each preset is held against."""

UNRECORDED = {
    "address-exporter": "its Go module could not be had where the others were recorded",
    "besu": "its archives are in no package registry",
    "bitcoin-exporter": "the exporter is in no package registry",
    "chainlink": "needs a database and hours to build",
    "erpc": "its Go module could not be had where the others were recorded",
    "lnd": "lndmon's Go module could not be had where the others were recorded",
    "mercure": "the hub's Go module could not be had where the others were recorded",
    "web3signer": "its archives are in no package registry",
}
"""Presets that rest on documentation and source alone, and why."""

HELD = [pytest.param(pack, preset, id=f"{pack}-{preset}") for pack, preset in PRESETS if preset in RECORDED]

EMPTIED = "geth empties it at each scrape: two scrapers see half each, and its count is no counter"


@pytest.mark.parametrize(("pack", "preset"), HELD)
def test_software_exposes_what_its_preset_reads(pack: str, preset: str) -> None:
    judge = _judge(pack, preset)
    alerts = {alert.name: alert.expr for alert in packs()[pack].served(preset)}
    found = {
        f"{name}: {finding}" for name, expr in {**judge.recorded, **alerts}.items() for finding in judge.judge(expr)
    }
    assert found == set(), f"pack {pack}, preset {preset}"


@pytest.mark.parametrize(("pack", "preset"), HELD)
def test_a_preset_calls_counters_what_only_grows_and_is_counted(pack: str, preset: str) -> None:
    content = PACKS[pack]["presets"][preset]
    before, after = (read(RECORDINGS / f"{RECORDED[preset]}{end}") for end in (".before.prom", ".prom"))
    judge = _judge(pack, preset)
    for expr in judge.recorded.values():
        judge.judge(expr)
    for name in content.get("counters", []):
        assert after.kinds.get(name) == "gauge", f"{name} is a {after.kinds.get(name)}"
        assert after.values[name] >= before.values.get(name, 0.0), f"{name} shrank"
        assert name in judge.counted, f"no rate() of {name}"


@pytest.mark.parametrize(("pack", "preset"), [each for each in HELD if each.values[1] == "geth"])
def test_no_preset_reads_what_each_scrape_empties(pack: str, preset: str) -> None:
    read_ = {name for expr in PACKS[pack]["presets"][preset]["recordings"].values() for name in metrics_read(expr)}
    emptied = {name for name in read_ if name.startswith("rpc_duration_") and not name.startswith("rpc_duration_all")}
    assert emptied == set(), EMPTIED


def test_the_go_runtime_exposes_what_packs_read_of_it() -> None:
    """Any program with the usual client library exposes these; the recorded one does."""
    recording = read(RECORDINGS / "centrifuge-0.40.1.prom")
    found = set()
    for pack, content in PACKS.items():
        for name, expr in _expressions(content):
            if not any(metric.startswith("go_") for metric in metrics_read(expr)):
                continue
            others = {metric for metric in metrics_read(expr) if not metric.startswith("go_")}
            judge = Judge(recording, {each["record"]: each["expr"] for each in content.get("recordings", [])})
            findings = judge.judge(expr)
            found |= {
                f"{pack}, {name}: {finding}" for finding in findings if not any(other in finding for other in others)
            }
    assert found == set()


def test_each_preset_is_recorded_or_says_why_not() -> None:
    presets = {preset for _, preset in PRESETS}
    assert presets == RECORDED.keys() | UNRECORDED.keys()
    assert not RECORDED.keys() & UNRECORDED.keys()


def _judge(pack: str, preset: str) -> Judge:
    recorded = {each.record: each.expr for each in packs()[pack].recorded(preset)}
    counters = packs()[pack].presets[preset].counters
    return Judge(read(RECORDINGS / f"{RECORDED[preset]}.prom"), recorded, frozenset(counters))


def _expressions(content: dict[str, Any]) -> list[tuple[str, str]]:
    recordings = [(each["record"], each["expr"]) for each in content.get("recordings", [])]
    return recordings + [(each["name"], each["expr"]) for each in content["alerts"]]


class TestJudge:
    """What the judge itself says of expressions, by the recording of geth and of the library of Centrifugo."""

    GETH = RECORDINGS / "geth-1.13.15.prom"
    CENTRIFUGE = RECORDINGS / "centrifuge-0.40.1.prom"

    @pytest.mark.parametrize(
        ("recording", "expr"),
        [
            (GETH, 'max by (wallet) (rpc_duration_all{quantile="0.95"}) / 1e9'),
            (GETH, "max by (wallet, target) (chain_head_block) > 1"),
            (GETH, "up / on (wallet) group_left (version) geth_info > 1"),
            (GETH, "up == 0 and on (wallet) changes(rpc_duration_all_count[5m]) == 0"),
            (CENTRIFUGE, 'sum by (wallet, code) (rate(centrifugo_client_num_server_disconnects{code!="3000"}[5m]))'),
            (
                CENTRIFUGE,
                "histogram_quantile(0.99, sum by (wallet, le) (rate(centrifugo_node_pub_sub_lag_seconds_bucket[5m])))",
            ),
            (CENTRIFUGE, 'sum by (wallet) (rate({__name__=~"centrifugo_client_recover(_total)?"}[5m]))'),
            (CENTRIFUGE, "count by (wallet) (centrifugo_client_recover)"),
        ],
    )
    def test_finds_nothing_wrong(self, recording: Path, expr: str) -> None:
        assert Judge(read(recording)).judge(expr) == []

    def test_knows_the_labels_of_recordings(self) -> None:
        judge = Judge(read(self.GETH), {"wallet:a:b": "max by (wallet) (chain_head_block)"})
        assert judge.judge("wallet:a:b > 1") == []
        assert judge.judge('wallet:a:b{network="x"} > 1') != []
        assert judge.judge("sum by (wallet, quantile) (wallet:a:b) > 1") != []

    @pytest.mark.parametrize(
        ("recording", "expr", "finding"),
        [
            (GETH, "rate(rpc_failures[5m]) > 1", "rpc_failures is not there"),
            (GETH, "rate(rpc_failure[5m]) > 1", "rate() of rpc_failure, which is called a gauge"),
            (GETH, "rpc_duration_all_count > 1", "the bare figure of rpc_duration_all_count, which is a counter"),
            (GETH, 'rpc_duration_all{quantile="0.9"} > 1', "matches no series of rpc_duration_all"),
            (GETH, "max by (wallet, method) (rpc_duration_all) > 1", "label method (max by (wallet, method)) is not"),
            (GETH, "up / on (wallet, chain) geth_info > 1", "label chain (the"),
            (GETH, 'label_replace(geth_info, "a", "$1", "network", "(.*)") > 1', "label network (label_replace)"),
            (CENTRIFUGE, 'centrifugo_client_connections_inflight{transport="uni_sse"} > 1', "matches no series"),
            (CENTRIFUGE, 'centrifugo_client_connections_inflight{region!="eu"} > 1', "has no label region"),
            (
                CENTRIFUGE,
                "histogram_quantile(0.9, sum by (wallet) (rate(centrifugo_node_pub_sub_lag_seconds_bucket[5m]))) > 1",
                "label le (histogram_quantile) is not there",
            ),
        ],
    )
    def test_says_what_is_wrong(self, recording: Path, expr: str, finding: str) -> None:
        found = Judge(read(recording)).judge(expr)
        assert found
        assert [each for each in found if finding not in each] == []
