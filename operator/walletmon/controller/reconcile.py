"""One visit to one monitor: read what should be and what is, write the difference, say how it stands.

A visit depends on nothing but the caches' present content, so it may come twice, late, or after anything was missed. It
writes nothing when nothing differs. The children of one visit are independent of each other: whatever happens to one,
the others are seen to, and the status tells of all.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import InvalidMonitor, parse_monitor
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.class_choice import Choice
from walletmon.compiler.compile import compile
from walletmon.compiler.environment import surroundings
from walletmon.compiler.facts import ClusterFacts
from walletmon.controller.cache import Store
from walletmon.controller.children import ChildKeeper, Settled
from walletmon.controller.client import ApiError, ApiUnreachable, KubernetesApi
from walletmon.controller.conditions import Observed, conditions
from walletmon.controller.events import EventRecorder
from walletmon.controller.findings import Fate
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.queue import WorkQueue
from walletmon.controller.reporting import Reporter
from walletmon.controller.resources import MONITORS, Key, KubeObject, key_of
from walletmon.controller.selection import Selection

logger = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How a visit ended."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    BLOCKED = "blocked"
    """Somebody has to do something; tried again now and then, since not all of that shows in a watch."""
    FAILED = "failed"
    OVERTAKEN = "overtaken"
    """The spec changed during the visit; visited once more at once."""
    GONE = "gone"

    @property
    def again(self) -> bool:
        """Whether the monitor has to be visited again by itself."""
        return self in (Outcome.BLOCKED, Outcome.FAILED)


class ClassChooser(Protocol):
    """Knows the classes."""

    @property
    def known(self) -> bool:
        """Whether they could be listed."""

    def choose(self, monitor: WalletMonitor) -> Choice:
        """The decisions in force for a monitor."""


class MonitorSituation(Protocol):
    """Knows what the cluster is like for a monitor."""

    async def of_monitor(self, key: Key, monitor: WalletMonitor | None) -> ClusterFacts:
        """The facts for a monitor (None: it is gone)."""

    def selection_of_monitor(
        self, live: KubeObject, monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts, bundle: Bundle
    ) -> Selection | None:
        """What the condition Selected is judged by."""


_CLASSES_UNKNOWN = Diagnostic(
    Code.UNKNOWN_CLASS,
    "spec.className",
    "WalletMonitorClasses cannot be listed, so nobody knows which is in force; what was made before stays",
    "give walletmon's ServiceAccount the right to list walletmonitorclasses (the Helm chart's ClusterRole has it)",
)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What a monitor says, and what follows from it; no class if none could be chosen."""

    monitor: WalletMonitor | None
    bundle: Bundle
    class_: MonitorClass | None = None
    facts: ClusterFacts = field(default_factory=ClusterFacts)


class Reconciler:
    """Visits monitors. Caches are given; they are read and told the answers to our own writes."""

    def __init__(
        self,
        api: KubernetesApi,
        monitors: Store,
        keeper: ChildKeeper,
        classes: ClassChooser,
        situation: MonitorSituation,
        events: EventRecorder,
        metrics: ControllerMetrics,
    ) -> None:
        self._monitors = monitors
        self._keeper = keeper
        self._classes = classes
        self._situation = situation
        self._reporter = Reporter(api, MONITORS, events, monitors.put)
        self._metrics = metrics
        self._ready: dict[Key, str] = {}

    async def visit(self, key: Key) -> Outcome:
        """See the module's text. Raises ApiError or ApiUnreachable where the status itself could not be written."""
        live = self._monitors.get(key)
        if live is None or "deletionTimestamp" in live["metadata"]:
            # Garbage collection deletes the children by their owner references; there is nobody to report to.
            self._keeper.forget(key)
            await self._situation.of_monitor(key, None)
            self._count_ready(key, None)
            return Outcome.GONE
        compiled = await self._compiled(key, live)
        bundle = compiled.bundle
        settled = Settled() if bundle.objects is None else await self._keeper.settle_all(live, bundle.objects)
        seen = Observed(
            generation=live["metadata"]["generation"],
            suspended=compiled.monitor is not None and compiled.monitor.spec.suspend,
            bundle=bundle,
            children=settled.outcomes,
            selection=self._selection(live, compiled),
        )
        wrote_status = await self._report(live, compiled, seen)
        current = self._monitors.get(key)
        if current is not None and current["metadata"]["generation"] != seen.generation:
            # The answer to the status write brought a spec that we have not seen. Its watch event will be no news to
            # the cache any more, so nobody but us would have it visited.
            return Outcome.OVERTAKEN
        return outcome_of(settled, wrote_status)

    async def _compiled(self, key: Key, live: KubeObject) -> _Compiled:
        try:
            monitor = parse_monitor(live)
        except InvalidMonitor as error:
            # Stored before the schema became stricter, or past it: the apiserver refuses such documents now.
            return _Compiled(None, Bundle.rejected(error.diagnostics))
        if not self._classes.known:
            return _Compiled(monitor, Bundle.rejected([_CLASSES_UNKNOWN]))
        choice = self._classes.choose(monitor)
        facts = await self._situation.of_monitor(key, monitor)
        if choice.class_ is None:
            return _Compiled(monitor, Bundle.rejected([] if choice.problem is None else [choice.problem]), None, facts)
        return _Compiled(monitor, compile(monitor, choice.class_, facts), choice.class_, facts)

    def _selection(self, live: KubeObject, compiled: _Compiled) -> Selection | None:
        if compiled.monitor is None or compiled.class_ is None:
            return None
        return self._situation.selection_of_monitor(
            live, compiled.monitor, compiled.class_, compiled.facts, compiled.bundle
        )

    async def _report(self, live: KubeObject, compiled: _Compiled, seen: Observed) -> bool:
        """Write the status if it differs from what stands there; whether it did."""
        old: dict[str, Any] = live.get("status") or {}
        new: dict[str, Any] = {
            "observedGeneration": seen.generation,
            "conditions": conditions(seen, old.get("conditions", ())),
        }
        monitor, class_ = compiled.monitor, compiled.class_
        if monitor is None or class_ is None or seen.bundle.objects is None:
            # What is in force is still what the last accepted spec asked for.
            new.update({name: old[name] for name in ("class", "environment", "wallets", "resources") if name in old})
        else:
            where = surroundings(monitor, class_, compiled.facts)
            new.update({} if class_.name is None else {"class": class_.name})
            new.update({} if where.name is None else {"environment": where.name})
            new["wallets"] = {"total": len(monitor.spec.wallets)}
            # Not an empty list: of one merged by keys the apiserver keeps nothing, and it would differ for ever.
            if right := [c for c in seen.children if c.fate is Fate.RIGHT]:
                new["resources"] = sorted(
                    ({"kind": c.kind, "name": c.name} for c in right),
                    key=lambda reference: (reference["kind"], reference["name"]),
                )
        key = key_of(live)
        self._count_ready(key, new["conditions"][0]["status"])
        if not await self._reporter.report(live, new):
            return False
        log_diagnostics(key, seen.bundle.diagnostics, seen.generation, old)
        return True

    def _count_ready(self, key: Key, status: str | None) -> None:
        if status is None:
            self._ready.pop(key, None)
        else:
            self._ready[key] = status
        counts = Counter(self._ready.values())
        for value in ("True", "False", "Unknown"):
            self._metrics.monitors.labels(value).set(counts[value])


def outcome_of(settled: Settled, wrote_status: bool) -> Outcome:
    """How a visit ended, by what became of the children."""
    fates = {child.fate for child in settled.outcomes} - {Fate.RIGHT}
    if Fate.FAILED in fates:
        return Outcome.FAILED
    if fates:
        return Outcome.BLOCKED
    return Outcome.CHANGED if settled.wrote or wrote_status else Outcome.UNCHANGED


def log_diagnostics(key: Key, diagnostics: tuple[Diagnostic, ...], generation: int, old: dict[str, Any]) -> None:
    """Log what was found, once for each generation: `old` is the status that stood there before."""
    if old.get("observedGeneration") == generation:
        return  # told when this generation was first seen
    for diagnostic in diagnostics:
        logger.warning(
            f"{_kind(key)} has a finding",
            extra={
                _kind(key): str(key),
                "code": diagnostic.code.value,
                "path": diagnostic.path,
                "finding": diagnostic.message,
            },
        )


class Visitor(Protocol):
    """Visits what keys stand for."""

    async def visit(self, key: Key) -> Outcome:
        """Visit one; how that ended."""


async def work(queue: WorkQueue, monitors: Visitor, classes: Visitor, metrics: ControllerMetrics) -> None:
    """Visit one key after the other, for ever. A visit that fails, however it fails, is repeated; a worker never
    ends. A key without a namespace is a class's."""
    while True:
        key, waited = await queue.get()
        metrics.queue_seconds.observe(waited)
        with metrics.reconcile_seconds.time():
            outcome = await _attempt(monitors if key.namespace else classes, key)
        metrics.reconciles.labels(outcome.value).inc()
        metrics.queue_depth.set(queue.depth)
        if outcome is Outcome.OVERTAKEN:
            queue.add(key)
        if outcome.again:
            delay = queue.retry(key)
            logger.info(
                "visit again", extra={_kind(key): str(key), "outcome": outcome.value, "delay_seconds": round(delay, 1)}
            )
        else:
            queue.done(key)


def _kind(key: Key) -> str:
    return "monitor" if key.namespace else "class"


async def _attempt(visitor: Visitor, key: Key) -> Outcome:
    try:
        return await visitor.visit(key)
    except (ApiError, ApiUnreachable) as error:
        logger.warning("visit failed", extra={_kind(key): str(key), "error": str(error)})
    except Exception:
        # Whatever it is, it must not take the other monitors' worker down; it is loud, counted, and tried again.
        logger.exception("visit failed unexpectedly", extra={_kind(key): str(key)})
    return Outcome.FAILED
