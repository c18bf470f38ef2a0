"""Sets of minutes of a week, as sorted ranges that do not touch: `[start, end)` from Monday 00:00."""

from __future__ import annotations

from collections.abc import Iterable

DAY = 24 * 60
WEEK = 7 * DAY

Minutes = tuple[tuple[int, int], ...]


def either(sets: Iterable[Minutes]) -> Minutes:
    """The minutes that are in one of `sets`."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(each for minutes in sets for each in minutes):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def both(sets: Iterable[Minutes]) -> Minutes:
    """The minutes that are in all of `sets`; the whole week if there are none."""
    found: Minutes = ((0, WEEK),)
    for minutes in sets:
        pairs = ((max(a, c), min(b, d)) for a, b in found for c, d in minutes)
        found = tuple(sorted((start, end) for start, end in pairs if start < end))
    return found


def shifted(minutes: Minutes, by: int) -> Minutes:
    """The same minutes, `by` later; what leaves the week at one end comes in at the other."""
    moved = [((start + by) % WEEK, end - start) for start, end in minutes]
    return either(
        ((start, start + length),) if start + length <= WEEK else ((start, WEEK), (0, start + length - WEEK))
        for start, length in moved
    )


def within(minutes: Minutes, start: int, end: int) -> Minutes:
    """The minutes from `start` up to `end`, counted from `start`."""
    return tuple((a - start, b - start) for a, b in both((minutes, ((start, end),))))
