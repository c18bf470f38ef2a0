"""Which packs a monitor uses, and which figures are in force for each of its wallets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches

from walletmon.api.alerting import PackUse
from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.language.promql import threshold_metric
from walletmon.language.quantity import QuantityError
from walletmon.packs.catalogue import default_packs, packs
from walletmon.packs.schema import Pack, Threshold


@dataclass(frozen=True, slots=True)
class UsedPack:
    """A pack that the monitor uses, and how."""

    pack: Pack
    use: PackUse
    path: str
    """Where in the document the use stands; `spec.packs` for a pack of the default set."""


@dataclass(slots=True)
class Figure:
    """One threshold in force: the monitor's figure in base units, and those of the wallets that differ from it."""

    default: Decimal
    by_wallet: dict[str, Decimal] = field(default_factory=dict)

    def of(self, wallet: str) -> Decimal:
        """The figure for `wallet`."""
        return self.by_wallet.get(wallet, self.default)


@dataclass(frozen=True, slots=True)
class PackUses:
    """The packs of a monitor in their order, with the figures in force by `<pack>.<threshold>`."""

    used: tuple[UsedPack, ...]
    figures: Mapping[str, Figure]
    diagnostics: tuple[Diagnostic, ...]

    def common(self, wallets: Iterable[str]) -> dict[str, Decimal | None]:
        """Each threshold's one figure for all of `wallets`, by `<pack>.<threshold>`; None where they differ."""
        names = tuple(wallets)
        found: dict[str, Decimal | None] = {}
        for name, figure in self.figures.items():
            values = {figure.of(wallet) for wallet in names}
            found[name] = values.pop() if len(values) == 1 else None
        return found


def common_figures(monitor: WalletMonitor) -> dict[str, Decimal | None]:
    """The monitor's thresholds by `<pack>.<threshold>`: the one figure in base units, None if wallets differ."""
    return pack_uses(monitor).common(wallet.name for wallet in monitor.spec.wallets)


def metric_of(name: str) -> str:
    """The metric that stands for the threshold `<pack>.<threshold>` in PromQL."""
    pack, threshold = name.split(".")
    return threshold_metric(pack, threshold)


def pack_uses(monitor: WalletMonitor) -> PackUses:
    """What `monitor` uses of the packs. What is wrong with it is left out, and said in `diagnostics`."""
    diagnostics: list[Diagnostic] = []
    used = _used(monitor, diagnostics)
    figures: dict[str, Figure] = {}
    for entry in used:
        chosen = _figures(entry.pack, entry.use.thresholds or {}, f"{entry.path}.thresholds", diagnostics)
        for name, threshold in entry.pack.thresholds.items():
            figures[f"{entry.pack.name}.{name}"] = Figure(chosen.get(name, threshold.read(threshold.default).value))
    by_name = {entry.pack.name: entry.pack for entry in used}
    for index, wallet in enumerate(monitor.spec.wallets):
        for key, text in (wallet.thresholds or {}).items():
            path = f"spec.wallets[{index}].thresholds.{key}"
            found = _wallet_figure(by_name, key, text, path)
            if isinstance(found, Diagnostic):
                diagnostics.append(found)
            else:
                figures[key].by_wallet[wallet.name] = found
    return PackUses(used, figures, tuple(diagnostics))


def _used(monitor: WalletMonitor, diagnostics: list[Diagnostic]) -> tuple[UsedPack, ...]:
    if monitor.spec.packs is None:
        return tuple(UsedPack(packs()[name], PackUse(name=name), "spec.packs") for name in default_packs())
    found: dict[str, UsedPack] = {}
    for index, use in enumerate(monitor.spec.packs):
        path = f"spec.packs[{index}]"
        if use.name not in packs():
            diagnostics.append(_unknown(Code.UNKNOWN_PACK, f"{path}.name", "pack", use.name, packs()))
        elif use.name in found:
            diagnostics.append(
                Diagnostic(
                    Code.INVALID_FIELD,
                    f"{path}.name",
                    f"the pack {use.name} is used twice",
                    f"say all about it at {found[use.name].path}",
                )
            )
        else:
            found[use.name] = UsedPack(packs()[use.name], use, path)
            if use.preset is not None:
                diagnostics.append(
                    Diagnostic(
                        Code.UNKNOWN_PRESET,
                        f"{path}.preset",
                        f"the pack {use.name} has no preset {use.preset!r}",
                        "leave preset out: the pack has none",
                    )
                )
    return tuple(found.values())


def _figures(pack: Pack, chosen: Mapping[str, str], path: str, diagnostics: list[Diagnostic]) -> dict[str, Decimal]:
    figures: dict[str, Decimal] = {}
    for name, text in chosen.items():
        threshold = pack.thresholds.get(name)
        if threshold is None:
            diagnostics.append(
                _unknown(Code.UNKNOWN_THRESHOLD, f"{path}.{name}", "threshold", name, pack.thresholds, pack.name)
            )
            continue
        figure = _figure(threshold, text, f"{path}.{name}")
        if isinstance(figure, Diagnostic):
            diagnostics.append(figure)
        else:
            figures[name] = figure
    return figures


def _wallet_figure(used: Mapping[str, Pack], key: str, text: str, path: str) -> Decimal | Diagnostic:
    pack_name, _, name = key.partition(".")
    pack = used.get(pack_name)
    if pack is not None:
        threshold = pack.thresholds.get(name)
        if threshold is None:
            return _unknown(Code.UNKNOWN_THRESHOLD, path, "threshold", name, pack.thresholds, pack_name)
        return _figure(threshold, text, path)
    if pack_name in packs():
        return Diagnostic(
            Code.UNKNOWN_PACK,
            path,
            f"the monitor does not use the pack {pack_name}, so this figure has no effect",
            f"add {pack_name} to spec.packs, or leave the figure out",
            Severity.WARNING,
        )
    return _unknown(Code.UNKNOWN_PACK, path, "pack", pack_name, packs(), cure="write it as <pack>.<threshold>")


def _figure(threshold: Threshold, text: str, path: str) -> Decimal | Diagnostic:
    try:
        figure = threshold.read(text)
    except QuantityError as error:
        return Diagnostic(Code.INVALID_QUANTITY, path, error.message, error.cure)
    if not threshold.read(threshold.min).value <= figure.value <= threshold.read(threshold.max).value:
        return Diagnostic(
            Code.OUT_OF_BOUNDS,
            path,
            f"{text} is out of bounds",
            f"write a figure from {threshold.min} to {threshold.max} (unless set otherwise it is {threshold.default})",
        )
    return figure.value


def _unknown(
    code: Code,
    path: str,
    what: str,
    name: str,
    known: Iterable[str],
    of: str | None = None,
    cure: str | None = None,
) -> Diagnostic:
    """A name that does not exist, with the near one or all that do."""
    return Diagnostic(
        code, path, f"there is no {what} {name!r}" + (f" in the pack {of}" if of else ""), nearest(name, known, cure)
    )


def nearest(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """The cure for a name that does not exist: the near one, else all that do."""
    names = sorted(known)
    near = get_close_matches(name, names, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    return (f"{otherwise}; " if otherwise else "") + (f"there are: {', '.join(names)}" if names else "there are none")
