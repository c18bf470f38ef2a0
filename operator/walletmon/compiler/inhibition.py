"""Which alerts are not told while another one fires, because they say nothing new.

Alertmanager takes a label that is missing for an empty one, so a rule that asks both sides for the same `wallet` would
let an alert without a wallet silence all others without one. Hence both sides are asked for a value as well. Of further
labels (`endpoint`, `asset`) only equality is asked: two alerts that both have none are about the same thing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from walletmon.compiler.thresholds import UsedPack


def inhibit_rules(monitor: str, used: Iterable[UsedPack]) -> list[dict[str, Any]]:
    """`inhibitRules` of an AlertmanagerConfig for the alerts of one monitor's packs, in the order of the packs."""
    packs = tuple(used)
    there = {alert.name for pack in packs for alert in pack.alerts}
    rules: list[dict[str, Any]] = []
    for alert in (alert for pack in packs for alert in pack.alerts):
        by_labels: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for silenced in alert.silenced:
            if silenced.alert in there:
                by_labels[silenced.equal].append(silenced.alert)
        for labels, names in by_labels.items():
            common = [_matcher("walletmon", "=", monitor), _matcher("wallet", "!=", "")]
            rules.append(
                {
                    "sourceMatch": [_matcher("alertname", "=", alert.name), *common],
                    "targetMatch": [_matcher("alertname", "=~", "|".join(names)), *common],
                    "equal": ["namespace", "wallet", *labels],
                }
            )
    return rules


def _matcher(name: str, sign: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "matchType": sign}
