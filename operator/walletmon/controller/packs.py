"""The packs that ConfigMaps bring: read once when they change, told to the monitors that can use them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from walletmon.controller.cache import Store
from walletmon.controller.client import ApiError, ApiUnreachable, Client
from walletmon.controller.events import EventRecorder
from walletmon.controller.reflector import Reflector
from walletmon.controller.resources import CONFIG_MAPS, PACK_SELECTOR, Key, KubeObject, key_of
from walletmon.packs.catalogue import Catalogue, catalogue
from walletmon.packs.configmap import PackSource, pack_source

_RETRY = 2.0

logger = logging.getLogger(__name__)


class PackSources:
    """What ConfigMaps with packs say, and which packs a monitor can use therefore."""

    def __init__(
        self,
        client: Client,
        namespaces: Sequence[str],
        shared: str | None,
        events: EventRecorder,
        changed: Callable[[str | None], None],
    ) -> None:
        """`shared` is the namespace whose packs all monitors can use. `changed` is told the namespace whose monitors
        are concerned, None for all of them."""
        scopes = list(namespaces)
        if scopes and shared is not None and shared not in scopes:
            scopes.append(shared)
        self._store = Store(CONFIG_MAPS)
        self._reflector = Reflector(client, self._store, scopes, PACK_SELECTOR, self._changed)
        self._shared = shared
        self._events = events
        self._tell = changed
        self._sources: dict[Key, PackSource] = {}
        self._catalogues: dict[str, Catalogue] = {}
        self.complaints: set[asyncio.Task[None]] = set()
        """Events under way."""

    async def start(self) -> None:
        """List the packs, as often as it takes: without them a monitor would lose rules that it has."""
        while True:
            try:
                await self._reflector.fill()
            except (ApiError, ApiUnreachable) as error:
                logger.warning("cannot list packs yet", extra={"error": str(error), "delay_seconds": _RETRY})
                await asyncio.sleep(_RETRY)
            else:
                return

    async def run(self) -> None:
        """Follow what happens to them, for ever."""
        await self._reflector.run()

    def catalogue(self, namespace: str) -> Catalogue:
        """The packs that a monitor in `namespace` can use."""
        found = self._catalogues.get(namespace)
        if found is None:
            found = catalogue(self._sources.values(), namespace, self._shared)
            self._catalogues[namespace] = found
        return found

    def _changed(self, config_maps: Iterable[KubeObject]) -> None:
        namespaces: set[str] = set()
        for config_map in config_maps:
            key = key_of(config_map)
            namespaces.add(key.namespace)
            if self._store.get(key) is None:
                self._sources.pop(key, None)
                continue
            source = pack_source(config_map)
            self._sources[key] = source
            if source.problems:
                self._complain(config_map, source)
        # Every namespace's catalogue holds the shared packs; and there are few of them.
        self._catalogues.clear()
        for namespace in sorted(namespaces):
            self._tell(None if namespace == self._shared else namespace)

    def _complain(self, config_map: KubeObject, source: PackSource) -> None:
        problems = source.problems
        for problem in problems:
            logger.warning(
                "pack cannot be used",
                extra={"code": problem.code.value, "place": problem.place, "finding": problem.message},
            )
        note = "; ".join(str(problem) for problem in problems)
        task = asyncio.create_task(self._events.refused(config_map, problems[0].code.value, note))
        self.complaints.add(task)
        task.add_done_callback(self.complaints.discard)
