"""How events flow in ordinary life, and what of it is trouble."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

PACK = "sse-throughput"


def _stream(
    pod: str, handed: str, delivered: str | None = None, *, active: str = "200", dropped: str = "0", backlog: str = "0"
) -> dict[str, str]:
    """The series of one process that serves one path; all that is handed in is delivered unless said otherwise."""
    on = f'pod="{pod}",path="/events"'
    return {
        f'up{{pod="{pod}"}}': "1",
        f"sse_active_connections{{{on}}}": active,
        f"sse_events_total{{{on}}}": handed,
        f"sse_events_delivered_total{{{on}}}": handed if delivered is None else delivered,
        f'sse_events_dropped_total{{{on},reason="buffer_full"}}': dropped,
        f"sse_backlog_events{{{on}}}": backlog,
    }


def _prove(promtool: Path, folder: Path, life: Mapping[str, str], *expected: Json, hours: int = 2) -> None:
    tests = [
        {
            "interval": "30s",
            "input_series": series(A, life, hours * 60) + series(B, _stream("b", "0+100x10"), hours * 60),
            "promql_expr_test": list(expected),
            "alert_rule_test": [],
        }
    ]
    prove(promtool, folder, monitor(pack=PACK), tests)


def _nothing_fires(until: str) -> Json:
    return {
        "expr": f'count by (alertname) (last_over_time(ALERTS{{alertstate="firing",pack="{PACK}"}}[{until}]))',
        "eval_time": until,
        "exp_samples": [],
    }


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(_stream("a", "0+100x10"), id="flow"),
        pytest.param(_stream("a", "0"), id="never were"),
        pytest.param(_stream("a", "0x29 0+9x19 180x59 180+9"), id="are few, and pause for half an hour"),
        pytest.param(_stream("a", "0+100x59 6000", active="200x59 0"), id="end because all clients left"),
        pytest.param(_stream("a", "0+100x59 6000+100", "0+100x59 6000", active="200x59 4"), id="reach none of four"),
        pytest.param(
            {name: f"{values}x59 stale _" for name, values in _stream("old", "0+100").items()}
            | {name: f"_x61 {values}" for name, values in _stream("new", "0+100").items()},
            id="go on in a new process after a minute",
        ),
        pytest.param(_stream("a", "0+100x59 6000x9 6000+100"), id="pause for five minutes"),
        pytest.param(
            _stream("a", "0+100x59 6000+1000x3 10000+100", backlog="0x59 500 900 2000 1500 900 400 0"),
            id="come ten times as fast for two minutes and wait as long",
        ),
        pytest.param(_stream("a", "0+100x59 6000+100", dropped="0x59 9"), id="are dropped by nine"),
        pytest.param(
            _stream("a", "0+4x10")
            | {
                'sse_event_delivery_seconds_bucket{pod="a",path="/events",le="1.024"}': "0",
                'sse_event_delivery_seconds_bucket{pod="a",path="/events",le="8.192"}': "0+4x10",
                'sse_event_delivery_seconds_bucket{pod="a",path="/events",le="+Inf"}': "0+4x10",
                'sse_event_delivery_seconds_count{pod="a",path="/events"}': "0+4x10",
            },
            id="are few, and slow",
        ),
        pytest.param(
            # The tide of a day: half as many every 40 minutes, and twice as many again.
            _stream("a", "0+100x80 8000+50x80 12000+25x80 14000+50x80 18000+100"),
            id="swing with the day",
        ),
    ],
)
def test_nothing_fires_while_events(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _nothing_fires("4h"), hours=4)


def test_a_silent_source_is_said_until_there_is_an_event(promtool: Path, tmp_path: Path) -> None:
    life = _stream("a", "0+100x59 6000x400 6000+100")
    _prove(
        promtool,
        tmp_path,
        life,
        firing("SseEventsStopped", "38m"),
        firing("SseEventsStopped", "42m", A),
        # Silence has long been usual by now.
        firing("SseEventsStopped", "3h", A),
        firing("SseEventsStopped", "4h10m"),
        never("SseDeliveryStopped", "4h10m"),
        hours=5,
    )


def test_a_writer_that_hangs_is_told_from_a_silent_source(promtool: Path, tmp_path: Path) -> None:
    life = _stream("a", "0+100x10", "0+100x59 6000", backlog="0x59 0+100")
    _prove(
        promtool,
        tmp_path,
        life,
        firing("SseDeliveryStopped", "37m", A),
        firing("SseBacklogHigh", "42m", A),
        never("SseEventsStopped", "2h"),
    )


def test_events_that_were_dropped_are_not_called_lost(promtool: Path, tmp_path: Path) -> None:
    life = _stream("a", "0+100x10", "0+50x10", dropped="0+50x10")
    _prove(promtool, tmp_path, life, firing("SseEventsDropped", "12m", A), never("SseEventsUndelivered", "2h"))


def test_a_replay_that_is_worked_off_is_high_and_does_not_grow(promtool: Path, tmp_path: Path) -> None:
    life = _stream("a", "0+100x10", backlog="0x59 5000-20")
    _prove(promtool, tmp_path, life, firing("SseBacklogHigh", "40m", A), firing("SseBacklogGrowing", "55m"), hours=2)


def test_a_service_that_no_longer_counts_is_noticed(promtool: Path, tmp_path: Path) -> None:
    life = {'up{pod="a"}': "1"} | {
        name: f"{values}x59 stale _" for name, values in _stream("a", "0+100").items() if not name.startswith("up")
    }
    _prove(promtool, tmp_path, life, firing("SseEventsUnknown", "40m", A), never("SseEventsStopped", "2h"), hours=2)
