"""Intake: which monitors are to be visited after what watches tell, and after what they do not tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from walletmon.controller import intake as intake_module
from walletmon.controller.client import ApiError, Client
from walletmon.controller.intake import Intake, stores
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.queue import WorkQueue
from walletmon.controller.resources import CHILDREN, MONITORS, Key, KubeObject, Resource, key_of

KEY = Key("wallets", "treasury")
SERVICE_MONITORS = CHILDREN["ServiceMonitor"]


def obj(resource: Resource, version: int, uid: str, name: str, **metadata: Any) -> KubeObject:
    common = {"namespace": "wallets", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {**common, **metadata}}


def monitor(version: int = 1, uid: str = "m-1") -> KubeObject:
    return obj(MONITORS, version, uid, "treasury")


def child(version: int = 2, uid: str = "c-1", owner: str | None = "m-1") -> KubeObject:
    reference = {"apiVersion": MONITORS.api_version, "kind": MONITORS.kind, "name": "treasury", "controller": True}
    owners = {} if owner is None else {"ownerReferences": [{**reference, "uid": owner}]}
    return obj(SERVICE_MONITORS, version, uid, "treasury.api", labels={"walletmon.dev/monitor": "treasury"}, **owners)


def definition(established: bool, resource: Resource = SERVICE_MONITORS) -> KubeObject:
    conditions = [{"type": "Established", "status": str(established)}]
    return {"metadata": {"name": resource.crd_name}, "status": {"conditions": conditions}}


class Apiserver:
    """What a list gives: everything put in `objects`, of a kind that is not `missing`."""

    def __init__(self) -> None:
        self.objects: dict[Resource, list[KubeObject]] = {}
        self.missing: set[Resource] = set()
        self.lists: list[tuple[Resource, str | None, str | None]] = []
        self.version = 10
        self.listed = asyncio.Event()

    async def list_all(
        self, resource: Resource, namespace: str | None, selector: str | None
    ) -> tuple[list[KubeObject], int]:
        self.lists.append((resource, namespace, selector))
        self.listed.set()
        if resource in self.missing:
            raise ApiError(404, "UnknownPath", "404 page not found")
        found = self.objects.get(resource, [])
        return [each for each in found if namespace in (None, key_of(each).namespace)], self.version


class Bench:
    def __init__(self, namespaces: tuple[str, ...] = ()) -> None:
        self.apiserver = Apiserver()
        self.queue = WorkQueue()
        self.monitors, self.children = stores()
        client = cast(Client, self.apiserver)
        self.intake = Intake(client, self.queue, self.monitors, self.children, namespaces, ControllerMetrics())

    async def visited(self) -> Key:
        key, _ = await asyncio.wait_for(self.queue.get(), 5)
        self.queue.done(key)
        return key


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """After the start, with a monitor that has a child and has been visited."""
    bench = Bench()
    bench.apiserver.objects = {MONITORS: [monitor()], SERVICE_MONITORS: [child()]}
    await bench.intake.start()
    assert await bench.visited() == KEY
    yield bench
    bench.queue.close()
    await bench.intake.close()


async def test_at_the_start_everything_is_known_and_every_monitor_visited(bench: Bench) -> None:
    assert bench.intake.synced
    assert all(store.synced for store in bench.children.values())
    assert bench.queue.idle
    selectors = {resource: selector for resource, _, selector in bench.apiserver.lists}
    assert selectors.pop(MONITORS) is None
    assert set(selectors.values()) == {"app.kubernetes.io/managed-by=walletmon"}


async def test_with_named_namespaces_only_those_are_listed() -> None:
    bench = Bench(("wallets", "other"))
    await bench.intake.start()
    assert {namespace for _, namespace, _ in bench.apiserver.lists} == {"wallets", "other"}


async def test_what_is_known_makes_no_work(bench: Bench) -> None:
    bench.intake.monitor_changed("MODIFIED", monitor())
    bench.intake.child_changed(SERVICE_MONITORS, "MODIFIED", child())
    assert bench.queue.idle


@pytest.mark.parametrize("happened", ["MODIFIED", "DELETED"])
async def test_news_of_a_child_is_a_visit_to_its_monitor(bench: Bench, happened: str) -> None:
    bench.intake.child_changed(SERVICE_MONITORS, happened, child(3))
    assert await bench.visited() == KEY


async def test_a_child_without_its_owner_is_known_by_its_label(bench: Bench) -> None:
    bench.intake.child_changed(SERVICE_MONITORS, "MODIFIED", child(3, owner=None))
    assert await bench.visited() == KEY


async def test_a_child_of_no_monitor_is_nobodys_work(bench: Bench) -> None:
    bench.intake.child_changed(SERVICE_MONITORS, "ADDED", child(3, uid="c-2", owner="m-other"))
    assert bench.queue.idle


async def test_a_monitor_that_went_is_visited_a_last_time(bench: Bench) -> None:
    bench.intake.monitor_changed("DELETED", monitor(3))
    assert await bench.visited() == KEY
    bench.intake.child_changed(SERVICE_MONITORS, "DELETED", child(4))
    assert bench.queue.idle


async def test_a_watch_that_begins_anew_has_the_missed_deletions_looked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_RELIST_AFTER", 0.0)
    other = obj(SERVICE_MONITORS, 5, "c-2", "treasury.other")
    bench.apiserver.objects[SERVICE_MONITORS] = [other]
    bench.intake.child_changed(SERVICE_MONITORS, None, other)
    assert await bench.visited() == KEY
    assert bench.children["ServiceMonitor"].get(key_of(child())) is None


async def test_a_kind_that_comes_back_is_visited_for_and_listed(bench: Bench) -> None:
    await bench.intake.kind_changed("ADDED", definition(established=True))
    await bench.intake.kind_changed("DELETED", definition(established=True))
    assert await bench.visited() == KEY
    assert not bench.children["ServiceMonitor"].synced
    bench.apiserver.objects[SERVICE_MONITORS] = [child(12, uid="c-2")]
    await bench.intake.kind_changed("MODIFIED", definition(established=False))
    assert bench.queue.idle
    await bench.intake.kind_changed("MODIFIED", definition(established=True))
    assert await bench.visited() == KEY
    # The list is news of its own.
    assert await bench.visited() == KEY
    assert bench.children["ServiceMonitor"].synced


async def test_what_happens_to_a_new_kind_before_it_is_watched_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only child is deleted before kopf watches its kind: kopf then lists nothing, and tells nothing."""
    monkeypatch.setattr(intake_module, "_LOOK_AT_NEW_KIND_AFTER", (0.0, 0.01))
    bench = Bench()
    bench.apiserver.objects[MONITORS] = [monitor()]
    bench.apiserver.missing.add(SERVICE_MONITORS)
    await bench.intake.start()
    assert await bench.visited() == KEY
    bench.apiserver.missing.clear()
    bench.apiserver.listed.clear()
    await bench.intake.kind_changed("ADDED", definition(established=True))
    assert await bench.visited() == KEY
    await asyncio.wait_for(bench.apiserver.listed.wait(), 5)
    bench.children["ServiceMonitor"].put(child())  # the answer to our own apply
    assert await bench.visited() == KEY
    assert len(bench.children["ServiceMonitor"]) == 0
    bench.queue.close()
    await bench.intake.close()


async def test_a_start_waits_until_everything_can_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "_RELIST_RETRY", 0.0)
    bench = Bench()
    failures = [ApiError(403, "Forbidden", "no"), ApiError(500, "InternalError", "etcd is away")]
    list_all = bench.apiserver.list_all

    async def failing(resource: Resource, namespace: str | None, selector: str | None) -> tuple[list[KubeObject], int]:
        if failures:
            raise failures.pop()
        return await list_all(resource, namespace, selector)

    monkeypatch.setattr(bench.apiserver, "list_all", failing)
    await bench.intake.start()
    assert failures == []
    assert bench.intake.synced
