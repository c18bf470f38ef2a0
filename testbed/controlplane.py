"""etcd, kube-apiserver and kube-controller-manager: what they are told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed.access import Identities, write_kubeconfig, write_service_account_key
from testbed.audit import POLICY
from testbed.process import Component, Health, free_port

# The part of the controller manager that a bed without nodes can use. No controller here makes pods.
_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
)

# etcd and the apiserver would wait many seconds for clients that watch; nothing is lost when they are killed.
_GRACE_S = 1.0


@dataclass(frozen=True)
class ControlPlane:
    """Its components in the order they start, and how to reach the apiserver."""

    components: tuple[Component, ...]
    server: str
    ca: Path
    identities: Identities
    audit_log: Path


def control_plane(root: Path, programs: Mapping[str, Path]) -> ControlPlane:
    """Lay out a control plane under the empty folder `root`; nothing is started yet.

    The apiserver makes its own serving certificate in `root/pki` when it first starts and keeps it at restarts.
    """
    for folder in ("pki", "log", "etcd"):
        (root / folder).mkdir()
    identities = Identities.new()
    identities.write_token_file(root / "pki/tokens.csv")
    write_service_account_key(root / "pki/service-accounts.key")
    (root / "audit-policy.json").write_text(json.dumps(POLICY))

    etcd_url = f"http://127.0.0.1:{free_port()}"
    api_port = free_port()
    server = f"https://127.0.0.1:{api_port}"
    ca = root / "pki/apiserver.crt"
    return ControlPlane(
        components=(
            _etcd(root, programs["etcd"], etcd_url),
            _apiserver(root, programs["kube-apiserver"], etcd_url, api_port, ca),
            _controller_manager(root, programs["kube-controller-manager"], ca),
        ),
        server=server,
        ca=ca,
        identities=identities,
        audit_log=root / "log/audit.log",
    )


def write_controller_manager_kubeconfig(root: Path, plane: ControlPlane) -> None:
    """Write it where the controller manager expects it; the apiserver's certificate must exist."""
    identity = plane.identities.controller_manager
    path = root / "pki/controller-manager.kubeconfig"
    write_kubeconfig(path, server=plane.server, ca=plane.ca, user=identity.user, token=identity.token)


def _etcd(root: Path, program: Path, url: str) -> Component:
    peer = f"http://127.0.0.1:{free_port()}"
    return Component(
        name="etcd",
        command=[
            str(program),
            f"--data-dir={root / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            # It elects itself: no need to wait the usual second for others.
            "--heartbeat-interval=20",
            "--election-timeout=200",
            "--log-level=warn",
        ],
        log=root / "log/etcd.log",
        health=Health(f"{url}/health"),
        grace=_GRACE_S,
    )


def _apiserver(root: Path, program: Path, etcd_url: str, port: int, ca: Path) -> Component:
    pki = root / "pki"
    return Component(
        name="kube-apiserver",
        command=[
            str(program),
            f"--etcd-servers={etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={pki}",
            # Nobody routes to it: it only numbers Services.
            "--service-cluster-ip-range=10.96.0.0/16",
            # The apiserver would refuse its own loopback address in the endpoints of Service `kubernetes`.
            "--endpoint-reconciler-type=none",
            "--authorization-mode=RBAC",
            f"--token-auth-file={pki / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'service-accounts.key'}",
            f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
            f"--audit-policy-file={root / 'audit-policy.json'}",
            f"--audit-log-path={root / 'log/audit.log'}",
            # Rotation would move the events that a mark points to.
            "--audit-log-maxsize=4096",
            "--profiling=false",
        ],
        log=root / "log/kube-apiserver.log",
        health=Health(f"https://127.0.0.1:{port}/readyz", ca),
        grace=_GRACE_S,
    )


def _controller_manager(root: Path, program: Path, ca: Path) -> Component:
    pki = root / "pki"
    port = free_port()
    return Component(
        name="kube-controller-manager",
        command=[
            str(program),
            f"--kubeconfig={pki / 'controller-manager.kubeconfig'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            # The apiserver's certificate is for 127.0.0.1 as well.
            f"--tls-cert-file={ca}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--controllers={','.join(_CONTROLLERS)}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--profiling=false",
        ],
        log=root / "log/kube-controller-manager.log",
        health=Health(f"https://127.0.0.1:{port}/healthz", ca),
    )
