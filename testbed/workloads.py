"""Loopback processes that the cluster takes for pods, so that a real Prometheus discovers them.

The apiserver refuses loopback addresses in EndpointSlices. So a pod claims address 192.0.2.N (a range reserved for
documentation), its process listens on 127.0.0.N, and Prometheus is told to relabel the one into the other
(`generated`).
"""

from collections.abc import Mapping

from testbed.api import Api, Json
from testbed.errors import BedError
from testbed.waiting import wait_for

_NODE: Json = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "testbed"}}
_FIRST, _LAST = 2, 254  # 127.0.0.1 is everybody's
_SETTLE_S = 30.0


class Workloads:
    """The pods of the bed, each with an address of its own."""

    def __init__(self, api: Api) -> None:
        """`api` as admin."""
        self._api = api
        self._numbers: dict[tuple[str, str], int] = {}

    def add(
        self,
        namespace: str,
        name: str,
        *,
        port: int,
        labels: Mapping[str, str],
        port_name: str,
        service: bool,
    ) -> str:
        """Make a running and ready pod and, with `service`, a Service that selects every pod with these labels.

        The namespace must exist. Returns when the Service has the pod as an endpoint: the address that the process must
        listen on, at `port`.
        """
        number = self._numbers.setdefault((namespace, name), self._free_number())
        wait_for(
            f"service account default in namespace {namespace}, which pods need",
            lambda: self._api.find("v1", "ServiceAccount", namespace, "default"),
            _SETTLE_S,
        )
        self._api.apply(_NODE)
        pod = self._api.apply(_pod(namespace, name, labels, port_name, port))
        self._api.patch_status(pod, _running(f"192.0.2.{number}"))
        if service:
            self._api.apply(_service(namespace, name, labels, port_name, port))
            wait_for(
                f"Service {namespace}/{name} to have its endpoint",
                lambda: self._has_endpoint(namespace, name, f"192.0.2.{number}"),
                _SETTLE_S,
            )
        return f"127.0.0.{number}"

    def remove(self, namespace: str, name: str) -> None:
        """Delete the workload's pod and Service."""
        if (namespace, name) not in self._numbers:
            raise BedError(f"no workload {namespace}/{name}")
        for kind in ("Service", "Pod"):
            self._api.delete({"apiVersion": "v1", "kind": kind, "metadata": {"namespace": namespace, "name": name}})
        del self._numbers[namespace, name]

    def _free_number(self) -> int:
        taken = set(self._numbers.values())
        for number in range(_FIRST, _LAST + 1):
            if number not in taken:
                return number
        raise BedError(f"no address left: there are {len(taken)} workloads")

    def _has_endpoint(self, namespace: str, service: str, address: str) -> bool:
        path = self._api.path("discovery.k8s.io/v1", "EndpointSlice", namespace)
        slices = self._api.request("GET", path, params={"labelSelector": f"kubernetes.io/service-name={service}"})
        return any(
            address in endpoint["addresses"] and endpoint["conditions"].get("ready")
            for item in slices["items"]
            for endpoint in item["endpoints"] or []
        )


def _pod(namespace: str, name: str, labels: Mapping[str, str], port_name: str, port: int) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "nodeName": _NODE["metadata"]["name"],
            "automountServiceAccountToken": False,
            # No kubelet would ever report that it ended, and namespaces with it could not be deleted.
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {"name": "main", "image": "loopback", "ports": [{"name": port_name, "containerPort": port}]},
            ],
        },
    }


def _running(address: str) -> Json:
    container: Json = {
        "name": "main",
        "image": "loopback",
        "imageID": "",
        "restartCount": 0,
        "ready": True,
        "started": True,
        "state": {"running": {}},
    }
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "containerStatuses": [container],
        "conditions": [
            {"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        ],
    }


def _service(namespace: str, name: str, labels: Mapping[str, str], port_name: str, port: int) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {"selector": dict(labels), "ports": [{"name": port_name, "port": port, "targetPort": port_name}]},
    }
