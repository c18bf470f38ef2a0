"""What messages say, expanded by Alertmanager: whole, with gaps, with hostile texts, with many alerts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.rules.alertmanager import Labels, expanded
from walletmon.compiler import messages
from walletmon.compiler.messages import by_worst

LABELS = {"alertname": "WalletDown", "priority": "P0", "wallet": "hot-1", "namespace": "wallets"}
TEXTS = {
    "summary": "Wallet hot-1 is down",
    "description": "Nothing answers.",
    "runbook_url": "https://example.org/r?a=1&b=2",
    "dashboard_url": "https://grafana.example.org/d/1",
}
HOSTILE = "<!channel> <b>*_`~|&amp; {{ .X }} </b><a href='x'>\"$(HOME)"
ALL = {
    name: getattr(messages, name)
    for name in ("SUBJECT", "PLAIN", "PLAIN_WITH_SUBJECT", "SLACK_TITLE", "SLACK_TEXT", "SLACK_COLOR", "TELEGRAM")
}


def common(alerts: list[dict[str, Any]], part: str) -> Labels:
    first, *others = (each[part] for each in alerts)
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def data(*alerts: tuple[Labels, Labels], status: str = "firing") -> dict[str, Any]:
    """What Alertmanager gives to templates for alerts of these labels and annotations."""
    made = [{"status": status, "labels": labels, "annotations": texts} for labels, texts in alerts]
    return {
        "receiver": "r",
        "status": status,
        "alerts": made,
        "groupLabels": {},
        "commonLabels": common(made, "labels"),
        "commonAnnotations": common(made, "annotations"),
        "externalURL": "http://alertmanager",
    }


def test_one_alert_is_told_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    told = data((LABELS, TEXTS))
    assert expanded(tmp_path, messages.SUBJECT, told) == "[FIRING] P0 Wallet hot-1 is down"
    assert expanded(tmp_path, messages.PLAIN, told).split("\n") == [
        "Wallet hot-1 is down",
        "Nothing answers.",
        "Wallet: hot-1",
        "Namespace: wallets",
        "Priority: P0",
        "Runbook: https://example.org/r?a=1&b=2",
        "Dashboard: https://grafana.example.org/d/1",
        "",
    ]
    assert expanded(tmp_path, messages.SLACK_TEXT, told).split("\n") == [
        "*Wallet hot-1 is down*",
        "Nothing answers.",
        "Wallet: hot-1",
        "Namespace: wallets",
        "Priority: P0",
        "<https://example.org/r?a=1&amp;b=2|Runbook>",
        "<https://grafana.example.org/d/1|Dashboard>",
        "",
    ]
    assert expanded(tmp_path, messages.SLACK_COLOR, told) == "danger"


def test_the_end_of_it_is_told_as_such(tmp_path: Path) -> None:
    told = data((LABELS, TEXTS), status="resolved")
    assert expanded(tmp_path, messages.SUBJECT, told) == "[RESOLVED] P0 Wallet hot-1 is down"
    assert expanded(tmp_path, messages.PLAIN, told).startswith("Resolved: Wallet hot-1 is down\n")
    assert expanded(tmp_path, messages.SLACK_COLOR, told) == "good"


def test_different_alerts_are_counted(tmp_path: Path) -> None:
    other = ({**LABELS, "wallet": "hot-2"}, {**TEXTS, "summary": "Wallet hot-2 is down"})
    assert expanded(tmp_path, messages.SUBJECT, data((LABELS, TEXTS), other)) == "[FIRING] P0 WalletDown (2)"
    nothing_common: Labels = {}
    mixed = data((LABELS, TEXTS), (nothing_common, nothing_common))
    assert expanded(tmp_path, messages.SUBJECT, mixed) == "[FIRING] alerts (2)"


@pytest.mark.parametrize("name", ALL)
def test_what_is_missing_is_left_out(tmp_path: Path, name: str) -> None:
    bare: tuple[Labels, Labels] = ({}, {})
    text = expanded(tmp_path, ALL[name], data(bare), "html" if name == "TELEGRAM" else "text")
    assert "<no value>" not in text
    assert not re.search("Wallet:|Runbook|Dashboard|Priority", text)


@pytest.mark.parametrize("name", ALL)
def test_no_template_looks_like_a_variable_of_the_config_reloader(name: str) -> None:
    assert "$(" not in ALL[name]


def hostile() -> dict[str, Any]:
    return data(
        (dict.fromkeys(LABELS, HOSTILE), dict.fromkeys(TEXTS, HOSTILE)),
    )


def test_nobody_calls_a_whole_slack_channel_by_a_text(tmp_path: Path) -> None:
    for template in (messages.SLACK_TITLE, messages.SLACK_TEXT):
        text = expanded(tmp_path, template, hostile())
        assert "<!" not in text
        assert "&lt;!channel&gt;" in text
        # What is left of angle brackets are our own links, each with one bar.
        for link in re.findall("<([^>]*)>", text):
            assert re.fullmatch("[^|]*[|](Runbook|Dashboard)", link)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"</{tag}>")


@pytest.mark.parametrize("length", [4096, 4095, 300, 17, 16])
def test_telegram_gets_html_that_stays_valid_wherever_it_is_cut(tmp_path: Path, length: int) -> None:
    """Alertmanager cuts a message after 4096 characters, in the middle of whatever is there."""
    alerts = [(LABELS, {**TEXTS, "summary": HOSTILE * 40}) for _ in range(5)]
    text = expanded(tmp_path, messages.TELEGRAM, data(*alerts), "html")
    assert len(text) > 4096
    tags = _Tags()
    tags.feed(text[:length])
    assert tags.seen == ["<b>", "</b>"]


def test_of_many_alerts_the_first_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    alerts = [({**LABELS, "wallet": f"hot-{number}"}, TEXTS) for number in range(37)]
    text = expanded(tmp_path, messages.PLAIN, data(*alerts))
    assert text.count("Wallet: hot-") == messages.SHOWN
    assert text.endswith("The first 10 of 37 alerts are shown.")
    assert "are shown" not in expanded(tmp_path, messages.PLAIN, data(*alerts[:10]))


@pytest.mark.parametrize(
    ("priorities", "word"),
    [
        (["P0"], "one"),
        (["P1"], "two"),
        (["P2"], "three"),
        ([""], "two"),
        (["P2", "P1", "P0", "P1"], "one"),
        (["P2", "P1", "P2"], "two"),
        (["P0", "P2", ""], "one"),
    ],
)
def test_the_most_urgent_alert_of_a_group_decides(tmp_path: Path, priorities: list[str], word: str) -> None:
    alerts = [({"priority": priority} if priority else {}, {}) for priority in priorities]
    assert expanded(tmp_path, by_worst("one", "two", "three"), data(*alerts)) == word
