"""Which priority goes to whom and when, and when nobody is told."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from walletmon.api.base import DnsLabel, Duration, LabelName, Model, PositiveDuration, rule
from walletmon.api.receivers import Receiver

ClockTime = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", max_length=5)]
"""Hours and minutes, `00:00` to `24:00` (Alertmanager's own form)."""

TimeZone = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$")
]
"""Name of a time zone of the IANA data base."""

BY_NAME: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class Weekday(StrEnum):
    """Day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class TimeRange(Model):
    """Part of a day, in the interval's time zone."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "self.from < self.to", "from must be earlier than to; split a range that goes past midnight in two"
                )
            ]
        }
    )

    from_: Annotated[ClockTime, Field(alias="from", description="First minute of the range, for example 22:00.")]
    to: Annotated[ClockTime, Field(description="End of the range, for example 24:00.")]


class MuteInterval(Model):
    """A stretch of time in which alerts are not sent (they still fire and show)."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "has(self.times) || has(self.weekdays)",
                    "an interval without times and weekdays would mute for ever: give one of them",
                    reason="FieldValueRequired",
                )
            ]
        }
    )

    name: Annotated[DnsLabel, Field(description="The interval's name, unique in the list.")]
    time_zone: Annotated[
        TimeZone | None,
        Field(description="Time zone of times and weekdays, for example Europe/Berlin; UTC if left out."),
    ] = None
    times: Annotated[
        list[TimeRange] | None,
        Field(description="Parts of the day; the whole day if left out.", min_length=1, max_length=8),
    ] = None
    weekdays: Annotated[
        list[Weekday] | None,
        Field(
            description="Days of the week; every day if left out.",
            min_length=1,
            max_length=7,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None


class Timings(Model):
    """When the alerts of one priority are told."""

    group_wait: Annotated[Duration | None, Field(description="How long the first message waits for company.")] = None
    group_interval: Annotated[
        PositiveDuration | None, Field(description="How long news of a group that was told waits.")
    ] = None
    repeat_interval: Annotated[
        PositiveDuration | None, Field(description="When an alert that still fires is told again.")
    ] = None
    mute_time_intervals: Annotated[
        list[DnsLabel] | None,
        Field(
            description="Names of muteTimeIntervals in which nothing is sent on this route.",
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None


class Route(Timings):
    """Who gets the alerts of one priority, and how they are bundled."""

    receivers: Annotated[
        list[DnsLabel],
        Field(
            description="Names of receivers; each of them is told.",
            min_length=1,
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]


_PRIORITIES = ("P0", "P1", "P2")


class Routing(Model):
    """The monitor's own routing. Receivers without any priority route get every alert of the monitor."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                check
                for p in _PRIORITIES
                for check in (
                    rule(
                        f"!has(self.{p}) || self.{p}.receivers.all(r, self.receivers.exists(known, known.name == r))",
                        f"{p} names a receiver that is not in receivers",
                        path=f".{p}",
                    ),
                    rule(
                        f"!has(self.{p}) || !has(self.{p}.muteTimeIntervals) || self.{p}.muteTimeIntervals.all(m, "
                        "has(self.muteTimeIntervals) && self.muteTimeIntervals.exists(known, known.name == m))",
                        f"{p} names a mute interval that is not in muteTimeIntervals",
                        path=f".{p}",
                    ),
                )
            ]
        }
    )

    receivers: Annotated[
        list[Receiver],
        Field(
            description="Who can be told.",
            min_length=1,
            max_length=16,
            json_schema_extra=BY_NAME,
        ),
    ]
    group_by: Annotated[
        list[LabelName] | None,
        Field(
            description="Alerts that agree in these labels go in one message; alertname and wallet if left out.",
            min_length=1,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    p0: Annotated[Route | None, Field(alias="P0", description="Who gets P0 alerts: act now.")] = None
    p1: Annotated[Route | None, Field(alias="P1", description="Who gets P1 alerts: act within the hour.")] = None
    p2: Annotated[Route | None, Field(alias="P2", description="Who gets P2 alerts: act within the day.")] = None
    mute_time_intervals: Annotated[
        list[MuteInterval] | None,
        Field(
            description="Stretches of time that routes can be muted in.",
            max_length=16,
            json_schema_extra=BY_NAME,
        ),
    ] = None
