"""What packs say of alerts that say nothing new beside another one, as rules of the Alertmanager."""

from __future__ import annotations

from typing import Any

import pytest

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.routing import routing_objects
from walletmon.packs.catalogue import packs

WALLET = {"name": "wallet", "value": "", "matchType": "!="}
MONITOR = {"name": "walletmon", "value": "treasury", "matchType": "="}
NAMESPACE = {"name": "namespace", "value": "wallets-prod", "matchType": "="}
SAME = ["namespace", "wallet", "cluster"]
ROUTING = {"receivers": [{"name": "a", "webhook": {"urlSecret": {"name": "s", "key": "k"}}}]}


def rules(*used: dict[str, Any]) -> list[dict[str, Any]]:
    spec = {"wallets": [{"name": "hot-1"}], "packs": list(used), "routing": ROUTING}
    document = {"metadata": {"name": "treasury", "namespace": "wallets-prod"}, "spec": spec}
    (config,) = routing_objects(WalletMonitor.model_validate(document), MonitorClass()).objects
    return list(config["spec"].get("inhibitRules", ()))


def by_source(found: list[dict[str, Any]], alert: str) -> list[tuple[str, list[str]]]:
    """The alerts that `alert` silences, as a pattern, and the labels in which they have to agree."""
    mine = [rule for rule in found if rule["sourceMatch"][0]["value"] == alert]
    return [(rule["targetMatch"][0]["value"], rule["equal"]) for rule in mine]


def test_an_alert_silences_what_it_explains_for_the_same_wallet() -> None:
    found = rules({"name": "golden-signals"}, {"name": "signing"})
    assert by_source(found, "TxSignStalled") == [
        ("TxSignFailureRatioHigh|TxSignFailuresByReason", [*SAME, "algorithm"]),
        ("WalletApiErrorRateHigh", SAME),
    ]


def test_both_sides_are_of_the_monitor_and_have_a_wallet() -> None:
    for rule in rules(*({"name": name} for name in packs())):
        assert rule["sourceMatch"][1:] == rule["targetMatch"][1:] == [MONITOR, NAMESPACE, WALLET]
        assert rule["targetMatch"][0]["matchType"] in ("=~", "!~")
        assert rule["equal"][:3] == SAME


def test_what_is_not_in_force_is_not_silenced() -> None:
    assert by_source(rules({"name": "signing"}), "TxSignStalled") == [
        ("TxSignFailureRatioHigh|TxSignFailuresByReason", [*SAME, "algorithm"])
    ]
    assert by_source(rules({"name": "golden-signals"}), "WalletRpcUnreachable") == [
        ("WalletRpcErrorRateHigh", [*SAME, "endpoint"]),
        ("WalletSyncLagUnknown", SAME),
    ]


def test_data_that_stopped_silences_what_judges_by_it() -> None:
    found = rules(*({"name": name} for name in packs()))
    silenced = {name for pattern, _ in by_source(found, "StaleChainReadings") for name in pattern.split("|")}
    assert {"BalanceUnknown", "NonceUnknown"} <= silenced


@pytest.mark.parametrize(
    ("cause", "explained"),
    [
        (
            "RpcQuorumLost",
            {"WalletSyncLagging", "SyncStalled", "NonceStuck", "WalletApiErrorRateHigh"},
        ),
        ("WalletRpcUnreachable", {"WalletRpcErrorRateHigh"}),
        ("SyncNetworkStalled", {"SyncHeadOld"}),
        ("TxSignLatencyP99Critical", {"TxSignLatencyP95High"}),
        ("SseReconnectLatencyP99High", {"SseReconnectLatencyP95High"}),
        ("BalanceUnknown", {"BalanceLow", "BalanceRunwayShort"}),
        ("StaleChainReadings", {"BalanceUnknown", "NonceUnknown", "NonceStuck", "RpcEndpointBehind"}),
    ],
)
def test_causes_silence_what_follows_from_them(cause: str, explained: set[str]) -> None:
    found = rules(*({"name": name} for name in packs()))
    assert explained <= {name for pattern, _ in by_source(found, cause) for name in pattern.split("|")}


def test_every_alert_that_is_silenced_is_one_of_a_pack() -> None:
    there = {alert.name for pack in packs().values() for alert in pack.alerts}
    silenced = {each.alert for pack in packs().values() for alert in pack.alerts for each in alert.silenced}
    assert silenced <= there


def test_no_two_alerts_silence_each_other() -> None:
    alerts = [alert for pack in packs().values() for alert in pack.alerts]
    edges = {(alert.name, silenced.alert) for alert in alerts for silenced in alert.silenced}
    outages = {alert.name for alert in alerts if alert.outage}
    explained = {alert.name for alert in alerts if not alert.outage and not alert.always_told}
    edges |= {(outage, name) for outage in outages for name in explained}
    waiting = {name for edge in edges for name in edge}
    while free := {name for name in waiting if not any(b == name and a in waiting for a, b in edges)}:
        waiting -= free
    assert waiting == set(), "a circle of silences would leave an outage untold"
