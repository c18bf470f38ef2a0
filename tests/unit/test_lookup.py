"""Looking up single Secrets and Services: asked once, asked again, and whom a change concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from walletmon.controller import lookup
from walletmon.controller.client import ApiError, ApiUnreachable
from walletmon.controller.lookup import Lookup
from walletmon.controller.resources import SECRETS, SERVICES, Key, KubeObject, Resource

MONITOR, OTHER = Key("wallets", "treasury"), Key("wallets", "cold")
CHAT = Key("wallets", "chat")


class Apiserver:
    """Keeps Secrets; says no where it is told to."""

    def __init__(self) -> None:
        self.objects: dict[Key, KubeObject] = {}
        self.no: Exception | None = None
        self.asked: list[Key] = []
        self.open = asyncio.Event()
        """Whether answers come; questions wait until then."""
        self.open.set()

    async def get(self, resource: Resource, key: Key) -> KubeObject | None:
        self.asked.append(key)
        await self.open.wait()
        if self.no is not None:
            raise self.no
        return self.objects.get(key)


class Bench:
    """A lookup whose clock stands still unless moved."""

    def __init__(self, resource: Resource = SECRETS) -> None:
        self.api = Apiserver()
        self.now = 0.0
        self.concerned: list[Key] = []
        self.lookup = Lookup(self.api, resource, lambda: self.now, self.concerned.append)

    async def until(self, done: Callable[[], bool]) -> None:
        """Let it ask again until `done`."""
        running = asyncio.create_task(self.lookup.run())
        for _ in range(10_000):
            if done():
                break
            await asyncio.sleep(0)
        running.cancel()
        assert done()

    async def rounds(self, count: int = 5) -> None:
        """Let it look for what is due, several times."""
        running = asyncio.create_task(self.lookup.run())
        for _ in range(20 * count):
            await asyncio.sleep(0)
        running.cancel()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_LOOK_FOR_MISSING", 0.0)


async def test_of_a_secret_only_the_names_of_its_keys_are_kept() -> None:
    bench = Bench()
    bench.api.objects[CHAT] = {"data": {"url": "aHVzaA==", "token": "aHVzaA=="}}
    await bench.lookup.name(MONITOR, [CHAT])
    assert bench.lookup.keys(MONITOR) == {CHAT: frozenset({"url", "token"})}
    assert "aHVzaA==" not in repr(vars(bench.lookup))


async def test_what_is_not_there_has_no_keys() -> None:
    bench = Bench()
    await bench.lookup.name(MONITOR, [CHAT])
    assert bench.lookup.keys(MONITOR) == {CHAT: frozenset()}
    assert bench.lookup.there(MONITOR) == {CHAT: False}


async def test_a_service_is_there_or_not() -> None:
    bench = Bench(SERVICES)
    bench.api.objects[CHAT] = {"spec": {}}
    await bench.lookup.name(MONITOR, [CHAT, Key("wallets", "db")])
    assert bench.lookup.there(MONITOR) == {CHAT: True, Key("wallets", "db"): False}


async def test_what_several_name_is_asked_once() -> None:
    bench = Bench()
    await bench.lookup.name(MONITOR, [CHAT])
    await bench.lookup.name(OTHER, [CHAT])
    assert bench.api.asked == [CHAT]
    assert bench.lookup.keys(OTHER) == {CHAT: frozenset()}


async def test_a_secret_that_comes_concerns_all_who_name_it() -> None:
    bench = Bench()
    await bench.lookup.name(MONITOR, [CHAT])
    await bench.lookup.name(OTHER, [CHAT])
    bench.api.objects[CHAT] = {"data": {"url": "x"}}
    await bench.until(lambda: len(bench.concerned) == 2)
    assert set(bench.concerned) == {MONITOR, OTHER}
    assert bench.lookup.keys(MONITOR) == {CHAT: frozenset({"url"})}


async def test_what_is_there_is_asked_again_less_often_and_its_loss_is_told() -> None:
    bench = Bench()
    bench.api.objects[CHAT] = {"data": {"url": "x"}}
    await bench.lookup.name(MONITOR, [CHAT])
    await bench.rounds()
    assert bench.api.asked == [CHAT]
    del bench.api.objects[CHAT]
    bench.now = 31.0
    await bench.until(lambda: bench.concerned == [MONITOR])
    assert bench.lookup.keys(MONITOR) == {CHAT: frozenset()}


async def test_what_may_not_be_looked_at_is_not_known() -> None:
    bench = Bench()
    bench.api.no = ApiError(403, "Forbidden", "no")
    await bench.lookup.name(MONITOR, [CHAT])
    assert bench.lookup.keys(MONITOR) == {}
    await bench.rounds()
    assert bench.api.asked == [CHAT]
    bench.api.no, bench.now = None, 31.0
    await bench.until(lambda: bench.concerned == [MONITOR])
    assert bench.lookup.keys(MONITOR) == {CHAT: frozenset()}


async def test_an_apiserver_that_is_away_changes_nothing() -> None:
    bench = Bench()
    bench.api.objects[CHAT] = {"data": {"url": "x"}}
    await bench.lookup.name(MONITOR, [CHAT])
    bench.api.no, bench.now = ApiUnreachable("away"), 31.0
    await bench.until(lambda: len(bench.api.asked) > 1)
    assert bench.lookup.keys(MONITOR) == {CHAT: frozenset({"url"})}
    assert bench.concerned == []


async def test_what_nobody_names_any_more_is_forgotten() -> None:
    bench = Bench()
    bench.api.objects[CHAT] = {"data": {"url": "x"}}
    await bench.lookup.name(MONITOR, [CHAT])
    await bench.lookup.name(MONITOR, ())
    assert bench.lookup.keys(MONITOR) == {}
    bench.now = 31.0
    await bench.rounds()
    assert bench.api.asked == [CHAT]
    await bench.lookup.name(MONITOR, [CHAT])
    assert bench.api.asked == [CHAT, CHAT]


async def test_who_asks_while_an_answer_is_awaited_gets_the_same_answer() -> None:
    """Else the second of two visits would take a Secret for granted that is not there, and nobody would come again."""
    bench = Bench()
    bench.api.open.clear()
    first = asyncio.create_task(bench.lookup.name(MONITOR, [CHAT]))
    second = asyncio.create_task(bench.lookup.name(OTHER, [CHAT]))
    await asyncio.sleep(0)
    bench.api.open.set()
    await asyncio.gather(first, second)
    assert bench.lookup.keys(MONITOR) == bench.lookup.keys(OTHER) == {CHAT: frozenset()}
    assert bench.api.asked == [CHAT]


async def test_a_visit_that_gets_no_answer_is_tried_again_and_not_done_as_if_all_were_there() -> None:
    bench = Bench()
    bench.api.no = ApiUnreachable("away")
    for _ in range(2):
        with pytest.raises(ApiUnreachable, match="away"):
            await bench.lookup.name(MONITOR, [CHAT])
    bench.api.no = None
    await bench.lookup.name(MONITOR, [CHAT])
    assert bench.lookup.keys(MONITOR) == {CHAT: frozenset()}


async def test_an_answer_that_does_not_come_holds_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_PATIENCE", 0.0)
    bench = Bench()
    bench.api.open.clear()
    with pytest.raises(ApiUnreachable, match="no answer within"):
        await bench.lookup.name(MONITOR, [CHAT])


async def test_a_visit_does_not_stand_in_line_behind_what_is_asked_again() -> None:
    bench = Bench()
    many = [Key("wallets", f"desk-{index}") for index in range(50)]
    await bench.lookup.name(OTHER, many)
    bench.api.open.clear()
    running = asyncio.create_task(bench.lookup.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(many) < len(bench.api.asked) < 2 * len(many)
    visit = asyncio.create_task(bench.lookup.name(MONITOR, [CHAT]))
    for _ in range(5):
        await asyncio.sleep(0)
    assert bench.api.asked[-1] == CHAT
    bench.api.open.set()
    await visit
    running.cancel()


async def test_that_it_may_not_look_is_logged_once_for_a_namespace(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.api.no = ApiError(403, "Forbidden", "no")
    await bench.lookup.name(MONITOR, [CHAT, Key("wallets", "desk")])
    bench.now = 31.0
    await bench.until(lambda: len(bench.api.asked) == 4)
    assert len(caplog.records) == 1
    # The right comes and goes again: that is news.
    bench.api.no, bench.now = None, 62.0
    await bench.until(lambda: len(bench.api.asked) >= 6)
    bench.api.no, bench.now = ApiError(403, "Forbidden", "no"), 93.0
    await bench.until(lambda: bench.lookup.keys(MONITOR) == {})
    assert len(caplog.records) == 2
