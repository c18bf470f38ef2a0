"""Regular expressions in matchers: those that Prometheus surely takes, though the parser knows another engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletmon.api.diagnostic import Code
from walletmon.language.promql import Scope, scope
from walletmon.language.promql_text import PromqlError
from walletmon.language.regex import objection


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        ".*",
        ".+",
        "hot-[0-9]+|cold-.*",
        "(?i)prod|staging",
        "(?:a|b)*?",
        "(?P<name>a)(?<other>b)",
        "(?i-s:a)",
        r"\d{1,3}\.\d+",
        r"[^a-z\d_.-]",
        "[[:alpha:]_]",
        r"[\]\[\\^-]",
        r"\x41\x{1F600}\pL\p{Greek}\p{^Lu}",
        r"\bword\b$",
        "a{1000}",
        "a{",
        "名前",
    ],
)
def test_a_pattern_of_prometheus_is_taken(pattern: str) -> None:
    assert objection(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "a{1001}",
        "(a{100}){11}",
        "a{3,2}",
        "a**",
        "a{2}{3}",
        "a+*",
        "*a",
        "|*",
        "(*)",
        "^*",
        "(a",
        "a)",
        ")](?:",
        "[a",
        "[]",
        "[^]",
        "[a&&b]",
        "[a--b]",
        "[a~~b]",
        "[[a]]",
        "[z-a]",
        "[a-\\d]",
        "(?x)a",
        "(?u:a)",
        "(?R)a",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?P<n.x>a)",
        "(?P<1a>a)",
        "(?#comment)",
        r"\u0041",
        r"\U00000041",
        r"\p{Letter}",
        r"\p{Alphabetic}",
        r"\pZz{",
        r"\1",
        r"\h",
        r"\e",
        r"\é",
        "\\",
    ],
)
def test_a_pattern_that_prometheus_might_refuse_is_refused(pattern: str) -> None:
    assert objection(pattern)


def test_the_reason_names_the_pattern() -> None:
    with pytest.raises(PromqlError) as caught:
        scope('x{a=~"a{1001}"}', Scope("ns", "mon"))
    assert caught.value.code is Code.INVALID_PROMQL
    assert '"a{1001}": {1001} repeats too often' in caught.value.message
    assert "RE2" in caught.value.cure


def test_a_value_that_is_compared_whole_is_no_pattern() -> None:
    assert scope('x{a="a**"}', Scope("ns", "mon"))


@given(st.text(st.sampled_from("ab.*+?(){}[]|^$\\-&~:<>PpxudL019,é"), max_size=30))
def test_any_text_is_judged(pattern: str) -> None:
    assert objection(pattern) != ""
