"""Every query of the overview runs on the real Prometheus, and shows a healthy wallet's figures."""

from __future__ import annotations

import contextlib
import json

import pytest

from demo.stage import Stage
from demo.wallet import Wallet
from testbed import Json, WaitTimeoutError
from tests.e2e.scenes import TREASURY, wait_for_targets

# What Grafana would put in for the variables: hot-2 chosen.
CHOSEN = {"$wallet": "hot-2", "$job": ".+", "$instance": ".+", "$__rate_interval": "1m", "$__range": "15m"}

# For a wallet that is well there is no alert to list, and a process in Python has no goroutines.
EMPTY_WHEN_WELL = {"Alerts firing now A", "Wallets now F", "Goroutines A"}


def panels_of(board: Json) -> list[Json]:
    """All panels, those inside rows too."""
    return [each for panel in board["panels"] for each in (panel, *panel.get("panels", ()))]


@pytest.fixture(scope="module")
def queries(stage: Stage, treasury: dict[str, Wallet]) -> dict[str, str]:
    """The overview's queries by `<panel> <refId>`."""
    wait_for_targets(stage, len(treasury), walletmon="treasury")
    config_map = stage.bed.api.get("v1", "ConfigMap", TREASURY, "treasury.overview")
    (text,) = config_map["data"].values()
    found = {}
    for panel in panels_of(json.loads(text)):
        for target in panel.get("targets", ()):
            expr = target["expr"]
            for variable, value in CHOSEN.items():
                expr = expr.replace(variable, value)
            found[f"{panel['title']} {target['refId']}"] = expr
    return found


def test_every_query_runs(stage: Stage, queries: dict[str, str]) -> None:
    assert len(queries) > 20
    assert [name for name, expr in queries.items() if "$" in expr] == []
    for expr in queries.values():
        stage.prometheus.query(expr)  # raises what Prometheus has against it


def test_every_panel_shows_something_of_a_healthy_wallet(stage: Stage, queries: dict[str, str]) -> None:
    def empty() -> set[str]:
        return {name for name, expr in queries.items() if not stage.prometheus.query(expr)}

    with contextlib.suppress(WaitTimeoutError):  # the assertion says which
        stage.wait("figures in every panel", lambda: empty() == EMPTY_WHEN_WELL, 20)
    assert empty() == EMPTY_WHEN_WELL


def test_no_query_shows_another_wallet_than_the_chosen(stage: Stage, queries: dict[str, str]) -> None:
    series = [each for expr in queries.values() for each in stage.prometheus.query(expr)]
    assert {each["metric"]["wallet"] for each in series if "wallet" in each["metric"]} == {"hot-2"}
