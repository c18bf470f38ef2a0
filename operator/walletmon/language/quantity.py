"""Figures with their units, read exactly: `1.2s`, `85%`, `10GiB`, `0.5 ETH`, `1e18 wei`.

A figure is a Decimal from the first digit to the last, because eighteen decimals of a coin do not fit a float. What a
unit means depends on the dimension asked for: `m` is minutes, never metres or milli.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from enum import StrEnum

MAX_DIGITS = 60
"""Decimal places a figure may have on either side of the point."""


class Dimension(StrEnum):
    """What a figure measures; the value is the base unit's name."""

    DURATION = "seconds"
    RATIO = "ratio"
    SIZE = "bytes"
    COUNT = "count"
    COIN = "coin"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure in the base unit of its dimension: seconds, a ratio (1 is all), bytes, a count, whole coins.

    `currency` is the coin's ticker (`ETH` for a figure in wei), None for other dimensions.
    """

    value: Decimal
    dimension: Dimension
    currency: str | None = None

    def literal(self) -> str:
        """The value as PromQL writes a number: plain digits, no exponent."""
        return plain(self.value)


class QuantityError(ValueError):
    """A figure that cannot be read: what is the matter, and what would be right."""

    def __init__(self, message: str, cure: str) -> None:
        """Both are for people: see Diagnostic."""
        super().__init__(message)
        self.message = message
        self.cure = cure


def _scales(**units: str) -> dict[str, Decimal]:
    return {unit: Decimal(scale) for unit, scale in units.items()}


_DURATION = _scales(ms="0.001", s="1", m="60", h="3600", d="86400", w="604800")
_SIZE = _scales(
    B="1", kB="1e3", KB="1e3", MB="1e6", GB="1e9", TB="1e12", KiB="1024", MiB="1048576", GiB="1073741824"
) | {"TiB": Decimal(1024**4)}
_COINS: dict[str, tuple[str, Decimal]] = {
    "ETH": ("ETH", Decimal(1)),
    "gwei": ("ETH", Decimal("1e-9")),
    "wei": ("ETH", Decimal("1e-18")),
    "BTC": ("BTC", Decimal(1)),
    "sat": ("BTC", Decimal("1e-8")),
}

UNITS: dict[str, Dimension] = {
    **dict.fromkeys(_DURATION, Dimension.DURATION),
    "%": Dimension.RATIO,
    **dict.fromkeys(_SIZE, Dimension.SIZE),
    **dict.fromkeys(_COINS, Dimension.COIN),
}
"""Every unit that a figure may have, and what it measures."""

_EXAMPLES = {
    Dimension.DURATION: "a duration such as 250ms, 1.2s, 5m, 1h30m or 7d",
    Dimension.RATIO: "a ratio such as 85% or 0.85",
    Dimension.SIZE: "a size such as 512MiB, 10GiB or 20GB",
    Dimension.COUNT: "a plain number such as 5000",
    Dimension.COIN: "an amount such as 0.5 ETH, 1e18 wei, 0.5 BTC or 100000 sat",
}

_NUMBER = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_FIGURE = re.compile(rf"(?P<number>{_NUMBER}(?:[eE][+-]?[0-9]{{1,3}})?)\s*(?P<unit>%|[A-Za-z][A-Za-z0-9]*)?")
_DURATION_PART = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>[a-z]+)")


def parse_quantity(text: str, dimension: Dimension) -> Quantity:
    """Read `text` as a figure of `dimension`.

    Raises QuantityError if it is no figure, if its unit is missing or of another dimension, or if it has more digits
    than any figure of this field (60 on a side of the point).
    """
    stripped = text.strip()
    if dimension is Dimension.DURATION:
        return Quantity(_duration(stripped), dimension)
    found = _FIGURE.fullmatch(stripped)
    if found is None:
        raise _unreadable(stripped, dimension)
    number, unit = _number(found["number"]), found["unit"]
    if dimension is Dimension.COIN:
        ticker, scale = _coin(stripped, unit)
        return Quantity(_times(number, scale), dimension, ticker)
    return Quantity(_times(number, _scale(stripped, unit, dimension)), dimension)


def plain(value: Decimal) -> str:
    """`value` in plain digits: no exponent, no zeros at the end of a fraction."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _duration(text: str) -> Decimal:
    if (
        re.fullmatch(rf"(?:{_DURATION_PART.pattern.replace('?P<number>', '?:').replace('?P<unit>', '?:')})+", text)
        is None
    ):
        if re.fullmatch(_NUMBER, text):
            raise QuantityError(f"{text} has no unit", f"write {_EXAMPLES[Dimension.DURATION]}")
        raise _unreadable(text, Dimension.DURATION)
    total, last = Decimal(0), None
    for part in _DURATION_PART.finditer(text):
        scale = _DURATION.get(part["unit"])
        if scale is None:
            raise _wrong_unit(text, part["unit"], Dimension.DURATION, _DURATION)
        if last is not None and scale >= last:
            raise QuantityError(f"{text} has its units out of order", "write the larger unit first, each once: 1h30m")
        total, last = total + _times(_number(part["number"]), scale), scale
    return total


def _scale(text: str, unit: str | None, dimension: Dimension) -> Decimal:
    if dimension is Dimension.RATIO:
        if unit not in (None, "%"):
            raise _wrong_unit(text, unit, dimension, ["%"])
        return Decimal("0.01") if unit else Decimal(1)
    if dimension is Dimension.COUNT:
        if unit is not None:
            raise QuantityError(f"{text} has the unit {unit}, but a count has none", f"write {_EXAMPLES[dimension]}")
        return Decimal(1)
    if unit is None:
        raise QuantityError(f"{text} has no unit", f"write {_EXAMPLES[dimension]}")
    if unit not in _SIZE:
        raise _wrong_unit(text, unit, dimension, _SIZE)
    return _SIZE[unit]


def _coin(text: str, unit: str | None) -> tuple[str, Decimal]:
    if unit is None:
        raise QuantityError(f"{text} has no unit", f"write {_EXAMPLES[Dimension.COIN]}")
    if unit not in _COINS:
        raise _wrong_unit(text, unit, Dimension.COIN, _COINS)
    return _COINS[unit]


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise QuantityError(f"{text} is no number", "write digits with at most one point") from None
    # The exponent is bounded before anything writes the number out: 1e999 would be a thousand digits.
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent < -MAX_DIGITS or len(digits) + exponent > MAX_DIGITS:
        raise QuantityError(f"{text} has too many digits", f"at most {MAX_DIGITS} on each side of the point")
    return number


def _times(number: Decimal, scale: Decimal) -> Decimal:
    with localcontext(prec=4 * MAX_DIGITS):
        return number * scale


def _unreadable(text: str, dimension: Dimension) -> QuantityError:
    return QuantityError(f"{text!r} cannot be read", f"write {_EXAMPLES[dimension]}")


def _wrong_unit(text: str, unit: str | None, dimension: Dimension, known: object) -> QuantityError:
    units = ", ".join(known) if isinstance(known, dict | list) else ""
    return QuantityError(
        f"{text!r} has the unit {unit}, which is none of {dimension}",
        f"write {_EXAMPLES[dimension]}; the units are {units}",
    )
