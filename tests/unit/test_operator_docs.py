"""docs/operator.md names exactly the metrics that the operator exposes."""

from __future__ import annotations

import re
from pathlib import Path

from walletmon.controller.metrics import ControllerMetrics

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operator.md"


def test_every_metric_of_the_operator_is_described() -> None:
    documented = set(re.findall(r"^\| `(walletmon_\w+)`", PAGE.read_text(), re.MULTILINE))
    exposed = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in ControllerMetrics().registry.collect()
        if family.name.startswith("walletmon_")
    }
    assert documented == exposed
