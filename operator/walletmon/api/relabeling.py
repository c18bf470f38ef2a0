"""Relabeling of series as Prometheus does it, where the platform team says it: remote write, scrape classes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StrictInt, StringConstraints

from walletmon.api.base import LABEL_NAME_PATTERN, NO_DOLLAR, NOT_YAML, Model, rule

_SourceLabel = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")]
# References to groups (`$1`, `${1}`) are what a replacement is for; `$(` is not: see `walletmon.api.base.NO_DOLLAR`.
# `$1_total` is none either: Prometheus takes it for a group called `1_total`, and writes nothing.
_GROUP = "[$][{][0-9a-zA-Z_]+[}]"
_NO_WORD = rf"[^$0-9A-Za-z_\x00-\x1f\x7f-\x9f{NOT_YAML}]"
_REPLACEMENT = rf"^({NO_DOLLAR}|{_GROUP}|([$][0-9]{{1,2}})+({_GROUP}|{_NO_WORD}|$))*$"
LABEL_TEMPLATE_PATTERN = f"^([a-zA-Z_]|[$][0-9]|{_GROUP})([a-zA-Z0-9_]|[$][0-9]|{_GROUP})*$"
"""A label's name that may have references to groups in it."""


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

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!(self.action in ['replace', 'hashmod']) || has(self.targetLabel)",
                    "replace and hashmod write a label: give targetLabel",
                    reason="FieldValueRequired",
                ),
                rule(
                    "self.action != 'hashmod' || has(self.modulus)",
                    "hashmod needs modulus",
                    reason="FieldValueRequired",
                ),
                rule(
                    "!(self.action in ['labeldrop', 'labelkeep']) || !(has(self.sourceLabels) || has(self.separator) "
                    "|| has(self.modulus) || has(self.targetLabel) || has(self.replacement))",
                    "labeldrop and labelkeep go by the names of labels: they take regex and nothing else",
                ),
                rule(
                    "self.action != 'labelmap' || !has(self.replacement) || "
                    f"self.replacement.matches('{LABEL_TEMPLATE_PATTERN}')",
                    "the replacement of labelmap is a label's name, with or without references to groups in it",
                    path=".replacement",
                ),
            ]
        }
    )

    action: Annotated[RelabelAction, Field(description="replace, keep, drop, hashmod, labelmap, labeldrop, labelkeep.")]
    source_labels: Annotated[
        list[_SourceLabel] | None, Field(description="Labels whose values are joined and compared.", max_length=32)
    ] = None
    separator: Annotated[
        str | None,
        Field(
            description="What the values are joined with; `;` if left out.", max_length=16, pattern=f"^{NO_DOLLAR}*$"
        ),
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
            description="What is written; `$1` stands for the first group of regex, and `${1}` where a letter, a digit "
            "or an underscore follows.",
            max_length=256,
            pattern=_REPLACEMENT,
        ),
    ] = None
