"""Packs that a team or the platform adds: a ConfigMap with the label `walletmon.dev/pack`, a key `<pack>.yaml` each.

Whoever may write ConfigMaps may write here, so nothing that stands in one is believed: size, syntax and schema are
checked, and what is wrong becomes a problem with a cure, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from pydantic import ValidationError

from walletmon.api.diagnostic import Code
from walletmon.packs.schema import Pack

PACK_LABEL: Final = "walletmon.dev/pack"
"""Label by which a ConfigMap says that it holds packs; its value is of no concern."""

MAX_BYTES = 128 * 1024
"""Most that one pack may weigh. The largest that ships has 20 kB."""

MAX_DEPTH = 32
"""Levels of a pack's YAML; packs need six."""

MAX_PACKS = 16
"""Most packs that one ConfigMap may hold."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader, in C where there is one: ten times as fast."""

_END = ".yaml"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class PackProblem:
    """Why a pack is not in force: a code, where it stands, what is the matter, and what would be right."""

    code: Code
    place: str
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.code}: {self.place}: {self.message}; {self.cure}"


@dataclass(frozen=True, slots=True)
class PackSource:
    """What one ConfigMap holds: a pack or a problem for each of its keys, by the pack's name."""

    namespace: str
    name: str
    content: Mapping[str, Pack | PackProblem]

    def place(self, pack: str) -> str:
        """Where a pack of this ConfigMap stands, for people."""
        return _place(self.namespace, self.name, pack + _END)

    @property
    def problems(self) -> tuple[PackProblem, ...]:
        """What is wrong in this ConfigMap by itself."""
        return tuple(each for each in self.content.values() if isinstance(each, PackProblem))


def is_pack_source(document: Mapping[str, Any]) -> bool:
    """Whether a document is a ConfigMap that says it holds packs."""
    labels = (document.get("metadata") or {}).get("labels") or {}
    return document.get("kind") == "ConfigMap" and PACK_LABEL in labels


def pack_source(document: Mapping[str, Any]) -> PackSource:
    """The packs in a ConfigMap."""
    metadata = document["metadata"]
    namespace, name = metadata.get("namespace", "default"), metadata["name"]
    data = {**dict.fromkeys(document.get("binaryData") or ()), **(document.get("data") or {})}
    content: dict[str, Pack | PackProblem] = {}
    for index, (key, text) in enumerate(sorted(data.items())):
        pack_name = key.removesuffix(_END)
        place = _place(namespace, name, key)
        if index >= MAX_PACKS:
            content[pack_name] = _invalid(
                place,
                f"the ConfigMap holds more than {MAX_PACKS} packs",
                "put the others into a ConfigMap of their own",
            )
        else:
            content[pack_name] = _read(key, pack_name, text, place)
    if not content:
        content[name] = _invalid(
            f"ConfigMap {namespace}/{name}", "it holds no pack", "put the pack into data, under the key <pack>.yaml"
        )
    return PackSource(namespace, name, content)


def _place(namespace: str, name: str, key: str) -> str:
    return f"ConfigMap {namespace}/{name}, key {key}"


def _invalid(place: str, message: str, cure: str) -> PackProblem:
    return PackProblem(Code.INVALID_PACK, place, message, cure)


def _read(key: str, pack_name: str, text: Any, place: str) -> Pack | PackProblem:
    if not key.endswith(_END):
        return _invalid(place, "the key does not end in .yaml", f"call it {pack_name}{_END}")
    if not isinstance(text, str):
        return _invalid(place, "it is no text", "give the pack as text under data")
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        return _invalid(place, f"it has {size} bytes; {MAX_BYTES} are the limit", "split it into several packs")
    try:
        pack = Pack.model_validate(_document(text))
    except _Unreadable as error:
        return _invalid(place, str(error), "correct the text; docs/packs.md shows a pack")
    except ValidationError as error:
        return _invalid(place, _told(error), "correct it; docs/packs.md says what a pack may hold")
    if pack.name != pack_name:
        return _invalid(place, f"the pack in it is called {pack.name}", f"call the key {pack.name}{_END}")
    return pack


class _Unreadable(ValueError):
    """A text that is no YAML, or not the plain kind that packs are written in."""


def _document(text: str) -> Any:
    """The YAML document in `text`. Raises _Unreadable."""
    depth = 0
    try:
        # Before anything is built: the composer recurses without a limit, in C, and aliases of aliases multiply.
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.AliasEvent):
                raise _Unreadable("it uses an alias (*)")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise _Unreadable(f"it is nested deeper than {MAX_DEPTH} levels")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
        return yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
    except _Unreadable:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise _Unreadable(f"it is no YAML that can be read: {' '.join(str(error).split())[:300]}") from None


def _told(error: ValidationError) -> str:
    lines = []
    # What is there and should not be comes first: it is often a misspelt name of what is missing.
    details = sorted(
        error.errors(include_url=False, include_input=False), key=lambda detail: detail["type"] != "extra_forbidden"
    )
    for detail in details:
        path = ".".join(str(step) for step in detail["loc"] if step != "[key]")
        message = detail["msg"].removeprefix("Value error, ")
        lines.append(f"{path}: {message}" if path else message)
    more = f" (and {len(lines) - _SHOWN} more)" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more
