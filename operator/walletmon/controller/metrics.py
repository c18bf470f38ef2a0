"""What the operator tells about itself on /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class ControllerMetrics:
    """One instance a process; each field is a metric of prometheus-client."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.reconciles = Counter(
            "walletmon_reconciles",
            "Visits to a monitor or a class, by how they ended (unchanged, changed, blocked, failed, overtaken, gone).",
            ["outcome"],
            registry=self.registry,
        )
        self.reconcile_seconds = Histogram(
            "walletmon_reconcile_duration_seconds",
            "Time one visit to a monitor or a class took.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.queue_depth = Gauge(
            "walletmon_queue_depth",
            "Monitors that wait to be visited (those that wait for a retry not counted).",
            registry=self.registry,
        )
        self.queue_seconds = Histogram(
            "walletmon_queue_wait_seconds",
            "Time a monitor waited to be visited.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.api_requests = Counter(
            "walletmon_api_requests",
            "Requests to the apiserver but watches, by method, resource and HTTP status (none: no answer).",
            ["method", "resource", "code"],
            registry=self.registry,
        )
        self.drift_repairs = Counter(
            "walletmon_drift_repairs",
            "Children that somebody had changed or deleted and that were put right.",
            ["kind"],
            registry=self.registry,
        )
        self.watch_events = Counter(
            "walletmon_watch_events", "Objects that watches reported.", ["resource"], registry=self.registry
        )
        self.last_watch_event = Gauge(
            "walletmon_watch_last_event_timestamp_seconds",
            "When a watch last reported an object; absent before the first.",
            ["resource"],
            registry=self.registry,
        )
        self.monitors = Gauge(
            "walletmon_monitors",
            "Monitors by their Ready condition (True, False, Unknown).",
            ["ready"],
            registry=self.registry,
        )
        for outcome in ("unchanged", "changed", "blocked", "failed", "overtaken", "gone"):
            self.reconciles.labels(outcome)
        for ready in ("True", "False", "Unknown"):
            self.monitors.labels(ready)
