"""Processes in ordinary life: young ones, restarts, load that comes and goes, streams that end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, Json, firing, monitor, never, prove, series

RUNTIME = (
    "RuntimeFileDescriptorsNearlyUsedUp",
    "RuntimeStreamGoroutineLeak",
    "RuntimeGoroutineLeak",
    "RuntimeAllocationRateRising",
    "RuntimeStreamAllocationHigh",
    "RuntimeGcPauseLong",
    "RuntimeCpuSaturated",
)
HOUR = 120
"""Samples."""


def _prove(promtool: Path, folder: Path, life: dict[str, str], minutes: int, *expected: Json) -> None:
    inputs = series(A, life, minutes)
    test = {"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}
    prove(promtool, folder, monitor(pack="runtime"), [test])


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(
            {"go_goroutines": "120", "go_memstats_alloc_bytes_total": "0+3000000000x10"},
            id="has just started, and allocates evenly from then on",
        ),
        pytest.param(
            {"go_goroutines": f"120x{2 * HOUR} 20x20 120+0.01x10"},
            id="restarts in place and comes to its usual level again",
        ),
        pytest.param({"go_goroutines": f"120x{4 * HOUR} 400"}, id="opens a pool and keeps it"),
        pytest.param(
            {"go_goroutines": f"120x{3 * HOUR} 120+10x{2 * HOUR} 2520-10x{2 * HOUR} 120"},
            id="has a rush of two hours that ends",
        ),
        pytest.param(
            {
                "go_goroutines": f"600x{HOUR} 600x8 50",
                'sse_active_connections{path="/events"}': f"100x{HOUR} 0",
            },
            id="loses all its streams, whose goroutines take four minutes to end",
        ),
        pytest.param(
            {
                'go_gc_duration_seconds{quantile="1"}': "0.0001x40 0.9",
                "go_gc_duration_seconds_count": "0+2x10",
                "go_gc_duration_seconds_sum": "0+0.0002x40 0.9082+0.0002",
            },
            id="has one long pause",
        ),
        pytest.param({"process_cpu_seconds_total": "0+300x10"}, id="uses ten cores and does not say how many it has"),
        pytest.param(
            {
                "go_memstats_alloc_bytes_total": "0+3000000000x10",
                'sse_active_connections{path="/events"}': "3",
            },
            id="allocates a lot and has three streams",
        ),
        pytest.param(
            {"go_memstats_alloc_bytes_total": "0+3000000000x10", 'sse_active_connections{path="/events"}': "0"},
            id="allocates a lot and has no stream",
        ),
    ],
)
def test_nothing_fires_for_a_process_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, 480, *(never(name, "480m") for name in RUNTIME))


def test_goroutines_of_streams_that_have_all_gone_are_a_leak(promtool: Path, tmp_path: Path) -> None:
    life = {"go_goroutines": "3000", 'sse_active_connections{path="/events"}': "1000x40 0"}
    _prove(
        promtool,
        tmp_path,
        life,
        60,
        firing("RuntimeStreamGoroutineLeak", "20m"),
        firing("RuntimeStreamGoroutineLeak", "37m", A),
    )


def test_a_leak_is_found_though_the_load_falls(promtool: Path, tmp_path: Path) -> None:
    life = {
        "go_goroutines": "200+1x10",
        'wallet_requests_total{route="/send",outcome="success"}': f"0+50x{2 * HOUR} 12050+1",
    }
    _prove(promtool, tmp_path, life, 360, firing("RuntimeGoroutineLeak", "300m", A))


def test_a_python_process_is_saturated_by_one_core(promtool: Path, tmp_path: Path) -> None:
    life = {
        "process_cpu_seconds_total": "0+29x10",
        'python_info{implementation="CPython",major="3",minor="12",patchlevel="1",version="3.12.1"}': "1",
    }
    _prove(promtool, tmp_path, life, 60, firing("RuntimeCpuSaturated", "30m", A))


def test_a_process_that_collects_all_the_time_is_judged_by_its_longest_pause(promtool: Path, tmp_path: Path) -> None:
    life = {
        'go_gc_duration_seconds{quantile="0"}': "0.0001",
        'go_gc_duration_seconds{quantile="1"}': "0.15",
        "go_gc_duration_seconds_count": "0+60x10",
        "go_gc_duration_seconds_sum": "0+0.01x10",
    }
    _prove(promtool, tmp_path, life, 60, firing("RuntimeGcPauseLong", "30m", A))
