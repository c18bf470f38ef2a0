"""The test bed: a real control plane and a real monitoring stack on loopback, for tests, the demo and development.

    with Testbed() as bed:
        bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "wallets"}}])
        bed.kubectl("get", "namespaces")

Every program is the real one, built once from the pinned Go modules in `go/` (see `binaries`), and runs on Linux alone:
the test bed leans on parent-death signals and on the whole of 127.0.0.0/8 being loopback.
"""

from testbed.api import Api, ApiError, Json
from testbed.bed import Testbed
from testbed.errors import BedError, BuildError, ComponentDiedError, WaitTimeoutError
from testbed.follower import Follower

__all__ = [
    "Api",
    "ApiError",
    "BedError",
    "BuildError",
    "ComponentDiedError",
    "Follower",
    "Json",
    "Testbed",
    "WaitTimeoutError",
]
