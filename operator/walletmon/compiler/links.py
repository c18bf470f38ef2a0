"""Addresses that one generated object says about another."""

from __future__ import annotations

from hashlib import sha256

from walletmon.api.monitor_class import MonitorClass


def overview_uid(namespace: str, monitor: str) -> str:
    """The uid of a monitor's overview dashboard: stable, unique, at most 40 characters (Grafana's limit)."""
    return f"wm-{sha256(f'{namespace}/{monitor}/overview'.encode()).hexdigest()[:32]}"


def runbook_url(class_: MonitorClass, alert: str) -> str:
    """Where the runbook of a pack's alert is."""
    return f"{class_.runbook_base_url}/{alert}"


def dashboard_url(class_: MonitorClass, namespace: str, monitor: str) -> str | None:
    """Where the monitor's overview is, None without Grafana: an annotation's template that picks the alert's wallet."""
    if class_.grafana_url is None:
        return None
    chosen = "{{ with $labels.wallet }}?var-wallet={{ . }}{{ end }}"
    return f"{class_.grafana_url.rstrip('/')}/d/{overview_uid(namespace, monitor)}{chosen}"
