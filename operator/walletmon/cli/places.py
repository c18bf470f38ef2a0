"""From a path in a document (`spec.rules[2].expr`), and a place within its text, to a line and column of the file."""

from __future__ import annotations

import re
import textwrap

import yaml

from walletmon.api.diagnostic import Diagnostic

_INDEX = re.compile(r"\[(\d+)\]")


def locate(root: yaml.Node, text: str, diagnostic: Diagnostic) -> tuple[int, int]:
    """Line and column, from 1, of what the finding is about; of the nearest thing around it if that is not there."""
    node, anchor, whole = _walk(root, diagnostic.path)
    if whole and isinstance(node, yaml.ScalarNode):
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if diagnostic.line is None:
            return line, column
        return _within(node, text, diagnostic.line, diagnostic.column or 1) or (line, column)
    return anchor.line + 1, anchor.column + 1


def _walk(node: yaml.Node, path: str) -> tuple[yaml.Node, yaml.Mark, bool]:
    """The node at `path`, where to point for it, and whether all of `path` was there."""
    anchor = node.start_mark
    while path:
        if isinstance(node, yaml.MappingNode):
            step = _entry(node, path)
            if step is None:
                return node, anchor, False
            key, node, path = step
            anchor = key.start_mark
        elif isinstance(node, yaml.SequenceNode):
            found = _INDEX.match(path)
            if found is None or int(found[1]) >= len(node.value):
                return node, anchor, False
            node = node.value[int(found[1])]
            anchor, path = node.start_mark, path[found.end() :].removeprefix(".")
        else:
            return node, anchor, False
    return node, anchor, True


def _entry(node: yaml.MappingNode, path: str) -> tuple[yaml.Node, yaml.Node, str] | None:
    """The entry that `path` begins with, and the rest; of keys with dots (`balance.low`) the longest."""
    best: tuple[yaml.Node, yaml.Node, str] | None = None
    longest = -1
    for key, value in node.value:
        name = key.value
        if not isinstance(name, str) or len(name) <= longest or not path.startswith(name):
            continue
        rest = path[len(name) :]
        if not rest or rest[0] in ".[":
            best, longest = (key, value, rest.removeprefix(".")), len(name)
    return best


def _within(node: yaml.ScalarNode, text: str, line: int, column: int) -> tuple[int, int] | None:
    """The file's line and column for a place within a scalar's text; None where its style does not tell."""
    lines = text.split("\n")
    start, end = node.start_mark, node.end_mark
    if node.style in ("|", ">"):
        block = lines[start.line + 1 : end.line + (1 if end.column else 0)]
        return _within_block(node, block, start.line + 2, line, column)
    quote = 1 if node.style else 0
    if start.line != end.line or line != 1:
        return None
    written = lines[start.line][start.column + quote : end.column - quote]
    # An escape makes the written text longer than the value; then only the start is sure.
    return (start.line + 1, start.column + quote + column) if written == node.value else None


def _within_block(
    node: yaml.ScalarNode, block: list[str], first: int, line: int, column: int
) -> tuple[int, int] | None:
    while block and not block[-1].strip():
        block.pop()
    if not block:
        return None
    dedented = textwrap.dedent("\n".join(block)).split("\n")
    indent = len(block[0]) - len(dedented[0])
    value = node.value.rstrip("\n")
    if value == "\n".join(dedented):
        return first + line - 1, indent + column
    if value == " ".join(dedented):
        # Folded: each line of the file became a part of one line.
        for number, part in enumerate(dedented):
            if column <= len(part) + 1:
                return first + number, indent + column
            column -= len(part) + 1
    return None
