"""What the apiserver asks of a monitor beyond the shapes of its fields, asked without an apiserver.

The schema in `crds/` is the source: its defaults, its lists whose items are told apart by keys, and its rules in CEL,
judged by the same language (Google's own implementation, with the regular expressions of RE2). So `walletmon lint` says
before a commit what `kubectl apply` would say after it, in the same words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from walletmon.api.crd import Schema, wallet_monitor_class_crd, wallet_monitor_crd
from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor_class import CLASS_KIND

if TYPE_CHECKING:
    from cel_expr_python import cel


def refusals(document: Mapping[str, Any]) -> list[Diagnostic]:
    """Why the apiserver would refuse `document`, a monitor or a class that `walletmon.api.parse` takes; in the order of
    the schema."""
    schema = _schema(str(document.get("kind")))
    return list(_judge(schema, _defaulted(schema, document), ""))


@cache
def _schema(kind: str) -> Schema:
    crd = wallet_monitor_class_crd() if kind == CLASS_KIND else wallet_monitor_crd()
    found: Schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    # The status is the operator's own: it is neither written nor judged here.
    return {**found, "properties": {name: each for name, each in found["properties"].items() if name != "status"}}


def _defaulted(schema: Schema, value: Any) -> Any:
    """A copy of `value` with the schema's defaults, and without nulls, which say that a field is not there."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        found = {name: each for name, each in value.items() if each is not None}
        for name, child in properties.items():
            if name not in found and "default" in child:
                found[name] = child["default"]
        return {name: _defaulted(properties.get(name, others), each) for name, each in found.items()}
    if isinstance(value, list):
        return [_defaulted(schema.get("items", {}), each) for each in value]
    return value


def _judge(schema: Schema, value: Any, path: str) -> Iterator[Diagnostic]:
    for rule in schema.get("x-kubernetes-validations", ()):
        if not _holds(rule["rule"], value):
            where = f"{path}{rule.get('fieldPath', '')}" or "metadata.name"
            yield Diagnostic(Code.INVALID_FIELD, where, rule["message"], "change it so that this holds")
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if name in value:
                yield from _judge(child, value[name], f"{path}.{name}" if path else name)
        if "additionalProperties" in schema:
            for name, each in value.items():
                yield from _judge(schema["additionalProperties"], each, f"{path}.{name}")
    elif isinstance(value, list):
        yield from _duplicates(schema, value, path)
        for index, each in enumerate(value):
            yield from _judge(schema["items"], each, f"{path}[{index}]")


def _duplicates(schema: Schema, items: list[Any], path: str) -> Iterator[Diagnostic]:
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("map", "set"):
        return
    seen: set[str] = set()
    for index, item in enumerate(items):
        identity = {key: item.get(key) for key in schema["x-kubernetes-list-map-keys"]} if kind == "map" else item
        text = json.dumps(identity, ensure_ascii=False, separators=(",", ":"))
        if text in seen:
            yield Diagnostic(
                Code.INVALID_FIELD, f"{path}[{index}]", f"Duplicate value: {text}", "give each its own, or leave it out"
            )
        seen.add(text)


def _holds(rule: str, value: Any) -> bool:
    result = _program(rule).eval(data={"self": value}).plain_value()
    if not isinstance(result, bool):
        raise TypeError(f"the rule {rule!r} of the schema gives {result!r}, not a truth value")
    return result


@cache
def _environment() -> cel.Env:
    # Only the command line judges rules by itself: who runs on a cluster has the apiserver for it.
    from cel_expr_python import cel

    return cel.NewEnv(variables={"self": cel.Type.DYN})


@cache
def _program(rule: str) -> cel.Expression:
    return _environment().compile(rule)
