"""The functions of the rule language, and what to say to those who look for another."""

from __future__ import annotations

import re
from difflib import get_close_matches

from walletmon.api.diagnostic import Code
from walletmon.language.rule_error import RuleError

OVER_TIME = {"avg": "avg_over_time", "min": "min_over_time", "max": "max_over_time"}
"""Functions of a gauge over time, and what they are in PromQL."""

OF_COUNTERS = frozenset({"rate", "increase"})

_PERCENTILE = re.compile(r"p(?P<digits>[0-9]{2}|9[0-9]{2}|99[0-9]{2})")
_NAMES = ("rate", "increase", "changes", "avg", "min", "max", "p50", "p90", "p95", "p99", "p999", "absent")
_ALL = "rate, increase, changes, avg, min, max, p50 to p9999, absent, last_change_time"
_IN_PROMQL = {
    "avg_over_time": "avg(x[5m])",
    "min_over_time": "min(x[5m])",
    "max_over_time": "max(x[5m])",
    "irate": "rate(x[1m])",
    "histogram_quantile": "p95(x[5m])",
    "quantile": "p95(x[5m])",
    "absent_over_time": "absent(x[10m])",
    "time": "now()",
    "mean": "avg(x[5m])",
    "median": "p50(x[5m])",
    "sum": "rate(x[5m]), which adds up the wallet's series",
}


def percentile(name: str) -> str | None:
    """The quantile that a name like `p95` or `p999` stands for, in digits (`0.95`, `0.999`); None for other names."""
    found = _PERCENTILE.fullmatch(name)
    if found is None or not found["digits"].strip("0"):
        return None
    return "0." + found["digits"].rstrip("0")


def check_function(name: str, offset: int) -> None:
    """Raise RuleError if the language has no function of that name."""
    if name in OVER_TIME or name in OF_COUNTERS or name == "changes" or percentile(name) is not None:
        return
    near = get_close_matches(name.lower(), _NAMES, 1, 0.6)
    if name in _IN_PROMQL:
        cure = f"write {_IN_PROMQL[name]}; for more than that, give expr instead of when"
    elif re.fullmatch("p[0-9]+", name):
        cure = "percentiles are p01 to p99, p901 to p999 (99.9 %) and p9901 to p9999"
    elif near:
        cure = f"did you mean {near[0]}?"
    else:
        cure = f"there are: {_ALL}; for others, give expr instead of when"
    raise RuleError(Code.UNKNOWN_FUNCTION, f"there is no function {name!r}", cure, offset)
