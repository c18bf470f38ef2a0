"""Sentences of the rule language, for property tests: every construct, joined at random."""

from __future__ import annotations

from hypothesis import strategies as st

from walletmon.api.alerting import Priority
from walletmon.language.parser import KEYWORDS
from walletmon.language.syntax import (
    Absent,
    AllOf,
    AnyOf,
    Call,
    Comparison,
    Condition,
    Figure,
    HistogramKind,
    LastChange,
    Matcher,
    Moment,
    Operator,
    Ratio,
    Selector,
    Sentence,
    Unless,
)

REGEXES = st.sampled_from(["a|b", "x.*", r"\d+", "", "(?i)a{2,5}?", r"[^\]\\a-z]+", r"\.\*\+", "(?:ab)*"])
NAMES = st.from_regex(r"[a-z_][a-z0-9_:]{0,8}", fullmatch=True).filter(
    lambda name: name.upper() not in KEYWORDS and name not in ("absent", "now", "last_change_time")
)
LABELS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: (
        name.upper() not in KEYWORDS
        and name not in ("absent", "now", "last_change_time", "namespace", "walletmon", "wallet")
    )
)
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
TEXTS = st.one_of(WORDS, st.sampled_from(["\\", '"', "'", "\n", "\t", '\\"', "#", "a\\nb"]))
NUMBERS = st.from_regex(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,18})?", fullmatch=True)
DURATIONS = st.builds(Figure, st.from_regex("[1-9][0-9]{0,2}", fullmatch=True), st.sampled_from(["s", "m", "h", "ms"]))
FIGURES = st.builds(
    Figure,
    st.builds("".join, st.tuples(st.sampled_from(["", "-"]), NUMBERS)),
    st.sampled_from([None, "%", "s", "m", "ETH", "wei", "BTC", "GiB", "kB"]),
)
PATTERNS = st.builds(Matcher, LABELS, st.sampled_from(["=~", "!~"]), REGEXES)
MATCHERS = st.one_of(st.builds(Matcher, LABELS, st.sampled_from(["=", "!="]), TEXTS), PATTERNS)
SELECTORS = st.builds(Selector, NAMES, st.lists(MATCHERS, max_size=3).map(tuple))
BY = st.lists(LABELS, max_size=3, unique=True).map(tuple)
WINDOWS = st.none() | DURATIONS
CALLS = st.one_of(
    st.builds(Call, st.sampled_from(["changes", "avg", "min", "max"]), SELECTORS, WINDOWS),
    st.builds(Call, st.sampled_from(["rate", "increase"]), SELECTORS, WINDOWS, st.none(), BY),
    st.builds(
        Call,
        st.sampled_from(["p50", "p99", "p999"]),
        SELECTORS,
        WINDOWS,
        st.sampled_from([None, HistogramKind.CLASSIC, HistogramKind.NATIVE]),
        BY,
    ),
    st.builds(Call, st.just("p50"), SELECTORS, st.none(), st.just(HistogramKind.SUMMARY)),
)
OPERANDS = SELECTORS | CALLS
MEASURES = st.one_of(OPERANDS, st.builds(Ratio, OPERANDS, OPERANDS), st.builds(LastChange, st.none() | SELECTORS))
MOMENTS = st.builds(Moment, WINDOWS)
SIMPLE = st.one_of(
    st.builds(Comparison, MEASURES, st.sampled_from(Operator), FIGURES | MOMENTS),
    st.builds(Absent, SELECTORS, WINDOWS),
)


def composed(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(AllOf, several), st.builds(AnyOf, several), st.builds(Unless, parts, parts))


SENTENCES = st.builds(
    Sentence,
    st.recursive(SIMPLE, composed, max_leaves=6),
    TEXTS.filter(lambda text: bool(text.strip())),
    WINDOWS,
    WINDOWS,
    st.none() | st.sampled_from(Priority),
)
