"""The packs that ship with walletmon, read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

from walletmon.packs.schema import Pack

_PREFERRED = ("golden-signals", "balance", "signing", "recovery")


@cache
def packs() -> Mapping[str, Pack]:
    """All packs by name, in the order of their names.

    Raises ValueError if a shipped file is wrong: it breaks the schema, or is not named as its pack.
    """
    found: dict[str, Pack] = {}
    files = (entry for entry in resources.files("walletmon.packs").iterdir() if entry.name.endswith(".yaml"))
    for file in sorted(files, key=lambda entry: entry.name):
        pack = Pack.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        if file.name != f"{pack.name}.yaml":
            raise ValueError(f"pack {pack.name} stands in {file.name}; a file is named as its pack")
        found[pack.name] = pack
    return MappingProxyType(found)


def default_packs() -> tuple[str, ...]:
    """Names of the packs that a monitor uses unless it says otherwise, in the order in which they are compiled."""
    return tuple(name for name in _PREFERRED if name in packs())
