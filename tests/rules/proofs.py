"""Proofs of alerts: from a short description to promtool's unit tests over the rules as the compiler makes them.

A description (`cases/<pack>.yaml`, one entry an alert) gives the series of one wallet when it is well and when it is in
trouble, and from when the alert must fire. Everything else follows: wallets hot-1 and hot-2 live in one monitor, in
each proof some of them are in trouble, and what must fire is exact.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.rules import SEVERITY, rule_objects
from walletmon.packs.schema import Alert

Json = dict[str, Any]

A, B = "hot-1", "hot-2"
STEP = 30
"""Seconds between samples, and between evaluations."""

API = {
    "name": "api",
    "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
    "walletFrom": {"label": "walletmon.dev/wallet"},
}
_IDENTITY = ("namespace", "walletmon", "environment", "wallet", "instance", "target", "role", "job", "pod")


@dataclass(frozen=True)
class Description:
    """What a case file says of one alert."""

    alert: str
    healthy: Mapping[str, str]
    trouble: Mapping[str, str]
    fires: str
    """When, with trouble from the start, the alert fires at the latest."""
    holds: str
    """When, with trouble from the start, it does not fire yet, because `for` has not passed."""
    keeps: list[str] | None
    """Labels of the series that the alert keeps besides wallet, namespace and walletmon; None for all of a process."""
    adds: Mapping[str, str]
    summary: str
    description: str
    gone: str = "WalletMissing"
    """The alert that fires once the troubled workload and all its series have gone."""
    tolerant: Mapping[str, str] = field(default_factory=dict)
    """For each threshold of the alert, a figure by which the trouble is none."""
    targets: list[Json] = field(default_factory=list)
    shared: bool = False
    """The series belong to no wallet."""


def descriptions(path: Path) -> dict[str, Description]:
    """The descriptions in a case file, by alert."""
    return {
        name: Description(alert=name, **{"keeps": None, "adds": {}, **entry})
        for name, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    }


def monitor(
    targets: Iterable[Json] = (), thresholds: Mapping[str, str] | None = None, **own: Mapping[str, str]
) -> WalletMonitor:
    """The monitor of two wallets; `thresholds` for both, `hot_1` and `hot_2` (by `<pack>.<threshold>`) for one."""
    return WalletMonitor.model_validate(
        {
            "metadata": {"name": "treasury", "namespace": "wallets-prod"},
            "spec": {
                "environment": "prod",
                "wallets": [{"name": name, "thresholds": dict(own.get(name.replace("-", "_"), {}))} for name in (A, B)],
                "targets": [API, *targets],
                "packs": [{"name": "golden-signals", "thresholds": dict(thresholds or {})}],
            },
        }
    )


def rule_groups(of: WalletMonitor) -> list[Json]:
    """The groups of the monitor's compiled rules."""
    part = rule_objects(of, MonitorClass())
    assert part.diagnostics == [], part.diagnostics
    return [group for made in part.objects for group in made["spec"]["groups"]]


def identity(wallet: str | None) -> dict[str, str]:
    """The labels that scraping gives each series of `wallet`'s one process, or of a workload of no wallet."""
    values = ("wallets-prod", "treasury", "prod", wallet, wallet, "api", "wallet", "wallet-api", f"{wallet}-0")
    labels = dict(zip(_IDENTITY, values, strict=True))
    if wallet is None:
        labels |= {"instance": "10.0.0.7:9100", "target": "db", "role": "db", "job": "wallet-db", "pod": "db-0"}
    return {name: value for name, value in labels.items() if value is not None}


def series(wallet: str | None, described: Mapping[str, str], minutes: int, gone_after: int | None = None) -> list[Json]:
    """Input series of promtool for `wallet`: as described, for so many minutes, stale after `gone_after` of them."""
    everything = {} if any(name.startswith("up{") or name == "up" for name in described) else {"up": "1"}
    everything |= described
    made = []
    for selector, values in everything.items():
        name, own = _selector(selector)
        labels = {**identity(wallet), **own}
        samples = _samples(values, minutes * 60 // STEP)
        if gone_after is not None:
            samples = [*samples[: gone_after * 60 // STEP], "stale"]
        made.append({"series": f"{name}{_printed(labels)}", "values": " ".join(samples)})
    return made


def _selector(text: str) -> tuple[str, dict[str, str]]:
    name, _, rest = text.partition("{")
    return name, dict(re.findall(r'(\w+)="([^"]*)"', rest))


def _printed(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items() if value != "") + "}"


def _samples(values: str, count: int) -> list[str]:
    """`1 2+3x4 5` in promtool's notation, written out; the last item goes on (with its increment) to the end."""
    samples: list[str] = []
    items = values.split()
    for index, item in enumerate(items, start=1):
        found = re.fullmatch(r"(_|stale|-?[0-9.]+)(?:([+-][0-9.]+))?(?:x([0-9]+))?", item)
        assert found is not None, f"{item} is no sample"
        start, increment, times = found[1], float(found[2] or 0), found[3]
        left = int(times) + 1 if times is not None else 1
        if index == len(items):
            left = max(left, count - len(samples))
        if start in ("_", "stale"):
            samples += [start] * left
        else:
            samples += [f"{float(start) + step * increment:g}" for step in range(left)]
    return samples[:count]


def minutes(text: str) -> int:
    """`5m` or `1h10m` in minutes, rounded up."""
    return -(-seconds(text) // 60)


def seconds(text: str) -> int:
    """`1h5m30s` in seconds."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    assert found is not None, text
    hours, mins, secs = (int(part or 0) for part in found.groups())
    return hours * 3600 + mins * 60 + secs


def later(text: str, more: int) -> str:
    """A time `more` minutes after `text`."""
    return f"{seconds(text) + 60 * more}s"


def firing(alert: str, at: str, *wallets: str | None) -> Json:
    """The expectation that `alert` fires at `at` for exactly these wallets (None: for no wallet)."""
    labels = ("{}" if wallet is None else f'{{wallet="{wallet}"}}' for wallet in wallets)
    return {
        "expr": f'count by (wallet) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
        "eval_time": at,
        "exp_samples": [{"labels": text, "value": 1} for text in labels],
    }


def never(alert: str, until: str) -> Json:
    """The expectation that `alert` has never fired until then."""
    return {
        "expr": f'count by (wallet) (last_over_time(ALERTS{{alertname="{alert}",alertstate="firing"}}[{until}]))',
        "eval_time": until,
        "exp_samples": [],
    }


def notification(alert: Alert, described: Description, wallet: str | None) -> Json:
    """The firing alert with all its labels and annotations, as Alertmanager gets it."""
    process = identity(wallet)
    if described.keeps is not None:
        process = {name: process[name] for name in ("wallet", *described.keeps) if name in process}
    labels = {
        **process,
        **described.adds,
        "namespace": "wallets-prod",
        "walletmon": "treasury",
        "environment": "prod",
        "pack": "golden-signals",
        "priority": alert.priority.value,
        "severity": SEVERITY[alert.priority],
    }
    return {
        "eval_time": described.fires,
        "alertname": alert.name,
        "exp_alerts": [
            {
                "exp_labels": labels,
                "exp_annotations": {
                    "summary": described.summary,
                    "description": described.description,
                    "runbook_url": f"https://walletmon.dev/runbooks/{alert.name}",
                },
            }
        ],
    }


def prove(promtool: Path, folder: Path, of: WalletMonitor, tests: list[Json]) -> None:
    """Run promtool's unit tests over the compiled rules of a monitor; fails with promtool's own words."""
    groups = rule_groups(of)
    (folder / "rules.yaml").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{STEP}s",
        # Left to itself promtool takes them in any order, and times differ by an evaluation from run to run.
        "group_eval_order": [group["name"] for group in groups],
        "tests": tests,
    }
    (folder / "test.yaml").write_text(json.dumps(document), encoding="utf-8")
    run = subprocess.run([promtool, "test", "rules", folder / "test.yaml"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
