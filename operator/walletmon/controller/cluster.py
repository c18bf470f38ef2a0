"""What the cluster is like, as far as monitors depend on it: namespaces, and who selects what we make.

Prometheus and Alertmanager objects are read, never written. prometheus-operator writes their status all the time; what
counts here is their spec and whether it could be carried out, so a visit follows only where that changed. Without the
right to look the answer is not "nothing there" but "not known", and the monitors' conditions say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from walletmon.controller.cache import Store
from walletmon.controller.client import ApiError, ApiUnreachable, Client
from walletmon.controller.reflector import Reflector
from walletmon.controller.resources import (
    ALERTMANAGERS,
    NAMESPACES,
    PROMETHEUSES,
    KubeObject,
    Resource,
    Uid,
    key_of,
    uid_of,
)

_RETRY = 2.0

logger = logging.getLogger(__name__)

Changed = Callable[[str | None], None]
"""Is told the namespace whose monitors are concerned; None: all of them."""


class Watched:
    """All objects of one kind, and a call when one of them changed in what counts."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        essence: Callable[[KubeObject], Any],
        changed: Callable[[str], None],
        known: Callable[[], None],
    ) -> None:
        """`essence` gives what counts of an object; `changed` is told the object's name, `known` when they can be
        listed at last: that there is none is news as well."""
        self.store = Store(resource)
        self._reflector = Reflector(client, self.store, (), None, self._news)
        self._essence = essence
        self._changed = changed
        self._known = known
        self._was_known = False
        self._seen: dict[Uid, Any] = {}

    async def start(self) -> None:
        """List them, as often as it takes to know them, or to know that they cannot be known: what was made with their
        knowledge would be made otherwise without."""
        while True:
            try:
                await self._reflector.fill()
            except (ApiError, ApiUnreachable) as error:
                logger.warning("cannot list", extra={"resource": self.store.resource.plural, "error": str(error)})
                if isinstance(error, ApiError) and error.kind_missing:
                    self.store.synced = True
                if isinstance(error, ApiError) and (error.kind_missing or error.status == 403):
                    return
                await asyncio.sleep(_RETRY)
            else:
                return

    async def run(self) -> None:
        """Follow them, for ever."""
        await self._reflector.run()

    @property
    def objects(self) -> tuple[KubeObject, ...] | None:
        """All of them; None if they are not known."""
        if not self.store.synced:
            return None
        found = (self.store.get(key) for key in self.store)
        return tuple(each for each in found if each is not None)

    def take(self, obj: KubeObject) -> None:
        """Take in what the apiserver answered to a write."""
        if self.store.put(obj):
            self._news([obj])

    def _news(self, objects: Iterable[KubeObject]) -> None:
        if self.store.synced and not self._was_known:
            self._was_known = True
            self._known()
        for obj in objects:
            uid = uid_of(obj)
            known = self.store.get(key_of(obj))
            now = None if known is None or uid_of(known) != uid else self._essence(obj)
            if self._seen.get(uid) == now:
                continue
            if now is None:
                self._seen.pop(uid, None)
            else:
                self._seen[uid] = now
            self._changed(obj["metadata"]["name"])


class Cluster:
    """Namespaces, Prometheus and Alertmanager objects, kept up to date."""

    def __init__(self, client: Client, changed: Changed) -> None:
        self._changed = changed
        self._namespaces = Watched(client, NAMESPACES, _labels, self._namespace_changed, self._became_known)
        self._prometheuses = Watched(client, PROMETHEUSES, _spec, self._everything_changed, self._became_known)
        self._alertmanagers = Watched(client, ALERTMANAGERS, _spec, self._everything_changed, self._became_known)
        self._labels: Mapping[str, Mapping[str, str]] | None = None

    async def start(self) -> None:
        """List everything once."""
        await asyncio.gather(*(each.start() for each in self._all))

    async def run(self) -> None:
        """Follow everything, for ever."""
        async with asyncio.TaskGroup() as together:
            for each in self._all:
                together.create_task(each.run())

    @property
    def namespaces(self) -> Mapping[str, Mapping[str, str]] | None:
        """The labels of every namespace; None if they are not known."""
        if self._labels is None:
            found = self._namespaces.objects
            if found is None:
                return None
            self._labels = {each["metadata"]["name"]: _labels(each) for each in found}
        return self._labels

    @property
    def prometheuses(self) -> tuple[KubeObject, ...] | None:
        """All Prometheus objects; None if they are not known."""
        return self._prometheuses.objects

    @property
    def alertmanagers(self) -> tuple[KubeObject, ...] | None:
        """All Alertmanager objects; None if they are not known."""
        return self._alertmanagers.objects

    @property
    def _all(self) -> tuple[Watched, ...]:
        return (self._namespaces, self._prometheuses, self._alertmanagers)

    def _namespace_changed(self, name: str) -> None:
        self._labels = None
        self._changed(name)

    def _everything_changed(self, _: str) -> None:
        self._changed(None)

    def _became_known(self) -> None:
        self._labels = None
        self._changed(None)


def _labels(obj: KubeObject) -> dict[str, str]:
    return dict(obj["metadata"].get("labels") or {})


def _spec(obj: KubeObject) -> Any:
    """What it is to do, whether prometheus-operator could make it so, and whether it runs."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    told = {"Reconciled": ("status", "message"), "Available": ("status",)}
    said = [(c["type"], *(c.get(field) for field in told[c["type"]])) for c in conditions if c.get("type") in told]
    return obj.get("spec") or {}, said
