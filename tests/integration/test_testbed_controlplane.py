"""The embedded control plane behaves as a cluster does, and its processes as tests need them to."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed import ApiError, BedError, ComponentDiedError, Testbed
from testbed.binaries import ensure
from testbed.waiting import wait_for

_ROOT = Path(__file__).parent.parent.parent
_SOON_S = 60.0


class NoBuilding:
    """A progress display that fails when there is anything to show."""

    def begin(self, what: str) -> None:
        raise AssertionError(f"nothing is left to build, yet: {what}")

    def still(self) -> None: ...

    def done(self, how: str = "done") -> None: ...


@pytest.fixture(scope="module")
def own_bed() -> Iterator[Testbed]:
    """A bed whose processes may be killed, apart from the one that all tests share."""
    with Testbed(ensure(progress=NoBuilding())) as bed:
        yield bed


@pytest.fixture
def here(own_bed: Testbed) -> str:
    """A fresh namespace in it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    own_bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    return name


def config_map(namespace: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "data": {"text": "naïve – 鍵 🔑"},
    }


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_an_applied_object_is_what_kubectl_sees(own_bed: Testbed, here: str) -> None:
    own_bed.apply([config_map(here, "it")])
    seen = own_bed.kubectl("get", "configmap", "it", "-n", here, "-o", "jsonpath={.data.text}")
    assert seen.stdout == "naïve – 鍵 🔑"


def test_a_refused_object_says_which_field(own_bed: Testbed, here: str) -> None:
    with pytest.raises(ApiError, match="data2"):
        own_bed.apply([{**config_map(here, "it"), "data2": {}}])


def test_kubectl_failing_is_an_error_unless_it_may(own_bed: Testbed, here: str) -> None:
    with pytest.raises(BedError, match='configmaps "none" not found'):
        own_bed.kubectl("get", "configmap", "none", "-n", here)
    assert own_bed.kubectl("get", "configmap", "none", "-n", here, check=False).returncode == 1


def test_what_an_object_owns_goes_with_it(own_bed: Testbed, here: str) -> None:
    (owner,) = own_bed.apply([config_map(here, "owner")])
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    own_bed.apply([config_map(here, "child", ownerReferences=[reference])])
    own_bed.api.delete(owner)
    wait_for("the child to go", lambda: own_bed.api.find("v1", "ConfigMap", here, "child") is None, _SOON_S)


def test_custom_resources_are_garbage_collected_as_soon_as_their_crd_is_installed(own_bed: Testbed, here: str) -> None:
    own_bed.install_prometheus_operator_crds()
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "spec": {"groups": []}}
    (owner,) = own_bed.apply([{**rule, "metadata": {"name": "owner", "namespace": here}}])
    reference = {"apiVersion": rule["apiVersion"], "kind": "PrometheusRule", "name": "owner"}
    reference["uid"] = owner["metadata"]["uid"]
    own_bed.apply([config_map(here, "child", ownerReferences=[reference])])
    own_bed.api.delete(owner)
    wait_for("the child to go", lambda: own_bed.api.find("v1", "ConfigMap", here, "child") is None, _SOON_S)


def test_a_deleted_namespace_goes_with_all_it_has(own_bed: Testbed, here: str) -> None:
    own_bed.workload(here, "pod", port=1234)
    own_bed.apply([config_map(here, "it")])
    own_bed.kubectl("delete", "namespace", here, "--wait=false")
    wait_for("the namespace to go", lambda: own_bed.api.find("v1", "Namespace", None, here) is None, _SOON_S)


def test_data_and_addresses_survive_a_stop_of_etcd_and_the_apiserver(own_bed: Testbed, here: str) -> None:
    own_bed.apply([config_map(here, "it")])
    own_bed.stop("etcd")
    meanwhile = own_bed.kubectl("create", "namespace", "meanwhile", "--request-timeout=1s", check=False)
    assert meanwhile.returncode == 1
    own_bed.check()  # stopped on purpose is not dead
    own_bed.start("etcd")
    own_bed.restart("kube-apiserver")
    assert own_bed.api.get("v1", "ConfigMap", here, "it")["data"]["text"] == "naïve – 鍵 🔑"
    own_bed.kubectl("get", "configmap", "it", "-n", here)


def test_a_service_account_has_its_own_rights_and_no_others(own_bed: Testbed, here: str) -> None:
    role = {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]}
    own_bed.apply(
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": here}},
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": "reader", "namespace": here},
                **role,
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "reader", "namespace": here},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
                "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": here}],
            },
        ]
    )
    as_reader = f"--kubeconfig={own_bed.service_account_kubeconfig(here, 'reader')}"
    own_bed.kubectl(as_reader, "get", "configmaps", "-n", here)
    for forbidden in (["get", "secrets"], ["delete", "configmap", "it"], ["get", "configmaps", "--all-namespaces"]):
        done = own_bed.kubectl(as_reader, *forbidden, check=False)
        assert done.returncode == 1
        assert "forbidden" in done.stderr.lower()


def test_the_audit_log_tells_who_did_what_after_a_mark(own_bed: Testbed, here: str) -> None:
    own_bed.apply([config_map(here, "before")])
    mark = own_bed.audit_mark()
    own_bed.apply([config_map(here, "after")])
    own_bed.api.find("v1", "ConfigMap", here, "none")
    seen = [
        (event["verb"], event["objectRef"]["name"], event["responseStatus"]["code"], event["user"]["username"])
        for event in own_bed.audit(since=mark)
        if event.get("objectRef", {}).get("namespace") == here and event["userAgent"] == "walletmon-testbed"
    ]
    assert seen == [("patch", "after", 201, "testbed-admin"), ("get", "none", 404, "testbed-admin")]


def test_health_checks_and_leases_are_not_in_the_audit_log(own_bed: Testbed) -> None:
    own_bed.kubectl("get", "leases", "--all-namespaces")
    own_bed.kubectl("get", "--raw=/readyz")
    uris = [event["requestURI"] for event in own_bed.audit()]
    assert uris
    assert not [uri for uri in uris if "/leases" in uri or uri.startswith(("/readyz", "/livez", "/healthz"))]


def test_a_second_start_builds_nothing() -> None:
    assert ensure(progress=NoBuilding()).programs["etcd"].exists()


def test_unknown_components_are_told_from_known_ones(own_bed: Testbed) -> None:
    with pytest.raises(BedError, match="no component 'etdc'; there are etcd, kube-apiserver"):
        own_bed.stop("etdc")


def test_the_death_of_a_component_is_reported_with_its_log(own_bed: Testbed) -> None:
    own_bed.check()
    pid = own_bed.pid("kube-controller-manager")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    def death() -> ComponentDiedError | None:
        try:
            own_bed.check()
        except ComponentDiedError as error:
            return error
        return None

    error = wait_for("the death to be noticed", death, _SOON_S)
    assert error.component == "kube-controller-manager"
    assert error.log == own_bed.log("kube-controller-manager")
    assert "SIGKILL" in str(error)
    own_bed.stop("kube-controller-manager")
    own_bed.start("kube-controller-manager")
    own_bed.check()


_PARENT = """
import signal
from testbed import Testbed
# A shell that runs the tests in the background has its children ignore SIGINT; whoever presses Ctrl-C has not.
signal.signal(signal.SIGINT, signal.default_int_handler)
with Testbed() as bed:
    print(bed.root, *[bed.pid(name) for name in bed.components], flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_and_no_folder_outlives_a_parent_that_is_ended(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        root, *pids = parent.stdout.readline().split()
        assert len(pids) == 3
        assert all(is_alive(int(pid)) for pid in pids)
        parent.send_signal(how)
    wait_for("every component to end", lambda: not any(is_alive(int(pid)) for pid in pids), _SOON_S)
    # After a SIGKILL nobody was left to remove the folder; the next bed does.
    Testbed().close()
    assert not Path(root).exists()


def test_the_command_line_starts_shows_and_ends_one_cluster(tmp_path: Path) -> None:
    def testbed(command: str, expected: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "testbed", command],
            cwd=_ROOT,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr
        return done.stdout

    assert "No cluster is up." in testbed("status", expected=1)
    try:
        told = testbed("up")
        kubeconfig = told.partition("KUBECONFIG=")[2].split()[0]
        Path(kubeconfig).read_text()
        assert "up already" in testbed("up")
        assert kubeconfig in testbed("status")
    finally:
        ended = testbed("down")
    assert "is down" in ended
    assert not Path(kubeconfig).exists()
    assert "No cluster was up." in testbed("down")
