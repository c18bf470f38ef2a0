"""What the score of abuse is made of, and which crowds are no abuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

CONNECTIONS = 'sse_connections_total{path="/events"}'
SHORT = 'sse_connection_duration_seconds_bucket{path="/events",le="0.1"}'
ENDED = 'sse_connection_duration_seconds_count{path="/events"}'
# One connection a second for 90 minutes, then 20.
FLOOD = {CONNECTIONS: "0+30x180 6000+600"}
STEADY = {CONNECTIONS: "0+30x10"}
MINUTES = 130


def _prove(
    promtool: Path,
    folder: Path,
    life: dict[str, str],
    *expected: Json,
    minutes: int = MINUTES,
    more: tuple[Json, ...] = (),
) -> None:
    inputs = [*series(A, life, minutes), *series(B, STEADY, minutes), *more]
    test = {"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}
    prove(promtool, folder, monitor(pack="abuse"), [test])


def _score(at: str, value: float | None) -> Json:
    labels = '{namespace="wallets-prod",walletmon="treasury",wallet="hot-1",target="api"}'
    return {
        "expr": 'round(sum by (namespace, walletmon, wallet, target) (sse:abuse_score:ratio{wallet="hot-1"}), 0.0001)',
        "eval_time": at,
        "exp_samples": [] if value is None else [{"labels": labels, "value": value}],
    }


@pytest.mark.parametrize(
    ("exposed", "score"),
    [
        pytest.param({}, 1, id="the rate alone: its part is all of the score"),
        pytest.param({"sse_source_dispersion": "2.25"}, 0.8333, id="rate and dispersion: 0.6 and half of 0.3, of 0.9"),
        pytest.param(
            {SHORT: "0+5x10", ENDED: "0+10x10"}, 0.9286, id="rate and short ones: 0.6 and half of 0.1, of 0.7"
        ),
        pytest.param(
            {"sse_source_dispersion": "4.5", SHORT: "0+5x10", ENDED: "0+10x10"}, 0.95, id="all three: 0.6, 0.3 and 0.05"
        ),
        pytest.param({"sse_source_dispersion": "450"}, 1, id="no part exceeds its weight"),
        pytest.param({SHORT: "0", ENDED: "0"}, 1, id="nothing ends, so nothing is known of how short"),
        pytest.param({SHORT: "0", ENDED: "0+10x10"}, 0.8571, id="a part that is known to be 0 counts"),
    ],
)
def test_what_is_not_exposed_is_left_out_of_the_score_with_its_weight(
    exposed: dict[str, str], score: float, promtool: Path, tmp_path: Path
) -> None:
    _prove(promtool, tmp_path, FLOOD | exposed, _score("110m", score))


def test_a_dispersion_that_is_no_number_does_not_break_the_score(promtool: Path, tmp_path: Path) -> None:
    exposed = series(A, {"sse_source_dispersion": "0"}, MINUTES)
    unknown = [each | {"values": " ".join(["NaN"] * 2 * MINUTES)} for each in exposed if "dispersion" in each["series"]]
    _prove(promtool, tmp_path, FLOOD, _score("110m", 1), more=tuple(unknown))


def test_a_service_without_a_past_has_no_score(promtool: Path, tmp_path: Path) -> None:
    life = {CONNECTIONS: "0+600x10", "sse_source_dispersion": "1"}
    _prove(promtool, tmp_path, life, _score("30m", None), never("AbuseConnectionScoreHigh", "50m"))


def test_connections_at_the_usual_rate_score_nothing(promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, STEADY, _score("110m", 0))


def test_a_flood_of_hours_does_not_become_the_measure_of_itself(promtool: Path, tmp_path: Path) -> None:
    life = {CONNECTIONS: "0+30x600 18600+600"}
    _prove(
        promtool,
        tmp_path,
        life,
        *(firing("AbuseConnectionScoreHigh", f"{at}m", A) for at in (315, 400, 500)),
        minutes=510,
    )


@pytest.mark.parametrize(
    "life",
    [
        pytest.param({CONNECTIONS: "0+30x180 15400+30"}, id="ten thousand clients come again at once, after an outage"),
        pytest.param(
            {CONNECTIONS: "0x180 0+10"}, id="the first hundred clients of the morning come after an idle night"
        ),
        pytest.param(
            FLOOD | {"sse_draining": "0x175 1x80 0"}, id="a deploy lets go of its connections for forty minutes"
        ),
        pytest.param(
            {CONNECTIONS: "0+30x180 stale _x5 0+30", SHORT: "0", ENDED: "0+10x10"},
            id="it restarts, its counters at zero",
        ),
        pytest.param(
            {CONNECTIONS: "0+4x10", "sse_source_dispersion": "8", SHORT: "0+4x10", ENDED: "0+4x10"},
            id="forty connections in five minutes are all short and of few sources",
        ),
    ],
)
def test_no_abuse_is_seen_when(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    names = ("AbuseConnectionScoreHigh", "AbuseSourceDispersionHigh", "AbuseUltraShortConnections")
    _prove(promtool, tmp_path, life, *(never(name, f"{MINUTES}m") for name in names))


def test_each_alert_names_the_action_that_fits_it(promtool: Path, tmp_path: Path) -> None:
    life = FLOOD | {"sse_source_dispersion": "9", SHORT: "0+9.5x10", ENDED: "0+10x10"}
    actions = {
        "AbuseConnectionScoreHigh": "rate-limit",
        "AbuseSourceDispersionHigh": "ip-reputation",
        "AbuseUltraShortConnections": "tls-fingerprint",
    }
    said = {
        "expr": 'count by (alertname, action) (ALERTS{pack="abuse",alertstate="firing"})',
        "eval_time": "110m",
        "exp_samples": [
            {"labels": f'{{alertname="{name}",action="{act}"}}', "value": 1} for name, act in actions.items()
        ],
    }
    _prove(promtool, tmp_path, life, said)
