"""What the apiserver would refuse is refused offline, at the same field and in the same words."""

from __future__ import annotations

import pytest

from tests.documents import Document, maximal, minimal, target
from tests.integration.bad import Bad
from tests.integration.bad_alerting import BAD_ALERTING
from tests.integration.bad_targets import BAD_TARGETS
from tests.integration.bad_wallets import BAD_MONITORS
from walletmon.api.admission import refusals
from walletmon.api.parse import InvalidMonitor, parse_monitor

BAD = (*BAD_MONITORS, *BAD_TARGETS, *BAD_ALERTING)


def refused_by_shape(document: Document) -> bool:
    try:
        parse_monitor(document)
    except InvalidMonitor:
        return True
    return False


BY_RULES = [bad for bad in BAD if not refused_by_shape(bad.document)]


def test_the_rules_have_a_share_in_it() -> None:
    assert len(BY_RULES) >= 10


@pytest.mark.parametrize("bad", BY_RULES, ids=lambda bad: bad.what)
def test_a_document_that_the_apiserver_refuses_is_refused_here_too(bad: Bad) -> None:
    found = refusals(bad.document)
    assert any(each.path == bad.field and bad.says in each.message for each in found), found
    assert all(each.cure for each in found)


@pytest.mark.parametrize("document", [minimal(), maximal()], ids=["minimal", "maximal"])
def test_a_good_document_is_taken(document: Document) -> None:
    before = repr(document)
    assert refusals(document) == []
    assert repr(document) == before


def test_a_rule_sees_the_defaults_as_the_apiserver_would_fill_them_in() -> None:
    slow = minimal(targets=[target(timeout="31s")])
    assert [each.path for each in refusals(slow)] == ["spec.targets[0].timeout"]
    assert refusals(minimal(targets=[target(timeout="30s")])) == []


def test_a_null_is_a_field_that_is_not_there() -> None:
    assert refusals(minimal(targets=[target(pods=None)])) == []
