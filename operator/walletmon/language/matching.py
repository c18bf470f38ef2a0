"""How binary operators of PromQL pair the elements of their sides, once the kept labels are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as promql

from walletmon.language.promql_text import experimental, label_list

KEPT = ("namespace", "walletmon", "wallet")
"""Labels that every rule's result carries, in the order in which they are printed."""

_SET_OPERATORS = frozenset({"and", "or", "unless"})


@dataclass(slots=True)
class Matching:
    """How a binary operator pairs the elements of its two sides."""

    operator: str
    returns_bool: bool = False
    on: bool = False
    labels: list[str] | None = None
    group: str | None = None
    """`left` or `right`: the side of which several elements may match one of the other."""
    group_labels: list[str] | None = None

    @classmethod
    def of(cls, node: promql.BinaryExpr, operator: str) -> Matching:
        """The matching as written. Raises PromqlError for `fill`."""
        modifier = node.modifier
        if modifier is None:
            return cls(operator)
        if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
            raise experimental("fill")
        group = None
        if modifier.card == promql.VectorMatchCardinality.ManyToOne:
            group = "left"
        elif modifier.card == promql.VectorMatchCardinality.OneToMany:
            group = "right"
        found = cls(operator, modifier.return_bool, group=group, group_labels=modifier.group_labels)
        if modifier.matching is not None:
            found.on = modifier.matching.type == promql.LabelModifierType.Include
            found.labels = list(modifier.matching.labels)
        return found

    def keep_side(self, side: str) -> None:
        """Let several elements of `side` match one of the other, keeping their labels, where the operator has sides."""
        if self.group is None and self.operator not in _SET_OPERATORS:
            self.group, self.group_labels = side, []

    def adapt(self, left: frozenset[str], right: frozenset[str]) -> None:
        """Make room for the kept labels that each side carries: match on the common ones, disregard the others."""
        common, single = left & right, left ^ right
        if self.on:
            self.labels = [*_ordered(common), *(label for label in self.labels or () if label not in common)]
        elif self.labels is not None or single:
            named = [label for label in self.labels or () if label not in KEPT]
            self.labels = [*_ordered(single), *named]
        if single:
            self.keep_side("left" if left > right else "right")
        if self.group_labels:
            many = left if self.group == "left" else right
            unwanted = (many | frozenset(self.labels or ())) if self.on else many
            self.group_labels = [label for label in self.group_labels if label not in unwanted or label not in KEPT]

    def carried(self, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
        """Which of the kept labels the result carries."""
        if self.operator == "or":
            return left & right
        if self.operator in _SET_OPERATORS or self.group == "left":
            return left
        if self.group == "right":
            return right
        if self.labels is None:
            return left
        return left & frozenset(self.labels) if self.on else left - frozenset(self.labels)

    def text(self) -> str:
        """The modifiers as they stand after the operator, each with a space in front."""
        text = " bool" if self.returns_bool else ""
        if self.labels is not None:
            text += f" {'on' if self.on else 'ignoring'} {label_list(self.labels)}"
        if self.group is not None:
            text += f" group_{self.group} {label_list(self.group_labels or [])}"
        return text


def _ordered(labels: frozenset[str]) -> Iterator[str]:
    return (label for label in KEPT if label in labels)
