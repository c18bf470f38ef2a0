"""The overview dashboard's object: names, bytes, what is different between monitors, and what it costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.dashboards import dashboard_objects
from walletmon.compiler.thresholds import common_figures
from walletmon.packs.catalogue import Catalogue

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden" / "dashboards" / "treasury.overview.json"
CONFIG_MAP_LIMIT = 1024 * 1024
CLIENT_SIDE_APPLY_LIMIT = 256 * 1024

DNS_LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


def treasury(name: str = "treasury", namespace: str = "wallets-prod", **spec: Any) -> WalletMonitor:
    document = yaml.safe_load((ROOT / "examples" / "treasury.yaml").read_text())
    document["metadata"] |= {"name": name, "namespace": namespace}
    document["spec"] |= spec
    return WalletMonitor.model_validate(document)


def config_map(monitor: WalletMonitor, class_: MonitorClass | None = None) -> dict[str, Any]:
    part = dashboard_objects(monitor, class_ or MonitorClass())
    assert part.diagnostics == []
    (found,) = part.objects
    return found


def dashboard(monitor: WalletMonitor, class_: MonitorClass | None = None) -> dict[str, Any]:
    (text,) = config_map(monitor, class_)["data"].values()
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def queries(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [target for panel in board["panels"] for target in panel.get("targets", [])]


def test_the_dashboard_of_the_example_is_as_recorded() -> None:
    text = json.dumps(dashboard(treasury()), indent=1, sort_keys=True) + "\n"
    if os.environ.get("WALLETMON_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_config_map_is_found_by_the_sidecar_and_its_file_name_is_like_no_other() -> None:
    found = config_map(treasury())
    assert found["metadata"]["name"] == "treasury.overview"
    assert found["metadata"]["namespace"] == "wallets-prod"
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert list(found["data"]) == ["wallets-prod.treasury.overview.json"]


def test_the_uid_is_stable_short_and_different_for_each_monitor() -> None:
    uids = [
        dashboard(treasury(name, namespace))["uid"]
        for name, namespace in (("a", "b"), ("b", "a"), ("a-b", "c"), ("a", "b-c"))
    ]
    assert uids[0] == dashboard(treasury("a", "b", suspend=True))["uid"]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) <= 40 for uid in uids)


@given(name=DNS_LABELS, namespace=DNS_LABELS)
def test_every_query_reads_this_monitor_alone(name: str, namespace: str) -> None:
    board = dashboard(treasury(name, namespace))
    assert board["title"] == f"Wallets / {namespace} / {name}"
    for query in queries(board):
        assert query["expr"].count(f'namespace="{namespace}"') == query["expr"].count("namespace=") > 0
        assert query["expr"].count(f'walletmon="{name}"') == query["expr"].count("walletmon=") > 0


def test_names_that_look_like_the_place_holders_come_through() -> None:
    name, namespace = "walletmon-dashboard-namespace-5c1e", "walletmon-dashboard-monitor-5c1e"
    board = dashboard(treasury(name, namespace))
    assert board["title"] == f"Wallets / {namespace} / {name}"
    assert all(f'walletmon="{name}"' in query["expr"] for query in queries(board))


def test_it_is_small_enough_for_a_config_map_and_for_client_side_apply() -> None:
    (text,) = config_map(treasury(name="m" * 63, namespace="n" * 63))["data"].values()
    assert len(text.encode()) < CLIENT_SIDE_APPLY_LIMIT < CONFIG_MAP_LIMIT


def test_no_query_is_finer_than_the_slowest_target_is_scraped() -> None:
    targets = [
        {"name": name, "service": {"selector": {"matchLabels": {"app": name}}, "port": "metrics"}, "wallet": "hot-1"}
        | ({} if interval is None else {"interval": interval})
        for name, interval in (("a", None), ("b", "90s"), ("c", "1m"))
    ]
    assert {query["interval"] for query in queries(dashboard(treasury(targets=targets)))} == {"90s"}
    assert {query["interval"] for query in queries(dashboard(treasury(targets=targets[:1])))} == {"30s"}
    assert {query["interval"] for query in queries(dashboard(treasury(targets=[])))} == {"30s"}


THRESHOLDS = {
    "RPC errors": "rpcErrorRatio",
    "API errors": "errorRatio",
    "API latency, p95": "latencyP95",
    "Sync lag in time": "syncLag",
    "Memory": "memory",
    "Disk free": "diskFree",
    "Goroutines": "goroutines",
}


def lines(board: dict[str, Any]) -> dict[str, float]:
    """The bound that each graph draws, by its title."""
    found = {}
    for panel in board["panels"]:
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        if defaults.get("custom", {}).get("thresholdsStyle"):
            (bound,) = [step["value"] for step in defaults["thresholds"]["steps"] if step["value"] is not None]
            found[panel["title"]] = bound
    return found


def test_graphs_draw_where_the_alerts_are() -> None:
    figures = common_figures(treasury(), Catalogue())
    expected = {title: figures[f"golden-signals.{name}"] for title, name in THRESHOLDS.items()}
    assert lines(dashboard(treasury())) == {title: float(figure or "nan") for title, figure in expected.items()}


def test_a_figure_of_the_monitors_own_is_drawn_instead() -> None:
    packs = [{"name": "golden-signals", "thresholds": {"syncLag": "90s", "diskFree": "25%"}}]
    found = lines(dashboard(treasury(packs=packs)))
    assert (found["Sync lag in time"], found["Disk free"]) == (90, 0.25)


def test_where_wallets_differ_each_has_its_own_line_from_the_recorded_threshold() -> None:
    wallets = [{"name": "hot-1", "thresholds": {"golden-signals.syncLag": "90s"}}, {"name": "hot-2"}]
    board = dashboard(treasury(wallets=wallets))
    assert "Sync lag in time" not in lines(board)
    (panel,) = [panel for panel in board["panels"] if panel["title"] == "Sync lag in time"]
    assert panel["targets"][1]["expr"].startswith("walletmon:threshold:golden_signals_sync_lag{")
    assert 'walletmon="treasury"' in panel["targets"][1]["expr"]
    (override,) = panel["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byFrameRefID", "options": "B"}


def test_without_the_pack_no_line_is_drawn() -> None:
    assert lines(dashboard(treasury(packs=[]))) == {}


def test_a_click_on_an_alert_opens_its_runbook_where_the_class_says_they_are() -> None:
    text = json.dumps(dashboard(treasury(), MonitorClass(runbook_base_url="https://runbooks.example.com")))
    assert "https://runbooks.example.com/${__value.raw}" in text


@pytest.mark.parametrize("seed", ["0", "1"])
def test_another_process_makes_the_same_bytes(seed: str) -> None:
    script = (
        "import sys, yaml, hashlib\n"
        "from walletmon.api.monitor import WalletMonitor\n"
        "from walletmon.api.monitor_class import MonitorClass\n"
        "from walletmon.compiler.dashboards import dashboard_objects\n"
        "assert 'grafana_foundation_sdk' not in sys.modules, 'importing the compiler alone must stay cheap'\n"
        "monitor = WalletMonitor.model_validate(yaml.safe_load(open(sys.argv[1])))\n"
        "print(dashboard_objects(monitor, MonitorClass()).objects[0]['data'])\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "examples" / "treasury.yaml")],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == f"{config_map(treasury())['data']}\n"
