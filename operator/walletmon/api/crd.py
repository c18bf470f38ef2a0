"""CustomResourceDefinitions from the models: the schema that the apiserver enforces is the one this package parses by.

pydantic's JSON schema is not a *structural* schema (Kubernetes wants every `$ref` inlined, one type a node, no
titles, no `anyOf: [X, null]`), so it is rewritten here. Two things are stricter than pydantic's output on purpose: a
field's own description wins over its class's, and a field without one is an error.
"""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel

from walletmon.api.base import GROUP, VERSION
from walletmon.api.monitor import KIND, PLURAL, WalletMonitor
from walletmon.api.monitor_class import CLASS_KIND, CLASS_PLURAL, DEFAULT_CLASS_ANNOTATION, WalletMonitorClass

Schema = dict[str, Any]

_DROPPED = ("title", "const")


class SchemaError(TypeError):
    """A model cannot be said as a structural schema; the message has the path."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """The structural OpenAPI v3 schema of `model`.

    Raises SchemaError where the model uses something that the apiserver does not take: unions, free-form values, a
    field
    without a description.
    """
    raw = model.model_json_schema(by_alias=True, mode="validation")
    if "metadata" in model.model_fields:
        # The apiserver's own part of every resource: it may be named in the schema, not described.
        raw["properties"] = {name: child for name, child in raw["properties"].items() if name in ("spec", "status")}
    return _structural(raw, raw.get("$defs", {}), model.__name__)


def _structural(node: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        return _structural(node, definitions, path)
    if "anyOf" in node:
        choices = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
        if len(choices) != 1:
            raise SchemaError(f"{path}: a union cannot be said in a structural schema")
        node = {**choices[0], **{key: value for key, value in node.items() if key != "anyOf"}}
        return _structural(node, definitions, path)

    # `default: null` would make the apiserver store nulls; a field that is not there says the same.
    out = {
        key: value
        for key, value in node.items()
        if key not in _DROPPED and key != "$defs" and not (key == "default" and value is None)
    }
    # Patterns of keys are not in the structural dialect: maps that need one carry a CEL rule as well.
    out.pop("propertyNames", None)
    if "const" in node:
        out["enum"] = [node["const"]]
    kind = out.get("type")
    if kind == "object":
        _structural_object(out, definitions, path)
    elif kind == "array":
        out["items"] = _structural(out["items"], definitions, f"{path}[]")
        if out.pop("uniqueItems", False):
            out["x-kubernetes-list-type"] = "set"
    elif kind == "integer":
        out["format"] = "int64"
    elif kind not in ("string", "boolean"):
        raise SchemaError(f"{path}: no single type ({kind!r})")
    return out


def _structural_object(out: Schema, definitions: dict[str, Schema], path: str) -> None:
    values = out.pop("additionalProperties", None)
    for of_pattern in out.pop("patternProperties", {}).values():
        values = of_pattern
    if "properties" in out:
        # Unknown fields: the apiserver refuses (strict) or prunes them by itself once the schema is structural.
        out["properties"] = {
            name: _structural(child, definitions, f"{path}.{name}") for name, child in out["properties"].items()
        }
        for name, child in out["properties"].items():
            if not child.get("description"):
                raise SchemaError(f"{path}.{name}: a field needs a description")
    elif isinstance(values, dict):
        out["additionalProperties"] = _structural(values, definitions, f"{path}.*")
    else:
        raise SchemaError(f"{path}: a free-form object cannot be said in a structural schema")


def wallet_monitor_crd() -> Schema:
    """The CustomResourceDefinition of WalletMonitor, ready to be applied."""
    columns: list[Schema] = [
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Wallets", "type": "integer", "jsonPath": ".status.wallets.total"},
        {"name": "Class", "type": "string", "jsonPath": ".status.class"},
        {"name": "Environment", "type": "string", "jsonPath": ".status.environment"},
        {"name": "Suspended", "type": "boolean", "jsonPath": ".spec.suspend", "priority": 1},
        _REASON,
        _AGE,
    ]
    return _crd(WalletMonitor, KIND, PLURAL, "wm", "Namespaced", columns)


def wallet_monitor_class_crd() -> Schema:
    """The CustomResourceDefinition of WalletMonitorClass, ready to be applied."""
    default = DEFAULT_CLASS_ANNOTATION.replace(".", "\\.")
    columns: list[Schema] = [
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Default", "type": "string", "jsonPath": f".metadata.annotations.{default}"},
        {"name": "Monitors", "type": "integer", "jsonPath": ".status.monitors"},
        _REASON,
        _AGE,
    ]
    return _crd(WalletMonitorClass, CLASS_KIND, CLASS_PLURAL, "wmc", "Cluster", columns)


_REASON: Schema = {
    "name": "Reason",
    "type": "string",
    "jsonPath": '.status.conditions[?(@.type=="Ready")].reason',
    "priority": 1,
}
_AGE: Schema = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _crd(model: type[BaseModel], kind: str, plural: str, short: str, scope: str, columns: list[Schema]) -> Schema:
    schema = structural_schema(model)
    schema["properties"] = {
        "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}"},
        "kind": {"type": "string", "description": kind},
        "metadata": {"type": "object"},
        **schema["properties"],
    }
    # kstatus takes an object with an empty status for finished: -1 says that nobody has looked yet.
    schema["properties"]["status"]["default"] = {"observedGeneration": -1}
    schema["required"] = ["spec"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["walletmon"],
            },
            "scope": scope,
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def crd_yaml(crd: Schema) -> str:
    """The text of a file in `crds/`; the same bytes each time."""
    head = "# Generated by `walletmon crds` from operator/walletmon/api. Do not edit.\n"
    return head + yaml.safe_dump(crd, sort_keys=False, width=120, allow_unicode=True)


def crds() -> dict[str, Schema]:
    """Every CustomResourceDefinition, by the name of its file in `crds/`."""
    return {
        "walletmonitors.yaml": wallet_monitor_crd(),
        "walletmonitorclasses.yaml": wallet_monitor_class_crd(),
    }
