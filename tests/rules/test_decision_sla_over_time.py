"""Failures and delays of risk decisions that deserve an alert, and those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

LABELS = 'scene="payout",channel="api",decision_type="block"'
DONE = f'risk_decisions_total{{{LABELS},outcome="success"}}'
FAILED = f'risk_decisions_total{{{LABELS},outcome="error"}}'
WELL = {DONE: "0+100x10", FAILED: "0"}
BURNS = ("DecisionBudgetBurn1h", "DecisionBudgetBurn6h", "DecisionBudgetBurn1d", "DecisionBudgetBurn3d")


def _prove(promtool: Path, folder: Path, life: dict[str, str], *expected: Json, minutes: int) -> None:
    inputs = series(A, life, minutes) + series(B, WELL, minutes)
    test = {"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}
    prove(promtool, folder, monitor(pack="decision-sla"), [test])


def _latencies(scene: str, fast: str, slow: str, total: str) -> dict[str, str]:
    labels = f'scene="{scene}",channel="api",decision_type="block"'
    bucket = f"risk_decision_latency_seconds_bucket{{{labels},le="
    return {
        f'{bucket}"0.064"}}': fast,
        f'{bucket}"1.024"}}': slow,
        f'{bucket}"+Inf"}}': total,
        f"risk_decision_latency_seconds_count{{{labels}}}": total,
    }


def test_a_page_ends_soon_after_the_failures_though_the_hour_still_holds_them(promtool: Path, tmp_path: Path) -> None:
    # Twenty minutes in which half of the decisions fail.
    life = {DONE: "0+100x120 12050+50x39 14050+100", FAILED: "0x120 50+50x39 2050"}
    _prove(
        promtool,
        tmp_path,
        life,
        firing("DecisionBudgetBurn1h", "75m", A),
        firing("DecisionBudgetBurn1h", "95m"),
        minutes=120,
    )


def test_a_burst_that_only_the_short_window_feels_pages_nobody(promtool: Path, tmp_path: Path) -> None:
    # 30 of 1,000 decisions in five minutes, 30 of 12,000 in the hour.
    life = {DONE: "0+100x120 12070+100", FAILED: "0x120 30"}
    _prove(promtool, tmp_path, life, *(never(name, "120m") for name in BURNS[:2]), minutes=120)


def test_a_slow_leak_is_told_by_the_slow_windows_alone(promtool: Path, tmp_path: Path) -> None:
    # 0.2 % fail: twice as fast as the budget lasts.
    life = {DONE: "0+499x10", FAILED: "0+1x10"}
    expected = [never(name, "240m") for name in BURNS[:3]]
    _prove(promtool, tmp_path, life, *expected, firing("DecisionBudgetBurn3d", "200m", A), minutes=240)


@pytest.mark.parametrize(
    "life",
    [
        pytest.param({DONE: "0x20 8", FAILED: "0x20 2"}, id="two of ten decisions fail"),
        pytest.param({DONE: "0+100x10", FAILED: "0x20 2"}, id="two decisions fail"),
        pytest.param({DONE: "0+1x40 40", FAILED: "0x20 5"}, id="five of forty decisions fail"),
        pytest.param({DONE: "0+100x60 stale _x5 0+100", FAILED: "0x60 stale _x5 0"}, id="it restarts"),
        pytest.param({FAILED: "0"}, id="nothing is ever decided"),
    ],
)
def test_no_budget_burns_when(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, *(never(name, "240m") for name in BURNS), minutes=240)


def test_thin_traffic_that_fails_as_a_whole_is_told(promtool: Path, tmp_path: Path) -> None:
    # One decision in 30 seconds, so ten in the shorter window; the longer one has enough.
    life = {DONE: "0+1x180 180", FAILED: "0x180 0+1"}
    _prove(promtool, tmp_path, life, firing("DecisionBudgetBurn1h", "120m", A), minutes=130)


def test_the_scene_that_is_late_is_named_and_no_other(promtool: Path, tmp_path: Path) -> None:
    life = _latencies("payout", "0+50x10", "0+100x10", "0+100x10") | _latencies(
        "login", "0+100x10", "0+100x10", "0+100x10"
    )
    named = {
        "expr": 'count by (scene) (ALERTS{alertname="DecisionLatencyHigh",alertstate="firing"})',
        "eval_time": "20m",
        "exp_samples": [{"labels": '{scene="payout"}', "value": 1}],
    }
    _prove(promtool, tmp_path, life, named, never("DecisionLatencyThinTrafficHigh", "60m"), minutes=60)


def test_a_rare_scene_is_judged_by_the_hour_and_not_by_five_minutes(promtool: Path, tmp_path: Path) -> None:
    life = _latencies("vip", "0+1x10", "0+2x10", "0+2x10")
    _prove(
        promtool,
        tmp_path,
        life,
        never("DecisionLatencyHigh", "90m"),
        firing("DecisionLatencyThinTrafficHigh", "60m", A),
        minutes=90,
    )


def test_one_late_decision_of_a_rare_scene_is_no_alert(promtool: Path, tmp_path: Path) -> None:
    life = _latencies("vip", "0x60 3", "0x60 4", "0x60 4")
    names = ("DecisionLatencyHigh", "DecisionLatencyThinTrafficHigh")
    _prove(promtool, tmp_path, life, *(never(name, "90m") for name in names), minutes=90)


def test_the_stage_that_fails_is_named_with_its_cause(promtool: Path, tmp_path: Path) -> None:
    life = WELL | {
        'risk_decision_failures_total{stage="kafka_produce",cause="timeout",biz_code="RISK_504"}': "0+5x10",
        'risk_decision_failures_total{stage="redis_cache",cause="timeout",biz_code="RISK_504"}': "0x20 2",
    }
    named = {
        "expr": 'count by (stage, cause) (ALERTS{alertname="DecisionStageFailing",alertstate="firing"})',
        "eval_time": "20m",
        "exp_samples": [{"labels": '{stage="kafka_produce",cause="timeout"}', "value": 1}],
    }
    _prove(promtool, tmp_path, life, named, minutes=30)


@pytest.mark.parametrize(
    ("life", "minutes"),
    [
        pytest.param({DONE: "0+100x60 stale _x6 0+100"}, 120, id="a deploy takes three minutes"),
        pytest.param({DONE: "0+100x60 stale _"}, 120, id="the service is gone, which others tell"),
        pytest.param({DONE: "0+1x60 60"}, 120, id="there were few all along"),
        # Four hours of work, twenty of rest, and four of work again.
        pytest.param({DONE: "0+100x480 48000x2399 48000+100x480 96000"}, 30 * 60, id="it is as quiet every evening"),
    ],
)
def test_decisions_have_not_stopped_when(life: dict[str, str], minutes: int, promtool: Path, tmp_path: Path) -> None:
    # The first evening tells nothing of the habit; what counts is the next one.
    day = 24 * 60
    inside = minutes - day if minutes > day else minutes
    seen = {
        "expr": f'count (last_over_time(ALERTS{{alertname="DecisionsStopped",alertstate="firing"}}[{inside}m]))',
        "eval_time": f"{minutes}m",
        "exp_samples": [],
    }
    _prove(promtool, tmp_path, life, seen, minutes=minutes)
