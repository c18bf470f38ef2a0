"""Rules to objects: as many PrometheusRules as it takes to keep each below what prometheus-operator lets through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from walletmon.compiler.bundle import Manifest

MAX_OBJECT_BYTES = 480 * 1024
"""Most that the rules of one object may weigh; prometheus-operator puts each into a file of at most 512 KiB."""

GroupRules = tuple[str, str, list[dict[str, Any]]]
"""A group's name, interval and rules."""


def packed(groups: list[GroupRules]) -> Iterator[list[Manifest]]:
    """The groups as documents, in as many objects as they need; a group too large for one goes on in the next."""
    content: list[Manifest] = []
    size = 0
    for name, interval, rules in groups:
        pieces = 0
        open_group: Manifest | None = None
        for rule in rules:
            weight = _weight(rule)
            if content and size + weight > MAX_OBJECT_BYTES:
                yield content
                content, size, open_group = [], 0, None
            if open_group is None:
                pieces += 1
                piece_name = name if pieces == 1 else f"{name}.{pieces}"
                open_group = {"name": piece_name, "interval": interval, "rules": []}
                content.append(open_group)
            open_group["rules"].append(rule)
            size += weight
    if content:
        yield content


def _weight(rule: Mapping[str, Any]) -> int:
    """Bytes that the rule takes in a file, from above: YAML indents every line of an expression."""
    text = json.dumps(rule, ensure_ascii=False)
    return len(text.encode()) + 12 * text.count("\\n") + 16 * text.count('":')
