"""How fast the operator follows: one change after another, and many monitors at once; beside bare applies.

Run `python -m benchmarks.reconcile [MONITORS]` from the repository's root. The apiserver, etcd, the operator and this
program share the machine, so the figure to compare is the ratio to bare applies of the same objects by one client.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from typing import Any

from testbed import Testbed
from testbed.installation import Operator, install
from testbed.waiting import wait_for

Json = dict[str, Any]
_NAMESPACE = "bench"
_SINGLE_CHANGES = 20
_DEFAULT_MONITORS = 200
_PATIENCE = 600.0
_RULES = ("monitoring.coreos.com/v1", "PrometheusRule")
_SCRAPES = ("monitoring.coreos.com/v1", "ServiceMonitor")
_KINDS = (_RULES, _SCRAPES, ("v1", "ConfigMap"))


def monitor(name: str, interval: str) -> Json:
    """A monitor with one wallet, one target and the default packs."""
    target = {
        "name": "api",
        "service": {"selector": {"matchLabels": {"app": name}}, "port": "metrics"},
        "wallet": "hot-1",
        "interval": interval,
    }
    return {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitor",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": {"wallets": [{"name": "hot-1"}], "targets": [target]},
    }


def ready(obj: Json) -> bool:
    """Whether the monitor is Ready for its present generation."""
    found = [c for c in obj.get("status", {}).get("conditions", ()) if c["type"] == "Ready"]
    return (
        bool(found) and found[0]["status"] == "True" and found[0]["observedGeneration"] == obj["metadata"]["generation"]
    )


def single_changes(bed: Testbed) -> tuple[list[float], list[float]]:
    """Seconds from the answer to an apply until the child has the change, and until Ready stands for it."""
    to_child, to_ready = [], []
    for index in range(_SINGLE_CHANGES):
        interval = f"{index + 10}s"
        bed.api.apply(monitor("single", interval))
        start = time.perf_counter()

        def scraped(interval: str = interval) -> bool:
            child = bed.api.find(*_SCRAPES, _NAMESPACE, "single.api")
            return child is not None and child["spec"]["endpoints"][0]["interval"] == interval

        wait_for("the child", scraped, _PATIENCE)
        to_child.append(time.perf_counter() - start)
        wait_for(
            "Ready",
            lambda: ready(bed.api.get("walletmon.dev/v1alpha1", "WalletMonitor", _NAMESPACE, "single")),
            _PATIENCE,
        )
        to_ready.append(time.perf_counter() - start)
    return to_child, to_ready


def many_at_once(bed: Testbed, count: int) -> float:
    """Seconds from the first apply of `count` monitors until all are Ready."""
    start = time.perf_counter()
    for index in range(count):
        bed.api.apply(monitor(f"many-{index}", "30s"))

    def all_ready() -> bool:
        return (
            sum(ready(obj) for obj in bed.api.items("walletmon.dev/v1alpha1", "WalletMonitor", _NAMESPACE)) == count + 1
        )

    wait_for("all monitors", all_ready, _PATIENCE)
    return time.perf_counter() - start


def bare_applies(bed: Testbed, count: int) -> float:
    """Seconds one client takes to apply copies of all those children, one after another, without any operator."""
    bed.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bare"}})
    children: list[Json] = []
    for api_version, kind in _KINDS:
        for obj in bed.api.items(api_version, kind, _NAMESPACE):
            if obj["metadata"]["name"].startswith("many-"):
                body = {key: value for key, value in obj.items() if key in ("spec", "data")}
                metadata = {"name": obj["metadata"]["name"], "namespace": "bare"}
                children.append({"apiVersion": api_version, "kind": kind, "metadata": metadata, **body})
    start = time.perf_counter()
    for child in children:
        bed.api.apply(child)
    seconds = time.perf_counter() - start
    print(f"bare applies        {len(children)} objects in {seconds:.1f} s: {len(children) / seconds:.0f} objects/s")
    return seconds


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _DEFAULT_MONITORS
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"machine             {os.cpu_count()} cores, {platform.system()} {platform.machine()}, load before: {load}")
    with Testbed() as bed:
        bed.install_prometheus_operator_crds()
        operator = Operator(bed, install(bed))
        operator.start()
        bed.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
        to_child, to_ready = single_changes(bed)
        for what, values in (("change to child", to_child), ("change to Ready", to_ready)):
            worst, middle = max(values) * 1000, statistics.median(values) * 1000
            print(f"{what:<19} median {middle:.0f} ms, longest {worst:.0f} ms of {len(values)}")
        seconds = many_at_once(bed, count)
        objects = count * len(_KINDS)
        print(
            f"operator            {count} monitors ({objects} objects) in {seconds:.1f} s: "
            f"{count / seconds:.0f} monitors/s, {objects / seconds:.0f} objects/s"
        )
        bare = bare_applies(bed, count)
        print(f"ratio               operator takes {seconds / bare:.2f} times as long as bare applies in a row")
        operator.stop()


if __name__ == "__main__":
    main()
