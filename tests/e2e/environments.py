"""Two environments with a Prometheus of their own, a wallet in each, and a storage that one of them sends to.

Everything is real: prometheus-operator makes of the objects what it would in a cluster, and the storage is a Prometheus
that receives, with a listener in front of it. walletmon itself does not run: what it would apply is applied here.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from demo.reading import Prometheus
from demo.wallet import Wallet
from testbed import Follower, Json, Testbed
from testbed.process import free_port
from testbed.waiting import wait_for
from tests.e2e.relay import Relay
from tests.e2e.scenes import monitor, pods_target
from tests.environments import class_document
from walletmon.api.monitor_class import MonitorClass, in_force
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.compile import compile as compile_monitor
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts

SOON_S = 90.0
NAMESPACES = {"wallets-prod": {"env": "prod"}, "wallets-test": {"env": "test"}, "monitoring": {}, "alerting": {}}
ENVIRONMENTS = {"prod": "wallets-prod", "test": "wallets-test"}
ALWAYS = {"name": "WalletSeen", "expr": "max by (wallet) (up) >= 0", "priority": "P2", "summary": "it is there"}

T = TypeVar("T")


@dataclass(frozen=True)
class Scene:
    bed: Testbed
    relay: Relay
    bundle: Bundle
    """What the class compiled to."""
    storage: Prometheus
    prometheuses: dict[str, Prometheus]
    followers: dict[str, Follower]

    def facts(self, **more: Any) -> ClusterFacts:
        return facts(self.bed, **more)


def facts(bed: Testbed, **more: Any) -> ClusterFacts:
    known = tuple(bed.api.items("monitoring.coreos.com/v1", "Prometheus"))
    return ClusterFacts(namespaces=NAMESPACES, prometheuses=known, **more)


def the_class(relay: Relay) -> Json:
    return class_document(
        uid="00000000-0000-0000-0000-000000000001",
        externalLabels={"cluster": "c1", "region": "eu-west-1"},
        alertmanager={"namespace": "alerting", "name": "main"},
        governance={"limits": {"samples": 100_000, "labels": 60}},
        environments=[
            {
                "name": "prod",
                "namespaceSelector": {"matchLabels": {"env": "prod"}},
                "labels": {"tier": "gold"},
                "retention": "90d",
                "prometheus": {
                    "namespace": "monitoring",
                    "serviceAccountName": "prometheus-wallets",
                    "scrapeClasses": [
                        {
                            "name": "stamped",
                            "default": True,
                            "relabelings": [{"action": "replace", "targetLabel": "scraped", "replacement": "first"}],
                            "metricRelabelings": [
                                {"action": "replace", "targetLabel": "stamp", "replacement": "prod"},
                                {"action": "drop", "sourceLabels": ["__name__"], "regex": "python_info"},
                            ],
                        }
                    ],
                },
                "remoteWrite": [
                    {
                        "name": "archive",
                        "url": relay.url("archive"),
                        "headers": {"X-Scope-OrgID": "wallets-prod"},
                        "writeRelabelings": [
                            {
                                "action": "keep",
                                "sourceLabels": ["__name__"],
                                "regex": "(wallet|sse|walletmon):.+|up",
                            },
                            {"action": "labeldrop", "regex": "scraped"},
                        ],
                    },
                    {
                        "name": "locked",
                        "url": relay.url("locked"),
                        "authorization": {"credentials": {"name": "locked", "key": "token"}},
                    },
                ],
            },
            {
                "name": "test",
                "namespaceSelector": {"matchLabels": {"env": "test"}},
                "retention": "1h",
                "prometheus": {
                    "namespace": "monitoring",
                    "serviceAccountName": "prometheus-wallets",
                    "storage": {"size": "1Gi"},
                },
            },
        ],
    )


@contextlib.contextmanager
def environments() -> Iterator[Scene]:
    """The scene, while inside."""
    with Testbed() as bed, Relay() as relay:
        bed.install_prometheus_operator_crds()
        bed.start_prometheus_operator()
        bed.start_alertmanager("alerting", "main")
        for name, labels in NAMESPACES.items():
            metadata = {"name": name, "labels": labels}
            bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
        bed.apply(documented_rights())
        # Without selectors it scrapes nothing: what it has was sent to it.
        nothing = dict.fromkeys(f"{kind}Selector" for kind in ("serviceMonitor", "podMonitor", "probe", "rule"))
        receives = {**nothing, "scrapeConfigSelector": {"matchLabels": {"none": "such"}}}
        storage = bed.start_prometheus("monitoring", "storage", spec={**receives, "enableRemoteWriteReceiver": True})
        relay.receiver = f"{storage.url}/api/v1/write"

        resource = parse_class(the_class(relay))
        known = facts(bed, secrets={("monitoring", "locked"): frozenset()})
        bundle = compile_class(resource, facts=known)
        assert bundle.objects is not None
        bed.apply([without_owner(each) for each in bundle.objects])
        wallets = [start_wallet(bed, resource, namespace) for namespace in ENVIRONMENTS.values()]
        followers = {name: bed.follow_prometheus("monitoring", f"default-{name}") for name in ENVIRONMENTS}
        yield Scene(
            bed,
            relay,
            bundle,
            Prometheus(storage.url),
            {name: Prometheus(each.url) for name, each in followers.items()},
            followers,
        )
        bed.check()
        for each in wallets:
            each.check()
            each.stop()


def documented_rights() -> list[Json]:
    """The ServiceAccount `prometheus-wallets` with the rights that docs/environments.md says it needs."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "environments.md").read_text()
    (block,) = [each for each in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S) if "kind: ClusterRole\n" in each]
    return list(yaml.safe_load_all(block))


def without_owner(obj: Json) -> Json:
    """The class is not on this cluster, so the garbage collector would take what it owns away."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
    return {**obj, "metadata": metadata}


def start_wallet(bed: Testbed, resource: Any, namespace: str) -> Wallet:
    """A wallet service in the namespace, and the monitor that watches it."""
    port = free_port()
    host = bed.workload(namespace, "hot-1", port=port, labels={"app": "wallet"})
    wallet = Wallet("hot-1", f"{host}:{port}", bed.root / "log" / f"{namespace}.log", bed.root)
    wallet.start()
    document = monitor(
        namespace,
        "treasury",
        wallets=[{"name": "hot-1", "instance": f"wallet-{namespace}", "type": "custodial"}],
        targets=[target(namespace)],
        packs=[{"name": "golden-signals"}, {"name": "balance"}],
        rules=[ALWAYS],
    )
    bundle = compile_monitor(parse_monitor(document), in_force(resource, MonitorClass()), facts(bed))
    assert bundle.objects is not None
    bed.apply(list(bundle.objects))
    return wallet


def target(namespace: str) -> Json:
    """The wallet, found in one environment by its Pod and in the other by its Service."""
    found = pods_target("api", {"app": "wallet"}, wallet="hot-1")
    if namespace == ENVIRONMENTS["test"]:
        found["service"] = found.pop("pods")
    return found


def wait(what: str, probe: Callable[[], T | None]) -> T:
    return wait_for(what, probe, SOON_S)
