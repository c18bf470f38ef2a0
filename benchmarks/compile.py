"""How fast monitors become objects, and in how much memory: `python -m benchmarks.compile`.

Two stages of each size, each size in a process of its own, so that memory is its peak alone:

* `compile`: parsed models to objects, what the operator does at each visit,
* `render`: files to YAML, what `walletmon render` does (reading, parsing, the CRD's rules, compiling, writing).

And what packs cost: 100 monitors with golden-signals alone, with the packs of the default set, with all of them.

Times are seconds of the processor, so that what else the machine does matters little. Prints a Markdown table for
`docs/benchmarks.md`.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

SIZES = ((1, 2), (10, 2), (100, 2), (1000, 2), (1, 1000))
"""Monitors, and wallets in each."""


MONITORS_WITH_PACKS = 100


def document(index: int, wallets: int) -> dict[str, Any]:
    """A monitor as teams write them: a pack with a figure of its own, a wallet that differs, two rules, routing."""
    own: list[dict[str, Any]] = [{"name": f"hot-{number}", "type": "custodial"} for number in range(wallets)]
    own[0]["thresholds"] = {"golden-signals.syncLag": "10m"}
    rules = [
        {
            "name": "SignerQueueLong",
            "expr": f"max by (wallet) (signer_queue_length) > {100 + index}",
            "for": "5m",
            "summary": "{{ $labels.wallet }}: the queue is {{ $value }} long",
        },
        {"name": "SignerGone", "expr": 'absent(up{job="signer"})', "for": "5m", "summary": "no signer"},
    ]
    hook = {"urlSecret": {"name": "on-call", "key": "url"}}
    return {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitor",
        "metadata": {"name": f"treasury-{index}", "namespace": f"wallets-{index % 50}"},
        "spec": {
            "environment": "prod",
            "wallets": own,
            "targets": [
                {
                    "name": "api",
                    "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
                    "walletFrom": {"label": "walletmon.dev/wallet"},
                }
            ],
            "packs": [{"name": "golden-signals", "thresholds": {"errorRatio": f"{1 + index % 5}%"}}],
            "rules": rules,
            "routing": {"receivers": [{"name": "on-call", "webhook": hook}]},
        },
    }


def measure(monitors: int, wallets: int, folder: Path) -> str:
    """One row of the table: both stages at one size."""
    from walletmon.api.monitor_class import MonitorClass
    from walletmon.api.parse import parse_monitor
    from walletmon.compiler.compile import compile as compile_monitor

    documents = [document(index, wallets) for index in range(monitors)]
    models = [parse_monitor(each) for each in documents]
    started = time.process_time()
    compile_monitor(models[0], MonitorClass())
    first = time.process_time() - started
    started = time.process_time()
    for model in models:
        bundle = compile_monitor(model, MonitorClass())
        if bundle.errors:
            raise SystemExit(f"the benchmark's own monitor is wrong: {bundle.errors[0]}")
    each = (time.process_time() - started) / monitors
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    file = folder / "monitors.yaml"
    file.write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")
    rendering, rendered = _render(file)
    return (
        f"| {monitors} | {wallets} | {first * 1000:.0f} ms | {each * 1000:.2f} ms | {1 / each:.0f} | {peak:.0f} MiB "
        f"| {rendering:.1f} s | {rendered:.0f} MiB |"
    )


def _render(file: Path) -> tuple[float, float]:
    """Processor seconds and peak MiB of `walletmon render` as a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "walletmon.cli", "render", str(file)], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_maxrss / 1024


def measure_packs(names: list[str]) -> str:
    """One row of the second table: what compiling costs with these packs, each as it is."""
    from walletmon.api.monitor_class import MonitorClass
    from walletmon.api.parse import parse_monitor
    from walletmon.compiler.compile import compile as compile_monitor

    models = []
    for index in range(MONITORS_WITH_PACKS):
        made = document(index, 2)
        made["spec"]["packs"] = [{"name": name} for name in names]
        models.append(parse_monitor(made))
    compile_monitor(models[0], MonitorClass())
    started = time.process_time()
    bundles = [compile_monitor(model, MonitorClass()) for model in models]
    each = (time.process_time() - started) / len(models)
    (rules,) = (obj for obj in bundles[0].objects or () if obj["kind"] == "PrometheusRule")
    count = sum(len(group["rules"]) for group in rules["spec"]["groups"])
    size = len(json.dumps(rules)) / 1000
    return f"| {len(names)} | {count} | {size:.0f} kB | {each * 1000:.1f} ms |"


def main() -> None:
    """Measure all sizes, or the one given as `monitors wallets`."""
    if len(sys.argv) == 3:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(int(sys.argv[1]), int(sys.argv[2]), Path(folder)))
        return
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.1f} before\n")
    print("| monitors | wallets each | first compile | compile, each | monitors/s | peak | render | peak |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for monitors, wallets in SIZES:
        subprocess.run([sys.executable, "-m", "benchmarks.compile", str(monitors), str(wallets)], check=True)
    from walletmon.packs.catalogue import default_packs, packs

    print("\n| packs | rules | PrometheusRule | compile, each |\n|---:|---:|---:|---:|", flush=True)
    for names in (["golden-signals"], list(default_packs()), list(packs())):
        print(measure_packs(names), flush=True)


if __name__ == "__main__":
    main()
