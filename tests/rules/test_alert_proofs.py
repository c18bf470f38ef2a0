"""Every alert on a real promtool: fires, holds back, stays silent, tells wallets apart, obeys thresholds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rules.proofs import (
    A,
    B,
    Description,
    Json,
    descriptions,
    firing,
    later,
    minutes,
    monitor,
    never,
    notification,
    prove,
    series,
)
from walletmon.language.promql import threshold_metric
from walletmon.packs.catalogue import packs

CASES = Path(__file__).parent / "cases"
PACK = packs()["golden-signals"]
DESCRIBED = descriptions(CASES / "golden-signals.yaml")
ALERTS = {alert.name: alert for alert in PACK.alerts}

every_alert = pytest.mark.parametrize("described", DESCRIBED.values(), ids=DESCRIBED)


def _input(described: Description, troubled: tuple[str, ...], length: int, gone_after: int | None = None) -> list[Json]:
    """Series of both wallets, those of `troubled` in trouble; of an alert about no wallet, the shared workload is."""
    if described.shared:
        made = series(A, {}, length) + series(B, {}, length)
        return made + series(None, described.trouble if troubled else described.healthy, length, gone_after)
    return [
        one
        for wallet in (A, B)
        for one in series(
            wallet,
            described.trouble if wallet in troubled else described.healthy,
            length,
            gone_after if wallet in troubled else None,
        )
    ]


def _expected(described: Description, *wallets: str) -> tuple[str | None, ...]:
    return (None,) if described.shared and wallets else wallets


def _test(inputs: list[Json], *expected: Json, alerts: list[Json] | None = None) -> Json:
    return {
        "interval": "30s",
        "input_series": inputs,
        "promql_expr_test": list(expected),
        "alert_rule_test": alerts or [],
    }


def test_every_alert_of_every_pack_is_described() -> None:
    described = {path.stem: set(descriptions(path)) for path in CASES.glob("*.yaml")}
    assert described == {name: {alert.name for alert in pack.alerts} for name, pack in packs().items()}


@every_alert
def test_every_threshold_of_the_alert_is_tried(described: Description) -> None:
    expr = ALERTS[described.alert].expr
    used = {name for name in PACK.thresholds if re.search(rf"{threshold_metric(PACK.name, name)}\b", expr)}
    assert set(described.tolerant) == used


@every_alert
def test_fires_for_the_wallet_in_trouble_and_no_other(described: Description, promtool: Path, tmp_path: Path) -> None:
    length = minutes(described.fires) + 20
    prove(
        promtool,
        tmp_path,
        monitor(described.targets),
        [
            _test(
                _input(described, (A,), length),
                firing(described.alert, described.holds),
                firing(described.alert, described.fires, *_expected(described, A)),
                firing(described.alert, later(described.fires, 15), *_expected(described, A)),
                alerts=[notification(ALERTS[described.alert], described, None if described.shared else A)],
            )
        ],
    )


@every_alert
def test_is_silent_while_all_is_well(described: Description, promtool: Path, tmp_path: Path) -> None:
    prove(
        promtool,
        tmp_path,
        monitor(described.targets),
        [_test(_input(described, (), 60), never(described.alert, "60m"))],
    )


@every_alert
def test_is_silent_for_a_wallet_that_does_not_expose_the_signal(
    described: Description, promtool: Path, tmp_path: Path
) -> None:
    inputs = series(A, {}, 60) + series(B, {}, 60)
    prove(promtool, tmp_path, monitor(), [_test(inputs, never(described.alert, "60m"))])


@every_alert
def test_says_who_takes_over_when_the_series_are_gone(described: Description, promtool: Path, tmp_path: Path) -> None:
    gone = minutes(described.fires) + 1
    after = f"{gone + 20}m"
    expected = [firing(described.alert, described.fires, *_expected(described, A))]
    if described.gone != described.alert:
        expected.append(firing(described.alert, after))
    expected.append(firing(described.gone, after, *_expected(described, A)))
    prove(
        promtool,
        tmp_path,
        monitor(described.targets),
        [_test(_input(described, (A,), gone + 30, gone_after=gone), *expected)],
    )


with_thresholds = pytest.mark.parametrize(
    ("described", "threshold"),
    [
        pytest.param(described, name, id=f"{described.alert}-{name}")
        for described in DESCRIBED.values()
        for name in described.tolerant
    ],
)


@with_thresholds
def test_obeys_the_monitors_threshold(described: Description, threshold: str, promtool: Path, tmp_path: Path) -> None:
    tolerant = monitor(described.targets, {threshold: described.tolerant[threshold]})
    prove(promtool, tmp_path, tolerant, [_test(_input(described, (A,), 60), never(described.alert, "60m"))])


@with_thresholds
def test_obeys_the_wallets_threshold(described: Description, threshold: str, promtool: Path, tmp_path: Path) -> None:
    tolerant = monitor(described.targets, hot_1={f"{PACK.name}.{threshold}": described.tolerant[threshold]})
    inputs = _input(described, (A, B), minutes(described.fires) + 5)
    prove(promtool, tmp_path, tolerant, [_test(inputs, firing(described.alert, described.fires, B))])
