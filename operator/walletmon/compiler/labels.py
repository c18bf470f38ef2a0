"""The labels that tell whose series these are, injected while scraping.

Everything downstream (scoped rules, routing, dashboards) relies on `wallet`, `namespace` and `walletmon` being set by
the operator and by nobody else: scraped labels of the same names are renamed by Prometheus (`exported_...`), since
honorLabels is never set.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from walletmon.api.monitor import WalletMonitor
from walletmon.api.targets import Target, WalletFrom
from walletmon.api.wallets import Wallet
from walletmon.compiler.environment import CommonLabels, Surroundings

Relabeling = dict[str, Any]


def instance_of(wallet: Wallet) -> str:
    """The value of the label `instance` on the wallet's series."""
    return wallet.instance or wallet.name


OwnLabels = Mapping[str, Mapping[str, str]]
"""The labels of each wallet's own that are in force, by the wallet's name."""

DENIED_MARK = "__walletmon_denied"
"""Label that a series with a denied label has for as long as it takes to drop it."""


def wallet_labels(wallet: Wallet, own: OwnLabels) -> dict[str, str]:
    """The labels of one wallet besides `wallet` and `instance`: type, chain, and its own."""
    labels: dict[str, str] = {}
    if wallet.type is not None:
        labels["wallet_type"] = wallet.type.value
    if wallet.chain is not None and wallet.chain.id is not None:
        labels["chain_id"] = str(wallet.chain.id)
    labels.update(sorted(own[wallet.name].items()))
    return labels


def relabelings(
    monitor: WalletMonitor, target: Target, where: Surroundings, common: CommonLabels, own: OwnLabels
) -> list[Relabeling]:
    """What is done to the labels of each workload that `target` finds, in order."""
    steps = [
        _constant("namespace", monitor.metadata.namespace),
        _constant("walletmon", monitor.metadata.name),
        _constant("target", target.name),
        _constant("role", target.role.value),
    ]
    if where.name is not None:
        steps.append(_constant("environment", where.name))
    if target.service is not None or target.pods is not None:
        # prometheus-operator puts the port's name in `endpoint`, and the wallet's own `endpoint` (which chain RPC)
        # would be renamed on arrival: alerts on one RPC would then never see a difference between two.
        steps.append({"action": "labeldrop", "regex": "endpoint"})
    if target.static is not None:
        # Nothing else tells two addresses of one wallet apart: there is no Pod, and `instance` is the wallet's.
        steps.append({"action": "replace", "sourceLabels": ["__address__"], "targetLabel": "host"})
    if target.probe is not None:
        steps.append({"action": "replace", "sourceLabels": ["__param_target"], "targetLabel": "host"})
    if target.wallet is not None:
        wallet = next(wallet for wallet in monitor.spec.wallets if wallet.name == target.wallet)
        steps.append(_constant("wallet", wallet.name))
        steps.append(_constant("instance", instance_of(wallet)))
        steps += [_constant(name, value) for name, value in wallet_labels(wallet, own).items()]
    elif target.wallet_from is not None:
        steps += _wallet_from_pod(target.wallet_from, monitor.spec.wallets, own)
    # Last: what the platform team says holds, whatever a wallet calls its labels.
    return [*steps, *(_constant(name, value) for name, value in common.constant.items())]


def metric_relabelings(common: CommonLabels, dropped: str | None) -> list[Relabeling]:
    """What is done to series once they are scraped, in order; those with a label that `dropped` matches go."""
    return [
        *([] if dropped is None else _drop(dropped)),
        *({**_constant(name, value), "sourceLabels": [name], "regex": "^$"} for name, value in common.fallback.items()),
    ]


def _drop(labels: str) -> list[Relabeling]:
    # Source labels would have to be listed one by one in each spelling: sixty lines of Prometheus' configuration for
    # each target, and still blind to the next spelling.
    return [
        {"action": "labelmap", "regex": labels, "replacement": DENIED_MARK},
        {"action": "drop", "sourceLabels": [DENIED_MARK], "regex": ".+"},
    ]


def _constant(label: str, value: str) -> Relabeling:
    # A dollar sign would start a reference to a regex group; the schema refuses it, this is for documents that came
    # past it.
    return {"action": "replace", "targetLabel": label, "replacement": value.replace("$", "$$")}


def _wallet_from_pod(source: WalletFrom, wallets: list[Wallet], own: OwnLabels) -> list[Relabeling]:
    pod_label = "__meta_kubernetes_pod_label_" + re.sub(r"[^a-zA-Z0-9_]", "_", source.label)
    steps: list[Relabeling] = [
        {"action": "keep", "sourceLabels": [pod_label], "regex": _any_of([wallet.name for wallet in wallets])},
        {"action": "replace", "sourceLabels": [pod_label], "targetLabel": "wallet"},
        {"action": "replace", "sourceLabels": ["wallet"], "targetLabel": "instance"},
    ]
    steps += [
        _for_wallets([wallet.name], "instance", instance_of(wallet))
        for wallet in wallets
        if instance_of(wallet) != wallet.name
    ]
    # One step for each value that occurs, not for each wallet: a thousand wallets of one type are one step.
    by_value: dict[tuple[str, str], list[str]] = defaultdict(list)
    for wallet in wallets:
        for label, value in wallet_labels(wallet, own).items():
            by_value[label, value].append(wallet.name)
    steps += [_for_wallets(names, label, value) for (label, value), names in sorted(by_value.items())]
    return steps


def _for_wallets(names: list[str], label: str, value: str) -> Relabeling:
    return {**_constant(label, value), "sourceLabels": ["wallet"], "regex": _any_of(names)}


def _any_of(names: list[str]) -> str:
    """A regex (anchored by Prometheus) for these names, which are DNS labels and so need no escaping."""
    return "|".join(names)
