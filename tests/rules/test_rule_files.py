"""What promtool says of packs as they stand, and of compiled rules."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from tests.rules.expressions import expression, pattern
from tests.rules.proofs import monitor, rule_groups
from walletmon.language.promql import Scope, scope
from walletmon.language.promql_text import PromqlError, quoted
from walletmon.packs.catalogue import packs
from walletmon.packs.schema import Pack


def _check(promtool: Path, file: Path) -> None:
    run = subprocess.run(
        [promtool, "check", "rules", "--lint=all", "--lint-fatal", file], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("pack", packs().values(), ids=list(packs()))
def test_expressions_of_a_pack_are_promql_as_they_stand(pack: Pack, promtool: Path, tmp_path: Path) -> None:
    rules: list[dict[str, str]] = [{"record": each.record, "expr": each.expr} for each in pack.recordings]
    rules += [{"alert": each.name, "expr": each.expr} for each in pack.alerts]
    file = tmp_path / "pack.yaml"
    file.write_text(json.dumps({"groups": [{"name": pack.name, "rules": rules}]}), encoding="utf-8")
    _check(promtool, file)


def test_compiled_rules_pass_every_lint(promtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    groups = rule_groups(monitor(hot_1={"golden-signals.syncLag": "10m"}))
    file.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    _check(promtool, file)


def _taken(expressions: Iterable[str]) -> list[str]:
    """The expressions that scoping takes, scoped."""
    figures = {"walletmon:threshold:p_one": Decimal("0.5"), "walletmon:threshold:p_each": None}
    taken = []
    for expr in expressions:
        with suppress(PromqlError):
            taken.append(scope(expr, Scope("ns", "mon"), figures))
    return taken


@pytest.mark.parametrize("seed", range(3))
def test_prometheus_takes_whatever_scoping_takes(seed: int, promtool: Path, tmp_path: Path) -> None:
    random = Random(seed)
    taken = _taken(expression(random) for _ in range(1500))
    taken += _taken(f"x{{a=~{quoted(pattern(random))}}}" for _ in range(1500))
    assert len(taken) > 500
    rules = [{"alert": f"A{index}", "expr": expr} for index, expr in enumerate(taken)]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "any", "rules": rules}]}), encoding="utf-8")
    _check(promtool, file)
