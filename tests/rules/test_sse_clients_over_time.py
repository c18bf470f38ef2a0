"""Crowds of clients that only look like bots, scripts or hammers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

NAMES = ("SseClientBotsSuspected", "SseClientScriptsSuspected", "SseClientsHammering", "SseClientMixChanged")
OPENED = 'sse_connections_total{path="/events"}'
OPEN = 'sse_active_connections{path="/events"}'
LASTED = 'sse_connection_duration_seconds_sum{path="/events"}'
ENDED = 'sse_connection_duration_seconds_count{path="/events"}'
BY_CLIENT = 'sse_disconnect_total{path="/events",reason="client"}'
BY_SERVER = 'sse_disconnect_total{path="/events",reason="server"}'
BOTS = {
    "sse_client_ua_entropy_bits": "0.8",
    "sse_client_duration_skewness": "6",
    "sse_client_sample_connections": "500",
}
SCRIPTS = {
    "sse_client_ua_entropy_bits": "0.8",
    "sse_client_session_consistency": "0.02",
    "sse_client_sample_connections": "500",
    LASTED: "0+500x10",
    ENDED: "0+100x10",
}
HAMMERS = {OPENED: "0+300x10", OPEN: "100", BY_CLIENT: "0+290x10", BY_SERVER: "0+10x10"}


def _prove(promtool: Path, folder: Path, life: dict[str, str], *expected: Json, minutes: int = 60) -> None:
    inputs = series(A, life, minutes) + series(B, {}, minutes)
    test = {"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}
    prove(promtool, folder, monitor(pack="sse-clients"), [test])


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(BOTS | {"sse_client_sample_connections": "90"}, id="the sample of what looks like bots is small"),
        pytest.param(BOTS | {"sse_client_duration_skewness": "1"}, id="all are one app, and stay as people do"),
        pytest.param(BOTS | {"sse_client_ua_entropy_bits": "4"}, id="nearly all are short, and of many kinds"),
        pytest.param(BOTS | {"sse_draining": "1"}, id="a deploy cuts what looks like bots"),
        pytest.param(SCRIPTS | {LASTED: "0+6000x10"}, id="a proxy cuts all streams after a minute"),
        pytest.param(SCRIPTS | {"sse_client_ua_entropy_bits": "3.5"}, id="devices of many kinds stay equally long"),
        pytest.param(HAMMERS | {BY_CLIENT: "0+10x10", BY_SERVER: "0+290x10"}, id="the service sends its clients away"),
        pytest.param(HAMMERS | {OPEN: "1000"}, id="many streams are open, and some come and go"),
        pytest.param(HAMMERS | {"sse_draining": "0x10 1"}, id="a deploy goes on for an hour"),
        pytest.param(
            HAMMERS | {OPENED: "0x20 5000", BY_CLIENT: "0x20 5000", BY_SERVER: "0"}, id="all come again at once"
        ),
        pytest.param(
            HAMMERS | {OPENED: "0+8x10", OPEN: "0", BY_CLIENT: "0+8x10", BY_SERVER: "0"},
            id="one client tries and tries",
        ),
    ],
)
def test_nothing_is_said_when(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, *(never(name, "60m") for name in NAMES))


def test_what_a_drain_hid_is_told_a_quarter_of_an_hour_after_it(promtool: Path, tmp_path: Path) -> None:
    life = HAMMERS | {"sse_draining": "0x10 1x20 0"}
    _prove(
        promtool,
        tmp_path,
        life,
        never("SseClientsHammering", "30m"),
        firing("SseClientsHammering", "45m", A),
    )


def test_a_process_counts_by_the_size_of_its_sample(promtool: Path, tmp_path: Path) -> None:
    # One that has just come saw ten connections of one kind; the other saw hundreds of all kinds.
    life = {
        'sse_client_ua_entropy_bits{pod="new"}': "0",
        'sse_client_duration_skewness{pod="new"}': "8",
        'sse_client_sample_connections{pod="new"}': "10",
        'sse_client_ua_entropy_bits{pod="old"}': "4",
        'sse_client_duration_skewness{pod="old"}': "1",
        'sse_client_sample_connections{pod="old"}': "490",
    }
    labels = '{namespace="wallets-prod",walletmon="treasury",wallet="hot-1",target="api"}'
    mean = {
        "expr": "sum by (namespace, walletmon, wallet, target) (sse:client_ua_entropy_bits:mean)",
        "eval_time": "30m",
        "exp_samples": [{"labels": labels, "value": 3.92}],
    }
    _prove(promtool, tmp_path, life, mean, never("SseClientBotsSuspected", "60m"))


def test_a_process_that_does_not_know_its_entropy_does_not_lower_the_mean(promtool: Path, tmp_path: Path) -> None:
    life = {
        'sse_client_sample_connections{pod="new"}': "400",
        'sse_client_ua_entropy_bits{pod="old"}': "3",
        'sse_client_duration_skewness{pod="old"}': "9",
        'sse_client_sample_connections{pod="old"}': "400",
    }
    _prove(promtool, tmp_path, life, never("SseClientBotsSuspected", "60m"))


def test_a_new_service_has_no_mix_to_compare_with(promtool: Path, tmp_path: Path) -> None:
    life = {"sse_client_ua_entropy_bits": "4x100 1", "sse_client_sample_connections": "500"}
    _prove(promtool, tmp_path, life, never("SseClientMixChanged", "100m"), minutes=100)


def test_a_quiet_night_is_no_measure_of_the_mix(promtool: Path, tmp_path: Path) -> None:
    life = {"sse_client_ua_entropy_bits": "4x400 1", "sse_client_sample_connections": "30x400 500"}
    _prove(promtool, tmp_path, life, never("SseClientMixChanged", "260m"), minutes=260)
