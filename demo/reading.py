"""What Prometheus and Alertmanager say, from their HTTP APIs."""

from typing import Any

import urllib3

from testbed.api import Json
from testbed.errors import BedError

_TIMEOUT_S = 10.0


def _get(url: str, fields: dict[str, str] | None = None) -> Any:
    answer = urllib3.request("GET", url, fields=fields, timeout=_TIMEOUT_S)
    if answer.status != 200:
        raise BedError(f"GET {url} {fields or ''}: {answer.status} {answer.data.decode(errors='replace').strip()}")
    return answer.json()


class Prometheus:
    """Reads one Prometheus.

    Every method raises BedError when it answers with an error.
    """

    def __init__(self, url: str) -> None:
        """`url` without a path."""
        self.url = url

    def query(self, expr: str) -> list[Json]:
        """The instant vector that `expr` gives now: `metric` (labels) and `value` (time, text) each."""
        result: list[Json] = self._data("query", {"query": expr})["result"]
        return result

    def targets(self, **labels: str) -> list[Json]:
        """Active targets with these labels: `labels`, `discoveredLabels`, `health`, `lastError`, ..."""
        return [
            target for target in self._data("targets", {"state": "active"})["activeTargets"] if _has(target, labels)
        ]

    def alerts(self, *, firing: bool | None = None, **labels: str) -> list[Json]:
        """Alerts that are pending or firing (or, with `firing`, only those that fire or do not), with these labels."""
        return [
            alert
            for alert in self._data("alerts")["alerts"]
            if _has(alert, labels) and (firing is None or (alert["state"] == "firing") is firing)
        ]

    def rule_groups(self) -> list[Json]:
        """Loaded groups with their rules, each with `health` and `lastError`."""
        groups: list[Json] = self._data("rules")["groups"]
        return groups

    def _data(self, what: str, fields: dict[str, str] | None = None) -> Any:
        return _get(f"{self.url}/api/v1/{what}", fields)["data"]


class Alertmanager:
    """Reads one Alertmanager; raises BedError when it answers with an error."""

    def __init__(self, url: str) -> None:
        """`url` without a path."""
        self.url = url

    def alerts(self, **labels: str) -> list[Json]:
        """Alerts with these labels: `labels`, `status.state`, `receivers`, ..."""
        return [alert for alert in _get(f"{self.url}/api/v2/alerts") if _has(alert, labels)]

    def muted(self, **labels: str) -> list[Json]:
        """Alerts with these labels that some route has and does not tell; `status.mutedBy` names the time intervals."""
        groups = _get(f"{self.url}/api/v2/alerts/groups")
        alerts = [alert for group in groups for alert in group["alerts"]]
        return [alert for alert in alerts if alert["status"]["mutedBy"] and _has(alert, labels)]

    def config(self) -> str:
        """The configuration it runs on, as YAML."""
        return str(_get(f"{self.url}/api/v2/status")["config"]["original"])


def _has(item: Json, labels: dict[str, str]) -> bool:
    return all(item["labels"].get(name) == value for name, value in labels.items())
