"""The table of what was proved: a line an alert, a column a case, printed when the tests are over."""

from __future__ import annotations

from collections import defaultdict

import pytest

from walletmon.packs.proof import Case

_MARKS = {"passed": "yes", "failed": "NO", "error": "NO"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of the proofs that ran."""
    rows: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for outcome, mark in _MARKS.items():
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):
                if name == "proof":
                    pack, alert, case = value
                    rows[pack, alert][case] = mark
    if rows:
        terminalreporter.write_sep("=", "alerts proved on promtool")
        for line in table(rows):
            terminalreporter.write_line(line)


def table(rows: dict[tuple[str, str], dict[str, str]]) -> list[str]:
    """The table's lines: `-` stands where a case does not apply to the alert."""
    columns = [case.value for case in Case]
    width = max(len(alert) for _, alert in rows)
    lines = [f"{'':{width}}  " + "  ".join(columns)]
    last = None
    for (pack, alert), marks in sorted(rows.items()):
        if pack != last:
            lines.append(pack)
            last = pack
        cells = "  ".join(f"{marks.get(column, '-'):{len(column)}}" for column in columns)
        lines.append(f"{alert:{width}}  {cells}".rstrip())
    tried = sum(len(marks) for marks in rows.values())
    lines.append(f"{len(rows)} alerts and variants, {tried} cases")
    return lines
