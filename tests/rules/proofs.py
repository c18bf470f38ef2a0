"""Proofs of alerts: from a short description to promtool's unit tests over the rules as the compiler makes them.

A description (`walletmon.packs.proof`, one entry an alert) gives the series of one wallet when it is well and when it
is in trouble, and from when the alert must fire. Everything else follows: wallets hot-1 and hot-2 live in one monitor,
in each proof some of them are in trouble, and what must fire is exact.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.alert_labels import SEVERITY
from walletmon.compiler.rules import rule_objects
from walletmon.packs.catalogue import packs
from walletmon.packs.proof import Case, Proof, cases, proofs
from walletmon.packs.schema import Alert, Pack

Json = dict[str, Any]

A, B = "hot-1", "hot-2"
STEP = 30
"""Seconds between samples, and between evaluations."""
WATCHES = "golden-signals"
"""The pack whose alerts take over when a workload is gone; every monitor here uses it."""

API = {
    "name": "api",
    "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
    "walletFrom": {"label": "walletmon.dev/wallet"},
}
_IDENTITY = ("namespace", "walletmon", "environment", "wallet", "instance", "target", "role", "job", "pod")
_COUNTER_ENDS = ("_total", "_count", "_bucket", "_sum")


@dataclass(frozen=True)
class Subject:
    """An alert to be proved, with its description: of the library's own signals, or of a preset's."""

    pack: Pack
    alert: Alert
    preset: str | None
    proof: Proof

    def __str__(self) -> str:
        return self.alert.name + ("" if self.preset is None else f"[{self.preset}]")

    @property
    def cases(self) -> tuple[Case, ...]:
        """What has to be tried. What a preset changes is where the signals come from: whether it fires and is silent
        shows that they do."""
        return cases(self.pack, self.alert) if self.preset is None else (Case.FIRES, Case.SILENT)

    def monitor(
        self, thresholds: Mapping[str, str] | None = None, hot_1: Mapping[str, str] | None = None
    ) -> WalletMonitor:
        """The monitor of this proof; `thresholds` of the pack for both wallets, `hot_1` for the first one alone."""
        own = {f"{self.pack.name}.{name}": figure for name, figure in (hot_1 or {}).items()}
        return monitor(self.proof.targets, thresholds, pack=self.pack.name, preset=self.preset, hot_1=own)

    def series(self, troubled: Iterable[str], minutes_: int, gone_after: int | None = None) -> list[Json]:
        """Series of both wallets, those of `troubled` in trouble; of an alert about no wallet, the shared workload
        is."""
        wanted = frozenset(troubled)
        if self.proof.shared:
            described = self.proof.trouble if wanted else self.proof.healthy
            made = series(A, {}, minutes_) + series(B, {}, minutes_)
            return made + series(None, described, minutes_, gone_after)
        return [
            one
            for wallet in (A, B)
            for one in series(
                wallet,
                self.proof.trouble if wallet in wanted else self.proof.healthy,
                minutes_,
                gone_after if wallet in wanted else None,
            )
        ]

    def others(self, minutes_: int) -> list[Json]:
        """Series of all that is not in trouble when the first wallet, or the shared workload, is."""
        if self.proof.shared:
            return series(A, {}, minutes_) + series(B, {}, minutes_)
        return series(B, self.proof.healthy, minutes_)

    @property
    def idle(self) -> frozenset[str]:
        """What is in force in every monitor here and has no part in this proof."""
        watches = packs()[WATCHES]
        if self.pack is watches:
            return frozenset()
        names = {alert.name for alert in watches.alerts} | {each.record for each in watches.recordings}
        return frozenset(names - {self.proof.gone})

    @property
    def troubled(self) -> str | None:
        """Whose trouble it is: the first wallet's, or no wallet's."""
        return None if self.proof.shared else A

    def is_counter(self, selector: str) -> bool:
        """Whether a series of the description only grows, until its process restarts."""
        name = selector.partition("{")[0]
        return name.endswith(_COUNTER_ENDS) or name in self.proof.counters


def subjects() -> Iterator[Subject]:
    """Every alert of every pack that is described, by itself and under each preset."""
    for pack in packs().values():
        described = proofs(pack.name)
        for alert in pack.alerts:
            if alert.name not in described:
                continue
            proof = described[alert.name]
            yield Subject(pack, alert, None, proof)
            for preset in pack.presets:
                if alert in pack.served(preset) and preset in proof.presets:
                    yield Subject(pack, alert, preset, proof.under(preset))


def monitor(
    targets: Iterable[Json] = (),
    thresholds: Mapping[str, str] | None = None,
    *,
    pack: str = WATCHES,
    preset: str | None = None,
    hot_1: Mapping[str, str] | None = None,
    hot_2: Mapping[str, str] | None = None,
) -> WalletMonitor:
    """The monitor of two wallets that uses golden-signals and `pack`; `thresholds` of `pack` for both, `hot_1` and
    `hot_2` (by `<pack>.<threshold>`) for one."""
    use: Json = {"name": pack, "thresholds": dict(thresholds or {})} | ({} if preset is None else {"preset": preset})
    return WalletMonitor.model_validate(
        {
            "metadata": {"name": "treasury", "namespace": "wallets-prod"},
            "spec": {
                "environment": "prod",
                "wallets": [{"name": A, "thresholds": dict(hot_1 or {})}, {"name": B, "thresholds": dict(hot_2 or {})}],
                "targets": [API, *targets],
                "packs": [use] if pack == WATCHES else [{"name": WATCHES}, use],
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
    written = written_out(described, minutes)
    if gone_after is not None:
        written = {name: [*samples[: gone_after * 60 // STEP], "stale"] for name, samples in written.items()}
    return as_input(wallet, written)


def written_out(described: Mapping[str, str], minutes: int) -> dict[str, list[str]]:
    """All samples of the described series for so many minutes, and of `up`, which every process has."""
    everything = {} if any(name.startswith("up{") or name == "up" for name in described) else {"up": "1"}
    return {name: _samples(values, minutes * 60 // STEP) for name, values in {**everything, **described}.items()}


def as_input(wallet: str | None, written: Mapping[str, list[str]]) -> list[Json]:
    """Samples as input series of promtool, with the labels of `wallet`'s process."""
    made = []
    for selector, samples in written.items():
        name, own = _selector(selector)
        labels = {**identity(wallet), **own}
        made.append({"series": f"{name}{_printed(labels)}", "values": " ".join(samples)})
    return made


def restarted(samples: list[str], at: int) -> list[str]:
    """A counter's samples with a restart from zero at sample `at`."""
    known = [sample for sample in samples[:at] if sample not in ("_", "stale")]
    if not known:
        return samples
    lost = float(known[-1])
    return [
        sample if index < at or sample in ("_", "stale") else f"{max(0.0, float(sample) - lost):.12g}"
        for index, sample in enumerate(samples)
    ]


def interrupted(samples: list[str], start: int, end: int) -> list[str]:
    """A series of which nothing is known from sample `start` to before `end`."""
    return [*samples[:start], "stale", *["_"] * (end - start - 1), *samples[end:]]


def relieved(trouble: list[str], healthy: list[str], start: int, end: int, *, counter: bool) -> list[str]:
    """A series in trouble that is well from sample `start` to before `end`; a counter goes on from where it is."""
    if not counter:
        return [*trouble[:start], *healthy[start:end], *trouble[end:]]
    made = [float(sample) for sample in trouble[:start]]
    for index in range(start, len(trouble)):
        source = healthy if index < end else trouble
        made.append(made[-1] + float(source[index]) - float(source[index - 1]))
    return [f"{value:.12g}" for value in made]


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


def notification(subject: Subject) -> Json:
    """The firing alert with all its labels and annotations, as Alertmanager gets it."""
    proof, alert = subject.proof, subject.alert
    process = identity(subject.troubled)
    if proof.keeps is not None:
        process = {name: process[name] for name in ("wallet", *proof.keeps) if name in process}
    labels = {
        **process,
        **proof.adds,
        **({} if alert.action is None else {"action": alert.action}),
        "namespace": "wallets-prod",
        "walletmon": "treasury",
        "environment": "prod",
        "pack": subject.pack.name,
        "priority": alert.priority.value,
        "severity": SEVERITY[alert.priority],
    }
    return {
        "eval_time": proof.fires,
        "alertname": alert.name,
        "exp_alerts": [
            {
                "exp_labels": labels,
                "exp_annotations": {
                    "summary": proof.summary,
                    "description": proof.description,
                    "runbook_url": f"https://walletmon.dev/runbooks/{alert.name}",
                },
            }
        ],
    }


def prove(
    promtool: Path, folder: Path, of: WalletMonitor, tests: list[Json], idle: Collection[str] = frozenset()
) -> None:
    """Run promtool's unit tests over the compiled rules of a monitor; fails with promtool's own words.

    Alerts and recordings named in `idle` are left out: they cannot matter, and cost half the time.
    """
    groups = [
        {**group, "rules": [rule for rule in group["rules"] if rule.get("alert", rule.get("record")) not in idle]}
        for group in rule_groups(of)
    ]
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
