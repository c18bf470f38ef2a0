"""What the platform team decides for all monitors: how objects are labelled, where pages about alerts are.

One built-in class is in force; the operator's command line fills it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RUNBOOKS = "https://walletmon.dev/runbooks"


@dataclass(frozen=True, slots=True)
class MonitorClass:
    """Decisions of the platform team that every monitor's objects follow."""

    object_labels: dict[str, str] = field(default_factory=dict)
    """Labels put on every child, because the cluster's Prometheus selects by them (`release: ...`)."""

    runbook_base_url: str = RUNBOOKS
    """Address under which the runbook pages of the packs' alerts are, without a slash at the end."""

    grafana_url: str | None = None
    """Address of Grafana; alerts then carry a link to the monitor's dashboard."""

    packs_namespace: str | None = None
    """Namespace whose ConfigMaps with packs all monitors can use."""
