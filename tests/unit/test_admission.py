"""What the apiserver would refuse is refused offline, at the same field and in the same words."""

from __future__ import annotations

import pytest

from tests.class_documents import maximal_class
from tests.documents import Document, maximal, minimal, target
from tests.environments import class_document
from tests.integration.bad import Bad
from tests.integration.bad_alerting import BAD_ALERTING
from tests.integration.bad_class import BAD_CLASSES
from tests.integration.bad_targets import BAD_TARGETS
from tests.integration.bad_wallets import BAD_MONITORS
from walletmon.api.admission import refusals
from walletmon.api.monitor_class import CLASS_KIND
from walletmon.api.parse import InvalidMonitor, parse_class, parse_monitor

BAD = (*BAD_MONITORS, *BAD_TARGETS, *BAD_ALERTING, *BAD_CLASSES)


def refused_by_shape(document: Document) -> bool:
    try:
        (parse_class if document["kind"] == CLASS_KIND else parse_monitor)(document)
    except InvalidMonitor:
        return True
    return False


BY_RULES = [bad for bad in BAD if not refused_by_shape(bad.document)]


def test_the_rules_have_a_share_in_it() -> None:
    assert len(BY_RULES) >= 10
    assert sum(bad.document["kind"] == CLASS_KIND for bad in BY_RULES) >= 10


@pytest.mark.parametrize("bad", BY_RULES, ids=lambda bad: bad.what)
def test_a_document_that_the_apiserver_refuses_is_refused_here_too(bad: Bad) -> None:
    found = refusals(bad.document)
    assert any(each.path == bad.field and bad.says in each.message for each in found), found
    assert all(each.cure for each in found)


@pytest.mark.parametrize(
    "document",
    [minimal(), maximal(), class_document(), maximal_class()],
    ids=["minimal", "maximal", "minimal class", "maximal class"],
)
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
