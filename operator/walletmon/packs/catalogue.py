"""The packs there are: those that ship with walletmon, read once, and those that a cluster adds to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

from walletmon.api.diagnostic import Code
from walletmon.packs.configmap import LOADER, PackProblem, PackSource
from walletmon.packs.schema import Pack, Packs

_PREFERRED = ("golden-signals", "balance", "signing", "recovery")


@cache
def packs() -> Packs:
    """All packs that ship, by name, in the order of their names.

    Raises ValueError if a shipped file is wrong: it breaks the schema, is not named as its pack, or has an alert or a
    recording that another pack has.
    """
    found: dict[str, Pack] = {}
    files = (entry for entry in resources.files("walletmon.packs").iterdir() if entry.name.endswith(".yaml"))
    for file in sorted(files, key=lambda entry: entry.name):
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
        pack = Pack.model_validate(content)
        if file.name != f"{pack.name}.yaml":
            raise ValueError(f"pack {pack.name} stands in {file.name}; a file is named as its pack")
        if taken := _taken(pack, found):
            raise ValueError(f"pack {pack.name}: {taken}")
        found[pack.name] = pack
    return MappingProxyType(found)


def default_packs() -> tuple[str, ...]:
    """Names of the packs that a monitor uses unless it says otherwise, in the order in which they are compiled."""
    return tuple(name for name in _PREFERRED if name in packs())


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The packs that a monitor can use, by name, and what is wrong with others that are called so."""

    packs: Packs = field(default_factory=packs)
    problems: Mapping[str, PackProblem] = field(default_factory=dict)
    """For a name that is not in `packs`: why. For one that is: whose pack of that name is not in force."""


def catalogue(sources: Iterable[PackSource], namespace: str, shared: str | None) -> Catalogue:
    """What a monitor in `namespace` can use: the shipped packs, those in ConfigMaps of the namespace `shared`, and
    those of its own namespace.

    A name belongs to whoever comes first in that order (in one namespace: to the ConfigMap whose name comes first), so
    that nobody can put another pack in the place of the platform's.
    """
    found = dict(packs())
    problems: dict[str, PackProblem] = {}
    for source in _in_order(sources, namespace, shared):
        for name, content in sorted(source.content.items()):
            if isinstance(content, PackProblem):
                problems.setdefault(name, content)
                continue
            taken = f"there is already a pack {name}" if name in found else _taken(content, found)
            if taken is not None:
                problem = PackProblem(Code.PACK_NAME_TAKEN, source.place(name), taken, "choose another name for it")
                problems.setdefault(name, problem)
            else:
                found[name] = content
    return Catalogue(MappingProxyType(found), MappingProxyType(problems))


def _in_order(sources: Iterable[PackSource], namespace: str, shared: str | None) -> Iterator[PackSource]:
    in_order = sorted(sources, key=lambda source: source.name)
    if shared is not None and shared != namespace:
        yield from (source for source in in_order if source.namespace == shared)
    yield from (source for source in in_order if source.namespace == namespace)


def _taken(pack: Pack, others: Packs) -> str | None:
    """Which alert or recording of `pack` another one has: monitors speak of alerts by their names alone, and two rules
    that record the same series spoil it."""
    for other in others.values():
        alerts = {alert.name for alert in pack.alerts} & {alert.name for alert in other.alerts}
        records = {each.record for each in pack.recordings} & {each.record for each in other.recordings}
        for kind, names in (("an alert", alerts), ("a recording", records)):
            if names:
                return f"the pack {other.name} has {kind} {min(names)}"
    return None
