"""Findings printed: for people, for GitHub's annotations, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from walletmon.api.diagnostic import Severity
from walletmon.cli.check import Found

FORMATS = ("text", "github", "json")


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
    """A list of objects with file, line, column, monitor, severity, code, path, message and cure."""
    return json.dumps(
        [
            {
                "file": each.place.file,
                "line": each.place.line,
                "column": each.place.column,
                "monitor": each.monitor,
                "severity": each.diagnostic.severity,
                "code": each.diagnostic.code,
                "path": each.diagnostic.path,
                "message": each.diagnostic.message,
                "cure": each.diagnostic.cure,
            }
            for each in found
        ],
        ensure_ascii=False,
        indent=2,
    )


def _one_line(text: str) -> str:
    """`text` with signs that would break the line, or show it otherwise than it is, written out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _data(text: str) -> str:
    return _one_line(text.replace("%", "%25"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
