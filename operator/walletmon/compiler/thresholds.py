"""Which packs a monitor uses, and which figures are in force for each of its wallets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches

from walletmon.api.alerting import PackUse
from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.api.wallets import ChainFamily, Wallet
from walletmon.language.promql import threshold_metric
from walletmon.language.quantity import Dimension, QuantityError
from walletmon.packs.catalogue import Catalogue, default_packs
from walletmon.packs.schema import Alert, Pack, Recording, Threshold


@dataclass(frozen=True, slots=True)
class UsedPack:
    """A pack that the monitor uses, and how."""

    pack: Pack
    use: PackUse
    path: str
    """Where in the document the use stands; `spec.packs` for a pack of the default set."""
    preset: str | None = None
    """The preset in force."""

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """What is recorded."""
        return self.pack.recorded(self.preset)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """What can be alerted."""
        return self.pack.served(self.preset)


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


def common_figures(monitor: WalletMonitor, catalogue: Catalogue) -> dict[str, Decimal | None]:
    """The monitor's thresholds by `<pack>.<threshold>`: the one figure in base units, None if wallets differ."""
    return pack_uses(monitor, catalogue).common(wallet.name for wallet in monitor.spec.wallets)


def metric_of(name: str) -> str:
    """The metric that stands for the threshold `<pack>.<threshold>` in PromQL."""
    pack, threshold = name.split(".")
    return threshold_metric(pack, threshold)


def pack_uses(monitor: WalletMonitor, catalogue: Catalogue) -> PackUses:
    """What `monitor` uses of the packs. What is wrong with it is left out, and said in `diagnostics`."""
    diagnostics: list[Diagnostic] = []
    used = _used(monitor, catalogue, diagnostics)
    figures: dict[str, Figure] = {}
    for entry in used:
        figures |= _Figures(entry, monitor.spec.wallets, diagnostics).in_force()
    diagnostics += _idle(monitor, catalogue, {entry.pack.name for entry in used})
    return PackUses(used, figures, tuple(diagnostics))


def used_packs(monitor: WalletMonitor, catalogue: Catalogue) -> tuple[UsedPack, ...]:
    """The packs that `monitor` uses, where their figures do not matter."""
    return _used(monitor, catalogue, [])


def _used(monitor: WalletMonitor, catalogue: Catalogue, diagnostics: list[Diagnostic]) -> tuple[UsedPack, ...]:
    packs = catalogue.packs
    if monitor.spec.packs is None:
        return tuple(UsedPack(packs[name], PackUse(name=name), "spec.packs") for name in default_packs())
    found: dict[str, UsedPack] = {}
    for index, use in enumerate(monitor.spec.packs):
        path = f"spec.packs[{index}]"
        problem = catalogue.problems.get(use.name)
        if problem is not None:
            # Another pack of that name is in force: what is asked for may be there after all.
            severity = Severity.WARNING if use.name in packs else Severity.ERROR
            diagnostics.append(
                Diagnostic(problem.code, f"{path}.name", f"{problem.place}: {problem.message}", problem.cure, severity)
            )
        elif use.name not in packs:
            diagnostics.append(_unknown(Code.UNKNOWN_PACK, f"{path}.name", "pack", use.name, packs))
        if use.name not in packs:
            continue
        if use.name in found:
            diagnostics.append(
                Diagnostic(
                    Code.INVALID_FIELD,
                    f"{path}.name",
                    f"the pack {use.name} is used twice",
                    f"say all about it at {found[use.name].path}",
                )
            )
            continue
        pack, preset = packs[use.name], use.preset
        if preset is not None and preset not in pack.presets:
            diagnostics.append(
                _unknown(Code.UNKNOWN_PRESET, f"{path}.preset", "preset", preset, pack.presets, pack.name)
            )
            preset = None
        found[use.name] = UsedPack(pack, use, path, preset)
    return tuple(found.values())


def currency_of(wallet: Wallet) -> str:
    """The coin in which a wallet's balance is said: BTC on chains that count in satoshi, ETH on all others."""
    return "BTC" if wallet.chain is not None and wallet.chain.family is ChainFamily.BITCOIN else "ETH"


class _Figures:
    """The figures of one pack for the wallets of a monitor."""

    def __init__(self, used: UsedPack, wallets: list[Wallet], diagnostics: list[Diagnostic]) -> None:
        self._pack = used.pack
        self._path = used.path
        self._wallets = wallets
        self._said = used.use.thresholds or {}
        self._diagnostics = diagnostics
        self._counts_in = [currency_of(wallet) for wallet in wallets]
        self._currencies = dict.fromkeys(self._counts_in)
        self._chosen: dict[tuple[str, str], Decimal] = {}
        """What the monitor says of a threshold, for a currency."""
        self._own: dict[tuple[str, str], Decimal] = {}
        """What a wallet says of a threshold."""

    def in_force(self) -> dict[str, Figure]:
        """The figures by `<pack>.<threshold>`; what is wrong is left out, and said."""
        for name, text in self._said.items():
            self._choose(name, text)
        self._check_order(None)
        for index, wallet in enumerate(self._wallets):
            if not wallet.thresholds:
                continue
            for key, text in wallet.thresholds.items():
                pack, _, name = key.partition(".")
                if pack == self._pack.name:
                    self._choose_for(wallet, name, text, f"spec.wallets[{index}].thresholds.{key}")
            self._check_order(index)
        return {f"{self._pack.name}.{name}": self._figure(name) for name in self._pack.thresholds}

    def _figure(self, name: str) -> Figure:
        by_currency = {currency: self._of_monitor(name, currency) for currency in self._currencies}
        figure = Figure(next(iter(by_currency.values())))
        for wallet, currency in zip(self._wallets, self._counts_in, strict=True):
            value = self._own.get((name, wallet.name), by_currency[currency])
            if value != figure.default:
                figure.by_wallet[wallet.name] = value
        return figure

    def _of_monitor(self, name: str, currency: str) -> Decimal:
        threshold = self._pack.thresholds[name]
        default = threshold.read(threshold.bounds(currency).default).value
        return self._chosen.get((name, currency), default)

    def _of_wallet(self, name: str, wallet: Wallet) -> Decimal:
        return self._own.get((name, wallet.name), self._of_monitor(name, currency_of(wallet)))

    def _choose(self, name: str, text: str) -> None:
        path = f"{self._path}.thresholds.{name}"
        threshold = self._threshold(name, path)
        if threshold is None:
            return
        found = self._read(threshold, text, path, tuple(self._currencies))
        if found is not None:
            value, currency = found
            for each in self._currencies if currency is None else (currency,):
                self._chosen[name, each] = value

    def _choose_for(self, wallet: Wallet, name: str, text: str, path: str) -> None:
        threshold = self._threshold(name, path)
        found = None if threshold is None else self._read(threshold, text, path, (currency_of(wallet),))
        if found is not None:
            self._own[name, wallet.name] = found[0]

    def _threshold(self, name: str, path: str) -> Threshold | None:
        threshold = self._pack.thresholds.get(name)
        if threshold is None:
            self._diagnostics.append(
                _unknown(Code.UNKNOWN_THRESHOLD, path, "threshold", name, self._pack.thresholds, self._pack.name)
            )
        return threshold

    def _read(
        self, threshold: Threshold, text: str, path: str, currencies: tuple[str, ...]
    ) -> tuple[Decimal, str | None] | None:
        """The figure that `text` says and the currency it is in (None if it is no coin); None if it cannot be taken."""
        try:
            figure = threshold.read(text)
        except QuantityError as error:
            self._diagnostics.append(Diagnostic(Code.INVALID_QUANTITY, path, error.message, error.cure))
            return None
        if threshold.unit is Dimension.COIN and figure.currency not in currencies:
            self._diagnostics.append(
                Diagnostic(
                    Code.INVALID_QUANTITY,
                    path,
                    f"{text} is an amount of {figure.currency}, and the balance is in {currencies[0]}",
                    f"write an amount of {currencies[0]}",
                )
            )
            return None
        bounds = threshold.bounds(figure.currency)
        if not threshold.read(bounds.min).value <= figure.value <= threshold.read(bounds.max).value:
            self._diagnostics.append(
                Diagnostic(
                    Code.OUT_OF_BOUNDS,
                    path,
                    f"{text} is out of bounds",
                    f"write a figure from {bounds.min} to {bounds.max} (unless set otherwise it is {bounds.default})",
                )
            )
            return None
        return figure.value, figure.currency

    def _check_order(self, index: int | None) -> None:
        """See that thresholds which have to be less than others are: of the monitor (None), or of one wallet. Figures
        that contradict each other are taken back, so that what was in force before stays."""
        for name, threshold in self._pack.thresholds.items():
            if threshold.below is not None:
                for path in self._contradictions(index, name, threshold.below):
                    self._diagnostics.append(
                        Diagnostic(
                            Code.CONTRADICTING_THRESHOLDS,
                            path,
                            f"{name} has to be less than {threshold.below}, and is not",
                            f"set {name} lower or {threshold.below} higher; until then neither is taken from here",
                        )
                    )

    def _contradictions(self, index: int | None, low: str, high: str) -> Iterator[str]:
        if index is None:
            for currency in self._currencies:
                if self._of_monitor(low, currency) >= self._of_monitor(high, currency):
                    taken = [name for name in (low, high) if self._chosen.pop((name, currency), None) is not None]
                    yield f"{self._path}.thresholds.{taken[0]}"
            return
        wallet = self._wallets[index]
        if self._of_wallet(low, wallet) >= self._of_wallet(high, wallet):
            taken = [name for name in (low, high) if self._own.pop((name, wallet.name), None) is not None]
            yield f"spec.wallets[{index}].thresholds.{self._pack.name}.{taken[0]}"


def _idle(monitor: WalletMonitor, catalogue: Catalogue, used: set[str]) -> Iterator[Diagnostic]:
    """What wallets say of thresholds of packs that the monitor does not use."""
    for index, wallet in enumerate(monitor.spec.wallets):
        for key in wallet.thresholds or ():
            path = f"spec.wallets[{index}].thresholds.{key}"
            pack = key.partition(".")[0]
            if pack in used:
                continue
            if pack in catalogue.packs:
                yield Diagnostic(
                    Code.UNKNOWN_PACK,
                    path,
                    f"the monitor does not use the pack {pack}, so this figure has no effect",
                    f"add {pack} to spec.packs, or leave the figure out",
                    Severity.WARNING,
                )
            elif pack in catalogue.problems:
                problem = catalogue.problems[pack]
                yield Diagnostic(problem.code, path, f"{problem.place}: {problem.message}", problem.cure)
            else:
                yield _unknown(
                    Code.UNKNOWN_PACK, path, "pack", pack, catalogue.packs, cure="write it as <pack>.<threshold>"
                )


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
