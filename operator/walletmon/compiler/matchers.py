"""Matchers of an AlertmanagerConfig."""

from __future__ import annotations

import re
from collections.abc import Iterable


def any_of(names: Iterable[str]) -> str:
    """A regex, which Alertmanager anchors, for exactly these names."""
    return "|".join(map(re.escape, names))


def matcher(name: str, sign: str, value: str) -> dict[str, str]:
    """A matcher of an AlertmanagerConfig."""
    return {"name": name, "value": value, "matchType": sign}
