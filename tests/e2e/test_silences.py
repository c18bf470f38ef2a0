"""Which alerts are not told while another one fires, by the Alertmanager itself: fed by hand, asked what it inhibits.

The rules are those that the operator makes of monitors with all packs, and of monitors that depend on something. Each
case is two alerts, and whether the first one silences the second. They are posted all at once; a label that no rule
knows, `case`, keeps them apart.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import pytest
import urllib3
import yaml

from demo.reading import Alertmanager
from demo.stage import Stage
from testbed import Json
from testbed.errors import WaitTimeoutError
from tests.e2e.scenes import conditions, monitor
from walletmon.compiler.inhibition import DOWN_ALERTS
from walletmon.packs.catalogue import packs

NEAR, FAR = "silences-near", "silences-far"
EVERYTHING, OTHER = "everything", "everything-else"
"""Monitors with all packs: the first one in both namespaces, the second one beside it."""

STRATEGIES: Final = {
    "OnNamespace": "monitoring",
    "OnNamespaceExceptForAlertmanagerNamespace": "silences-except",
    "None": "silences-none",
}
"""The namespace of the Alertmanager with each matcher strategy. Those of the stage have the first, which is default."""

SOON_S = 30.0
LAST = timedelta(minutes=3)
"""How long the alerts fire: afterwards the Alertmanager has nothing of them."""

Labels = dict[str, str]


@dataclass(frozen=True)
class Case:
    """Two alerts."""

    name: str
    source: Labels
    target: Labels
    silenced: bool
    """Whether the first silences the second."""


# -- alerts -----------------------------------------------------------------------------------------------------------


OWN = {"OwnAlarm": "P0", "OwnNoise": "P1"}
"""Rules of the team's own, with their priorities."""

ALERTS: Final[Mapping[str, Labels]] = {
    **{
        alert.name: {"alertname": alert.name, "pack": pack.name, "priority": alert.priority.value}
        for pack in packs().values()
        for alert in pack.alerts
    },
    **{name: {"alertname": name, "pack": "rules", "priority": priority} for name, priority in OWN.items()},
}
"""Every alert that a monitor with all packs can raise, with the labels that tell it from the others."""


def silenced_by_packs(source: str, target: str) -> bool:
    """Whether the packs say that `source` silences `target`, where wallet and all else are the same."""
    alerts = {alert.name: alert for pack in packs().values() for alert in pack.alerts}
    if source not in alerts or source == target:
        return False
    if target in {each.alert for each in alerts[source].silenced}:
        return True
    if not alerts[source].outage or target in DOWN_ALERTS:
        return False
    return target == "OwnNoise" if target in OWN else not (alerts[target].outage or alerts[target].always_told)


SILENCING = [name for name in ALERTS if any(silenced_by_packs(name, other) for other in ALERTS)]


def alert_of(name: str, labels: Mapping[str, str], monitor_name: str = EVERYTHING, namespace: str = NEAR) -> Labels:
    """An alert as Prometheus would send it, with further labels."""
    return {**ALERTS[name], "walletmon": monitor_name, "namespace": namespace, "cluster": "one", **labels}


# -- the stage --------------------------------------------------------------------------------------------------------


def quiet(namespace: str, name: str, *used: str, **spec: Any) -> Json:
    """A monitor with these packs and rules of its own that never fires by itself."""
    rules = [{"name": n, "expr": "up > 1", "priority": p, "summary": "never"} for n, p in OWN.items()]
    wallets = [{"name": "somewhere"}]
    return monitor(namespace, name, wallets=wallets, packs=[{"name": each} for each in used], rules=rules, **spec)


def depending(namespace: str, name: str, **dependency: Any) -> Json:
    """One that depends on something."""
    return quiet(namespace, name, "golden-signals", "balance", dependencies=[{"name": "it", **dependency}])


EXCEPT = STRATEGIES["OnNamespaceExceptForAlertmanagerNamespace"]
SHARED: Final = {"match": {"job": "shared-node"}, "scope": ["cluster"]}
MONITORS: Final = [
    quiet(NEAR, EVERYTHING, *packs()),
    quiet(NEAR, OTHER, *packs()),
    quiet(FAR, EVERYTHING, *packs()),
    depending(NEAR, "on-db", match={"job": "db"}),
    depending(FAR, "on-db", match={"job": "db"}),
    depending(NEAR, "on-cache", match={"job": "cache"}),
    depending(NEAR, "on-named", match={"job": "queue"}, alerts=["QueueGone"]),
    depending(NEAR, "on-node", match={"job": "node"}, scope=["cluster", "namespace"]),
    depending(NEAR, "on-last", match={"job": "last"}),
    depending(FAR, "on-shared", **SHARED),
    depending(EXCEPT, "on-shared-at-home", **SHARED),
]


@dataclass(frozen=True)
class Fed:
    """An Alertmanager that takes the monitors' rules."""

    stage: Stage
    strategy: str
    url: str

    def judged(self, cases: Sequence[Case]) -> dict[str, set[str]]:
        """What is wrong: by the case's name, what silences its target. Empty if all is as it should be.

        A target that should be silenced is so by its own source, and by nothing else. Sources that are alike are one.
        """
        cases = [*cases, Case("what comes last", down("last"), of_wallet("on-last"), True)]
        sources: list[Labels] = []
        expected: dict[str, set[str]] = {}
        for number, case in enumerate(cases):
            if case.source not in sources[-1:]:
                sources.append(case.source)
            expected[f"target-{number}"] = {f"source-{len(sources) - 1}"} if case.silenced else set()
        sides = {"target": [case.target for case in cases], "source": sources}
        alerts = [
            {**labels, "case": f"{side}-{number}"} for side, each in sides.items() for number, labels in enumerate(each)
        ]
        self._post(alerts, datetime.now(UTC) + LAST)

        def silenced() -> dict[str, set[str]]:
            found = [each for each in Alertmanager(self.url).alerts() if "case" in each["labels"]]
            assert len(found) >= len(alerts)
            names = {each["fingerprint"]: each["labels"]["case"] for each in found}
            by = {each["labels"]["case"]: {names.get(f, f) for f in each["status"]["inhibitedBy"]} for each in found}
            return {name: by[name] for name in expected}

        def settled() -> bool:
            found = silenced()
            return all(found[name] for name, by in expected.items() if by)

        # Rules learn of an alert a moment after the interface, in the order in which they were posted.
        with contextlib.suppress(WaitTimeoutError):
            self.stage.wait("what should be silenced to be so", settled, SOON_S)
        found = silenced()
        # What is over is no longer asked about each time.
        self._post(alerts, datetime.now(UTC))
        names = {f"target-{number}": case.name for number, case in enumerate(cases)}
        return {names[name]: by for name, by in found.items() if by != expected[name]}

    def _post(self, alerts: Iterable[Labels], ends: datetime) -> None:
        starts = datetime.now(UTC) - timedelta(minutes=1)
        times = {"startsAt": starts.isoformat(), "endsAt": ends.isoformat()}
        body = [{"labels": labels, **times} for labels in alerts]
        answer = urllib3.request("POST", f"{self.url}/api/v2/alerts", json=body, timeout=SOON_S)
        assert answer.status == 200, answer.data


@pytest.fixture(scope="module")
def alertmanagers(stage: Stage) -> dict[str, Fed]:
    """One for each strategy. All take the rules of these monitors; the two of our own take nothing else."""
    names = sorted({each["metadata"]["name"] for each in MONITORS})
    ours = {"matchExpressions": [{"key": "walletmon.dev/monitor", "operator": "In", "values": names}]}
    found = {"OnNamespace": Fed(stage, "OnNamespace", stage.bed.alertmanager_url)}
    for strategy, namespace in STRATEGIES.items():
        if strategy != "OnNamespace":
            spec = {"alertmanagerConfigSelector": ours}
            follower = stage.bed.start_alertmanager(namespace, "main", matcher_strategy=strategy, spec=spec)
            found[strategy] = Fed(stage, strategy, follower.url)
    stage.bed.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (NEAR, FAR))
    stage.bed.apply(MONITORS)
    for fed in found.values():
        stage.wait(f"the rules under {fed.strategy}", lambda fed=fed: loaded(fed))  # type: ignore[misc]
    return found


def loaded(fed: Fed) -> bool:
    """Whether the rules of all our monitors are there."""
    rules = yaml.safe_load(Alertmanager(fed.url).config()).get("inhibit_rules", ())
    return all(
        any({f'walletmon="{name}"', f'namespace="{namespace}"'} <= set(rule["target_matchers"]) for rule in rules)
        for name, namespace in ((each["metadata"]["name"], each["metadata"]["namespace"]) for each in MONITORS)
    )


@pytest.fixture(scope="module")
def by_default(alertmanagers: dict[str, Fed]) -> Fed:
    """That with the default strategy."""
    return alertmanagers["OnNamespace"]


# -- packs ------------------------------------------------------------------------------------------------------------


def compiled_rules(stage: Stage, name: str, namespace: str) -> list[Json]:
    """The inhibition rules that the operator has made of a monitor."""
    config = stage.bed.api.get("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig", namespace, name)
    rules: list[Json] = config["spec"]["inhibitRules"]
    return rules


def is_outage(rule: Json) -> bool:
    """Whether a rule is about all alerts but some, and not about some."""
    return bool(rule["targetMatch"][0]["matchType"] == "!~")


def takes(matchers: Iterable[Json], labels: Mapping[str, str]) -> bool:
    """Whether an alert matches, as far as name, pack and priority go."""
    known = [each for each in matchers if each["name"] in ("alertname", "pack", "priority")]
    return all(_matches(each, labels[each["name"]]) for each in known)


def _matches(matcher: Json, value: str) -> bool:
    is_regex, negated = "~" in matcher["matchType"], bool(matcher["matchType"].startswith("!"))
    found = bool(re.fullmatch(matcher["value"], value) if is_regex else matcher["value"] == value)
    return found != negated


Change = Callable[[Labels, Labels], tuple[Labels, Labels]]
"""What is made of two alerts that are alike in all labels that count."""


def differing(label: str, value: str | None = None, *, source: bool = False, target: bool = False) -> Change:
    """On the sides that are named the label has this value; None: it is not there."""

    def side(labels: Labels, concerned: bool) -> Labels:
        if not concerned:
            return labels
        rest = {name: each for name, each in labels.items() if name != label}
        return rest if value is None else {**rest, label: value}

    return lambda one, other: (side(one, source), side(other, target))


def variants(further: Iterable[str], wallets: Iterator[str]) -> Iterator[tuple[str, Change, bool]]:
    """What may differ between two alerts of which the first silences the second, and whether it still does.

    `further` are labels in which they have to agree besides wallet, namespace and cluster; `wallets` gives fresh names.
    """
    yield "all the same", lambda source, target: (source, target), True
    for side in ("source", "target"):
        yield f"another wallet of the {side}", differing("wallet", next(wallets), **{side: True}), False
    others = {"namespace": FAR, "walletmon": OTHER, "cluster": "two", **dict.fromkeys(further, "other")}
    for label, value in others.items():
        yield f"another {label}", differing(label, value, target=True), False
        yield f"another {label} on the other side", differing(label, value, source=True), False
    for label in ("wallet", "cluster", *further):
        yield f"the source has no {label}", differing(label, source=True), False
        yield f"the target has no {label}", differing(label, target=True), False
        # Without a wallet they are about different things; without any other label about the same.
        yield f"neither has {label}", differing(label, source=True, target=True), label != "wallet"


def cases_of(rules: Iterable[Json]) -> Iterator[Case]:
    """Every variant of every two alerts that a rule is about; of an outage and what it silences, of some."""
    wallets = (f"w{number}" for number in count())
    for rule in rules:
        further = [label for label in rule["equal"] if label not in ("namespace", "wallet", "cluster")]
        for name in (each for each, labels in ALERTS.items() if takes(rule["sourceMatch"], labels)):
            targets = [each for each, labels in ALERTS.items() if takes(rule["targetMatch"], labels)]
            assert targets, rule
            for other in targets[: 3 if is_outage(rule) else None]:
                same = dict.fromkeys(further, "same")
                for what, change, silenced in variants(further, wallets):
                    # Each case has a wallet of its own, so that no other case's source silences its target.
                    wallet = {**same, "wallet": next(wallets)}
                    source, target = change(alert_of(name, wallet), alert_of(other, wallet))
                    yield Case(f"{name} and {other}: {what}", source, target, silenced)


def test_within_one_wallet_exactly_that_is_silenced_which_the_packs_say(by_default: Fed) -> None:
    """Every alert that silences something, beside every alert there is."""
    agreed = {label for rule in compiled_rules(by_default.stage, EVERYTHING, NEAR) for label in rule["equal"]}
    same = dict.fromkeys(sorted(agreed - {"namespace", "wallet", "cluster"}), "same")
    pairs = [(source, target) for source in SILENCING for target in ALERTS if source != target]
    cases = [
        Case(
            f"{source} and {target}",
            alert_of(source, {**same, "wallet": f"p{number}"}),
            alert_of(target, {**same, "wallet": f"p{number}"}),
            silenced_by_packs(source, target),
        )
        for number, (source, target) in enumerate(pairs)
    ]
    assert len(SILENCING) > 30
    assert by_default.judged(cases) == {}


def test_nothing_is_silenced_across_wallets_namespaces_monitors_and_clusters(by_default: Fed) -> None:
    """Every rule, for every two alerts that it is about."""
    cases = list(cases_of(compiled_rules(by_default.stage, EVERYTHING, NEAR)))
    assert by_default.judged(cases) == {}


@pytest.mark.parametrize("strategy", [each for each in STRATEGIES if each != "OnNamespace"])
def test_other_matcher_strategies_change_nothing_of_that(alertmanagers: dict[str, Fed], strategy: str) -> None:
    fed = alertmanagers[strategy]
    cases = list(cases_of(compiled_rules(fed.stage, EVERYTHING, NEAR)))
    assert fed.judged(cases) == {}


# -- dependencies -----------------------------------------------------------------------------------------------------


def down(job: str, name: str = "InstanceDown", **labels: str) -> Labels:
    """An alert that something is down, from the Prometheus of whoever runs it."""
    return {"alertname": name, "job": job, "namespace": NEAR, "severity": "critical", **labels}


def of_wallet(monitor_name: str, name: str = "WalletHeartbeatStale", **labels: str) -> Labels:
    """An alert of a monitor in the near namespace about a wallet."""
    return {**ALERTS[name], "walletmon": monitor_name, "namespace": NEAR, "wallet": "hot-1", **labels}


def without(label: str, labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != label}


def dependency_cases(strategy: str) -> Iterator[Case]:
    """What dependencies silence."""
    db, queue = down("db"), down("queue", "QueueGone")
    yield Case("a wallet of who depends on it", db, of_wallet("on-db"), True)
    yield Case("another wallet of who depends on it", db, of_wallet("on-db", wallet="hot-2"), True)
    yield Case("in another cluster, where the scope does not say cluster", db, of_wallet("on-db", cluster="two"), True)
    yield Case("a rule of the team's own", db, of_wallet("on-db", "OwnNoise"), True)
    yield Case("an outage of the wallet", db, of_wallet("on-db", "WalletDown", wallet="hot-3"), True)
    yield Case("a P0 rule of the team's own", db, of_wallet("on-db", "OwnAlarm"), False)
    yield Case("money that is gone", db, of_wallet("on-db", "BalanceSuddenDrop"), False)
    yield Case("an alert without a wallet", db, without("wallet", of_wallet("on-db")), False)
    yield Case("another dependency that is down", db, of_wallet("on-db", "WalletDependencyDown"), False)
    yield Case("who depends on it in another namespace", db, of_wallet("on-db", namespace=FAR), False)
    yield Case("who depends on another job", db, of_wallet("on-cache"), False)
    yield Case("who depends on nothing", db, of_wallet(EVERYTHING, wallet="depends-on-nothing"), False)
    yield Case("by an alert that the dependency names", queue, of_wallet("on-named"), True)

    node, nowhere = down("node", cluster="one"), down("node", "TargetDown")
    yield Case("in the same cluster", node, of_wallet("on-node", cluster="one"), True)
    yield Case("in another cluster", node, of_wallet("on-node", cluster="two"), False)
    yield Case("without a cluster, where the scope says cluster", nowhere, of_wallet("on-node"), False)

    shared = down("shared-node", cluster="one")
    there = {"namespace": FAR, "cluster": "one"}
    yield Case("across namespaces", shared, of_wallet("on-shared", **there), strategy == "None")
    at_home = {"namespace": EXCEPT, "cluster": "one"}
    silenced = strategy in ("None", "OnNamespaceExceptForAlertmanagerNamespace")
    yield Case(
        "across namespaces, in that of the Alertmanager", shared, of_wallet("on-shared-at-home", **at_home), silenced
    )
    elsewhere = {"namespace": FAR, "cluster": "two"}
    yield Case("across namespaces, in another cluster", shared, of_wallet("on-shared", **elsewhere), False)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_dependency_that_is_down_silences_the_wallets_that_need_it(
    alertmanagers: dict[str, Fed], strategy: str
) -> None:
    assert alertmanagers[strategy].judged(list(dependency_cases(strategy))) == {}


def test_what_does_not_say_that_the_dependency_is_down_silences_nothing(by_default: Fed) -> None:
    others = {
        "another alert": down("db", "InstanceSlow"),
        "another job": down("database"),
        "no namespace": without("namespace", down("db")),
        "another namespace": down("db", namespace=FAR),
    }
    cases = [Case(name, source, of_wallet("on-db"), False) for name, source in others.items()]
    cases.append(Case("not the alert that is named", down("queue"), of_wallet("on-named"), False))
    assert by_default.judged(cases) == {}


@pytest.mark.parametrize("namespace", [FAR, EXCEPT])
def test_a_monitor_says_when_the_strategy_is_in_the_way_of_its_dependency(
    alertmanagers: dict[str, Fed], namespace: str
) -> None:
    stage = alertmanagers["OnNamespace"].stage
    name = "on-shared" if namespace == FAR else "on-shared-at-home"

    def said() -> str | None:
        status, message = conditions(stage.monitor(namespace, name)).get("Selected", ("", ""))
        return message if status == "False" else None

    message = stage.wait("Selected to be False", said)
    assert "Alertmanager monitoring/main has the matcher strategy OnNamespace" in message
