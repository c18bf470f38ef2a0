"""Units: of figures in rules, of metrics, and exactly from one to the other.

A figure is converted to the unit in which the metric counts: `1 ETH` compared with a metric in wei is
1000000000000000000. All of it is Decimal; the first float is the one that Prometheus makes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, localcontext
from difflib import get_close_matches

from walletmon.api.diagnostic import Code
from walletmon.language.quantity import UNITS, Dimension, Quantity, QuantityError, parse_quantity
from walletmon.language.rule_error import RuleError
from walletmon.language.syntax import Figure

_DIGITS = 240
_NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_FIGURE = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>%|[a-zA-Z][a-zA-Z0-9.]*)?")
_COMPOUND = re.compile(r"(?:ms|[smhdw])(?:[0-9.]+(?:ms|[smhdw]))*")
_OTHER_SPELLINGS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hour": "h", "hours": "h", "hr": "h", "day": "d", "days": "d", "week": "w", "weeks": "w", "M": "MB or MiB",
    "G": "GB or GiB", "K": "kB or KiB", "k": "kB or KiB", "Mi": "MiB", "Gi": "GiB", "Ki": "KiB", "Ti": "TiB",
    "satoshi": "sat", "satoshis": "sat", "sats": "sat", "ether": "ETH", "bitcoin": "BTC", "percent": "%", "pct": "%",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """In what a metric counts: `per_base` of it make one base unit of `dimension` (10^18 wei are one ETH)."""

    name: str
    dimension: Dimension
    per_base: Decimal = Decimal(1)
    currency: str | None = None

    def convert(self, figure: Figure, subject: str) -> Decimal:
        """`figure` in this unit; a bare number is in this unit already.

        `subject` is what is compared, for the message. Raises RuleError where the figure measures something else.
        """
        if figure.unit is None:
            return number(figure)
        dimension = dimension_of(figure.unit)
        text = written(figure)
        if dimension is not self.dimension:
            raise RuleError(
                Code.INVALID_QUANTITY,
                f"{subject} is in {self.name}, and {text} is {_KINDS[dimension]}",
                f"write {_EXAMPLES[self.dimension]}",
                figure.offset,
            )
        quantity = _parsed(figure, dimension)
        if quantity.currency != self.currency:
            raise RuleError(
                Code.INVALID_QUANTITY,
                f"{subject} is in {self.name} ({self.currency}), and {text} is an amount of {quantity.currency}",
                f"write an amount of {self.currency}",
                figure.offset,
            )
        with localcontext(prec=_DIGITS):
            return _signed(figure, quantity.value * self.per_base)


_KINDS = {
    Dimension.DURATION: "a duration",
    Dimension.RATIO: "a share",
    Dimension.SIZE: "a size",
    Dimension.COIN: "an amount of a coin",
    Dimension.COUNT: "a count",
}
_EXAMPLES = {
    Dimension.DURATION: "a duration such as 250ms, 1.2s or 5m",
    Dimension.RATIO: "a share such as 85% or 0.85",
    Dimension.SIZE: "a size such as 512MiB or 10GiB",
    Dimension.COIN: "an amount such as 0.5 ETH, 1e18 wei, 0.5 BTC or 100000 sat",
    Dimension.COUNT: "a plain number such as 5000",
}

SECONDS = Unit("seconds", Dimension.DURATION)
RATIO = Unit("ratios (1 is all)", Dimension.RATIO)
BYTES = Unit("bytes", Dimension.SIZE)
COUNT = Unit("plain numbers", Dimension.COUNT)
WEI = Unit("wei", Dimension.COIN, Decimal(10**18), "ETH")

BY_SUFFIX = {
    "seconds": SECONDS,
    "milliseconds": (_MS := Unit("milliseconds", Dimension.DURATION, Decimal(1000))),
    "ms": _MS,
    "microseconds": (_US := Unit("microseconds", Dimension.DURATION, Decimal(10**6))),
    "us": _US,
    "nanoseconds": (_NS := Unit("nanoseconds", Dimension.DURATION, Decimal(10**9))),
    "ns": _NS,
    "bytes": BYTES,
    "ratio": RATIO,
    "percent": Unit("percent (100 is all)", Dimension.RATIO, Decimal(100)),
    "wei": WEI,
    "gwei": Unit("gwei", Dimension.COIN, Decimal(10**9), "ETH"),
    "eth": Unit("ETH", Dimension.COIN, Decimal(1), "ETH"),
    "btc": Unit("BTC", Dimension.COIN, Decimal(1), "BTC"),
    "sat": (_SAT := Unit("satoshi", Dimension.COIN, Decimal(10**8), "BTC")),
    "satoshi": _SAT,
    "satoshis": _SAT,
}
"""Units that a metric's name tells by its last word, before `_total`."""


def read_figure(text: str, unit: str | None, offset: int) -> Figure:
    """The figure that `text` (`5`, `5m`, `1e18`) and a `unit` standing after a blank make.

    Raises RuleError where it is no number, or there is no such unit.
    """
    found = _FIGURE.fullmatch(text)
    if found is None:
        raise RuleError(
            Code.INVALID_QUANTITY, f"{text!r} is no figure", "write it like 0.5, 1e18, 85%, 5m or 10GiB", offset
        )
    if found["unit"] is not None and unit is not None:
        raise RuleError(
            Code.INVALID_QUANTITY, f"{text} has a unit already, and {unit} follows", f"leave out {unit}", offset
        )
    unit = found["unit"] or unit
    if unit is not None:
        dimension = _dimension(unit, offset)
        _parsed(Figure(found["number"], unit, offset), dimension)
    figure = Figure(found["number"], unit, offset)
    number(figure)
    return figure


def dimension_of(unit: str) -> Dimension:
    """What a figure with this unit measures; the unit must exist (`read_figure` sees to that)."""
    return UNITS.get(unit, Dimension.DURATION)


def _dimension(unit: str, offset: int) -> Dimension:
    if unit in UNITS:
        return UNITS[unit]
    if _COMPOUND.fullmatch(unit) is not None:
        return Dimension.DURATION
    same = [known for known in UNITS if known.lower() == unit.lower()]
    near = [_OTHER_SPELLINGS.get(unit) or _OTHER_SPELLINGS.get(unit.lower()), *same, *get_close_matches(unit, UNITS, 1)]
    meant = next((name for name in near if name), None)
    known = ", ".join(UNITS)
    cure = f"did you mean {meant}?" if meant else f"the units are {known}; for a plain number leave the unit out"
    raise RuleError(Code.INVALID_QUANTITY, f"there is no unit {unit!r}", cure, offset)


def _parsed(figure: Figure, dimension: Dimension) -> Quantity:
    try:
        return parse_quantity(f"{figure.number.lstrip('-')}{figure.unit or ''}", dimension)
    except QuantityError as error:
        raise RuleError(Code.INVALID_QUANTITY, error.message, error.cure, figure.offset) from None


def _signed(figure: Figure, value: Decimal) -> Decimal:
    return -value if figure.number.startswith("-") else value


def number(figure: Figure) -> Decimal:
    """The figure's number, its unit left aside. Raises RuleError if it has too many digits."""
    return _signed(figure, _parsed(Figure(figure.number, None, figure.offset), Dimension.COUNT).value)


def written(figure: Figure) -> str:
    """The figure as text, in the usual form: `0.5 ETH`, `5m`, `85%`."""
    if figure.unit is None:
        return figure.number
    blank = " " if UNITS.get(figure.unit) is Dimension.COIN else ""
    return f"{figure.number}{blank}{figure.unit}"


_STEPS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_LONGEST = Decimal(10 * 366 * 86_400)


def duration(figure: Figure, what: str, *, zero: bool = False) -> str:
    """`figure` as a duration of Prometheus: `90s` is `1m30s`. `what` names its role, for the message.

    Raises RuleError if it is no duration, finer than a millisecond, longer than ten years, or zero where it may not be.
    """
    if figure.unit is None or dimension_of(figure.unit) is not Dimension.DURATION:
        raise RuleError(
            Code.INVALID_QUANTITY,
            f"{written(figure)} is no duration",
            f"write {what} like 30s, 5m or 1h30m",
            figure.offset,
        )
    seconds = _parsed(figure, Dimension.DURATION).value
    millis = seconds * 1000
    if millis != millis.to_integral_value() or seconds > _LONGEST or (millis == 0 and not zero):
        raise RuleError(
            Code.INVALID_QUANTITY,
            f"{written(figure)} cannot be {what}",
            "write whole milliseconds, more than none, at most ten years: 30s, 5m, 1h30m",
            figure.offset,
        )
    left, text = int(millis), ""
    for unit, length in _STEPS:
        count, left = divmod(left, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def seconds_of(figure: Figure) -> Decimal:
    """A duration in seconds. Raises RuleError if it is none."""
    duration(figure, "the time", zero=True)
    return _parsed(figure, Dimension.DURATION).value
