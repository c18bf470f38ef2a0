"""The real Prometheus and Alertmanager run on what the real prometheus-operator makes of our objects."""

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import urllib3

from testbed import BedError, Testbed
from testbed.process import free_port
from testbed.waiting import wait_for

_SOON_S = 60.0
_V1 = "monitoring.coreos.com/v1"
_ALPHA = "monitoring.coreos.com/v1alpha1"


@dataclass
class Process:
    """A loopback process: exposes one gauge, and keeps what is posted to it."""

    address: str
    port: int
    healthy: int = 1
    received: list[Any] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(f"healthy {outer.healthy}\n".encode())

            def do_POST(self) -> None:
                outer.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                pass

        return Handler


class Loopback:
    """Starts such processes and ends them all."""

    def __init__(self) -> None:
        self._servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(self, address: str, port: int) -> Process:
        process = Process(address, port)
        server = ThreadingHTTPServer((address, port), process.handler())
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self._servers.append((server, thread))
        return process

    def stop(self) -> None:
        for server, thread in self._servers:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture(scope="module")
def stack() -> Iterator[Testbed]:
    """A bed of our own with the whole monitoring stack, and a namespace `wallets`."""
    with Testbed() as bed:
        bed.install_prometheus_operator_crds()
        bed.start_prometheus_operator()
        bed.start_prometheus()
        bed.start_alertmanager()
        bed.start_admission_webhook()
        bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "wallets"}}])
        yield bed
        bed.check()


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    processes = Loopback()
    yield processes
    processes.stop()


def start_workload(bed: Testbed, loopback: Loopback, name: str, app: str, *, service: bool = True) -> Process:
    port = free_port()
    address = bed.workload("wallets", name, port=port, labels={"app": app, "wallet": name}, service=service)
    return loopback.start(address, port)


def query(bed: Testbed, path: str) -> Any:
    with urllib3.PoolManager() as http:
        return http.request("GET", f"{bed.prometheus_url}/api/v1/{path}").json()["data"]


def up(bed: Testbed, job: str) -> set[str]:
    """Pods of healthy targets of one scrape pool."""
    targets = query(bed, "targets?state=active")["activeTargets"]
    return {t["labels"].get("pod", "") for t in targets if t["scrapePool"] == job and t["health"] == "up"}


def monitor(kind: str, name: str, app: str) -> dict[str, Any]:
    endpoints = "endpoints" if kind == "ServiceMonitor" else "podMetricsEndpoints"
    relabeling = {"sourceLabels": ["__meta_kubernetes_pod_label_wallet"], "targetLabel": "wallet"}
    return {
        "apiVersion": _V1,
        "kind": kind,
        "metadata": {"name": name, "namespace": "wallets"},
        "spec": {
            "selector": {"matchLabels": {"app": app}},
            endpoints: [{"port": "metrics", "relabelings": [relabeling]}],
        },
    }


def rule(name: str, **alert: Any) -> dict[str, Any]:
    return {
        "apiVersion": _V1,
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": "wallets"},
        "spec": {"groups": [{"name": name, "rules": [alert]}]},
    }


def test_processes_behind_a_service_are_discovered_scraped_and_forgotten(stack: Testbed, loopback: Loopback) -> None:
    for name in ("hot", "cold"):
        start_workload(stack, loopback, name, "behind-service")
    stack.apply([monitor("ServiceMonitor", "behind-service", "behind-service")])
    pool = "serviceMonitor/wallets/behind-service/0"
    wait_for("both to be scraped", lambda: up(stack, pool) == {"hot", "cold"}, _SOON_S)
    series = query(stack, "query?query=healthy{job=~'hot|cold'}")["result"]
    assert {s["metric"]["wallet"] for s in series} == {"hot", "cold"}
    stack.remove_workload("wallets", "cold")
    wait_for("one to be forgotten", lambda: up(stack, pool) == {"hot"}, _SOON_S)


def test_processes_without_a_service_are_discovered_by_a_pod_monitor(stack: Testbed, loopback: Loopback) -> None:
    start_workload(stack, loopback, "lonely", "no-service", service=False)
    stack.apply([monitor("PodMonitor", "no-service", "no-service")])
    wait_for("it to be scraped", lambda: up(stack, "podMonitor/wallets/no-service/0") == {"lonely"}, _SOON_S)


def test_an_alert_goes_from_prometheus_through_alertmanager_to_the_receiver(stack: Testbed, loopback: Loopback) -> None:
    receiver = loopback.start("127.0.0.1", free_port())
    wallet = start_workload(stack, loopback, "sick", "alerting")
    config = {
        "apiVersion": _ALPHA,
        "kind": "AlertmanagerConfig",
        "metadata": {"name": "pages", "namespace": "wallets"},
        "spec": {
            "route": {"receiver": "hook", "groupWait": "1s", "groupInterval": "1s"},
            "receivers": [{"name": "hook", "webhookConfigs": [{"urlSecret": {"name": "hook", "key": "url"}}]}],
        },
    }
    url = f"http://127.0.0.1:{receiver.port}/"
    secret = {"metadata": {"name": "hook", "namespace": "wallets"}, "stringData": {"url": url}}
    stack.apply(
        [
            monitor("ServiceMonitor", "alerting", "alerting"),
            {"apiVersion": "v1", "kind": "Secret", **secret},
            config,
            rule("sickness", alert="Sick", expr='healthy{wallet="sick"} == 0'),
        ]
    )
    wait_for("it to be scraped", lambda: up(stack, "serviceMonitor/wallets/alerting/0") == {"sick"}, _SOON_S)
    wallet.healthy = 0
    (page,) = wait_for("the page", lambda: receiver.received[:1], _SOON_S)
    labels = page["alerts"][0]["labels"]
    assert (labels["alertname"], labels["wallet"], labels["namespace"]) == ("Sick", "sick", "wallets")
    assert "prometheus_replica" not in labels
    wallet.healthy = 1
    wait_for("its resolution", lambda: receiver.received[-1]["status"] == "resolved", _SOON_S)


def test_rules_come_and_go_with_their_object_also_after_an_outage(stack: Testbed) -> None:
    def loaded() -> set[str]:
        return {group["name"] for group in query(stack, "rules")["groups"]}

    brief = rule("brief", alert="Never", expr="vector(0) > 1")
    stack.apply([brief])
    wait_for("the rule to be loaded", lambda: "brief" in loaded(), _SOON_S)
    stack.restart("etcd")
    stack.restart("kube-apiserver")
    stack.api.delete(brief)
    wait_for("the rule to be dropped", lambda: "brief" not in loaded(), _SOON_S)


def test_promtool_and_amtool_accept_what_runs(stack: Testbed) -> None:
    for tool, command, config in (
        ("promtool", ["check", "config"], stack.prometheus_config),
        ("amtool", ["check-config"], stack.alertmanager_config),
    ):
        done = subprocess.run(
            [str(stack.binaries[tool]), *command, str(config)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_admission_webhook_judges_as_prometheus_operator_would(stack: Testbed) -> None:
    assert stack.review(rule("good", alert="Fine", expr="up == 0"))["allowed"]
    verdict = stack.review(rule("bad", alert="Broken", expr="sum("))
    assert not verdict["allowed"]
    assert "unclosed left parenthesis" in str(verdict["status"])


def test_each_part_starts_once_and_in_order(stack: Testbed) -> None:
    with pytest.raises(BedError, match="has been started before"):
        stack.start_admission_webhook()
