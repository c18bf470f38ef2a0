"""What promtool says of packs as they stand, and of compiled rules."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.rules.proofs import monitor, rule_groups
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
