"""What a visit does where the order of things matters; everything else is told by the tests on a real apiserver."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.class_choice import Choice
from walletmon.compiler.facts import ClusterFacts
from walletmon.controller.children import ChildKeeper
from walletmon.controller.events import EventRecorder
from walletmon.controller.intake import stores
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.queue import WorkQueue
from walletmon.controller.reconcile import Outcome, Reconciler, work
from walletmon.controller.resources import Key, KubeObject, Resource, Uid
from walletmon.controller.selection import Selection

KEY = Key("wallets", "treasury")


def monitor(generation: int, version: int) -> KubeObject:
    return {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitor",
        "metadata": {
            "namespace": KEY.namespace,
            "name": KEY.name,
            "uid": "uid-1",
            "generation": generation,
            "resourceVersion": str(version),
        },
        "spec": {"wallets": [{"name": f"hot-{generation}"}]},
    }


class Apiserver:
    """Keeps one monitor; children are stored as they are applied. Somebody may be faster than a status write."""

    def __init__(self, stored: KubeObject) -> None:
        self.stored = stored
        self.overtake_with: KubeObject | None = None
        self.statuses: list[dict[str, Any]] = []
        self.told_twice = asyncio.Event()
        self._version = 100

    def _stamped(self, obj: KubeObject) -> KubeObject:
        self._version += 1
        obj = copy.deepcopy(obj)
        obj["metadata"].setdefault("uid", f"uid-of-{obj['kind']}-{obj['metadata']['name']}")
        obj["metadata"]["resourceVersion"] = str(self._version)
        return obj

    async def get(self, resource: Resource, key: Key) -> KubeObject | None:
        return None

    async def apply(self, resource: Resource, body: KubeObject, *, force: bool) -> KubeObject:
        return self._stamped(body)

    async def remove_fields(self, resource: Resource, live: KubeObject, pointers: list[str]) -> KubeObject:
        raise AssertionError("nothing foreign here")

    async def delete(self, resource: Resource, live: KubeObject) -> None:
        return None

    async def apply_status(self, resource: Resource, key: Key, uid: Uid, status: dict[str, Any]) -> KubeObject:
        self.statuses.append(status)
        if len(self.statuses) == 2:
            self.told_twice.set()
        if self.overtake_with is not None:
            self.stored, self.overtake_with = self.overtake_with, None
        self.stored = self._stamped({**self.stored, "status": status})
        return self.stored

    async def create(self, resource: Resource, body: KubeObject) -> KubeObject:
        return self._stamped(body)


class NoClasses:
    known = True

    def choose(self, monitor: WalletMonitor) -> Choice:
        return Choice(MonitorClass())


class NothingKnown:
    async def of_monitor(self, key: Key, monitor: WalletMonitor | None) -> ClusterFacts:
        return ClusterFacts()

    def selection_of_monitor(
        self, live: KubeObject, monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts, bundle: Bundle
    ) -> Selection | None:
        return None


class Nobody:
    async def visit(self, key: Key) -> Outcome:
        raise AssertionError("there are no classes")


def reconciler_for(api: Apiserver) -> Reconciler:
    metrics = ControllerMetrics()
    monitors, children = stores()
    monitors.put(api.stored)
    events = EventRecorder(api, "test", lambda: 0.0)
    keeper = ChildKeeper(api, children, events, metrics)
    return Reconciler(api, monitors, keeper, NoClasses(), NothingKnown(), events, metrics)


async def test_a_spec_that_arrives_with_the_answer_to_a_status_write_is_visited() -> None:
    # The status is written for generation 1 while a user's generation 2 is already stored: the answer carries it, and
    # the watch event that would have told of it is older than that answer.
    api = Apiserver(monitor(generation=1, version=10))
    api.overtake_with = monitor(generation=2, version=11)
    reconciler = reconciler_for(api)
    assert await reconciler.visit(KEY) is Outcome.OVERTAKEN
    assert await reconciler.visit(KEY) is Outcome.CHANGED
    assert [status["observedGeneration"] for status in api.statuses] == [1, 2]
    assert await reconciler.visit(KEY) is Outcome.UNCHANGED


async def test_a_worker_visits_an_overtaken_monitor_again_by_itself() -> None:
    api = Apiserver(monitor(generation=1, version=10))
    api.overtake_with = monitor(generation=2, version=11)
    queue = WorkQueue()
    queue.add(KEY)
    worker = asyncio.create_task(work(queue, reconciler_for(api), Nobody(), ControllerMetrics()))
    async with asyncio.timeout(10):
        await api.told_twice.wait()
    worker.cancel()
    assert api.statuses[-1]["observedGeneration"] == 2
