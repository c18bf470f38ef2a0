"""Monitors with figures of seconds, and what the end-to-end tests ask about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from demo.stage import API_VERSION, Stage
from testbed import Json

TREASURY = "wallets-prod"
COLD = "wallets-cold"
SOON_S = 60.0


def monitor(namespace: str, name: str, **spec: Any) -> Json:
    """A monitor that evaluates its rules every second."""
    return {
        "apiVersion": API_VERSION,
        "kind": "WalletMonitor",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"evaluationInterval": "1s", **spec},
    }


def pods_target(name: str, labels: Mapping[str, str], **fields: Any) -> Json:
    """A target found by Pod, scraped every second."""
    pods = {"selector": {"matchLabels": dict(labels)}, "port": "metrics"}
    return {"name": name, "pods": pods, "interval": "1s", "timeout": "1s", **fields}


def static_target(name: str, addresses: Sequence[str], **fields: Any) -> Json:
    """A target at fixed addresses, scraped every second."""
    return {"name": name, "static": list(addresses), "interval": "1s", "timeout": "1s", **fields}


def add_namespace(stage: Stage, name: str, receivers: Sequence[str] = ()) -> None:
    """A namespace with a Secret `pager` that holds the URL of each receiver, `<namespace>-<receiver>` on the pager."""
    data = {receiver: stage.pager.url(f"{name}-{receiver}") for receiver in receivers}
    meta = {"name": "pager", "namespace": name}
    stage.bed.apply(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data},
        ]
    )


def receiver(name: str) -> Json:
    """A receiver of a monitor, whose URL is in the Secret `pager`."""
    return {"name": name, "webhook": {"urlSecret": {"name": "pager", "key": name}}}


def wait_until_ready(stage: Stage, namespace: str, name: str) -> None:
    """Until the monitor is Ready for its present generation."""
    stage.wait(f"{namespace}/{name} to be Ready", lambda: stage.is_ready(namespace, name), SOON_S)


def conditions(obj: Json) -> dict[str, tuple[str, str]]:
    """Status and message of each condition of a monitor or a class, by type."""
    return {each["type"]: (each["status"], each["message"]) for each in obj["status"]["conditions"]}


def wait_for_targets(stage: Stage, count: int, health: str = "up", **labels: str) -> list[Json]:
    """The active targets with these labels, once there are `count` of them and all have this health."""

    def there() -> list[Json] | None:
        found = stage.prometheus.targets(**labels)
        return found if len(found) == count and all(target["health"] == health for target in found) else None

    return stage.wait(f"{count} targets {labels} to be {health}", there, SOON_S)


def wait_for_series(
    stage: Stage, expr: str, right: Callable[[list[Json]], bool] = bool, timeout: float = SOON_S
) -> list[Json]:
    """What `expr` gives, once it is `right`."""

    def there() -> list[Json] | None:
        found = stage.prometheus.query(expr)
        return found if right(found) else None

    return stage.wait(f"{expr} to be right", there, timeout)


def rules_of(stage: Stage, name: str) -> list[Json]:
    """The loaded rules of a monitor: those of the groups named after it."""
    groups = stage.prometheus.rule_groups()
    return [rule for group in groups if group["name"].startswith(f"{name}.") for rule in group["rules"]]


def failing_rules(stage: Stage, name: str) -> dict[str, str]:
    """The errors of a monitor's rules by the rule's name, once every rule has been evaluated."""

    def evaluated() -> list[Json] | None:
        rules = rules_of(stage, name)
        return rules if all(rule["health"] != "unknown" for rule in rules) else None

    rules = stage.wait(f"every rule of {name} to be evaluated", evaluated, SOON_S)
    return {rule["name"]: rule["lastError"] for rule in rules if rule["health"] != "ok"}


def values(series: list[Json], label: str = "wallet") -> dict[str, float]:
    """Value by label."""
    return {str(each["metric"].get(label)): float(each["value"][1]) for each in series}
