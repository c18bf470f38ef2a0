"""From what happens in the cluster to which monitors are to be visited.

The one place where watches, lists and kinds that come and go meet: it feeds the caches and, where something was news,
puts the monitor concerned in the queue. Starting, it lists everything once, so that there is a moment from which on
the caches are complete and deleting is safe; kopf's handlers cannot tell that moment.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from walletmon.controller.cache import Store
from walletmon.controller.client import ApiError, ApiUnreachable, Client
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.queue import Priority, WorkQueue
from walletmon.controller.resources import (
    CHILD_SELECTOR,
    CHILDREN,
    MONITORS,
    Key,
    KubeObject,
    Resource,
    Uid,
    key_of,
    owner_key_of,
    owner_of,
    uid_of,
)

_RELIST_AFTER = 1.0
_RELIST_RETRY = 2.0
# kopf begins to watch a new kind some time after it came and does not tell when; no watch reports what happens before.
_LOOK_AT_NEW_KIND_AFTER = (0.0, 5.0, 15.0, 45.0)

logger = logging.getLogger(__name__)


class Intake:
    """See the module's text."""

    def __init__(
        self,
        client: Client,
        queue: WorkQueue,
        monitors: Store,
        children: Mapping[str, Store],
        namespaces: Sequence[str],
        metrics: ControllerMetrics,
    ) -> None:
        self._classes: Callable[[], Iterable[str]] = tuple
        self._class_of: Callable[[Uid], Key | None] = lambda _: None
        self._client = client
        self._queue = queue
        self._monitors = monitors
        self._children = children
        self._scopes: list[str | None] = list(namespaces) or [None]
        self._metrics = metrics
        self._key_of_uid: dict[Uid, Key] = {}
        self._relisting: dict[Resource, asyncio.Task[None]] = {}
        self._new_kinds: dict[Resource, asyncio.Task[None]] = {}
        self._established: dict[str, bool] = {}

    @property
    def synced(self) -> bool:
        """Whether the caches are complete (kinds that the cluster does not have count as complete)."""
        return self._monitors.synced

    async def start(self) -> None:
        """List everything, as often as it takes, and have every monitor visited."""
        while True:
            try:
                await asyncio.gather(*(self._list(store) for store in self._children.values()))
                await self._list(self._monitors)
            except (ApiError, ApiUnreachable) as error:
                logger.warning("cannot list yet", extra={"error": str(error), "delay_seconds": _RELIST_RETRY})
                await asyncio.sleep(_RELIST_RETRY)
            else:
                break
        for key in self._monitors:
            self._queue.add(key, Priority.RESYNC)
        counts = {store.resource.plural: len(store) for store in (self._monitors, *self._children.values())}
        logger.info("caches are complete", extra=counts)

    async def resync(self, interval: float) -> None:
        """Every `interval` seconds, give or take a tenth, list everything anew and visit every monitor."""
        while True:
            await asyncio.sleep(interval * random.uniform(0.9, 1.1))  # noqa: S311 - spreading load is no secret
            for store in (*self._children.values(), self._monitors):
                self._relist(store.resource, after=0.0)
            await asyncio.gather(*self._relisting.values())
            for key in (*self._monitors, *(Key("", name) for name in self._classes())):
                self._queue.add(key, Priority.RESYNC)

    def monitor_changed(self, happened: str | None, obj: KubeObject) -> None:
        """A watch reported a monitor."""
        self._saw(MONITORS, happened)
        news = self._monitors.discard(obj) if happened == "DELETED" else self._monitors.put(obj)
        if news:
            self._monitor_news([obj], Priority.RESYNC if happened is None else Priority.LIVE)

    def know_classes(self, names: Callable[[], Iterable[str]], of_uid: Callable[[Uid], Key | None]) -> None:
        """Where to ask for the names of all classes, and for the class with a uid: they have objects and visits too."""
        self._classes = names
        self._class_of = of_uid

    def class_changed(self, name: str, nameless: bool) -> None:
        """A class is another now, or gone; `nameless`: that concerns monitors that name no class."""
        self._queue.add(Key("", name))
        for key in self._monitors:
            monitor = self._monitors.get(key)
            named = None if monitor is None else monitor["spec"].get("className")
            if named == name or (named is None and nameless):
                self._queue.add(key)

    def monitors_of(self, name: str, nameless: bool) -> int:
        """How many monitors name a class; with `nameless`, those that name none as well."""
        named = ((self._monitors.get(key) or {"spec": {}})["spec"].get("className") for key in self._monitors)
        return sum(1 for each in named if each == name or (each is None and nameless))

    def cluster_changed(self, namespace: str | None) -> None:
        """Labels of a namespace are others now, or (None) what selects our objects."""
        self.packs_changed(namespace)
        for name in self._classes():
            self._queue.add(Key("", name))

    def look_again(self, key: Key) -> None:
        """Something that a monitor or class names came or went."""
        self._queue.add(key)

    def packs_changed(self, namespace: str | None) -> None:
        """The packs that monitors of a namespace (None: of all) can use are others now."""
        for key in self._monitors:
            if namespace is None or key.namespace == namespace:
                self._queue.add(key)

    def child_changed(self, resource: Resource, happened: str | None, obj: KubeObject) -> None:
        """A watch reported a child."""
        self._saw(resource, happened)
        store = self._children[resource.kind]
        news = store.discard(obj) if happened == "DELETED" else store.put(obj)
        if news:
            self._child_news([obj])

    async def kind_changed(self, happened: str | None, crd: KubeObject) -> None:
        """A watch reported a CustomResourceDefinition."""
        for store in (self._monitors, *self._children.values()):
            if store.resource.crd_name == crd["metadata"]["name"]:
                await self._kind_news(store, happened != "DELETED" and _established(crd))

    async def close(self) -> None:
        """Stop what is under way."""
        tasks = [*self._new_kinds.values(), *self._relisting.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _kind_news(self, store: Store, established: bool) -> None:
        before = self._established.get(store.resource.crd_name)
        self._established[store.resource.crd_name] = established
        if established and before is False:
            logger.info("kind is available", extra={"kind": store.resource.kind})
            self._new_kinds[store.resource] = asyncio.create_task(self._look_at_new_kind(store.resource))
            for key in self._monitors:
                self._queue.add(key)
        elif not established and before:
            logger.warning("kind is gone", extra={"kind": store.resource.kind})
            gone = store.clear()
            if store is self._monitors:
                self._monitor_news(gone, Priority.LIVE)
            else:
                self._child_news(gone)

    async def _look_at_new_kind(self, resource: Resource) -> None:
        for delay in _LOOK_AT_NEW_KIND_AFTER:
            await asyncio.sleep(delay)
            self._relist(resource, after=0.0)

    def _saw(self, resource: Resource, happened: str | None) -> None:
        self._metrics.watch_events.labels(resource.plural).inc()
        self._metrics.last_watch_event.labels(resource.plural).set(time.time())
        if happened is None and self._children_or_monitors(resource).synced:
            # kopf lists when a watch begins, or begins anew after an outage, and does not tell what it found missing.
            self._relist(resource, after=_RELIST_AFTER)

    def _children_or_monitors(self, resource: Resource) -> Store:
        return self._monitors if resource is MONITORS else self._children[resource.kind]

    def _relist(self, resource: Resource, after: float) -> None:
        task = self._relisting.get(resource)
        if task is None or task.done():
            self._relisting[resource] = asyncio.create_task(self._relist_until_done(resource, after))

    async def _relist_until_done(self, resource: Resource, after: float) -> None:
        delay = after
        while True:
            await asyncio.sleep(delay)
            try:
                await self._list(self._children_or_monitors(resource))
            except (ApiError, ApiUnreachable) as error:
                delay = _RELIST_RETRY
                logger.warning("cannot list", extra={"resource": resource.plural, "error": str(error)})
            else:
                return

    async def _list(self, store: Store) -> None:
        resource = store.resource
        selector = None if resource is MONITORS else CHILD_SELECTOR
        for namespace in self._scopes:
            try:
                objects, version = await self._client.list_all(resource, namespace, selector)
            except ApiError as error:
                if not error.kind_missing:
                    raise
                self._established.setdefault(resource.crd_name, False)
                continue
            news = store.replace(objects, version, namespace)
            if resource is MONITORS:
                self._monitor_news(news, Priority.RESYNC)
            else:
                self._child_news(news)
        store.synced = True

    def _monitor_news(self, monitors: Iterable[KubeObject], priority: Priority) -> None:
        for monitor in monitors:
            key = key_of(monitor)
            if self._monitors.get(key) is None:
                self._key_of_uid.pop(uid_of(monitor), None)
            else:
                self._key_of_uid[uid_of(monitor)] = key
            self._queue.add(key, priority)
            # Classes say how many monitors they are in force for. After the monitors: many may come at once.
            for name in self._classes():
                self._queue.add(Key("", name), Priority.RESYNC)
        self._metrics.queue_depth.set(self._queue.depth)

    def _child_news(self, children: Iterable[KubeObject]) -> None:
        for child in children:
            owner = owner_of(child)
            key = owner_key_of(child) if owner is None else self._key_of_uid.get(owner) or self._class_of(owner)
            if key is not None and (not key.namespace or self._monitors.get(key) is not None):
                self._queue.add(key)
        self._metrics.queue_depth.set(self._queue.depth)


def stores() -> tuple[Store, dict[str, Store]]:
    """Empty caches: of monitors, and of each kind of child."""
    return Store(MONITORS), {kind: Store(resource) for kind, resource in CHILDREN.items()}


def _established(crd: KubeObject) -> bool:
    conditions = crd.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)
