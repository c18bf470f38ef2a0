"""Grafana dashboards of a monitor, as ConfigMaps that Grafana's sidecar picks up.

A dashboard is built once for each *shape* (see `shape.Shape`) under the names of nobody, and a monitor's names are put
in their places: building takes some milliseconds, importing the library 0.1 s, and there may be thousands of monitors.
Names of monitors and namespaces are DNS labels, so they stand in JSON and PromQL as they are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import DashboardPolicy, MonitorClass
from walletmon.compiler.bundle import Part
from walletmon.compiler.dashboards.shape import Shape, shape_of
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.links import overview_uid
from walletmon.compiler.objects import child
from walletmon.compiler.thresholds import metric_of
from walletmon.language.promql import Scope, scope_query

OVERVIEW = "overview"
SIDECAR_LABELS = {"grafana_dashboard": "1"}
"""What the dashboard sidecar of the Grafana charts selects by, unless it is told otherwise."""

_NAMESPACE, _MONITOR, _UID = (f"walletmon-dashboard-{name}-5c1e" for name in ("namespace", "monitor", "uid"))


def dashboard_objects(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts | None = None) -> Part:
    """The monitor's dashboards: the overview `<monitor>.overview`.

    The data key says namespace and monitor too, because the sidecar puts the files of all ConfigMaps into one folder.
    """
    name, namespace = monitor.metadata.name, monitor.metadata.namespace
    names = {_NAMESPACE: namespace, _MONITOR: name, _UID: overview_uid(namespace, name)}
    # In one go: a monitor may be called as one of the sentinels.
    shape = shape_of(monitor, class_, (facts or ClusterFacts()).catalogue)
    text = _PLACES.sub(lambda place: names[place.group()], _template(shape))
    content = {"data": {f"{namespace}.{name}.{OVERVIEW}.json": text}}
    policy = class_.spec.dashboards or DashboardPolicy()
    labels = SIDECAR_LABELS if policy.labels is None else policy.labels
    annotations = {} if policy.folder is None else {policy.folder_annotation: policy.folder}
    full_name = f"{name}.{OVERVIEW}"
    return Part([child("v1", "ConfigMap", full_name, monitor, class_, content, labels=labels, annotations=annotations)])


_PLACES = re.compile("|".join((_NAMESPACE, _MONITOR, _UID)))


@lru_cache(maxsize=64)
def _template(shape: Shape) -> str:
    # The dashboard library is heavy, and an operator without monitors never needs it.
    from walletmon.compiler.dashboards import overview
    from walletmon.compiler.dashboards.board import Board

    where = Scope(_NAMESPACE, _MONITOR)
    recorded = {metric_of(name): None for name, figure in shape.limits if figure is None}
    board = Board(shape, lambda expr: scope_query(expr, where, recorded))
    return overview.build(board, title=f"Wallets / {_NAMESPACE} / {_MONITOR}", uid=_UID)
