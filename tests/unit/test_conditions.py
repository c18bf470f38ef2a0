"""Conditions: from what was observed to what is said, and when it last changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.facts import ClusterFacts
from walletmon.controller.conditions import Observed, conditions
from walletmon.controller.findings import ChildOutcome, Fate, Finding
from walletmon.controller.selection import Selection

NOW = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)

FINE = Bundle(({},))
BAD_RULE = Diagnostic(Code.INVALID_PROMQL, "spec.rules[0].expr", "it ends too soon", "finish it")
BAD_WALLET = Diagnostic(Code.DUPLICATE_INSTANCE, "spec.wallets[0].instance", "taken twice", "choose another")
UNWATCHED = Diagnostic(Code.UNWATCHED_WALLET, "spec.targets", "nobody watches a", "add a target", Severity.WARNING)


def child(fate: Fate, detail: str = "", kind: str = "ServiceMonitor", name: str = "treasury.api") -> ChildOutcome:
    return ChildOutcome(kind, name, fate, detail)


def observed(bundle: Bundle = FINE, *children: ChildOutcome, suspended: bool = False, generation: int = 3) -> Observed:
    return Observed(generation, suspended, bundle, children or (child(Fate.RIGHT),))


def said(seen: Observed) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in conditions(seen, (), NOW)}


RIGHT = ("True", "Applied")
UNSEEN = ("Unknown", "NotLooked")
ACCEPTED = ("True", "Accepted")


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        pytest.param(
            observed(),
            {"Ready": ("True", "Ready"), "Accepted": ACCEPTED, "Applied": RIGHT, "Selected": UNSEEN},
            id="all is well",
        ),
        pytest.param(
            observed(suspended=True),
            {"Ready": ("True", "Suspended"), "Accepted": ACCEPTED, "Applied": RIGHT, "Selected": UNSEEN},
            id="suspended",
        ),
        pytest.param(
            observed(Bundle(({},), (UNWATCHED,))),
            {
                "Ready": ("True", "Ready"),
                "Accepted": ("True", "AcceptedWithWarnings"),
                "Applied": RIGHT,
                "Selected": UNSEEN,
            },
            id="a warning",
        ),
        pytest.param(
            observed(Bundle.rejected([BAD_WALLET, BAD_RULE])),
            {
                "Ready": ("False", "DuplicateInstance"),
                "Accepted": ("False", "DuplicateInstance"),
                "Applied": ("Unknown", "SpecNotAccepted"),
                "Selected": UNSEEN,
                "Stalled": ("True", "DuplicateInstance"),
            },
            id="not understood",
        ),
        pytest.param(
            observed(Bundle(({},), (UNWATCHED, BAD_RULE))),
            {
                "Ready": ("False", "InvalidPromql"),
                "Accepted": ("False", "InvalidPromql"),
                "Applied": RIGHT,
                "Selected": UNSEEN,
                "Stalled": ("True", "InvalidPromql"),
            },
            id="something left out",
        ),
        pytest.param(
            observed(Bundle(({},), (BAD_RULE,)), child(Fate.FAILED, "too slow")),
            {
                "Ready": ("False", "InvalidPromql"),
                "Accepted": ("False", "InvalidPromql"),
                "Applied": ("False", "ApplyFailed"),
                "Selected": UNSEEN,
                "Stalled": ("True", "InvalidPromql"),
            },
            id="something left out and the rest not there yet",
        ),
        *(
            pytest.param(
                observed(FINE, child(Fate.RIGHT), child(fate, "no")),
                {
                    "Ready": ("False", reason),
                    "Accepted": ACCEPTED,
                    "Applied": ("False", reason),
                    "Selected": UNSEEN,
                    beside: ("True", reason),
                },
                id=fate.value,
            )
            for fate, reason, beside in (
                (Fate.NAME_TAKEN, "NameTaken", "Stalled"),
                (Fate.KIND_MISSING, "CRDMissing", "Stalled"),
                (Fate.FORBIDDEN, "Forbidden", "Stalled"),
                (Fate.REFUSED, "Refused", "Stalled"),
                (Fate.FAILED, "ApplyFailed", "Reconciling"),
            )
        ),
        pytest.param(
            observed(FINE, *(child(fate, "no") for fate in reversed(Fate))),
            {
                "Ready": ("False", "NameTaken"),
                "Accepted": ACCEPTED,
                "Applied": ("False", "NameTaken"),
                "Selected": UNSEEN,
                "Stalled": ("True", "NameTaken"),
            },
            id="everything at once",
        ),
        pytest.param(
            Observed(1, False, Bundle(())),
            {"Ready": ("True", "Ready"), "Accepted": ACCEPTED, "Applied": RIGHT, "Selected": UNSEEN},
            id="nothing to have",
        ),
    ],
)
def test_what_is_said_of_what_was_observed(seen: Observed, wanted: dict[str, tuple[str, str]]) -> None:
    assert said(seen) == wanted


def message(seen: Observed, kind: str) -> str:
    (found,) = [each["message"] for each in conditions(seen, (), NOW) if each["type"] == kind]
    return str(found)


def test_each_message_says_what_and_what_to_do() -> None:
    assert message(observed(Bundle.rejected([BAD_WALLET])), "Accepted") == (
        "DuplicateInstance: spec.wallets[0].instance: taken twice; choose another"
    )
    assert message(observed(Bundle(({},), (BAD_RULE, UNWATCHED))), "Accepted") == (
        "left out, the rest is in force: InvalidPromql: spec.rules[0].expr: it ends too soon; finish it"
    )
    assert "ServiceMonitor treasury.api; delete or rename it" in message(
        observed(FINE, child(Fate.NAME_TAKEN)), "Applied"
    )
    missing = observed(
        FINE, child(Fate.KIND_MISSING, kind="ServiceMonitor"), child(Fate.KIND_MISSING, kind="PrometheusRule")
    )
    assert "does not know PrometheusRule, ServiceMonitor (monitoring.coreos.com); install" in message(
        missing, "Applied"
    )
    verb = 'User "x" cannot patch resource "servicemonitors"'
    assert message(observed(FINE, child(Fate.FORBIDDEN, verb)), "Applied").startswith(verb)
    assert message(observed(FINE, child(Fate.REFUSED, "spec.x: no")), "Applied") == (
        "ServiceMonitor treasury.api was refused: spec.x: no"
    )
    assert message(observed(FINE, child(Fate.FAILED, "no answer")), "Applied") == (
        "ServiceMonitor treasury.api: no answer; trying again"
    )
    assert message(observed(FINE, child(Fate.RIGHT), child(Fate.RIGHT, kind="ConfigMap")), "Applied") == (
        "all objects are as they should be: 1 ConfigMap, 1 ServiceMonitor"
    )


def test_many_findings_are_told_in_part_and_counted() -> None:
    text = message(observed(Bundle.rejected([BAD_RULE] * 11)), "Accepted")
    assert text.count("InvalidPromql") == 8
    assert text.endswith("(and 3 more)")


def test_no_message_is_longer_than_a_status_may_be() -> None:
    for text in ("x" * 100_000, "🏦" * 100_000):
        long = Diagnostic(Code.INVALID_FIELD, "spec", text, "shorten it")
        for each in conditions(observed(Bundle.rejected([long]), child(Fate.REFUSED, text)), (), NOW):
            assert len(each["message"]) <= 32768
            assert each["reason"]


def test_every_condition_is_about_the_generation_that_was_judged() -> None:
    for each in conditions(observed(generation=7), (), NOW):
        assert each["observedGeneration"] == 7


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    first = conditions(observed(), (), NOW)
    assert {each["lastTransitionTime"] for each in first} == {"2026-03-01T12:00:00Z"}
    assert conditions(observed(), first, LATER) == first
    second = conditions(observed(suspended=True, generation=4), first, LATER)
    assert [each["lastTransitionTime"] for each in second] == ["2026-03-01T12:00:00Z"] * 4


def times(found: list[dict[str, Any]]) -> dict[str, str]:
    return {each["type"]: each["lastTransitionTime"][11:13] for each in found}


def test_a_condition_gets_a_new_time_when_its_status_changes_and_only_then() -> None:
    first = conditions(observed(), (), NOW)
    broken = conditions(observed(FINE, child(Fate.FAILED)), first, LATER)
    assert times(broken) == {"Ready": "13", "Accepted": "12", "Applied": "13", "Selected": "12", "Reconciling": "13"}
    worse = conditions(observed(FINE, child(Fate.FORBIDDEN)), broken, LATER + timedelta(hours=1))
    assert times(worse) == {"Ready": "13", "Accepted": "12", "Applied": "13", "Selected": "12", "Stalled": "14"}
    well = conditions(observed(), worse, LATER + timedelta(hours=2))
    assert times(well) == {"Ready": "15", "Accepted": "12", "Applied": "15", "Selected": "12"}


def test_conditions_of_others_are_not_taken_over() -> None:
    theirs = {"type": "Approved", "status": "True", "reason": "Yes", "message": "", "lastTransitionTime": "x"}
    assert [each["type"] for each in conditions(observed(), [theirs], NOW)] == [
        "Ready",
        "Accepted",
        "Applied",
        "Selected",
    ]


def test_the_present_is_the_time_unless_told_otherwise() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    (stamp, *_) = (each["lastTransitionTime"] for each in conditions(observed(), ()))
    assert before <= datetime.fromisoformat(stamp) <= datetime.now(UTC)


def selected(**fields: Any) -> Observed:
    """Everything is right, and one object was made; `fields` say what is known of who selects it."""
    made = ({"kind": "PrometheusRule", "metadata": {"name": "treasury", "namespace": "wallets", "labels": {}}},)
    return replace(observed(), selection=Selection(made, ClusterFacts(**fields)))


def test_an_object_that_nobody_selects_makes_the_monitor_not_ready() -> None:
    nobody = {"metadata": {"name": "main", "namespace": "monitoring"}, "spec": {}}
    facts = {"prometheuses": (nobody,), "alertmanagers": (), "namespaces": {"wallets": {}}}
    seen = selected(**facts)
    assert seen.selection is not None
    seen = replace(seen, selection=replace(seen.selection, prometheuses=(nobody,)))
    wanted = ("False", "NotSelected")
    assert {kind: said(seen)[kind] for kind in ("Ready", "Selected")} == {"Ready": wanted, "Selected": wanted}
    assert said(seen)["Stalled"] == ("True", "NotSelected")


def test_what_is_not_known_does_not_stand_in_the_way() -> None:
    found = said(selected())
    assert found["Selected"] == ("Unknown", "CannotLook")
    assert found["Ready"] == ("True", "Ready")


def test_what_nothing_enforces_is_said_beside_the_rest() -> None:
    seen = replace(observed(), enforced=Finding("False", "NothingEnforces", "nobody keeps it", stalled=True))
    assert said(seen)["Enforced"] == ("False", "NothingEnforces")
    assert said(seen)["Ready"] == ("False", "NothingEnforces")
