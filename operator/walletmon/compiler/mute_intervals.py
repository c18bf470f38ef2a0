"""Mute intervals of ours, in local time, to those of an AlertmanagerConfig, in UTC.

AlertmanagerConfig v1alpha1 has no time zone, so the hours are rewritten. What is muted in a week is a set of minutes;
an offset turns that set, and a range that then passes midnight goes on at the next day by itself.

A zone whose clocks are not changed needs one such week. For one whose clocks are, each stretch of time with one offset
gets its own: entries that hold in certain years, months and days of the month, for the present year and the next. Days
on which clocks are changed have entries of their own, to the minute. Whoever compiles once a year or more often is
always ahead of the clock.

Without a present year (`ClusterFacts.year`), there is no telling which offset holds when. Then what is muted is what
the interval mutes under each of the zone's offsets: sometimes an hour less than was asked for, never one more.

Time zones are those of the package `tzdata`, not of the machine: the same monitor gives the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.routing import MuteInterval, TimeRange, Weekday
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.minutes import DAY, WEEK, Minutes, both, either, shifted, within

YEARS = 2
"""How many years the entries of a zone with changing clocks are good for: the present one and the next."""

_ANY_YEAR = 2030
"""Where the present year is not known: a year by whose rules the zone's offsets are found."""

_DAYS = tuple(Weekday)
_STEP = timedelta(hours=6)
"""No zone changes its clocks twice within this time."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A time in which a zone has one offset."""

    start: datetime
    end: datetime
    offset: int
    """Minutes that the local clock is ahead of UTC."""


@dataclass(frozen=True, slots=True)
class MuteIntervals:
    """The mute intervals of a monitor or a class."""

    usable: Mapping[str, Manifest] = field(default_factory=dict)
    """By name, as an AlertmanagerConfig has them. Those that cannot be understood, or never mute, are not in here:
    prometheus-operator gives an interval without any entry no name, and Alertmanager then refuses everything."""

    named: frozenset[str] = frozenset()
    """The names of all."""

    diagnostics: tuple[Diagnostic, ...] = ()
    year: int | None = None
    local: Mapping[str, tuple[str | None, Minutes]] = field(default_factory=dict)
    """Time zone and what is muted in a local week, by name."""

    def always_muted(self, names: Iterable[str]) -> bool:
        """Whether there is a time of the year in which `names` together leave no minute of a week open."""
        zones = [self.local[name] for name in names if name in self.local]
        changes = {each.start for zone, _ in zones for each in _stretches(zone, self.year or _ANY_YEAR)}
        for instant in changes:
            muted = either(minutes for zone, local in zones for minutes in self._at(zone, local, instant))
            if muted == ((0, WEEK),):
                return True
        return False

    def _at(self, zone: str | None, local: Minutes, instant: datetime) -> Iterator[Minutes]:
        if self.year is None:
            yield _certain(zone, local)
        else:
            yield from (
                shifted(local, -each.offset) for each in _stretches(zone, self.year) if each.start <= instant < each.end
            )


def compiled_intervals(intervals: Iterable[MuteInterval], path: str, year: int | None) -> MuteIntervals:
    """What becomes of `intervals`, which stand at `path` in the document; `year` is the present one (UTC), if known."""
    usable: dict[str, Manifest] = {}
    local: dict[str, tuple[str | None, Minutes]] = {}
    named: set[str] = set()
    diagnostics: list[Diagnostic] = []
    for index, interval in enumerate(intervals):
        here = f"{path}[{index}]"
        problems = list(_problems(interval, here, named))
        diagnostics += problems
        if any(problem.path in (here, f"{here}.name", f"{here}.timeZone") for problem in problems):
            named.add(interval.name)
            continue
        named.add(interval.name)
        minutes = _week(interval)
        local[interval.name] = (interval.time_zone, minutes)
        if entries := list(_entries(interval.time_zone, minutes, year)):
            usable[interval.name] = {"name": interval.name, "timeIntervals": entries}
    return MuteIntervals(usable, frozenset(named), tuple(diagnostics), year, local)


def _problems(interval: MuteInterval, path: str, before: set[str]) -> Iterator[Diagnostic]:
    if interval.name in before:
        # Alertmanager refuses its whole configuration over that.
        yield Diagnostic(
            Code.INVALID_FIELD,
            f"{path}.name",
            f"there is another mute interval {interval.name!r} before this one, which counts",
            "give each interval its own name",
        )
    if interval.time_zone is not None and interval.time_zone not in _zone_names():
        yield Diagnostic(
            Code.UNKNOWN_TIME_ZONE,
            f"{path}.timeZone",
            f"there is no time zone {interval.time_zone!r}; the interval mutes nothing",
            "write a name of the IANA data base, for example Europe/Berlin or Asia/Shanghai",
        )
    if not interval.times and not interval.weekdays:
        yield Diagnostic(
            Code.INVALID_FIELD,
            path,
            "an interval without times and weekdays would mute for ever; it mutes nothing",
            "give times, weekdays or both",
        )
    for index, time in enumerate(interval.times or ()):
        if _minute(time.from_) >= _minute(time.to):
            yield Diagnostic(
                Code.INVALID_FIELD,
                f"{path}.times[{index}]",
                f"{time.from_} is not before {time.to}; the range mutes nothing",
                "split a range that goes past midnight in two: up to 24:00, and from 00:00",
            )


def _week(interval: MuteInterval) -> Minutes:
    """What an interval mutes in a week of local time."""
    times = [TimeRange.model_validate({"from": "00:00", "to": "24:00"})] if interval.times is None else interval.times
    days = _DAYS if interval.weekdays is None else interval.weekdays
    ranges = [(_minute(time.from_), _minute(time.to)) for time in times]
    starts = [_DAYS.index(day) * DAY for day in days]
    return either(((start + a, start + b),) for start in starts for a, b in ranges if a < b)


def _minute(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def _entries(zone: str | None, local: Minutes, year: int | None) -> Iterator[Manifest]:
    """`timeIntervals` that hold when the clocks of `zone` show a minute of `local`."""
    if year is None:
        yield from _weekly(_certain(zone, local))
        return
    stretches = _stretches(zone, year)
    if len({each.offset for each in stretches}) == 1:
        yield from _weekly(shifted(local, -stretches[0].offset))
        return
    for each in stretches:
        yield from _in_stretch(each, shifted(local, -each.offset))


def _certain(zone: str | None, local: Minutes) -> Minutes:
    """What is muted in a week of UTC whichever of the zone's offsets holds."""
    offsets = {each.offset for each in _stretches(zone, _ANY_YEAR)}
    return both(shifted(local, -offset) for offset in sorted(offsets))


def _in_stretch(stretch: _Stretch, week: Minutes) -> Iterator[Manifest]:
    """The entries for one stretch: its first and last day where they are not whole, and the days between."""
    first, last = _midnight(stretch.start), _midnight(stretch.end)
    if first != stretch.start:
        yield from _on_day(first, week, stretch.start, min(stretch.end, first + timedelta(days=1)))
        first += timedelta(days=1)
    for dates in _dates(first, last):
        yield from ({**entry, **dates} for entry in _weekly(week))
    if last != stretch.end and last >= first:
        yield from _on_day(last, week, last, stretch.end)


def _on_day(day: datetime, week: Minutes, start: datetime, end: datetime) -> Iterator[Manifest]:
    """The entry for the part of one day from `start` to `end`."""
    begin = day.weekday() * DAY
    part = ((begin + _minutes(start - day), begin + _minutes(end - day)),)
    times = [(a - begin, b - begin) for a, b in both((week, part))]
    if times:
        yield {"times": _times(times), **_period(day.year, (day.month, day.month), (day.day, day.day))}


def _weekly(week: Minutes) -> Iterator[Manifest]:
    """The entries for every week: days with the same hours share one."""
    days_by_hours: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for index, day in enumerate(_DAYS):
        hours = within(week, index * DAY, (index + 1) * DAY)
        if hours:
            days_by_hours.setdefault(hours, []).append(day.value)
    for hours, days in days_by_hours.items():
        entry: Manifest = {}
        every_day = len(days) == len(_DAYS)
        if hours != ((0, DAY),) or every_day:
            # The whole week is said too: an entry without anything reads like a mistake.
            entry["times"] = _times(hours)
        if not every_day:
            entry["weekdays"] = days
        yield entry


def _times(ranges: Iterable[tuple[int, int]]) -> list[dict[str, str]]:
    return [{"startTime": _clock(start), "endTime": _clock(end)} for start, end in ranges]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _dates(first: datetime, end: datetime) -> Iterator[Manifest]:
    """The days from `first` up to and without `end`: parts of months, and whole months together."""
    whole: list[datetime] = []
    day = first
    while day < end:
        following = min(_next_month(day), end)
        if day.day == 1 and following == _next_month(day):
            whole.append(day)
        else:
            days = (day.day, (following - timedelta(days=1)).day)
            yield _period(day.year, (day.month, day.month), days)
        day = following
    for year in sorted({each.year for each in whole}):
        months = [each.month for each in whole if each.year == year]
        yield _period(year, (months[0], months[-1]), None)


def _period(year: int, months: tuple[int, int], days: tuple[int, int] | None) -> Manifest:
    found: Manifest = {"years": [str(year)]}
    if months != (1, 12):
        found["months"] = [str(months[0]) if months[0] == months[1] else f"{months[0]}:{months[1]}"]
    if days is not None:
        found["daysOfMonth"] = [{"start": days[0], "end": days[1]}]
    return found


def _next_month(day: datetime) -> datetime:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _midnight(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0)


def _minutes(duration: timedelta) -> int:
    return round(duration / timedelta(minutes=1))


@cache
def _stretches(name: str | None, year: int) -> Sequence[_Stretch]:
    """The offsets of a zone (None: UTC) from the start of `year` on, for `YEARS` years."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + YEARS, 1, 1, tzinfo=UTC)
    if name is None:
        return (_Stretch(start, end, 0),)
    zone = zone_of(name)
    changes = [start]
    instant = start
    while instant < end:
        following = min(instant + _STEP, end)
        if _offset(zone, following) != _offset(zone, instant):
            changes.append(_change(zone, instant, following))
        instant = following
    bounds = [each for each in changes if each < end] + [end]
    return tuple(_Stretch(a, b, _offset(zone, a)) for a, b in pairwise(bounds))


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The minute in which the clocks are changed, between two instants with different offsets."""
    while after - before > timedelta(minutes=1):
        middle = before + timedelta(minutes=_minutes(after - before) // 2)
        before, after = (middle, after) if _offset(zone, middle) == _offset(zone, before) else (before, middle)
    return after


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return 0 if offset is None else _minutes(offset)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@cache
def zone_of(name: str) -> ZoneInfo:
    """A time zone of the package `tzdata`; `name` must be one of its names."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def always_muted(path: str, names: Sequence[str]) -> Diagnostic:
    """The warning about intervals that leave no time open."""
    return Diagnostic(
        Code.ALWAYS_MUTED,
        path,
        f"{', '.join(names)} together leave no minute of the week in which anything is sent"
        if len(names) > 1
        else f"{names[0]} leaves no minute of the week in which anything is sent",
        "leave some time open; to take alerts back altogether, disable them",
        Severity.WARNING,
    )


def idle_intervals(intervals: Sequence[MuteInterval], path: str, used: Iterable[str]) -> Iterator[Diagnostic]:
    """A warning for each interval that no route names."""
    known = frozenset(used)
    for index, interval in enumerate(intervals):
        if interval.name not in known:
            yield Diagnostic(
                Code.IDLE_MUTE_INTERVAL,
                f"{path}[{index}]",
                f"no route names {interval.name}, so it never mutes anything",
                "name it in muteTimeIntervals of a priority, or take it out",
                Severity.WARNING,
            )
