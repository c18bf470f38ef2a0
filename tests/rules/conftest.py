"""What proofs of rules need: promtool, and nothing of the control plane."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.binaries import ensure
from testbed.sources import CONTROL_PLANE


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The path of promtool, built when first asked for."""
    return ensure((CONTROL_PLANE,))["promtool"]
