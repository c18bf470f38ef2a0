"""What connections of streams do in ordinary life, which is a lot, and what of it is trouble."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

PACK = "sse-connections"
LONG_AGO = "-90000"
"""When a process started that has been there for a day."""


def _stream(
    pod: str, active: str, *, path: str = "/events", reconnects: str = "0+1x10", started: str = LONG_AGO, **ends: str
) -> dict[str, str]:
    """The series of one process that serves one path; `ends` are counts of ended connections by reason."""
    return {
        f'up{{pod="{pod}"}}': "1",
        f'process_start_time_seconds{{pod="{pod}"}}': started,
        f'sse_draining{{pod="{pod}"}}': "0",
        f'sse_active_connections{{pod="{pod}",path="{path}"}}': active,
        f'sse_connections_total{{pod="{pod}",path="{path}"}}': reconnects,
        f'sse_reconnects_total{{pod="{pod}",path="{path}"}}': reconnects,
        **{
            f'sse_disconnect_total{{pod="{pod}",path="{path}",reason="{reason}"}}': ends.get(reason, "0")
            for reason in ("client", "server", "error", "timeout", "drain")
        },
    }


def _until(end: int, described: Mapping[str, str]) -> dict[str, str]:
    """The same series of a process that is gone from sample `end` on."""
    return {name: f"{_cut(values, end)} stale _" for name, values in described.items()}


def _from(start: int, described: Mapping[str, str]) -> dict[str, str]:
    """The same series of a process that comes at sample `start`; its start is then, its figures count from then."""
    return {
        name: f"_x{start - 1} {30 * start if name.startswith('process_start') else values}"
        for name, values in described.items()
    }


def _cut(values: str, end: int) -> str:
    if " " in values:
        return values
    first, _, increment = values.split("x")[0].partition("+")
    return f"{first}+{increment or 0}x{end - 1}"


def _prove(promtool: Path, folder: Path, life: Mapping[str, str], *expected: Json, hours: int = 2, **use: str) -> None:
    well = series(B, _stream("b", "1000"), hours * 60)
    tests = [
        {
            "interval": "30s",
            "input_series": series(A, life, hours * 60) + well,
            "promql_expr_test": list(expected),
            "alert_rule_test": [],
        }
    ]
    prove(promtool, folder, monitor(pack=PACK, preset=use.get("preset")), tests)


def _nothing_fires(until: str) -> Json:
    return {
        "expr": f'count by (alertname) (last_over_time(ALERTS{{alertstate="firing",pack="{PACK}"}}[{until}]))',
        "eval_time": until,
        "exp_samples": [],
    }


DRAINED = _until(66, _stream("old", "1000x59 800 600 300 100 20 0", drain="0x59 200 400 700 900 980 1000")) | {
    'sse_draining{pod="old"}': "0x59 1x5 stale _"
}
KILLED = _until(60, _stream("old", "1000"))
FILLS_UP = "10 300 600 900 1000"
COME_BACK = "10 300 600 900 1000+1"


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(_stream("a", "1000"), id="stay"),
        pytest.param(
            DRAINED | _from(62, _stream("new", FILLS_UP, reconnects=COME_BACK)),
            id="are drained by a deploy and come back to the new process",
        ),
        pytest.param(
            KILLED | _from(68, _stream("new", FILLS_UP, reconnects=COME_BACK)),
            id="are cut off by a deploy that drains nothing, with four minutes in between",
        ),
        pytest.param(
            _stream("a", "500x59 1000x9 500", reconnects="0+1x59 60 560+1", error="0")
            | _stream("b", "500x59 0x2 500", reconnects="0+1x59 0+1", started="-90000x59 _x1 1830", error="0"),
            id="move to the other process while one of two restarts, and back",
        ),
        pytest.param(_stream("a", "9x59 0"), id="are nine that leave one night"),
        pytest.param(_stream("a", "25x59 6"), id="are 25 of which 19 leave"),
        pytest.param(_stream("a", "1000", reconnects="0+1x59 60+4"), id="reconnect four times as often as usual"),
        pytest.param(_stream("a", "100000", reconnects="0x59 0+100"), id="reconnect by one in a hundred"),
        pytest.param(_stream("a", "40", reconnects="0x59 0+4"), id="are few, and all reconnect"),
        pytest.param(_stream("a", "60", error="0x59 0+1x18 18"), id="break by 18, a third of all"),
        pytest.param(
            _stream("a", "1000") | _until(60, {'sse_active_connections{pod="a",path="/old"}': "300"}),
            id="lose a path that a new version does not have",
        ),
        pytest.param(
            _stream("a", "1000")
            | {
                'sse_reconnect_latency_seconds_bucket{pod="a",status="success",le="0.512"}': "0",
                'sse_reconnect_latency_seconds_bucket{pod="a",status="success",le="4.096"}': "0x59 4",
                'sse_reconnect_latency_seconds_bucket{pod="a",status="success",le="+Inf"}': "0x59 4",
                'sse_reconnect_latency_seconds_count{pod="a",status="success"}': "0x59 4",
                'sse_reconnect_latency_seconds_count{pod="a",status="failed"}': "0x59 4",
            },
            id="come back slowly by four, and in vain by four",
        ),
    ],
)
def test_nothing_fires_while_connections(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _nothing_fires("2h"))


def test_the_ebb_of_a_day_is_no_drop(promtool: Path, tmp_path: Path) -> None:
    # Half of them leave every 72 minutes, and nobody is left after 11 hours.
    halves = "2000-6.9x143 1000-3.4x143 500-1.7x143 250-0.8x143 125-0.4x143 62-0.2x143 31-0.1x143 15-0.1x149 0"
    _prove(promtool, tmp_path, _stream("a", halves), _nothing_fires("12h"), hours=12)


def test_a_deploy_after_which_nobody_comes_back_is_noticed_and_stays_so(promtool: Path, tmp_path: Path) -> None:
    life = DRAINED | _from(62, _stream("new", "0x400 7"))
    _prove(
        promtool,
        tmp_path,
        life,
        firing("SseNoConnections", "33m"),
        firing("SseNoConnections", "40m", A),
        # Having nobody has long been usual by now.
        firing("SseNoConnections", "3h", A),
        firing("SseNoConnections", "4h"),
        never("SseReconnectStorm", "4h"),
        hours=4,
    )


def test_a_deploy_after_which_few_come_back_is_noticed_once_it_is_over(promtool: Path, tmp_path: Path) -> None:
    life = DRAINED | _from(62, _stream("new", "10 100 300"))
    _prove(
        promtool,
        tmp_path,
        life,
        firing("SseConnectionsDropped", "40m"),
        firing("SseConnectionsDropped", "48m", A),
    )


def test_a_process_added_under_load_does_not_hide_a_drop(promtool: Path, tmp_path: Path) -> None:
    life: dict[str, str] = {}
    for index in range(9):
        life |= _stream(f"a{index}", "100x59 20")
    life |= _from(58, _stream("added", "0"))
    _prove(promtool, tmp_path, life, firing("SseConnectionsDropped", "36m", A))


def test_a_process_that_restarts_again_and_again_is_no_deploy(promtool: Path, tmp_path: Path) -> None:
    # It starts every ten minutes; each time its thousand clients come back to the other one.
    starts = " ".join(f"{600 * index}x19" for index in range(12))
    life = _stream("loops", "0", started=starts) | _stream("b", "1000", reconnects="0+1x79 80+60")
    _prove(promtool, tmp_path, life, firing("SseReconnectStorm", "47m", A))


def test_the_same_storm_after_one_restart_is_taken_for_a_deploy(promtool: Path, tmp_path: Path) -> None:
    life = _stream("a", "0", started=f"{LONG_AGO}x79 2400") | _stream("b", "1000", reconnects="0+1x79 80+60x10 680+1")
    _prove(promtool, tmp_path, life, never("SseReconnectStorm", "2h"))


def test_a_drain_that_does_not_end_is_said_and_hides_nothing(promtool: Path, tmp_path: Path) -> None:
    life = _stream("a", "1000x119 300") | {'sse_draining{pod="a"}': "0x9 1"}
    _prove(
        promtool,
        tmp_path,
        life,
        firing("SseDrainStuck", "38m"),
        firing("SseDrainStuck", "41m", A),
        firing("SseConnectionsDropped", "66m30s", A),
    )


def test_a_target_that_is_down_is_one_alert_of_its_own(promtool: Path, tmp_path: Path) -> None:
    life = _until(60, _stream("a", "1000")) | {'up{pod="a"}': "1x59 0"}
    expected = [never(name, "2h") for name in ("SseNoConnections", "SseConnectionsDropped", "SseConnectionsUnknown")]
    _prove(promtool, tmp_path, life, firing("WalletDown", "60m", A), *expected)


def test_pushpin_tells_a_deploy_by_processes_that_were_not_there_before(promtool: Path, tmp_path: Path) -> None:
    old = {'up{pod="old"}': "1x59 stale _", 'connection_connected{pod="old"}': "1000x59 stale _"}
    new = {'up{pod="new"}': "_x59 1", 'connection_connected{pod="new"}': "_x59 100x14 1000"}
    _prove(promtool, tmp_path, old | new, _nothing_fires("2h"), preset="pushpin")


def test_pushpin_loses_connections_without_a_deploy(promtool: Path, tmp_path: Path) -> None:
    life = {'up{pod="a"}': "1", 'connection_connected{pod="a"}': "1000x59 100x14 1000"}
    _prove(promtool, tmp_path, life, firing("SseConnectionsDropped", "36m", A), preset="pushpin")
