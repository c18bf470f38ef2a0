"""What proofs of rules need: promtool, and nothing of the control plane."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.binaries import ensure
from testbed.sources import CONTROL_PLANE
from tests.rules.proof_table import pytest_terminal_summary

__all__ = ["promtool", "pytest_terminal_summary"]


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The path of promtool, built when first asked for."""
    return ensure((CONTROL_PLANE,))["promtool"]
