"""Which labels the result of an expression can have, as far as the expression itself tells."""

from __future__ import annotations

from dataclasses import dataclass

import promql_parser as promql

_KEEPS_SERIES = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
_SET_OPERATORS = frozenset({"and", "unless"})


@dataclass(frozen=True, slots=True)
class ResultLabels:
    """The labels that a result can have: those in `only`, or any if that is None; never those in `never`."""

    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()

    def may_have(self, label: str) -> bool:
        """Whether some element of the result can carry `label`."""
        return label not in self.never and (self.only is None or label in self.only)

    def keep(self, labels: frozenset[str]) -> ResultLabels:
        """As after `by (labels)`."""
        return ResultLabels(frozenset(label for label in labels if self.may_have(label)))

    def drop(self, labels: frozenset[str]) -> ResultLabels:
        """As after `without (labels)`."""
        return ResultLabels(None if self.only is None else self.only - labels, self.never | labels)

    def add(self, labels: frozenset[str]) -> ResultLabels:
        """With `labels` written onto the elements."""
        return ResultLabels(None if self.only is None else self.only | labels, self.never - labels)

    def union(self, other: ResultLabels) -> ResultLabels:
        """As of either side of `or`."""
        only = None if self.only is None or other.only is None else self.only | other.only
        return ResultLabels(
            only,
            frozenset(label for label in self.never | other.never if not other.may_have(label))
            & frozenset(label for label in self.never | other.never if not self.may_have(label)),
        )


_NONE = ResultLabels(frozenset())


def result_labels(node: promql.Expr) -> ResultLabels:
    """The labels that the result of `node`, a scoped expression, can have."""
    match node:
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return result_labels(node.expr)
        case promql.MatrixSelector():
            return _of_selector(node.vector_selector)
        case promql.VectorSelector():
            return _of_selector(node)
        case promql.AggregateExpr():
            return _of_aggregation(node)
        case promql.Call():
            return _of_call(node)
        case promql.BinaryExpr():
            return _of_binary(node)
        case _:
            return _NONE


def is_scalar(node: promql.Expr) -> bool:
    """Whether `node` is a number rather than a vector."""
    if isinstance(node, promql.ParenExpr | promql.UnaryExpr):
        return is_scalar(node.expr)
    if isinstance(node, promql.BinaryExpr):
        return is_scalar(node.lhs) and is_scalar(node.rhs)
    if isinstance(node, promql.Call):
        return bool(node.func.return_type == promql.ValueType.Scalar)
    return isinstance(node, promql.NumberLiteral | promql.StringLiteral)


def _of_selector(node: promql.VectorSelector) -> ResultLabels:
    return ResultLabels(
        None, frozenset(m.name for m in node.matchers.matchers if m.op == promql.MatchOp.Equal and m.value == "")
    )


def _of_aggregation(node: promql.AggregateExpr) -> ResultLabels:
    inner = result_labels(node.expr)
    operator = str(node.op)
    if operator in _KEEPS_SERIES:
        return inner
    labels = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
    without = node.modifier is not None and node.modifier.type == promql.AggModifierType.Without
    found = inner.drop(labels) if without else inner.keep(labels)
    if operator == "count_values" and isinstance(node.param, promql.StringLiteral):
        return found.add(frozenset({node.param.val}))
    return found


def _of_call(node: promql.Call) -> ResultLabels:
    name = node.func.name
    if name in ("absent", "absent_over_time"):
        return _of_absence(node.args[0])
    vectors = [argument for argument in node.args if not is_scalar(argument)]
    if not vectors or name in ("vector", "scalar"):
        # `hour()` and its kin without an argument, `time()`, `vector(1)`.
        return _NONE
    found = result_labels(vectors[0])
    if name in ("label_replace", "label_join") and isinstance(node.args[1], promql.StringLiteral):
        return found.add(frozenset({node.args[1].val}))
    return found.drop(frozenset({"le"})) if name in ("histogram_quantile", "histogram_fraction") else found


def _of_absence(argument: promql.Expr) -> ResultLabels:
    while isinstance(argument, promql.ParenExpr):
        argument = argument.expr
    if isinstance(argument, promql.MatrixSelector):
        argument = argument.vector_selector
    if not isinstance(argument, promql.VectorSelector):
        return _NONE
    equal = (m.name for m in argument.matchers.matchers if m.op == promql.MatchOp.Equal and m.value != "")
    return ResultLabels(frozenset(equal) - {"__name__"})


def _of_binary(node: promql.BinaryExpr) -> ResultLabels:
    if is_scalar(node.lhs) or is_scalar(node.rhs):
        return result_labels(node.rhs if is_scalar(node.lhs) else node.lhs)
    left, right = result_labels(node.lhs), result_labels(node.rhs)
    operator, modifier = str(node.op), node.modifier
    if operator in _SET_OPERATORS:
        return left
    if operator == "or":
        return left.union(right)
    if modifier is None:
        return left
    group = frozenset(modifier.group_labels or ())
    if modifier.card == promql.VectorMatchCardinality.ManyToOne:
        return left.add(frozenset(label for label in group if right.may_have(label)))
    if modifier.card == promql.VectorMatchCardinality.OneToMany:
        return right.add(frozenset(label for label in group if left.may_have(label)))
    if modifier.matching is None:
        return left
    labels = frozenset(modifier.matching.labels)
    on = modifier.matching.type == promql.LabelModifierType.Include
    return left.keep(labels) if on else left.drop(labels)
