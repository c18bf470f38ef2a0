"""Pages about packs and alerts: as many as there are alerts, and saying what the packs say."""

from __future__ import annotations

import os
import re
from pathlib import Path

import promql_parser as promql
import pytest

from tests.unit.test_metrics_docs import described
from walletmon import instrument
from walletmon.language.promql import threshold_metric
from walletmon.language.promql_text import parse
from walletmon.language.selectors import nodes
from walletmon.packs.catalogue import packs
from walletmon.packs.document import packs_page

DOCS = Path(__file__).parents[2] / "docs"
RUNBOOKS = sorted((DOCS / "runbooks").glob("*.md"))

# Of the node exporter; shown in diagnoses, and nothing is alerted on them.
SHOWN = {"node_timex_offset_seconds"}

every_runbook = pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)


def test_the_page_of_packs_is_what_the_packs_say() -> None:
    file = DOCS / "packs.md"
    if os.environ.get("WALLETMON_GOLDEN") == "write":
        file.write_text(packs_page(packs()), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == packs_page(packs()), "run with WALLETMON_GOLDEN=write"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS} == {alert.name for pack in packs().values() for alert in pack.alerts}


@every_runbook
def test_a_runbook_says_what_it_means_what_it_does_where_to_look_and_what_to_do(runbook: Path) -> None:
    text = runbook.read_text(encoding="utf-8")
    assert text.startswith(f"# {runbook.stem}\n")
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert all(len(part.strip()) > 80 for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])


@every_runbook
def test_queries_of_a_runbook_are_promql_over_metrics_that_exist(runbook: Path) -> None:
    recorded = {recording.record for pack in packs().values() for recording in pack.recordings}
    recorded |= {threshold_metric(pack.name, name) for pack in packs().values() for name in pack.thresholds}
    recorded |= {"walletmon:wallet:expected", "walletmon:target:expected", "ALERTS", *SHOWN}
    blocks = re.findall(r"```promql\n(.*?)```", runbook.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for query in "".join(blocks).splitlines():
        # A look at all of a target's series names no metric.
        named = [node.name for node in nodes(parse(query)) if isinstance(node, promql.VectorSelector) and node.name]
        for metric in named:
            assert metric in recorded or described(metric) is not None, query


@every_runbook
def test_a_runbook_names_only_thresholds_and_alerts_that_exist(runbook: Path) -> None:
    text = runbook.read_text(encoding="utf-8")
    alerts = {alert.name for pack in packs().values() for alert in pack.alerts}
    # Every word in two or more capitalised parts that begins as some alert does is meant for an alert.
    begins = {re.match("[A-Z][a-z]+", name)[0] for name in alerts}  # type: ignore[index]
    words = set(re.findall(r"(?<![\w/.-])[A-Z][a-z]+(?:[A-Z][a-z0-9]*[a-z0-9]+)+\b", text))
    meant = {word for word in words if re.match("[A-Z][a-z]+", word)[0] in begins}  # type: ignore[index]
    assert meant <= alerts | set(instrument.__all__)
    thresholds = {name for pack in packs().values() for name in pack.thresholds}
    for name in re.findall(r"threshold `([A-Za-z]+)`|raise `([A-Za-z]+)`|`(min[A-Z][A-Za-z]+)`", text):
        assert set(filter(None, name)) <= thresholds
