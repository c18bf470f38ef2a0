"""One visit to one class: its own objects, and what its status says.

What a class decides about each monitor's objects happens in the visits to those monitors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from walletmon.api.diagnostic import Code
from walletmon.api.monitor_class import WalletMonitorClass, in_force
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.facts import ClusterFacts
from walletmon.controller.children import ChildKeeper, Settled
from walletmon.controller.classes import Classes
from walletmon.controller.client import KubernetesApi
from walletmon.controller.conditions import Observed, conditions
from walletmon.controller.enforcement import enforced
from walletmon.controller.events import EventRecorder
from walletmon.controller.findings import Fate
from walletmon.controller.reconcile import Outcome, log_diagnostics, outcome_of
from walletmon.controller.reporting import Reporter
from walletmon.controller.resources import CLASSES, Key, KubeObject
from walletmon.controller.situation import Situation


class ClassReconciler:
    """Visits classes."""

    def __init__(
        self,
        api: KubernetesApi,
        classes: Classes,
        keeper: ChildKeeper,
        situation: Situation,
        events: EventRecorder,
        monitors_of: Callable[[str, bool], int],
    ) -> None:
        """`monitors_of` says how many monitors name a class; if told so, those that name none as well."""
        self._classes = classes
        self._keeper = keeper
        self._situation = situation
        self._reporter = Reporter(api, CLASSES, events, classes.answered)
        self._monitors_of = monitors_of

    async def visit(self, key: Key) -> Outcome:
        """See the module's text. Raises ApiError or ApiUnreachable where the status itself could not be written."""
        live = self._classes.live(key.name)
        if live is None or "deletionTimestamp" in live["metadata"]:
            # Garbage collection deletes what it owns.
            self._keeper.forget(key)
            await self._situation.of_class(key, None)
            return Outcome.GONE
        facts = await self._situation.of_class(key, self._classes.understood(key.name))
        # Looking takes a while. All that follows is about the class as it is now.
        live, resource = self._classes.live(key.name), self._classes.understood(key.name)
        if live is None:
            return Outcome.GONE  # meanwhile; there is another visit for that
        bundle = self._classes.bundle(key.name, facts)
        self._classes.visited(key.name, bundle)
        settled = Settled() if bundle.objects is None else await self._keeper.settle_all(live, bundle.objects)
        wrote_status = await self._report(live, resource, bundle, facts, settled)
        current = self._classes.live(key.name)
        if current is not None and current["metadata"]["generation"] != live["metadata"]["generation"]:
            return Outcome.OVERTAKEN
        return outcome_of(settled, wrote_status)

    async def _report(
        self,
        live: KubeObject,
        resource: WalletMonitorClass | None,
        bundle: Bundle,
        facts: ClusterFacts,
        settled: Settled,
    ) -> bool:
        name = live["metadata"]["name"]
        class_ = None if resource is None else in_force(resource, self._classes.built_in)
        # The condition Enforced says it, and says it alone: `lint` has no conditions, so the compiler tells it too.
        further = tuple(each for each in bundle.diagnostics if each.code is not Code.UNENFORCED_RETENTION)
        seen = Observed(
            generation=live["metadata"]["generation"],
            suspended=False,
            bundle=replace(bundle, diagnostics=further),
            children=settled.outcomes,
            selection=None if class_ is None else self._situation.selection_of_class(live, class_, facts, bundle),
            enforced=None if resource is None else enforced(resource, facts),
        )
        old: dict[str, Any] = live.get("status") or {}
        new: dict[str, Any] = {
            "observedGeneration": seen.generation,
            "conditions": conditions(seen, old.get("conditions", ())),
            "monitors": self._monitors_of(name, self._classes.defaults[:1] == (name,)),
        }
        if bundle.objects is None:
            new.update({field: old[field] for field in ("resources",) if field in old})
        elif right := [c for c in seen.children if c.fate is Fate.RIGHT]:
            # Not an empty list: of one merged by keys the apiserver keeps nothing, and it would differ for ever.
            new["resources"] = sorted(
                ({"kind": c.kind, "namespace": c.namespace, "name": c.name} for c in right),
                key=lambda reference: (reference["kind"], reference["namespace"], reference["name"]),
            )
        if not await self._reporter.report(live, new):
            return False
        log_diagnostics(Key("", name), bundle.diagnostics, seen.generation, old)
        return True
