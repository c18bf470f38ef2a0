"""Figures with units: what they mean, exactly, and what is said about those that mean nothing."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletmon.language.quantity import Dimension, QuantityError, parse_quantity, plain


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("1.2s", Dimension.DURATION, "1.2"),
        ("250ms", Dimension.DURATION, "0.25"),
        ("5m", Dimension.DURATION, "300"),
        ("2h", Dimension.DURATION, "7200"),
        ("7d", Dimension.DURATION, "604800"),
        ("1w", Dimension.DURATION, "604800"),
        ("1h30m", Dimension.DURATION, "5400"),
        ("1d2h3m4s5ms", Dimension.DURATION, "93784.005"),
        (" 5m ", Dimension.DURATION, "300"),
        ("85%", Dimension.RATIO, "0.85"),
        ("0.02", Dimension.RATIO, "0.02"),
        ("150 %", Dimension.RATIO, "1.5"),
        ("10GiB", Dimension.SIZE, "10737418240"),
        ("512 MiB", Dimension.SIZE, "536870912"),
        ("20GB", Dimension.SIZE, "20000000000"),
        ("1.5TiB", Dimension.SIZE, "1649267441664"),
        ("100B", Dimension.SIZE, "100"),
        ("5000", Dimension.COUNT, "5000"),
        ("1e6", Dimension.COUNT, "1000000"),
        (".5", Dimension.COUNT, "0.5"),
        ("0.5 ETH", Dimension.COIN, "0.5"),
        ("1e18 wei", Dimension.COIN, "1"),
        ("1 wei", Dimension.COIN, "0.000000000000000001"),
        ("30gwei", Dimension.COIN, "0.00000003"),
        ("123456789.123456789012345678 ETH", Dimension.COIN, "123456789.123456789012345678"),
        ("0.5 BTC", Dimension.COIN, "0.5"),
        ("100000 sat", Dimension.COIN, "0.001"),
    ],
)
def test_a_figure_means_exactly(text: str, dimension: Dimension, value: str) -> None:
    assert parse_quantity(text, dimension).value == Decimal(value)
    assert parse_quantity(text, dimension).literal() == value


def test_a_coin_says_its_currency_and_nothing_else_has_one() -> None:
    assert parse_quantity("5 gwei", Dimension.COIN).currency == "ETH"
    assert parse_quantity("5 sat", Dimension.COIN).currency == "BTC"
    assert parse_quantity("5s", Dimension.DURATION).currency is None


@pytest.mark.parametrize(
    ("text", "dimension", "words"),
    [
        ("5", Dimension.DURATION, "5 has no unit; write a duration such as 250ms, 1.2s, 5m, 1h30m or 7d"),
        ("5y", Dimension.DURATION, "the units are ms, s, m, h, d, w"),
        ("5M", Dimension.DURATION, "cannot be read; write a duration"),
        ("30m1h", Dimension.DURATION, "units out of order; write the larger unit first"),
        ("1h1h", Dimension.DURATION, "units out of order"),
        ("5%", Dimension.DURATION, "cannot be read"),
        ("-5m", Dimension.DURATION, "cannot be read"),
        ("", Dimension.DURATION, "cannot be read"),
        ("5s", Dimension.RATIO, "has the unit s, which is none of ratio; write a ratio such as 85% or 0.85"),
        ("85 percent", Dimension.RATIO, "the units are %"),
        ("10", Dimension.SIZE, "10 has no unit; write a size such as 512MiB"),
        ("10Gi", Dimension.SIZE, "the units are B, kB, KB, MB, GB, TB, KiB, MiB, GiB, TiB"),
        ("10 gib", Dimension.SIZE, "has the unit gib"),
        ("5k", Dimension.COUNT, "has the unit k, but a count has none; write a plain number"),
        ("0.5", Dimension.COIN, "0.5 has no unit; write an amount such as 0.5 ETH"),
        ("0.5 DOGE", Dimension.COIN, "the units are ETH, gwei, wei, BTC, sat"),
        ("1,000", Dimension.COUNT, "cannot be read"),
        ("1.2.3", Dimension.COUNT, "cannot be read"),
        ("NaN", Dimension.COUNT, "cannot be read"),
        ("Infinity", Dimension.COUNT, "cannot be read"),
        ("٥", Dimension.COUNT, "cannot be read"),
        ("1e999", Dimension.COUNT, "too many digits"),
        ("1e-999", Dimension.COUNT, "too many digits"),
        ("1e60", Dimension.COUNT, "too many digits; at most 60"),
        ("1e1000000000", Dimension.COUNT, "but a count has none"),
    ],
)
def test_what_is_no_figure_is_told_what_would_be_one(text: str, dimension: Dimension, words: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text, dimension)
    assert words in f"{caught.value.message}; {caught.value.cure}"


@given(wei=st.integers(0, 10**40))
def test_every_wei_counts(wei: int) -> None:
    assert Fraction(parse_quantity(f"{wei} wei", Dimension.COIN).value) * 10**18 == wei


@given(st.decimals(0, 10**30, allow_nan=False, allow_infinity=False, places=20))
def test_plain_digits_are_the_same_figure_again(value: Decimal) -> None:
    text = plain(value)
    assert set(text) <= set("0123456789.")
    assert parse_quantity(text, Dimension.COUNT).value == value


@given(st.text(max_size=64), st.sampled_from(Dimension))
def test_any_text_is_a_figure_or_refused(text: str, dimension: Dimension) -> None:
    try:
        found = parse_quantity(text, dimension)
    except QuantityError:
        return
    assert len(found.literal()) < 200
