"""One visit to one monitor: read what should be and what is, write the difference, say how it stands.

A visit depends on nothing but the caches' present content, so it may come twice, late, or after anything was missed. It
writes nothing when nothing differs. The children of one visit are independent of each other: whatever happens to one,
the others are seen to, and the status tells of all.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from walletmon.api.diagnostic import Diagnostic
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import InvalidMonitor, parse_monitor
from walletmon.api.status import ConditionType
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.compile import compile
from walletmon.compiler.facts import ClusterFacts
from walletmon.controller.cache import Store
from walletmon.controller.children import ChildKeeper
from walletmon.controller.client import ApiError, ApiUnreachable, KubernetesApi
from walletmon.controller.conditions import ChildOutcome, Fate, Observed, conditions
from walletmon.controller.events import EventRecorder
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.queue import WorkQueue
from walletmon.controller.resources import CHILDREN, MONITORS, Key, KubeObject, key_of, uid_of

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


@dataclass(frozen=True, slots=True)
class _Settled:
    """What became of a monitor's children in one visit."""

    outcomes: tuple[ChildOutcome, ...]
    wrote: bool


class Reconciler:
    """Visits monitors. Caches are given; they are read and told the answers to our own writes. `facts` gives what is
    known of the cluster for a monitor in a namespace."""

    def __init__(
        self,
        api: KubernetesApi,
        monitors: Store,
        children: Mapping[str, Store],
        class_: MonitorClass,
        facts: Callable[[str], ClusterFacts],
        events: EventRecorder,
        metrics: ControllerMetrics,
    ) -> None:
        self._api = api
        self._monitors = monitors
        self._children = children
        self._class = class_
        self._facts = facts
        self._events = events
        self._metrics = metrics
        self._keeper = ChildKeeper(api, children, events, metrics)
        self._ready: dict[Key, str] = {}

    async def visit(self, key: Key) -> Outcome:
        """See the module's text. Raises ApiError or ApiUnreachable where the status itself could not be written."""
        live = self._monitors.get(key)
        if live is None or "deletionTimestamp" in live["metadata"]:
            # Garbage collection deletes the children by their owner references; there is nobody to report to.
            self._keeper.forget(key)
            self._count_ready(key, None)
            return Outcome.GONE
        monitor, bundle = self._compiled(live)
        settled = await self._settle(live, bundle)
        seen = Observed(
            generation=live["metadata"]["generation"],
            suspended=monitor is not None and monitor.spec.suspend,
            bundle=bundle,
            children=settled.outcomes,
        )
        wrote_status = await self._report(live, monitor, seen)
        current = self._monitors.get(key)
        if current is not None and current["metadata"]["generation"] != seen.generation:
            # The answer to the status write brought a spec that we have not seen. Its watch event will be no news to
            # the cache any more, so nobody but us would have it visited.
            return Outcome.OVERTAKEN
        fates = {child.fate for child in settled.outcomes} - {Fate.RIGHT}
        if Fate.FAILED in fates:
            return Outcome.FAILED
        if fates:
            return Outcome.BLOCKED
        return Outcome.CHANGED if settled.wrote or wrote_status else Outcome.UNCHANGED

    def _compiled(self, live: KubeObject) -> tuple[WalletMonitor | None, Bundle]:
        try:
            monitor = parse_monitor(live)
        except InvalidMonitor as error:
            # Stored before the schema became stricter, or past it: the apiserver refuses such documents now.
            return None, Bundle.rejected(error.diagnostics)
        return monitor, compile(monitor, self._class, self._facts(monitor.metadata.namespace))

    async def _settle(self, live: KubeObject, bundle: Bundle) -> _Settled:
        if bundle.objects is None:
            return _Settled((), wrote=False)
        visits = [self._keeper.settle(live, desired) for desired in bundle.objects]
        desired_keys = {(desired["kind"], key_of(desired)) for desired in bundle.objects}
        for kind, store in self._children.items():
            if store.synced:
                visits += [
                    self._keeper.remove(live, CHILDREN[kind], child)
                    for child in store.owned_by(uid_of(live))
                    if (kind, key_of(child)) not in desired_keys
                ]
        results = await asyncio.gather(*visits)
        outcomes = tuple(outcome for outcome, _ in results if outcome is not None)
        return _Settled(outcomes, wrote=any(wrote for _, wrote in results))

    async def _report(self, live: KubeObject, monitor: WalletMonitor | None, seen: Observed) -> bool:
        """Write the status if it differs from what stands there; whether it did."""
        old: dict[str, Any] = live.get("status") or {}
        new: dict[str, Any] = {
            "observedGeneration": seen.generation,
            "conditions": conditions(seen, old.get("conditions", ())),
        }
        if monitor is None or seen.bundle.objects is None:
            # What is in force is still what the last accepted spec asked for.
            new.update({name: old[name] for name in ("wallets", "resources") if name in old})
        else:
            new["wallets"] = {"total": len(monitor.spec.wallets)}
            new["resources"] = sorted(
                ({"kind": c.kind, "name": c.name} for c in seen.children if c.fate is Fate.RIGHT),
                key=lambda reference: (reference["kind"], reference["name"]),
            )
        key = key_of(live)
        ready = new["conditions"][0]
        self._count_ready(key, ready["status"])
        if new == old:
            return False
        answer = await self._write_status(key, live, new)
        if answer is None:
            return False
        self._log_diagnostics(key, seen.bundle.diagnostics, seen.generation, old)
        before = next((c for c in old.get("conditions", ()) if c["type"] == ConditionType.READY), None)
        await self._events.judged(live, before, ready)
        return True

    async def _write_status(self, key: Key, live: KubeObject, status: dict[str, Any]) -> KubeObject | None:
        try:
            answer = await self._api.apply_status(MONITORS, key, uid_of(live), status)
        except ApiError as error:
            if error.status == 404 and not error.kind_missing:
                return None  # deleted meanwhile; its watch event ends the matter
            raise
        self._monitors.put(answer)
        return answer

    def _log_diagnostics(
        self, key: Key, diagnostics: tuple[Diagnostic, ...], generation: int, old: dict[str, Any]
    ) -> None:
        if old.get("observedGeneration") == generation:
            return  # told when this generation was first seen
        for diagnostic in diagnostics:
            logger.warning(
                "monitor has a finding",
                extra={
                    "monitor": str(key),
                    "code": diagnostic.code.value,
                    "path": diagnostic.path,
                    "finding": diagnostic.message,
                },
            )

    def _count_ready(self, key: Key, status: str | None) -> None:
        if status is None:
            self._ready.pop(key, None)
        else:
            self._ready[key] = status
        counts = Counter(self._ready.values())
        for value in ("True", "False", "Unknown"):
            self._metrics.monitors.labels(value).set(counts[value])


async def work(queue: WorkQueue, reconciler: Reconciler, metrics: ControllerMetrics) -> None:
    """Visit one key after the other, for ever. A visit that fails, however it fails, is repeated; a worker never
    ends."""
    while True:
        key, waited = await queue.get()
        metrics.queue_seconds.observe(waited)
        with metrics.reconcile_seconds.time():
            outcome = await _attempt(reconciler, key)
        metrics.reconciles.labels(outcome.value).inc()
        metrics.queue_depth.set(queue.depth)
        if outcome is Outcome.OVERTAKEN:
            queue.add(key)
        if outcome.again:
            delay = queue.retry(key)
            logger.info(
                "visit again", extra={"monitor": str(key), "outcome": outcome.value, "delay_seconds": round(delay, 1)}
            )
        else:
            queue.done(key)


async def _attempt(reconciler: Reconciler, key: Key) -> Outcome:
    try:
        return await reconciler.visit(key)
    except (ApiError, ApiUnreachable) as error:
        logger.warning("visit failed", extra={"monitor": str(key), "error": str(error)})
    except Exception:
        # Whatever it is, it must not take the other monitors' worker down; it is loud, counted, and tried again.
        logger.exception("visit failed unexpectedly", extra={"monitor": str(key)})
    return Outcome.FAILED
