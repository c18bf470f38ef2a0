"""pytest fixtures of the test bed; name this module in `pytest_plugins` of the top-level conftest."""

import uuid
from collections.abc import Iterator

import pytest

from testbed import Testbed
from testbed.binaries import Binaries, ensure
from testbed.sources import JUDGES


@pytest.fixture(scope="session")
def bed() -> Iterator[Testbed]:
    """The control plane with prometheus-operator's CRDs, one for the whole session; tests keep apart by namespace."""
    with Testbed() as bed:
        bed.install_prometheus_operator_crds()
        yield bed
        bed.check()


@pytest.fixture(scope="session")
def judges() -> Binaries:
    """kube-score, kubeconform and kstatus, built when first asked for."""
    return ensure(JUDGES)


@pytest.fixture
def namespace(bed: Testbed) -> Iterator[str]:
    """A fresh namespace for one test, deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    bed.apply([obj])
    yield name
    bed.api.delete(obj)
