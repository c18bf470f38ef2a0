"""What is silenced while something else fires: by Alertmanager's own rules, over alerts as the compiler labels them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import Document, minimal, target
from tests.unit.test_routing import holds
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.routing import routing_objects
from walletmon.packs.catalogue import packs

Labels = dict[str, str]
ALL_PACKS = [{"name": name} for name in packs()]
TOLD_IN_ANY_CASE = {
    "AbuseConnectionScoreHigh",
    "AbuseSourceDispersionHigh",
    "AbuseUltraShortConnections",
    "BalanceCritical",
    "BalanceLow",
    "BalanceRunwayShort",
    "BalanceSourcesDisagree",
    "BalanceSuddenDrop",
    "MnemonicRecoveryGuessing",
    "SseClientBotsSuspected",
    "TxSignKeysLost",
}


def compiled(*dependencies: Document, facts: ClusterFacts | None = None, **spec: Any) -> Part:
    document = minimal(**{"packs": ALL_PACKS, **spec}, **({"dependencies": list(dependencies)} if dependencies else {}))
    return routing_objects(parse_monitor(document), MonitorClass(), facts)


def rules(part: Part) -> list[dict[str, Any]]:
    return [rule for obj in part.objects for rule in obj["spec"].get("inhibitRules", ())]


def alert(name: str, **labels: str) -> Labels:
    """An alert of monitor treasury on wallet hot-1; an empty label is one that is not there."""
    own = {"alertname": name, "namespace": "wallets", "walletmon": "treasury", "wallet": "hot-1", "priority": "P1"}
    return {label: value for label, value in {**own, **labels}.items() if value}


def down(job: str = "wallet-db", **labels: str) -> Labels:
    """An alert of somebody else's on a dependency."""
    return {"alertname": "TargetDown", "namespace": "wallets", "job": job, **labels}


def silences(part: Part, source: Labels, silenced: Labels) -> bool:
    """Whether Alertmanager keeps `silenced` back while `source` fires."""

    def both_sides(rule: dict[str, Any], labels: Labels) -> bool:
        return all(holds(each, labels) for side in ("sourceMatch", "targetMatch") for each in rule[side])

    return any(
        all(holds(each, source) for each in rule["sourceMatch"])
        and all(holds(each, silenced) for each in rule["targetMatch"])
        and all(source.get(label, "") == silenced.get(label, "") for label in rule["equal"])
        and not (both_sides(rule, source) and both_sides(rule, silenced))
        for rule in rules(part)
    )


@pytest.mark.parametrize("outage", ["WalletDown", "WalletMissing"])
def test_a_wallet_that_is_down_silences_its_other_alerts_but_those_that_no_outage_explains(outage: str) -> None:
    part = compiled()
    names = {each.name for pack in packs().values() for each in pack.alerts}
    silenced = {name for name in names if silences(part, alert(outage, target="api"), alert(name))}
    assert names - silenced == {*TOLD_IN_ANY_CASE, "WalletDown", "WalletMissing", "WalletDependencyDown"}


@pytest.mark.parametrize(
    "other",
    [
        {"wallet": "hot-2"},
        {"wallet": ""},
        {"walletmon": "other"},
        {"namespace": "other"},
        {"cluster": "far"},
    ],
)
def test_it_silences_no_alert_of_another_wallet_monitor_namespace_or_cluster(other: Labels) -> None:
    part = compiled()
    assert silences(part, alert("WalletDown"), alert("TxSignStalled"))
    assert not silences(part, alert("WalletDown"), alert("TxSignStalled", **other))
    assert not silences(part, alert("WalletDown", **other), alert("TxSignStalled"))


def test_two_alerts_without_a_wallet_have_nothing_to_do_with_each_other() -> None:
    part = compiled({"name": "db", "match": {"job": "wallet-db"}, "alerts": ["WalletDown", "TargetDown"]})
    for source in ("WalletDown", "RpcQuorumLost", "StaleWalletFlatline"):
        for silenced in ("WalletSyncLagging", "RpcQuorumAtLimit", "SyncHeadOld"):
            assert not silences(part, alert(source, wallet=""), alert(silenced, wallet=""))
    assert not silences(part, down(), alert("RpcQuorumLost", wallet=""))


def test_rules_of_the_teams_own_are_silenced_unless_they_are_p0() -> None:
    """What explains such an alert its author alone knows: those that want somebody at once are told."""
    rule = {"name": "Mine", "expr": "up == 0", "summary": "it is down"}
    part = compiled({"name": "db", "match": {"job": "wallet-db"}}, rules=[rule])
    for source in (alert("WalletDown"), down()):
        assert silences(part, source, alert("Mine", pack="rules", priority="P1"))
        assert not silences(part, source, alert("Mine", pack="rules", priority="P0"))
        assert silences(part, source, alert("TxSignStalled", pack="signing", priority="P0"))
        assert not silences(part, source, alert("BalanceSuddenDrop", pack="balance", priority="P0"))


def test_without_the_pack_that_tells_of_outages_there_is_none() -> None:
    assert rules(compiled(packs=[{"name": "recovery"}]))
    assert not silences(compiled(packs=[{"name": "signing"}]), alert("WalletDown"), alert("TxSignStalled"))


def test_a_dependency_that_is_down_silences_the_wallets_in_its_namespace() -> None:
    part = compiled({"name": "db", "match": {"job": "wallet-db"}})
    assert part.diagnostics == []
    for name in ("TargetDown", "InstanceDown", "WalletDependencyDown"):
        source = {**down(), "alertname": name}
        assert silences(part, source, alert("TxSignStalled"))
        assert silences(part, source, alert("WalletDown", wallet="hot-2"))
        assert not silences(part, source, alert("BalanceSuddenDrop"))
        assert not silences(part, {**source, "namespace": "other"}, alert("TxSignStalled"))
        assert not silences(part, {**source, "job": "other-db"}, alert("TxSignStalled"))
        assert not silences(part, source, alert("TxSignStalled", walletmon="other"))
    assert not silences(part, {**down(), "alertname": "TargetSlow"}, alert("TxSignStalled"))


def test_with_a_cluster_in_its_scope_it_silences_nothing_in_another_or_in_none() -> None:
    part = compiled({"name": "db", "match": {"job": "wallet-db"}, "scope": ["cluster", "namespace"]})
    here = {"cluster": "here"}
    assert silences(part, down(**here), alert("TxSignStalled", **here))
    assert not silences(part, down(cluster="there"), alert("TxSignStalled", **here))
    assert not silences(part, down(), alert("TxSignStalled", **here))
    assert not silences(part, down(**here), alert("TxSignStalled"))
    assert not silences(part, down(), alert("TxSignStalled"))


def test_without_the_namespace_in_its_scope_it_may_be_anywhere() -> None:
    part = compiled({"name": "db", "match": {"job": "db"}, "scope": ["cluster"]})
    assert silences(part, down("db", namespace="databases", cluster="here"), alert("TxSignStalled", cluster="here"))
    assert not silences(part, down("db", namespace="databases"), alert("TxSignStalled"))
    assert not silences(
        part, down("db", namespace="databases", cluster="here"), alert("TxSignStalled", cluster="here", namespace="x")
    )


def test_what_tells_that_a_dependency_is_down_is_told() -> None:
    """Also if it is an alert of a pack that something else would silence: else nobody would be told at all."""
    part = compiled(
        {"name": "sync", "match": {"walletmon": "treasury"}, "alerts": ["WalletSyncLagging"]},
        {"name": "db", "match": {"job": "wallet-db"}},
    )
    lagging = alert("WalletSyncLagging")
    assert silences(part, lagging, alert("TxSignStalled"))
    assert not silences(part, lagging, lagging)
    assert not silences(part, down(), lagging)
    assert not silences(part, alert("WalletDown"), lagging)
    # These silence it, so it must not silence them.
    for cause in ("RpcQuorumLost", "SyncStalled", "SyncCatchingUp", "StaleWalletFlatline"):
        assert silences(part, alert(cause), lagging)
        assert not silences(part, lagging, alert(cause))


@pytest.mark.parametrize(
    ("dependency", "path", "possible"),
    [
        ({"scope": ["namespace", "alertname"]}, "scope[1]", False),
        ({"scope": ["alertname"], "alerts": ["DbDown"]}, "scope[0]", False),
        ({"scope": ["wallet"]}, "scope[0]", False),
        ({"scope": ["wallet", "namespace"], "alerts": ["DbDown"]}, "", True),
        ({"scope": ["wallet", "namespace"], "match": {"job": "db", "wallet": "hot-1"}}, "", True),
    ],
)
def test_a_scope_that_cannot_hold_is_said_and_left_out(dependency: Document, path: str, possible: bool) -> None:
    part = compiled({"name": "db", "match": {"job": "wallet-db"}, **dependency}, packs=[])
    assert bool(part.objects) is possible
    assert [(each.code, each.path) for each in part.diagnostics] == (
        [] if possible else [(Code.IMPOSSIBLE_SCOPE, f"spec.dependencies[0].{path}")]
    )


def unknown(job: str, known: dict[str, bool] | None = None, **dependency: Any) -> list[tuple[Code, str, Severity]]:
    targets = [
        target(name="api"),
        target(name="pods", service=None, pods={"selector": {"matchLabels": {"app": "a"}}, "port": "m"}),
        target(name="static", service=None, static=["a:1"]),
        target(name="reach", service=None, probe={"prober": "b:1", "urls": ["https://example.org"]}),
    ]
    targets = [{name: value for name, value in each.items() if value is not None} for each in targets]
    facts = ClusterFacts(services={("wallets", name): there for name, there in (known or {}).items()})
    part = compiled({"name": "db", "match": {"job": job}, **dependency}, facts=facts, targets=targets)
    return [(each.code, each.path, each.severity) for each in part.diagnostics]


def test_a_job_that_nothing_has_is_warned_of() -> None:
    warning = [(Code.UNKNOWN_DEPENDENCY, "spec.dependencies[0].match.job", Severity.WARNING)]
    assert unknown("wallet-db", {"wallet-db": False}) == warning
    assert unknown("wallet-db", {"wallet-db": True}) == []
    assert unknown("wallet-db") == []
    assert unknown("wallet-db", {"other": False}) == []
    assert unknown("wallet-db", {"wallet-db": False}, scope=["cluster"]) == []


@pytest.mark.parametrize(
    "job", ["wallets/treasury.pods", "scrapeConfig/wallets/treasury.static", "probe/wallets/treasury.reach"]
)
def test_the_jobs_of_the_monitors_own_targets_are_known(job: str) -> None:
    assert unknown(job, {job: False}) == []


def test_a_monitor_with_a_dependency_alone_has_an_object_for_it() -> None:
    (obj,) = compiled({"name": "db", "match": {"job": "wallet-db"}}, packs=[]).objects
    assert set(obj["spec"]) == {"inhibitRules"}
    assert compiled(packs=[]).objects == []
