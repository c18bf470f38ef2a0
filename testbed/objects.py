"""Objects that several parts of the monitoring stack need, as they are written to the cluster."""

from collections.abc import Mapping
from typing import Any

from testbed.api import Json


def namespace_object(name: str) -> Json:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def account(namespace: str, name: str, role: str) -> list[Json]:
    """A ServiceAccount that has the ClusterRole `role` in the whole cluster, and the namespace it is in."""
    return [
        namespace_object(namespace),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"testbed:{role}:{namespace}:{name}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        },
    ]


def everything(*kinds: str) -> Json:
    """Selectors of a spec that select every object of these kinds in every namespace."""
    # A missing selector selects nothing, an empty one everything.
    return {f"{kind}{what}": {} for kind in kinds for what in ("Selector", "NamespaceSelector")}


def with_spec(obj: Json, spec: Mapping[str, Any]) -> Json:
    """`obj` with the fields `spec` in place of those of its spec; a field that is None is taken away."""
    merged = {**obj["spec"], **spec}
    return {**obj, "spec": {field: value for field, value in merged.items() if value is not None}}
