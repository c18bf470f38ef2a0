"""What the sections of the overview are written with: queries within the monitor, graphs that draw where alerts are.

Queries are written as plain PromQL about any wallet; the board adds the monitor's matchers. Three kinds of selector
differ in what the dashboard's variables narrow:

- metrics of a process follow all three: wallet, job, instance;
- series made by rules (`walletmon:...`, `ALERTS`) have no job and instance of a process, so only the wallet;
- *whether a wallet is watched* must not depend on the job somebody picked to look at, so there too only the wallet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from walletmon.compiler.dashboards.panels import BLUE, GREEN, RED, Panel, Query, timeseries_panel
from walletmon.compiler.dashboards.shape import Shape
from walletmon.compiler.thresholds import metric_of

WALLET = 'wallet=~"$wallet"'
CHOSEN = 'job=~"$job",instance=~"$instance"'
PROCESS = f"{WALLET},{CHOSEN}"
WALLET_OR_NONE = 'wallet=~"$wallet|"'
"""Also what belongs to no single wallet: a shared RPC node's target, an alert of the team's own about the whole."""


def rate(metric: str, by: str, matchers: str = "") -> str:
    """What happens a second, summed by the labels `by`."""
    return f"sum by ({by}) (rate({metric}{{{matchers}{PROCESS}}}[$__rate_interval]))"


def error_ratio(metric: str, by: str) -> str:
    """The share of `outcome="error"`, 0..1. Nothing while nothing happens."""
    everything = rate(metric, by)
    # Where nothing ever failed there may be no series of failures: that is a ratio of 0, not an unknown one.
    errors = rate(metric, by, 'outcome="error",')
    return f"({errors} or {everything} * 0) / {everything}"


def quantile(share: float, histogram: str, by: str) -> str:
    """The value that `share` of the observations stay under."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', f'le, {by}')})"


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard in the making: its shape, and what keeps its queries within one monitor."""

    shape: Shape
    scoped: Callable[[str], str]

    def query(self, expr: str, legend: str = "", *, exemplars: bool = False) -> Query:
        """A query within the monitor, no finer than its targets are scraped."""
        return Query(self.scoped(expr), self.shape.min_step, legend, exemplars)

    def limit(self, threshold: str) -> float | None:
        """Where the alert is, if that is one figure for all wallets."""
        return dict(self.shape.limits).get(threshold)

    def steps(self, threshold: str) -> list[tuple[float | None, str]]:
        """Colours of a figure: red from where the alert is; no judgement where that is not one figure."""
        limit = self.limit(threshold)
        return [(None, BLUE)] if limit is None else [(None, GREEN), (limit, RED)]

    def graph(
        self,
        title: str,
        description: str,
        queries: Sequence[Query],
        *,
        unit: str,
        threshold: str | None = None,
        limit_below: bool = False,
        ceiling: float | None = None,
        width: int = 8,
    ) -> Panel:
        """A graph that draws where the alert of `threshold` is: one line if that is one figure, else one a wallet."""
        if threshold is not None and (threshold, None) in self.shape.limits:
            bounds = self.query(f"{metric_of(threshold)}{{{WALLET}}}", "{{wallet}} threshold")
            queries = [*queries, replace(bounds, limit=True)]
        return timeseries_panel(
            title,
            description,
            queries,
            unit=unit,
            limit=self.limit(threshold) if threshold else None,
            limit_below=limit_below,
            ceiling=ceiling,
            width=width,
        )
