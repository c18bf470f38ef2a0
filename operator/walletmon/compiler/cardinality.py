"""How many series a monitor gives its Prometheus to keep: an estimate, made before anything is scraped.

It is meant for the question whether something costs hundreds or tens of thousands of series, and for what a monitor
costs against another. What cannot be known beforehand is assumed, and each assumption stands in a table here with its
reason; what a wallet really exposes, `scrape_samples_post_metric_relabeling` says afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.targets import Target, TargetRole
from walletmon.compiler.bookkeeping import expectations, threshold_series
from walletmon.compiler.environment import common_labels, surroundings
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.governance import governed
from walletmon.compiler.thresholds import PackUses, UsedPack, pack_uses
from walletmon.instrument.families import DECISION_FAMILIES, SSE_FAMILIES, WALLET_FAMILIES, Family
from walletmon.language.promql_text import PromqlError, parse
from walletmon.language.result_labels import result_labels
from walletmon.language.selectors import metrics_read

PER_SCRAPE = 5
"""Series that Prometheus adds for each process it scrapes: `up`, `scrape_duration_seconds`, `scrape_series_added`,
`scrape_samples_scraped` and `scrape_samples_post_metric_relabeling`."""

PER_RUNTIME = 25
"""Series of the process itself. Python's client has 16 (counted on the example wallet), Go's about twice as many."""

PER_FOREIGN_METRIC = 3
"""Series for each wallet of a metric that an exporter or other software exposes, as packs read it: a few assets, or
endpoints, or quantiles."""

VALUES: Mapping[str, tuple[int, str]] = {
    "account": (1, "a wallet is mostly one account"),
    "algorithm": (1, "a wallet signs in one way"),
    "asset": (2, "the coin, and one token"),
    "biz_code": (4, "reasons that a business has to refuse a decision"),
    "cause": (3, "causes of failure that really occur, of all that could"),
    "chain": (1, "a wallet lives on one chain"),
    "channel": (2, "ways on which decisions are delivered"),
    "decision_type": (3, "allow, refuse, ask further"),
    "endpoint": (2, "an RPC endpoint and its substitute"),
    "label": (2, "labels of a metric that are guarded against too many values"),
    "le": (16, "the buckets of a latency"),
    "method": (3, "RPC methods that a wallet lives on"),
    "metric": (10, "metrics of the library that have guarded labels"),
    "node": (1, "a process runs on one node"),
    "outcome": (2, "success, error"),
    "path": (3, "streams of one service"),
    "reason": (4, "reasons that really occur, of all that could"),
    "region": (1, "a process runs in one region"),
    "route": (4, "routes of an API, with the one for what fits none"),
    "scene": (3, "occasions of risk decisions"),
    "source": (3, "sources of a balance, or of a phrase"),
    "stage": (3, "stages at which a delivery can fail"),
    "status": (3, "success, timeout, failed"),
    "volume": (1, "a wallet keeps its data on one volume"),
}
"""How many values a label is assumed to have for one wallet, and why; one, of labels that are not in here."""

FOREIGN: Mapping[TargetRole, tuple[int, str]] = {
    TargetRole.NODE: (1400, "counted on a recorded geth 1.13"),
    TargetRole.RPC: (500, "a proxy for a few endpoints and methods; assumed, not counted"),
    TargetRole.DB: (500, "the usual exporters of databases; assumed, not counted"),
}
"""Series of one process that is not instrumented with the library, by its role, and where the figure comes from."""

PER_PROBE = 20
"""Series of one probed URL: what the blackbox exporter tells of an HTTP request, its phases and its certificate."""

_OF_PROCESS = frozenset({"pod", "host", "instance"})
_OF_MONITOR = frozenset({"namespace", "walletmon", "wallet", "target", *_OF_PROCESS})


@dataclass(frozen=True, slots=True)
class TargetSeries:
    """The series of one target."""

    name: str
    processes: int
    """How many are scraped."""
    each: int
    """Series of one of them, with those that Prometheus adds."""
    bounded: bool
    """Whether its sample limit is what keeps them to that number."""

    @property
    def total(self) -> int:
        """The series of all its processes."""
        return self.processes * self.each


@dataclass(frozen=True, slots=True)
class Cardinality:
    """An estimate of the series that a monitor makes, by what makes them."""

    targets: tuple[TargetSeries, ...]
    foreign: int
    """Of metrics that packs read and the library does not expose."""
    recorded: int
    """By the packs' recordings."""
    alerts: int
    """`ALERTS` and `ALERTS_FOR_STATE`, as if every alert fired for every wallet; none while all is well."""
    expectations: int
    """What should be there: a series for each wallet and each target."""
    thresholds: int
    """Figures that differ between wallets."""
    assumptions: tuple[str, ...]
    """What was not known, a sentence each."""

    @property
    def scraped(self) -> int:
        """The series that are scraped."""
        return sum(target.total for target in self.targets) + self.foreign

    @property
    def total(self) -> int:
        """All of them."""
        return self.scraped + self.recorded + self.alerts + self.expectations + self.thresholds


def estimate(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts | None = None) -> Cardinality:
    """How many series `monitor` makes under `class_`, about."""
    known = facts or ClusterFacts()
    uses = pack_uses(monitor, known.catalogue)
    common = common_labels(class_, surroundings(monitor, class_, known))
    limits = governed(monitor, class_, common, uses.used).limits
    families = _families(monitor, uses)
    targets = tuple(
        _target(target, len(monitor.spec.wallets), families, None if limit is None else limit.samples)
        for target in monitor.spec.targets or ()
        for limit in (limits[target.name],)
    )
    results = _Results(monitor, targets, uses)
    return Cardinality(
        targets=targets,
        foreign=results.foreign(),
        recorded=sum(results.of(recording.expr) for used in uses.used for recording in used.recordings),
        alerts=0 if monitor.spec.suspend else 2 * sum(results.of(expr) for expr in _alerts(monitor, uses)),
        expectations=sum(1 for _ in expectations(monitor)),
        thresholds=sum(1 for _ in threshold_series(monitor, uses)),
        assumptions=tuple(_assumptions(monitor)),
    )


def series_of(family: Family) -> int:
    """Series of one metric family in one process."""
    values = [VALUES.get(label, (1, ""))[0] for label in family.labels]
    if family.endings:
        values[-1] = len(family.endings)
    # A histogram has a series for each bound, for +Inf, and its sum and count.
    return prod(values) * (len(family.buckets) + 3 if family.type == "histogram" else 1)


def _families(monitor: WalletMonitor, uses: PackUses) -> Mapping[TargetRole, tuple[Family, ...]]:
    """What processes expose that use the library, by their role."""
    read = {name for used in uses.used for name in used.pack.metrics}
    streams = (*SSE_FAMILIES, *DECISION_FAMILIES)
    apart = any(target.role is TargetRole.SSE for target in monitor.spec.targets or ())
    # Streams without a target of their own are served by the wallet's process, if a pack is about them.
    within = (
        ()
        if apart
        else tuple(
            family
            for group in (SSE_FAMILIES, DECISION_FAMILIES)
            if any(name.startswith(each.name) for each in group for name in read)
            for family in group
        )
    )
    return {TargetRole.WALLET: (*WALLET_FAMILIES, *within), TargetRole.SSE: streams}


def _target(
    target: Target, wallets: int, families: Mapping[TargetRole, tuple[Family, ...]], limit: int | None
) -> TargetSeries:
    if target.static is not None:
        processes = len(target.static)
    elif target.probe is not None:
        processes = len(target.probe.urls)
    else:
        processes = wallets if target.wallet_from is not None else 1
    if target.probe is not None:
        found = PER_PROBE
    elif target.role in FOREIGN:
        found = FOREIGN[target.role][0]
    else:
        found = PER_RUNTIME + sum(map(series_of, families[target.role]))
    bounded = limit is not None and limit < found
    return TargetSeries(
        target.name, processes, (limit if limit is not None and bounded else found) + PER_SCRAPE, bounded
    )


class _Results:
    """How many series expressions give."""

    def __init__(self, monitor: WalletMonitor, targets: Iterable[TargetSeries], uses: PackUses) -> None:
        self._wallets = len(monitor.spec.wallets)
        self._processes = max(sum(target.processes for target in targets), self._wallets)
        self._uses = uses

    def of(self, expr: str) -> int:
        """Series that the result of `expr` has: for each wallet or process, and for each value of what else is kept."""
        labels = _kept(expr)
        if labels is None:
            return self._processes
        base = self._processes if labels & (_OF_PROCESS | {"target"}) else self._wallets
        return base * prod(VALUES.get(label, (1, ""))[0] for label in labels - _OF_MONITOR)

    def foreign(self) -> int:
        """Series of metrics that packs read and that neither the library nor a process as such exposes."""
        names = {name for used in self._uses.used for name in _read(used)}
        return len({name for name in names if not _is_known(name)}) * PER_FOREIGN_METRIC * self._wallets


@cache
def _kept(expr: str) -> frozenset[str] | None:
    """The labels that the result can have; None for all that there are, or where the expression cannot be read."""
    try:
        return result_labels(parse(expr)).only
    except PromqlError:
        return None


def _read(used: UsedPack) -> Iterator[str]:
    """The metrics that a pack reads as it is used."""
    for expr in (*(each.expr for each in used.recordings), *(each.expr for each in used.alerts)):
        yield from metrics_read(expr)


def _is_known(name: str) -> bool:
    if ":" in name or name == "up" or name.startswith(("go_", "process_", "scrape_", "python_", "jvm_")):
        return True
    families = (*WALLET_FAMILIES, *SSE_FAMILIES, *DECISION_FAMILIES)
    parts = {name, *(name.removesuffix(end) for end in ("_bucket", "_count", "_sum"))}
    return any(family.name in parts for family in families)


def _alerts(monitor: WalletMonitor, uses: PackUses) -> Iterator[str]:
    for used in uses.used:
        disabled = used.use.disable or ()
        yield from (alert.expr for alert in used.alerts if alert.name not in disabled)
    for rule in monitor.spec.rules or ():
        # A sentence of the rule language is about each wallet.
        yield rule.expr or "sum by (wallet) (x)"


def _assumptions(monitor: WalletMonitor) -> Iterator[str]:
    targets = monitor.spec.targets or ()
    if any(target.service is not None or target.pods is not None for target in targets):
        yield "each wallet is served by one process: how many Pods there are is not known here"
    if any(target.role not in FOREIGN and target.probe is None for target in targets):
        yield "a service exposes what the library does, with a few values a label (4 routes, 2 endpoints, 3 methods)"
    for role, (count, reason) in FOREIGN.items():
        if any(target.role is role and target.probe is None for target in targets):
            yield f"a target of role {role.value} has {count} series: {reason}"
    if any(target.probe is not None for target in targets):
        yield f"a probed URL has {PER_PROBE} series, as with the blackbox exporter"
