"""Governance: which labels and limits of a monitor are in force under its class, and which series are not let in.

It works on two sides. What a team writes (labels of wallets and rules, limits of targets) is judged here, and what
breaks the class's rules is left out and told. What workloads expose nobody has written down: series with a denied label
are dropped when they are scraped, and limits bound the rest.

A denied label is meant in every spelling: `user_id`, `userId` and `UserID` tell the same people apart. Labels that
walletmon's own series carry, or that the class itself puts on everything, are never dropped: nothing would be left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.governance import UNDENIABLE, Governance, spelled_alike
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.targets import Limits, Target
from walletmon.api.wallets import Wallet
from walletmon.compiler.environment import CommonLabels
from walletmon.compiler.thresholds import UsedPack
from walletmon.packs.catalogue import packs as shipped_packs

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Governed:
    """What of a monitor is in force."""

    wallets: Mapping[str, Labels]
    """The labels of each wallet's own, by the wallet's name."""

    limits: Mapping[str, Limits | None]
    """The bounds of each target's scrapes, by the target's name."""

    dropped: str | None
    """A regular expression (anchored by Prometheus) for the names of labels whose series are dropped; None for none."""

    diagnostics: tuple[Diagnostic, ...]


def governed(
    monitor: WalletMonitor, class_: MonitorClass, common: CommonLabels, used: Iterable[UsedPack] = ()
) -> Governed:
    """What of `monitor` is in force under `class_`; `common` are the labels that class and environment put on all of
    it, `used` its packs."""
    governance = governance_of(class_)
    policy = LabelPolicy(class_, common)
    diagnostics: list[Diagnostic] = []
    wallets: dict[str, Labels] = {}
    for index, wallet in enumerate(monitor.spec.wallets):
        path = f"spec.wallets[{index}].labels"
        verdict = policy.judge(wallet.labels or {}, path)
        wallets[wallet.name] = verdict.labels
        diagnostics += [*verdict.diagnostics, *_missing(governance, wallet, common, path)]
    limits: dict[str, Limits | None] = {}
    for index, target in enumerate(monitor.spec.targets or ()):
        limits[target.name] = _bounded(target, governance.limits)
        diagnostics += _excessive(target, governance.limits, f"spec.targets[{index}].limits")
    identifying = _Identifying(governance, tuple(used))
    diagnostics += identifying.diagnostics
    dropped = dropped_labels(governance, (*common.constant, *identifying.labels))
    return Governed(wallets, limits, dropped, tuple(diagnostics))


def governance_of(class_: MonitorClass) -> Governance:
    """The class's governance; where it says nothing, the built-in denials hold and nothing else."""
    return class_.spec.governance or Governance()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What of a map of labels is in force, and what is wrong with the rest."""

    labels: Labels
    diagnostics: tuple[Diagnostic, ...]


class LabelPolicy:
    """Which labels a monitor's team may give its wallets and rules."""

    def __init__(self, class_: MonitorClass, common: CommonLabels) -> None:
        governance = governance_of(class_)
        self._constant = common.constant
        self._denied = _pattern(governance.denied, ())
        self._longest = governance.label_value_length
        self._allowed: tuple[str, ...] | None = None
        if governance.allowed_labels is not None:
            both = (*governance.allowed_labels, *(governance.required_labels or ()))
            self._allowed = tuple(dict.fromkeys(both))

    def judge(self, labels: Labels, path: str) -> Verdict:
        """What is in force of the `labels` that stand at `path`."""
        found = {name: self._problem(name, value, f"{path}.{name}") for name, value in labels.items()}
        return Verdict(
            {name: labels[name] for name, problem in found.items() if problem is None},
            tuple(problem for problem in found.values() if problem is not None),
        )

    def _problem(self, name: str, value: str, path: str) -> Diagnostic | None:
        if name in self._constant:
            return Diagnostic(
                Code.TAKEN_LABEL,
                path,
                f"the class sets {name} to {self._constant[name]!r} on everything, and that holds",
                "leave it out, or give the label another name",
            )
        if self._denied is not None and re.fullmatch(self._denied, name):
            return Diagnostic(
                Code.DENIED_LABEL,
                path,
                f"the label {name} is denied: it would tell apart what there is no end to, or nobody's business",
                "leave it out; what tells single addresses, users or requests apart belongs into logs and traces",
            )
        if self._allowed is not None and name not in self._allowed:
            return Diagnostic(
                Code.DENIED_LABEL,
                path,
                f"the label {name} is not among those that the class allows",
                "use one of: " + ", ".join(self._allowed) if self._allowed else "leave it out; the class allows none",
            )
        if self._longest is not None and len(value) > self._longest:
            return Diagnostic(
                Code.LONG_LABEL_VALUE,
                path,
                f"the value has {len(value)} characters; the class lets it have {self._longest}",
                "shorten it; the label is left out until then",
            )
        return None


def _missing(governance: Governance, wallet: Wallet, common: CommonLabels, path: str) -> Iterator[Diagnostic]:
    # What the wallet has and may not have was told already.
    # A label that the team could not set is for the class to see to.
    there = {*(wallet.labels or ()), *common.constant, *common.fallback, *UNDENIABLE} - {"wallet_type", "chain_id"}
    there |= {"wallet_type"} if wallet.type is not None else set()
    there |= {"chain_id"} if wallet.chain is not None and wallet.chain.id is not None else set()
    for name in governance.required_labels or ():
        if name not in there:
            where = {"wallet_type": "type", "chain_id": "chain.id"}.get(name, f"labels.{name}")
            yield Diagnostic(
                Code.REQUIRED_LABEL,
                path,
                f"wallet {wallet.name} has no label {name}, which the class wants every wallet to have",
                f"set {where} of the wallet; it is watched all the same",
            )


_LIMITS = {
    "samples": "samples",
    "labels": "labels",
    "label_name_length": "labelNameLength",
    "label_value_length": "labelValueLength",
}
"""The fields of `Limits`, and how documents call them."""


def _bounded(target: Target, most: Limits | None) -> Limits | None:
    """The target's limits, none of them above the class's, which are in force where the target says none."""
    own = target.limits
    if own is None or most is None:
        return own if most is None else most
    fields: dict[str, int | None] = {}
    for name in _LIMITS:
        said = [limit for limit in (getattr(own, name), getattr(most, name)) if limit is not None]
        fields[name] = min(said, default=None)
    return own.model_copy(update=fields)


def _excessive(target: Target, most: Limits | None, path: str) -> Iterator[Diagnostic]:
    if target.limits is None or most is None:
        return
    for name, written in _LIMITS.items():
        own, bound = getattr(target.limits, name), getattr(most, name)
        if own is not None and bound is not None and own > bound:
            yield Diagnostic(
                Code.EXCESSIVE_LIMIT,
                f"{path}.{written}",
                f"{own} is more than the {bound} that the class lets a scrape have; {bound} is in force",
                f"write at most {bound}, or leave it out",
            )


class _Identifying:
    """The labels without which a monitor's presets could not tell their series apart, although they are denied.

    Packs that ship are trusted to say so. One in a ConfigMap is not: whoever may write it could let in anything.
    """

    def __init__(self, governance: Governance, used: tuple[UsedPack, ...]) -> None:
        explicit = _pattern(tuple(governance.denied_labels or ()), ())
        denied = _pattern(governance.denied, ())
        labels: list[str] = []
        self.diagnostics: list[Diagnostic] = []
        for each in used:
            if each.preset is None:
                continue
            for label in each.pack.presets[each.preset].identifying:
                if denied is None or not re.fullmatch(denied, label):
                    continue
                if explicit is not None and re.fullmatch(explicit, label):
                    self._refuse(each, label, f"leave the preset out, or have {label} taken out of deniedLabels")
                elif each.pack.name not in shipped_packs():
                    self._refuse(each, label, f"have {label} put into allowedLabels of the class")
                else:
                    labels.append(label)
        self.labels = tuple(labels)

    def _refuse(self, used: UsedPack, label: str, cure: str) -> None:
        self.diagnostics.append(
            Diagnostic(
                Code.DENIED_LABEL,
                f"{used.path}.preset",
                f"the preset {used.preset} cannot be used: its series carry the label {label}, which is denied, so "
                "they are dropped",
                cure,
            )
        )


def dropped_labels(governance: Governance, kept: Iterable[str] = ()) -> str | None:
    """A regular expression for the names of labels whose series are dropped when scraped; never those in `kept`, nor
    those that series of walletmon have by themselves."""
    return _pattern(governance.denied, tuple(sorted({*UNDENIABLE, *kept})))


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...], kept: tuple[str, ...]) -> str | None:
    """A regular expression for `names` in every spelling, that matches none of `kept`; None if there are no names."""
    spared = {spelled_alike(name) for name in kept}
    any_spelling: dict[str, str] = {}
    exact: dict[str, None] = {}
    for name in names:
        alike = spelled_alike(name)
        if alike not in spared:
            # Of two that are alike (`userid`, `user_id`) the one with more parts has both spellings.
            words = "_?".join(_words(name))
            any_spelling[alike] = max(any_spelling.get(alike, ""), words, key=len)
        if name not in kept and not re.fullmatch(any_spelling.get(alike, ""), name, re.IGNORECASE):
            exact[name] = None
    parts = [f"(?i:{'|'.join(any_spelling.values())})"] if any_spelling else []
    return "|".join([*parts, *exact]) or None


def _words(name: str) -> list[str]:
    """The words of a label's name, whether they are told apart by underscores or by capitals."""
    return [word for word in re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_") if word]
