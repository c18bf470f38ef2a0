"""Relabeling of series as Prometheus does it, where the platform team says it: remote write, scrape classes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt, StringConstraints

from walletmon.api.base import LABEL_NAME_PATTERN, NO_DOLLAR, Model

_SourceLabel = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")]
# References to groups (`$1`, `${1}`) are what a replacement is for; `$(` is not: see `walletmon.api.base.NO_DOLLAR`.
_REPLACEMENT = r"^([^$\x00-\x1f\x7f-\x9f]|\$[0-9]|\$\{[0-9a-zA-Z_]+\}|\$\$)*$"


class RelabelAction(StrEnum):
    """What a relabeling does (Prometheus' own words)."""

    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    HASHMOD = "hashmod"
    LABELMAP = "labelmap"
    LABELDROP = "labeldrop"
    LABELKEEP = "labelkeep"


class Relabeling(Model):
    """One step of relabeling; see Prometheus' `relabel_config`."""

    action: Annotated[RelabelAction, Field(description="replace, keep, drop, hashmod, labelmap, labeldrop, labelkeep.")]
    source_labels: Annotated[
        list[_SourceLabel] | None, Field(description="Labels whose values are joined and compared.", max_length=32)
    ] = None
    separator: Annotated[
        str | None, Field(description="What the values are joined with; `;` if left out.", max_length=16)
    ] = None
    regex: Annotated[
        str | None,
        Field(
            description="Regular expression (RE2, anchored) that the joined values are compared with.",
            min_length=1,
            max_length=1024,
            pattern=rf"^({NO_DOLLAR}|\$$)+$",
        ),
    ] = None
    modulus: Annotated[StrictInt | None, Field(description="Modulus of the hash, for hashmod.", ge=1, le=2**53)] = None
    target_label: Annotated[
        str | None,
        Field(description="Label that is written.", min_length=1, max_length=128, pattern=f"^{LABEL_NAME_PATTERN[1:]}"),
    ] = None
    replacement: Annotated[
        str | None,
        Field(
            description="What is written; `$1` stands for the first group of regex.",
            max_length=256,
            pattern=_REPLACEMENT,
        ),
    ] = None
