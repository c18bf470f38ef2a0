"""The reflector: what it lists and watches is in the cache, whatever becomes of the watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from walletmon.controller import reflector as reflector_module
from walletmon.controller.cache import Store
from walletmon.controller.client import ApiError, ApiUnreachable
from walletmon.controller.reflector import Reflector
from walletmon.controller.resources import CONFIG_MAPS, KubeObject, Resource

Step = list[tuple[str, KubeObject]] | Exception


def obj(name: str, version: int) -> KubeObject:
    return {"metadata": {"name": name, "namespace": "wallets", "uid": name, "resourceVersion": str(version)}}


class Apiserver:
    """Lists what it has; each watch gives the next step, and the last one never ends."""

    def __init__(self, *steps: Step) -> None:
        self.objects: list[KubeObject] = [obj("a", 1)]
        self.version = 5
        self.steps = list(steps)
        self.lists = 0
        self.watches: list[int] = []
        self.idle = asyncio.Event()

    async def list_all(self, resource: Resource, namespace: str | None, selector: str) -> tuple[list[KubeObject], int]:
        self.lists += 1
        return list(self.objects), self.version

    async def watch(
        self, resource: Resource, namespace: str | None, selector: str, version: int
    ) -> AsyncIterator[tuple[str, KubeObject]]:
        self.watches.append(version)
        if not self.steps:
            self.idle.set()
            await asyncio.Event().wait()
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        for each in step:
            yield each


class Bench:
    def __init__(self, *steps: Step) -> None:
        self.apiserver = Apiserver(*steps)
        self.store = Store(CONFIG_MAPS)
        self.news: list[str] = []
        client: Any = self.apiserver
        self.reflector = Reflector(client, self.store, (), "walletmon.dev/pack", self._changed)

    def _changed(self, objects: Iterable[KubeObject]) -> None:
        self.news += [each["metadata"]["name"] for each in objects]

    async def until_idle(self) -> None:
        await self.reflector.fill()
        running = asyncio.create_task(self.reflector.run())
        await asyncio.wait_for(self.apiserver.idle.wait(), 30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    @property
    def names(self) -> set[str]:
        return {key.name for key in self.store}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector_module, "_FIRST_DELAY", 0.001)


async def test_it_lists_then_follows_from_there() -> None:
    bench = Bench([("ADDED", obj("b", 6)), ("BOOKMARK", obj("", 9)), ("DELETED", obj("a", 10))])
    await bench.until_idle()
    assert bench.store.synced
    assert bench.names == {"b"}
    assert bench.news == ["a", "b", "a"]
    assert bench.apiserver.watches == [5, 10], "it goes on where the watch ended"
    assert bench.apiserver.lists == 1


async def test_what_went_while_the_watch_was_broken_is_found_by_the_list() -> None:
    bench = Bench(ApiUnreachable("gone"))
    await bench.reflector.fill()
    bench.apiserver.objects, bench.apiserver.version = [obj("b", 8)], 9
    await bench.until_idle()
    assert bench.names == {"b"}
    assert set(bench.news) == {"a", "b"}


@pytest.mark.parametrize("error", [ApiError(410, "Expired", "too old"), ApiError(403, "Forbidden", "no")])
async def test_a_version_too_old_and_a_right_lost_begin_anew_and_lose_nothing(error: ApiError) -> None:
    bench = Bench(error)
    await bench.until_idle()
    assert bench.names == {"a"}
    assert bench.apiserver.lists == 2
