"""The operator, as a process with the rights of the chart's ServiceAccount."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed import Testbed
from testbed.installation import Operator, install
from tests.integration.classes import Cluster


@pytest.fixture(scope="session")
def operator(bed: Testbed) -> Iterator[Operator]:
    """walletmon, running on the bed that all tests share."""
    operator = Operator(bed, install(bed))
    operator.start()
    yield operator
    operator.stop()
    print(operator.log.read_text()[-20_000:])


@pytest.fixture
def cluster(bed: Testbed) -> Iterator[Cluster]:
    made = Cluster(bed)
    yield made
    made.clean()


@pytest.fixture(autouse=True)
def _operator_lives(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves a dead operator behind unnoticed."""
    yield
    if "operator" in request.fixturenames:
        request.getfixturevalue("operator").check()
