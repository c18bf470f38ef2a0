"""The work queue: one visit a key at a time, urgent first, failures later and later, nothing lost."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from walletmon.controller.queue import Priority, WorkQueue
from walletmon.controller.resources import Key

A, B, C = (Key("wallets", name) for name in "abc")


class Clock:
    """Time that passes when told to. Timers of the queue are the event loop's; `delays` has what they were set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def queue(clock: Clock) -> AsyncIterator[WorkQueue]:
    """Delays without jitter: the upper end."""
    queue = WorkQueue(clock=clock, jitter=lambda low, high: high)
    yield queue
    queue.close()


async def taken(queue: WorkQueue) -> Key:
    key, _ = await asyncio.wait_for(queue.get(), 5)
    return key


async def is_empty(queue: WorkQueue) -> bool:
    getting = asyncio.ensure_future(queue.get())
    for _ in range(3):
        await asyncio.sleep(0)
    if getting.done():
        return False
    getting.cancel()
    return True


async def test_keys_come_in_the_order_they_were_added(queue: WorkQueue) -> None:
    for key in (B, A, C):
        queue.add(key)
    assert [await taken(queue) for _ in range(3)] == [B, A, C]


async def test_a_key_that_is_added_often_is_visited_once(queue: WorkQueue) -> None:
    for _ in range(100):
        queue.add(A)
    assert queue.depth == 1
    assert await taken(queue) == A
    queue.done(A)
    assert queue.idle
    assert await is_empty(queue)


async def test_a_live_change_goes_before_routine(queue: WorkQueue) -> None:
    queue.add(A, Priority.RESYNC)
    queue.add(B, Priority.RESYNC)
    queue.add(C, Priority.LIVE)
    assert [await taken(queue) for _ in range(3)] == [C, A, B]


async def test_a_live_change_moves_a_waiting_key_up_and_routine_does_not_move_it_down(queue: WorkQueue) -> None:
    queue.add(A, Priority.RESYNC)
    queue.add(B, Priority.RESYNC)
    queue.add(B, Priority.LIVE)
    queue.add(B, Priority.RESYNC)
    assert [await taken(queue) for _ in range(2)] == [B, A]
    assert await is_empty(queue)


async def test_a_key_that_is_added_during_its_visit_is_visited_once_more_afterwards(
    queue: WorkQueue,
) -> None:
    queue.add(A)
    assert await taken(queue) == A
    queue.add(A)
    queue.add(A)
    assert await is_empty(queue)
    queue.done(A)
    assert await taken(queue) == A
    queue.done(A)
    assert queue.idle


async def test_what_is_added_during_a_visit_keeps_its_urgency(queue: WorkQueue) -> None:
    queue.add(A)
    await taken(queue)
    queue.add(A, Priority.RESYNC)
    queue.add(A, Priority.LIVE)
    queue.add(B, Priority.RESYNC)
    queue.done(A)
    assert await taken(queue) == A


async def test_the_wait_counts_from_the_first_wish(queue: WorkQueue, clock: Clock) -> None:
    queue.add(A, Priority.RESYNC)
    clock.now += 3
    queue.add(A, Priority.LIVE)
    clock.now += 4
    assert await queue.get() == (A, 7.0)


async def test_the_oldest_visit_tells_of_one_that_hangs(queue: WorkQueue, clock: Clock) -> None:
    assert queue.oldest_visit() == 0.0
    queue.add(A)
    queue.add(B)
    await taken(queue)
    clock.now += 10
    await taken(queue)
    clock.now += 5
    assert queue.oldest_visit() == 15.0
    queue.done(A)
    assert queue.oldest_visit() == 5.0


async def test_failures_wait_longer_and_longer_up_to_a_bound(queue: WorkQueue) -> None:
    delays = []
    for _ in range(10):
        queue.add(A)
        await taken(queue)
        delays.append(queue.retry(A))
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


async def test_a_thousand_failures_do_not_overflow(queue: WorkQueue) -> None:
    for _ in range(2000):
        queue.add(A)
        await taken(queue)
        delay = queue.retry(A)
    assert delay == 60.0


async def test_a_success_forgets_the_failures(queue: WorkQueue) -> None:
    for _ in range(3):
        queue.add(A)
        await taken(queue)
        queue.retry(A)
    queue.add(A)
    await taken(queue)
    queue.done(A)
    queue.add(A)
    await taken(queue)
    assert queue.retry(A) == 0.5


async def test_keys_fail_each_for_itself(queue: WorkQueue) -> None:
    for _ in range(3):
        queue.add(A)
        await taken(queue)
        queue.retry(A)
    queue.add(B)
    await taken(queue)
    assert queue.retry(B) == 0.5


async def test_many_that_failed_together_do_not_come_back_together() -> None:
    queue = WorkQueue(jitter=random.Random(1).uniform)
    delays = set()
    for number in range(50):
        key = Key("wallets", str(number))
        queue.add(key)
        await taken(queue)
        delays.add(queue.retry(key))
    assert len(delays) > 40
    assert all(0.25 <= delay <= 0.5 for delay in delays)
    queue.close()


async def test_the_apiservers_wish_is_heeded(queue: WorkQueue) -> None:
    queue.add(A)
    await taken(queue)
    assert queue.retry(A, at_least=7.0) == 7.0


async def test_a_retry_comes_by_itself() -> None:
    queue = WorkQueue(first_delay=0.001)
    queue.add(A)
    await taken(queue)
    queue.retry(A)
    assert queue.idle
    assert await taken(queue) == A
    queue.close()


async def test_a_live_change_does_not_wait_for_the_retry_and_replaces_it(queue: WorkQueue) -> None:
    queue.add(A)
    await taken(queue)
    queue.retry(A)
    queue.add(A)
    assert await taken(queue) == A
    queue.done(A)
    assert await is_empty(queue)


async def test_a_change_during_a_visit_that_fails_is_visited_at_once(queue: WorkQueue) -> None:
    queue.add(A)
    await taken(queue)
    queue.add(A)
    queue.retry(A)
    assert await taken(queue) == A


async def test_closing_cancels_what_was_to_come() -> None:
    queue = WorkQueue(first_delay=0.001)
    queue.add(A)
    await taken(queue)
    delay = queue.retry(A)
    queue.close()
    await asyncio.sleep(delay * 2)
    assert await is_empty(queue)


async def test_a_worker_that_is_cancelled_while_waiting_loses_nothing(queue: WorkQueue) -> None:
    getting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    getting.cancel()
    queue.add(A)
    assert await taken(queue) == A


async def test_every_waiting_worker_gets_work(queue: WorkQueue) -> None:
    workers = [asyncio.ensure_future(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for key in (A, B, C):
        queue.add(key)
    assert {key for key, _ in await asyncio.gather(*workers)} == {A, B, C}


@pytest.mark.parametrize("seed", range(5))
async def test_under_any_traffic_no_key_is_visited_twice_at_a_time_and_none_is_lost(seed: int) -> None:
    """A model of the controller: what a visit must see is the last thing that was added before it began."""
    chance = random.Random(seed)
    queue = WorkQueue(first_delay=0.0001, longest_delay=0.001)
    keys = [Key("wallets", str(number)) for number in range(6)]
    wished: Counter[Key] = Counter()
    seen: Counter[Key] = Counter()
    visiting: set[Key] = set()
    all_seen = asyncio.Event()

    async def worker(decide: Callable[[], float]) -> None:
        while True:
            key, _ = await queue.get()
            assert key not in visiting
            visiting.add(key)
            state = wished[key]
            for _ in range(int(decide() * 4)):
                await asyncio.sleep(0)
            visiting.remove(key)
            if decide() < 0.3:
                queue.retry(key)
            else:
                seen[key] = max(seen[key], state)
                queue.done(key)
            if seen == wished:
                all_seen.set()

    workers = [asyncio.ensure_future(worker(chance.random)) for _ in range(3)]
    for _ in range(400):
        key = chance.choice(keys)
        wished[key] += 1
        queue.add(key, chance.choice(list(Priority)))
        if chance.random() < 0.5:
            await asyncio.sleep(0)
    all_seen.clear()
    if seen != wished:
        await asyncio.wait_for(all_seen.wait(), 10)
    for each in workers:
        assert not each.done()
        each.cancel()
    queue.close()
