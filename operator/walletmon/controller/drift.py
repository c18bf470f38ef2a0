"""How a child differs from what it should be, and what it takes to put it right.

Desired objects say only what walletmon cares about; the apiserver adds defaults, admission adds annotations, so a live
object always holds more. What is wrong is

- a field that is missing or has another value: an apply puts it right;
- a field that walletmon owns (says `managedFields`) but no longer wants: an apply takes it away;
- a field that somebody else added inside the content (`spec`, `data`): an apply leaves it, so it is removed by name.

Metadata that others add (annotations, labels) is theirs and stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from walletmon.controller.client import FIELD_MANAGER
from walletmon.controller.resources import KubeObject

_CONTENT = ("spec", "data", "binaryData")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """What it takes to put an object right."""

    apply: bool
    """Whether an apply changes something."""

    foreign: list[str]
    """JSON pointers of what others added to the content, in an order in which they can be removed one after another."""

    def __bool__(self) -> bool:
        return self.apply or bool(self.foreign)


def drift(desired: KubeObject, live: KubeObject) -> Drift:
    """What separates `live` from `desired`."""
    ours: list[Path] = []
    theirs: list[Path] = []
    for entry in live["metadata"].get("managedFields", ()):
        if entry.get("subresource"):
            continue
        fields = entry.get("fieldsV1") or {}
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply":
            ours += _unwanted(fields, desired, live)
        else:
            content = {name: fields[name] for name in (f"f:{part}" for part in _CONTENT) if name in fields}
            theirs += _unwanted(content, desired, live)
    # What we own goes away with the next apply; removing it by name as well would remove the wrong list entry.
    foreign = sorted(set(theirs) - set(ours), key=_removal_order)
    return Drift(bool(ours) or not _holds(desired, live), [_pointer(path) for path in _outermost(foreign)])


def _holds(desired: Any, live: Any) -> bool:
    """Whether everything in `desired` is so in `live`; lists must be of one length."""
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            key in live and _holds(value, live[key]) for key, value in desired.items()
        )
    if isinstance(desired, list):
        return isinstance(live, list) and len(desired) == len(live) and all(map(_holds, desired, live))
    return bool(desired == live) and isinstance(desired, bool) == isinstance(live, bool)


def _unwanted(fields: dict[str, Any], desired: Any, live: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of fields in an ownership set (fieldsV1) that are in `live` but not in `desired`; the outermost of each."""
    for name, below in fields.items():
        if name == ".":
            continue
        step = _step(name, live)
        if step is None:
            continue
        wanted = _counterpart(name, desired)
        if wanted is _ABSENT:
            yield (*path, step)
        elif below:
            yield from _unwanted(below, wanted, live[step], (*path, step))


_ABSENT: Any = object()


def _step(name: str, live: Any) -> str | int | None:
    """Where the owned field stands in the live object: a key, a list index, or None if it is not there."""
    kind, _, rest = name.partition(":")
    if kind == "f":
        return rest if isinstance(live, dict) and rest in live else None
    index = _index(kind, rest, live)
    return None if index is None else index


def _counterpart(name: str, desired: Any) -> Any:
    """The same field in the desired object, or _ABSENT."""
    kind, _, rest = name.partition(":")
    if kind == "f":
        return desired.get(rest, _ABSENT) if isinstance(desired, dict) else _ABSENT
    index = _index(kind, rest, desired)
    return _ABSENT if index is None else desired[index]


def _index(kind: str, text: str, items: Any) -> int | None:
    """Position of a list entry that fieldsV1 names by its keys (`k:`), its value (`v:`) or its index (`i:`)."""
    if not isinstance(items, list):
        return None
    if kind == "i":
        return int(text) if int(text) < len(items) else None
    sought = json.loads(text)
    for index, item in enumerate(items):
        if kind == "v" and item == sought:
            return index
        if kind == "k" and isinstance(item, dict) and all(item.get(key) == value for key, value in sought.items()):
            return index
    return None


def _removal_order(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Later list entries first, so that removing one does not move those still to be removed."""
    return tuple((0, -step, "") if isinstance(step, int) else (1, 0, step) for step in path)


def _outermost(paths: list[Path]) -> list[Path]:
    """Without those that lie inside another: several managers may own parts of one foreign field."""
    known = set(paths)
    return [path for path in paths if not any(path[:length] in known for length in range(1, len(path)))]


def _pointer(path: Path) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
