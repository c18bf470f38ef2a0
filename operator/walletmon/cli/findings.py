"""Findings printed: for people, for GitHub's annotations, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from walletmon.api.diagnostic import Severity
from walletmon.cli.check import Checked, Found
from walletmon.cli.series import series_object

FORMATS = ("text", "github", "json", "report")


def as_text(found: Found) -> str:
    """`file:line:column: error: Code: path: message; cure`, on one line."""
    place, each = found.place, found.diagnostic
    return _one_line(f"{place.file}:{place.line}:{place.column}: {each.severity}: {each}")


def as_github(found: Found) -> str:
    """A workflow command, which GitHub shows beside the line of the pull request."""
    place, each = found.place, found.diagnostic
    kind = "error" if each.severity is Severity.ERROR else "warning"
    where = f"file={_property(place.file)},line={place.line},col={place.column},title={_property(each.code)}"
    return f"::{kind} {where}::{_data(f'{each.path}: {each.message}; {each.cure}')}"


def as_json(found: Iterable[Found]) -> str:
    """A list of objects with file, line, column, monitor, class, severity, code, path, message and cure."""
    return _json(_objects(found))


def as_report(checked: Iterable[Checked]) -> str:
    """An object: `findings` is the list of `as_json`, `monitors` has for each monitor that can be understood the class
    and the environment in force, and an estimate of its series."""
    every = list(checked)
    return _json(
        {
            "findings": _objects(each for one in every for each in one.found),
            "monitors": [
                {"file": one.file, **series_object(one.monitor, one.class_, one.facts)}
                for one in every
                if one.monitor is not None and one.bundle.objects is not None
            ],
        }
    )


def _objects(found: Iterable[Found]) -> list[dict[str, Any]]:
    return [
        {
            "file": each.place.file,
            "line": each.place.line,
            "column": each.place.column,
            "monitor": each.monitor,
            "class": each.class_,
            "severity": each.diagnostic.severity,
            "code": each.diagnostic.code,
            "path": each.diagnostic.path,
            "message": each.diagnostic.message,
            "cure": each.diagnostic.cure,
        }
        for each in found
    ]


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2)


def _one_line(text: str) -> str:
    """`text` with signs that would break the line, or show it otherwise than it is, written out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _data(text: str) -> str:
    return _one_line(text.replace("%", "%25"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
