"""A collection of objects kept in a cache: listed, then watched, listed again whenever the watch has to begin anew.

kopf watches a resource with one label selector, and ConfigMaps are of two kinds here: children, which kopf watches, and
packs, which others write. Watching all ConfigMaps of a cluster for the sake of a few would be a bad guest's way.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence

from walletmon.controller.cache import Store
from walletmon.controller.client import ApiError, ApiUnreachable, Client
from walletmon.controller.resources import KubeObject

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 60.0

logger = logging.getLogger(__name__)


class Reflector:
    """Feeds `store` and tells `changed` what is news, as the last known state of each object."""

    def __init__(
        self,
        client: Client,
        store: Store,
        namespaces: Sequence[str],
        selector: str | None,
        changed: Callable[[Iterable[KubeObject]], None],
    ) -> None:
        """`namespaces` are the ones to look at (all if empty), `selector` a label selector (None: all objects)."""
        self._client = client
        self._store = store
        self._scopes: list[str | None] = list(namespaces) or [None]
        self._selector = selector
        self._changed = changed
        self._versions: dict[str | None, int] = {}

    async def fill(self) -> None:
        """List everything once. Raises ApiError or ApiUnreachable."""
        for scope in self._scopes:
            await self._list(scope)
        self._store.synced = True

    async def run(self) -> None:
        """Watch, for ever; `fill` comes first."""
        async with asyncio.TaskGroup() as scopes:
            for scope in self._scopes:
                scopes.create_task(self._follow(scope))

    async def _follow(self, scope: str | None) -> None:
        delay = _FIRST_DELAY
        while True:
            try:
                if scope not in self._versions:
                    await self._list(scope)
                await self._watch(scope)
                delay = _FIRST_DELAY
            except (ApiError, ApiUnreachable) as error:
                # What was seen stays in force meanwhile; the list that comes next finds what was missed.
                self._versions.pop(scope, None)
                if isinstance(error, ApiError) and error.status == 410:
                    continue
                if isinstance(error, ApiError) and error.kind_missing:
                    self._none_there()
                logger.warning(
                    "cannot watch",
                    extra={
                        "resource": self._store.resource.plural,
                        "selector": self._selector or "",
                        "namespace": scope or "all",
                        "error": str(error),
                        "delay_seconds": round(delay, 1),
                    },
                )
                await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - spreading load is no secret
                delay = min(2 * delay, _LONGEST_DELAY)

    async def _list(self, scope: str | None) -> None:
        objects, version = await self._client.list_all(self._store.resource, scope, self._selector)
        known = self._store.synced
        news = self._store.replace(objects, version, scope)
        self._versions[scope] = version
        if self._versions.keys() >= set(self._scopes):
            self._store.synced = True
        if news or self._store.synced is not known:
            # That there is none is news where nobody knew.
            self._changed(news)

    def _none_there(self) -> None:
        """The cluster has no such kind, which is as good as an empty list; it may come."""
        gone = self._store.clear()
        self._store.synced = True
        if gone:
            self._changed(gone)

    async def _watch(self, scope: str | None) -> None:
        resource, version = self._store.resource, self._versions[scope]
        async for happened, obj in self._client.watch(resource, scope, self._selector, version):
            self._versions[scope] = int(obj["metadata"]["resourceVersion"])
            if happened == "BOOKMARK":
                continue
            # With a label selector, an object that loses the label is told of as deleted.
            news = self._store.discard(obj) if happened == "DELETED" else self._store.put(obj)
            if news:
                self._changed([obj])
