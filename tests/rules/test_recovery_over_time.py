"""Recovery in ordinary life: guesses and broken forms told apart, deploys, restarts, and a count that goes missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

RECOVERY = (
    "MnemonicRecoveryGuessing",
    "MnemonicRecoveryPathBroken",
    "MnemonicRecoveryFailureSurge",
    "MnemonicRecoveryFailuresPersist",
    "MnemonicRecoverySignalLost",
)
QUIET = {'mnemonic_recovery_failures_total{reason="invalid_word",source="import_ui"}': "0"}


def _failures(reason: str, source: str, **labels: str) -> str:
    said = {"reason": reason, "source": source, **labels}
    return "mnemonic_recovery_failures_total{" + ",".join(f'{name}="{value}"' for name, value in said.items()) + "}"


def _prove(promtool: Path, folder: Path, life: dict[str, str], minutes: int, *expected: Json) -> None:
    inputs = series(A, life, minutes) + series(B, QUIET, minutes)
    test = {"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}
    prove(promtool, folder, monitor(pack="recovery"), [test])


def test_a_program_that_guesses_is_not_called_a_broken_form(promtool: Path, tmp_path: Path) -> None:
    life = {_failures("invalid_checksum", "api"): "0+150x10", _failures("entropy_mismatch", "api"): "0+10x10"}
    _prove(
        promtool,
        tmp_path,
        life,
        30,
        firing("MnemonicRecoveryGuessing", "4m", A),
        firing("MnemonicRecoveryGuessing", "20m", A),
        never("MnemonicRecoveryPathBroken", "30m"),
    )


def test_a_program_that_guesses_slowly_is_found_within_the_hour_without_any_surge(
    promtool: Path, tmp_path: Path
) -> None:
    life = {_failures("entropy_mismatch", "api"): "0+1x10"}
    _prove(
        promtool,
        tmp_path,
        life,
        90,
        firing("MnemonicRecoveryGuessing", "58m", A),
        never("MnemonicRecoveryFailureSurge", "90m"),
    )


def test_a_broken_form_is_not_called_guessing(promtool: Path, tmp_path: Path) -> None:
    life = {_failures("invalid_word", "import_ui"): "0+20x10", _failures("invalid_checksum", "import_ui"): "0+1x10"}
    _prove(
        promtool,
        tmp_path,
        life,
        60,
        firing("MnemonicRecoveryPathBroken", "20m", A),
        never("MnemonicRecoveryGuessing", "60m"),
    )


def test_guesses_by_one_way_in_do_not_hide_behind_mistakes_by_another(promtool: Path, tmp_path: Path) -> None:
    life = {_failures("invalid_checksum", "api"): "0+5x10", _failures("invalid_word", "import_ui"): "0+50x10"}
    named = {
        "expr": 'count by (source) (ALERTS{alertname="MnemonicRecoveryGuessing",alertstate="firing"})',
        "eval_time": "20m",
        "exp_samples": [{"labels": '{source="api"}', "value": 1}],
    }
    _prove(promtool, tmp_path, life, 30, named)


def test_guesses_that_have_stopped_are_soon_over(promtool: Path, tmp_path: Path) -> None:
    life = {_failures("invalid_checksum", "api"): "0+100x20 2000"}
    _prove(
        promtool,
        tmp_path,
        life,
        60,
        firing("MnemonicRecoveryGuessing", "10m", A),
        firing("MnemonicRecoveryGuessing", "35m"),
    )


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(QUIET, id="has no failures"),
        pytest.param({_failures("invalid_word", "import_ui"): "0x20 1x5 2x5 3"}, id="sees a user mistype three times"),
        pytest.param(
            {
                _failures("invalid_word", "import_ui", pod="old"): "500x150 stale _",
                _failures("invalid_word", "import_ui", pod="new"): "_x154 0",
            },
            id="is deployed anew",
        ),
        pytest.param({_failures("invalid_word", "import_ui"): "500x150 stale _ 0"}, id="restarts"),
        pytest.param(
            {
                _failures("invalid_word", "import_ui", pod="a"): "500x150 stale _",
                _failures("invalid_word", "import_ui", pod="b"): "3",
            },
            id="goes on with one process of two",
        ),
        pytest.param(
            {_failures("invalid_word", "import_ui"): "500x150 stale _", "up": "1x150 0"}, id="is down altogether"
        ),
    ],
)
def test_nothing_fires_for_a_wallet_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, 150, *(never(name, "150m") for name in RECOVERY))
