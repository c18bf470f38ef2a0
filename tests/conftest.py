"""What all tests share. The test bed's fixtures start it when a test first asks for one; unit tests never do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from testbed import Json, Testbed
from testbed.waiting import wait_for
from walletmon.api.crd import wallet_monitor_class_crd, wallet_monitor_crd

pytest_plugins = ["testbed.pytest_plugin"]

# A deadline is an assertion about time, and a busy machine would fail it.
settings.register_profile("walletmon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("walletmon")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def crd(bed: Testbed) -> Iterator[Json]:
    """The CustomResourceDefinition of WalletMonitor as the apiserver stores it, served; see `_served`."""
    yield from _served(bed, wallet_monitor_crd())


@pytest.fixture(scope="module")
def class_crd(bed: Testbed) -> Iterator[Json]:
    """The same of WalletMonitorClass."""
    yield from _served(bed, wallet_monitor_class_crd())


def _served(bed: Testbed, generated: Json) -> Iterator[Json]:
    """A definition for the length of a module.

    Where the chart has installed it already, it is that one; otherwise it goes with the module, since the chart does
    not install over a definition that is not its own.
    """
    name = (generated["apiVersion"], generated["kind"], None, generated["metadata"]["name"])
    found = bed.api.find(*name)
    if found is not None:
        yield found
        return
    bed.apply([generated])
    bed.api.wait_until_served(generated)
    yield bed.api.request("GET", bed.api.path_of(generated))
    bed.api.delete(generated)
    wait_for("the definition to be gone", lambda: bed.api.find(*name) is None, 30)
