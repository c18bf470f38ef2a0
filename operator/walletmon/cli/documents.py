"""Monitors, classes and packs in files: read from YAML or JSON, with the line and column of everything in them.

A file may hold several documents and lists, of any kinds. Namespaces, Secrets and Services are read for what they tell
of the cluster; whatever else is neither a monitor nor a class nor a ConfigMap with packs is passed over. What is read
may be hostile: nesting and expanded aliases are bounded before anything is built from them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from walletmon.api.base import GROUP, VERSION
from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor import KIND
from walletmon.api.monitor_class import CLASS_KIND
from walletmon.packs.configmap import is_pack_source

STDIN = "-"
TELLING_KINDS = ("Namespace", "Secret", "Service")
"""Kinds of objects that tell something of the cluster."""

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 4_000_000
"""Nodes of a file once its aliases are written out; a thousand large monitors have fewer."""

_SURROGATES = re.compile(r"(?<!\\)\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):  # type: ignore[misc]
    """YAML as Kubernetes reads it: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _BASE.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """One object that concerns us, as it stands in a file."""

    file: str
    content: dict[str, Any]
    text: str
    node: yaml.Node

    @property
    def holds_packs(self) -> bool:
        """Whether this is a ConfigMap with packs."""
        return is_pack_source(self.content)

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str(self.content["kind"])

    @property
    def name(self) -> str:
        """`namespace/name`, as far as they are given."""
        metadata = self.content.get("metadata")
        found = metadata if isinstance(metadata, dict) else {}
        namespace = found.get("namespace")
        return (f"{namespace}/" if namespace else "") + str(found.get("name", "without a name"))

    def place(self, diagnostic: Diagnostic) -> Place:
        """Where the finding is: its text, else the nearest thing around it that the file has."""
        from walletmon.cli.places import locate

        line, column = locate(self.node, self.text, diagnostic)
        return Place(self.file, line, column)


class UnreadableError(ValueError):
    """A file that gives no documents: where, and why."""

    def __init__(self, place: Place, diagnostic: Diagnostic) -> None:
        """`place` is in the file; the path of `diagnostic` is empty."""
        super().__init__(str(diagnostic))
        self.place = place
        self.diagnostic = diagnostic


def read(name: str) -> list[Document]:
    """What concerns us in the file `name`; `-` is stdin. Raises UnreadableError."""
    shown = "<stdin>" if name == STDIN else name
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if name == STDIN else Path(name).read_bytes()
    except OSError as error:
        raise _unreadable(shown, 1, 1, f"the file cannot be read: {error.strerror}", "name another file") from None
    if len(data) > MAX_BYTES:
        raise _unreadable(shown, 1, 1, f"more than {MAX_BYTES} bytes", "give it in several files", Code.TOO_LARGE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(shown, line, 1, "the text is no UTF-8", "save it as UTF-8") from None
    return list(_documents(shown, text))


def _documents(file: str, text: str) -> Iterator[Document]:
    # Windows' line ends would shift what is cut out of the text by marks.
    text = text.replace("\r\n", "\n")
    if text.lstrip().startswith("{"):
        # JSON may write a sign as two escapes, which YAML has no word for.
        text = _SURROGATES.sub(lambda pair: json.loads(f'"{pair.group()}"'), text)
    try:
        _check_bounds(file, text)
        loader = _Loader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                content = loader.construct_document(node)
                yield from _objects(file, text, node, content)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        line, column, reason = _reason(text, error)
        raise _unreadable(file, line, column, f"this is not YAML: {reason}", "correct the text") from None
    except ValueError as error:
        if isinstance(error, UnreadableError):
            raise
        # The constructor's own complaint about a scalar, such as an integer of 5,000 digits.
        raise _unreadable(file, 1, 1, f"this is not YAML: {error}", "correct the text") from None


def _objects(file: str, text: str, node: yaml.Node, content: Any) -> Iterator[Document]:
    if not isinstance(content, dict):
        if content is not None:
            raise _unreadable(
                file,
                *_position(node.start_mark),
                f"this is a {type(content).__name__}, not an object of Kubernetes",
                f"start with apiVersion: {GROUP}/{VERSION} and kind: {KIND}",
            )
        return
    if str(content.get("kind", "")).endswith("List") and isinstance(content.get("items"), list):
        items = next(value for key, value in node.value if key.value == "items")
        for child, item in zip(items.value, content["items"], strict=True):
            yield from _objects(file, text, child, item)
    elif _is_ours(content) or _is_named_pack_source(content) or _tells_of_the_cluster(content):
        yield Document(file, content, text, node)


def _is_ours(content: dict[str, Any]) -> bool:
    ours = str(content.get("apiVersion", GROUP)).split("/")[0] == GROUP
    return ours and content.get("kind") in (KIND, CLASS_KIND)


def _tells_of_the_cluster(content: dict[str, Any]) -> bool:
    metadata = content.get("metadata")
    named = isinstance(metadata, dict) and isinstance(metadata.get("name"), str)
    return named and content.get("apiVersion") == "v1" and content.get("kind") in TELLING_KINDS


def _is_named_pack_source(content: dict[str, Any]) -> bool:
    metadata = content.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("labels"), dict):
        return False
    data = (content.get("data") or {}, content.get("binaryData") or {})
    well_formed = all(isinstance(each, dict) and all(isinstance(key, str) for key in each) for each in data)
    return is_pack_source(content) and isinstance(metadata.get("name"), str) and well_formed


def _check_bounds(file: str, text: str) -> None:
    """See that building the documents stays within bounds: the composer recurses, and aliases multiply."""
    sizes: dict[str | None, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    count = 0
    for event in yaml.parse(text, Loader=_BASE):
        if isinstance(event, yaml.AliasEvent):
            # An alias within its own anchor is a structure without an end.
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                raise _at(file, event, "an alias refers to what it stands in", "write it out")
            count += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            count += 1
            if len(open_nodes) > MAX_DEPTH:
                raise _at(file, event, f"nested deeper than {MAX_DEPTH} levels", "no monitor needs so many levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
        if count > MAX_NODES:
            raise _at(file, event, f"more than {MAX_NODES} values", "give it in several files")


def _at(file: str, event: yaml.Event, message: str, cure: str) -> UnreadableError:
    line, column = _position(event.start_mark)
    return _unreadable(file, line, column, message, cure, Code.TOO_LARGE)


def _unreadable(
    file: str, line: int, column: int, message: str, cure: str, code: Code = Code.UNREADABLE
) -> UnreadableError:
    return UnreadableError(Place(file, line, column), Diagnostic(code, "", message, cure))


def _position(mark: Any) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _reason(text: str, error: yaml.YAMLError) -> tuple[int, int, str]:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "it cannot be read"
        return (*_position(mark), said)
    if isinstance(error, yaml.reader.ReaderError):
        # PyYAML's own reader counts characters, libyaml's counts bytes.
        before = text.encode()[: error.position].decode(errors="ignore") if isinstance(error.character, int) else ""
        line = before.count("\n") + 1
        return line, len(before) - before.rfind("\n"), f"{error.reason}"
    return 1, 1, str(error)
