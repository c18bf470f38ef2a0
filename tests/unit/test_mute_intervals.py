"""Mute intervals: hours that teams say in local time, and the entries in UTC that Alertmanager goes by."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from walletmon.api.diagnostic import Code
from walletmon.api.routing import MuteInterval, Weekday
from walletmon.compiler.minutes import DAY, WEEK, both, either, shifted
from walletmon.compiler.mute_intervals import MuteIntervals, _zone_names, compiled_intervals, zone_of

YEAR = 2026
NIGHT = {"times": [{"from": "22:00", "to": "24:00"}, {"from": "00:00", "to": "06:00"}]}

# Both hemispheres, half and quarter hours, half an hour of summer time, more than one change within a season (Morocco),
# clocks that go back at midnight (Cuba, Lebanon, Paraguay), the ends of the date line, and zones without any change.
ZONES = (
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Dublin",
    "Etc/GMT+12",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)


def compiled(year: int | None = YEAR, **fields: Any) -> MuteIntervals:
    return compiled_intervals([interval(**fields)], "spec.muteTimeIntervals", year)


def interval(**fields: Any) -> MuteInterval:
    return MuteInterval.model_validate({"name": "nights", **fields})


def entries(year: int | None = YEAR, **fields: Any) -> list[dict[str, Any]]:
    found = compiled(year, **fields)
    assert found.diagnostics == ()
    return list(found.usable["nights"]["timeIntervals"])


def mutes(entry: dict[str, Any], instant: datetime) -> bool:
    """Whether Alertmanager mutes by one entry at an instant (its `ContainsTime`): all fields hold, each by any of its
    ranges."""
    minute = instant.hour * 60 + instant.minute
    day = calendar.day_name[instant.weekday()].lower()
    checks = (
        ("times", lambda each: clock(each["startTime"]) <= minute < clock(each["endTime"])),
        ("weekdays", lambda each: each == day),
        ("daysOfMonth", lambda each: each["start"] <= instant.day <= each["end"]),
        ("months", lambda each: within(each, instant.month)),
        ("years", lambda each: within(each, instant.year)),
    )
    return all(name not in entry or any(holds(each) for each in entry[name]) for name, holds in checks)


def within(text: str, value: int) -> bool:
    first, _, last = text.partition(":")
    return int(first) <= value <= int(last or first)


def clock(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def meant(said: MuteInterval, instant: datetime) -> bool:
    """Whether an interval mutes at an instant, by the clock on the wall."""
    local = instant if said.time_zone is None else instant.astimezone(zone_of(said.time_zone))
    day = list(Weekday)[local.weekday()]
    minute = local.hour * 60 + local.minute
    return (said.weekdays is None or day in said.weekdays) and (
        said.times is None or any(clock(time.from_) <= minute < clock(time.to) for time in said.times)
    )


def changes(zone: str) -> list[datetime]:
    """The hours in which the zone's clocks are changed in the two years."""
    hours = [datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(2 * 365 * 24)]
    offsets = [hour.astimezone(zone_of(zone)).utcoffset() for hour in hours]
    return [hours[index] for index in range(1, len(hours)) if offsets[index] != offsets[index - 1]]


@st.composite
def said(draw: st.DrawFn, zones: st.SearchStrategy[str]) -> MuteInterval:
    minutes = st.integers(0, DAY)
    times = draw(
        st.none()
        | st.lists(
            st.tuples(minutes, minutes).filter(lambda pair: pair[0] < pair[1]), min_size=1, max_size=3, unique=True
        )
    )
    days = draw(st.none() | st.lists(st.sampled_from(list(Weekday)), min_size=1, max_size=7, unique=True))
    fields: dict[str, Any] = {"timeZone": draw(zones)}
    if times is not None:
        fields["times"] = [
            {"from": f"{a // 60:02}:{a % 60:02}", "to": f"{b // 60:02}:{b % 60:02}"} for a, b in times if a < DAY
        ]
    if days is not None or times is None:
        fields["weekdays"] = days or ["monday"]
    return interval(**fields)


INSTANTS = st.integers(0, 2 * 365 * DAY - 1).map(
    lambda minute: datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
)


def agrees(mute: MuteInterval, instants: list[datetime]) -> None:
    found = compiled_intervals([mute], "spec.muteTimeIntervals", YEAR)
    assert found.diagnostics == ()
    made = found.usable["nights"]["timeIntervals"]
    for instant in instants:
        assert any(mutes(entry, instant) for entry in made) == meant(mute, instant), instant


@given(said(st.sampled_from(sorted(_zone_names()))), st.lists(INSTANTS, min_size=50, max_size=50))
def test_entries_mute_exactly_when_the_clock_on_the_wall_says_so(mute: MuteInterval, instants: list[datetime]) -> None:
    agrees(mute, instants)


@pytest.mark.parametrize("zone", ZONES)
def test_they_do_so_around_each_change_of_clocks_and_each_turn_of_a_year(zone: str) -> None:
    turns = [datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)]
    instants = [
        turn + timedelta(minutes=minute)
        for turn in (*changes(zone), *turns)
        for minute in range(-30 * 60, 30 * 60, 5)
        if YEAR <= (turn + timedelta(minutes=minute)).year <= YEAR + 1
    ]
    agrees(interval(timeZone=zone, **NIGHT), instants)
    agrees(interval(timeZone=zone, weekdays=["sunday", "monday"]), instants)
    agrees(interval(timeZone=zone, times=[{"from": "01:30", "to": "02:45"}], weekdays=["sunday"]), instants)


def test_without_a_zone_the_hours_are_those_of_utc() -> None:
    assert entries(**NIGHT, weekdays=["saturday", "sunday"]) == [
        {
            "times": [{"startTime": "00:00", "endTime": "06:00"}, {"startTime": "22:00", "endTime": "24:00"}],
            "weekdays": ["saturday", "sunday"],
        }
    ]
    assert entries(weekdays=["sunday"]) == [{"weekdays": ["sunday"]}]
    always = [{"times": [{"startTime": "00:00", "endTime": "24:00"}]}]
    assert entries(times=[{"from": "00:00", "to": "24:00"}]) == always
    assert entries(weekdays=[day.value for day in Weekday]) == always


def test_a_zone_without_changes_is_moved_across_midnight_with_its_days() -> None:
    assert entries(timeZone="Asia/Shanghai", times=[{"from": "00:00", "to": "09:30"}], weekdays=["monday"]) == [
        {"times": [{"startTime": "00:00", "endTime": "01:30"}], "weekdays": ["monday"]},
        {"times": [{"startTime": "16:00", "endTime": "24:00"}], "weekdays": ["sunday"]},
    ]


def test_a_zone_with_changes_has_entries_for_this_year_and_the_next() -> None:
    made = entries(timeZone="Europe/Berlin", times=[{"from": "12:00", "to": "13:00"}])
    assert {year for entry in made for year in entry["years"]} == {"2026", "2027"}
    summer = {"times": [{"startTime": "10:00", "endTime": "11:00"}], "years": ["2026"], "months": ["4:9"]}
    assert summer in made


def test_without_a_year_no_minute_is_muted_that_is_open_in_summer_or_in_winter() -> None:
    assert entries(None, timeZone="Europe/Berlin", times=[{"from": "12:00", "to": "14:00"}]) == [
        {"times": [{"startTime": "11:00", "endTime": "12:00"}]}
    ]
    assert entries(None, timeZone="Asia/Shanghai", times=[{"from": "12:00", "to": "14:00"}]) == [
        {"times": [{"startTime": "04:00", "endTime": "06:00"}]}
    ]


def test_an_interval_of_which_nothing_is_left_is_left_out() -> None:
    """prometheus-operator gives an interval without entries no name, and Alertmanager then takes nothing at all."""
    found = compiled(None, timeZone="Europe/Berlin", times=[{"from": "12:00", "to": "13:00"}])
    assert (found.usable, found.named) == ({}, {"nights"})


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "Europe", "Asia/Shanghai/East", "Zones"])
def test_a_zone_that_is_not_there_is_said(zone: str) -> None:
    found = compiled(timeZone=zone, weekdays=["sunday"])
    assert found.usable == {}
    assert [(each.code, each.path) for each in found.diagnostics] == [
        (Code.UNKNOWN_TIME_ZONE, "spec.muteTimeIntervals[0].timeZone")
    ]


def test_what_only_the_schema_refuses_is_said_too() -> None:
    backwards = compiled(times=[{"from": "22:00", "to": "06:00"}, {"from": "01:00", "to": "02:00"}])
    assert [each.path for each in backwards.diagnostics] == ["spec.muteTimeIntervals[0].times[0]"]
    assert backwards.usable["nights"]["timeIntervals"] == [{"times": [{"startTime": "01:00", "endTime": "02:00"}]}]
    for_ever = compiled()
    assert (for_ever.usable, [each.code for each in for_ever.diagnostics]) == ({}, [Code.INVALID_FIELD])
    twice = compiled_intervals([interval(weekdays=["sunday"]), interval(weekdays=["monday"])], "here", YEAR)
    assert [each.path for each in twice.diagnostics] == ["here[1].name"]
    assert twice.usable["nights"]["timeIntervals"] == [{"weekdays": ["sunday"]}]


def always(*intervals: dict[str, Any], year: int | None = YEAR) -> bool:
    models = [MuteInterval.model_validate({"name": f"i{index}", **each}) for index, each in enumerate(intervals)]
    return compiled_intervals(models, "here", year).always_muted([each.name for each in models])


WORK = {"times": [{"from": "06:00", "to": "22:00"}]}


@pytest.mark.parametrize("year", [YEAR, None])
def test_intervals_that_leave_nothing_open_are_found_together(year: int | None) -> None:
    assert always(NIGHT, WORK, year=year)
    assert not always(NIGHT, year=year)
    assert always({"weekdays": [day.value for day in Weekday]}, year=year)
    assert not always(NIGHT, {"times": [{"from": "06:00", "to": "21:59"}]}, year=year)
    assert not always(year=year)


def test_that_holds_across_zones_and_for_a_part_of_the_year() -> None:
    # 22:00 to 06:00 and 06:00 to 22:00 of Berlin's winter, said in another zone: in summer an hour is open.
    assert always({"timeZone": "Europe/Berlin", **NIGHT}, {"times": [{"from": "05:00", "to": "21:00"}]})
    assert not always({"timeZone": "Europe/Berlin", **NIGHT}, {"times": [{"from": "06:00", "to": "20:00"}]})


WEEKS = st.lists(st.tuples(st.integers(0, WEEK - 1), st.integers(1, DAY)), max_size=5).map(
    lambda pairs: either(((start, min(start + length, WEEK)),) for start, length in pairs)
)


@given(WEEKS, WEEKS, st.integers(-WEEK, WEEK))
@example(((0, WEEK),), (), 60)
def test_sets_of_minutes_are_what_sets_of_numbers_are(a: Any, b: Any, by: int) -> None:
    def numbers(minutes: Any) -> set[int]:
        return {minute for start, end in minutes for minute in range(start, end)}

    assert numbers(either((a, b))) == numbers(a) | numbers(b)
    assert numbers(both((a, b))) == numbers(a) & numbers(b)
    assert numbers(shifted(a, by)) == {(minute + by) % WEEK for minute in numbers(a)}
    assert all(end < start for (_, end), (start, _) in zip(either((a, b)), either((a, b))[1:], strict=False))
