"""Mutations of a recorded corpus of sentences: the answer is a rule or an error with words and a place, in bounds.

`tests/corpus/language.jsonl` has one sentence a line, as a JSON string. What a longer run turns up is added to it
(`WALLETMON_FUZZ_EXAMPLES=100000 pytest tests/unit/test_language_fuzz.py`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walletmon.language.promql import MAX_OUTPUT, Scope
from walletmon.language.rule import compile_rule
from walletmon.language.rule_error import RuleError, excerpt, position

CORPUS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "corpus/language.jsonl").read_text(encoding="utf-8").splitlines()
]
EXAMPLES = int(os.environ.get("WALLETMON_FUZZ_EXAMPLES", "300"))
PIECES = [
    *('"', "'", "\\", "{", "}", "(", ")", "[5m]", ",", "#", "\n", "\x00", "\u202e", "$", "{{", "=~", "!=", "-", "/"),
    *(" AND ", " OR ", " UNLESS ", " FOR 5m ", " KEEP 1h ", " AS P0 ", " BY pod ", " WHEN ", " THEN ALERT ", "absent("),
    *("now() - 5m", "last_change_time", "p99(", "rate(", "1 ETH", "1e18 wei", "85%", "1e999", "0x1F", "10GiB"),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """One or two sentences of the corpus, cut, joined, with pieces put in."""
    text = str(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        match draw(st.integers(0, 3)):
            case 0:
                text = text[:at] + draw(st.sampled_from(PIECES)) + text[at:]
            case 1:
                text = text[:at] + text[at + draw(st.integers(1, 6)) :]
            case 2:
                text = text[:at] + str(draw(st.sampled_from(CORPUS)))[draw(st.integers(0, 30)) :]
            case _:
                text = text[:at] + draw(st.characters()) + text[at:]
    return text


def refusal(text: str) -> RuleError | None:
    """The error that answers `text`, None where it is taken; any other exception is the failure that is looked for."""
    try:
        compiled = compile_rule(text, Scope("ns", "mon"))
    except RuleError as error:
        return error
    assert len(compiled.expr) <= MAX_OUTPUT
    promql_parser.parse(compiled.expr)
    assert 'namespace="ns",walletmon="mon"' in compiled.expr
    return None


def judge(text: str) -> None:
    error = refusal(text)
    if error is not None:
        line, column = position(text, error.offset)
        assert error.message
        assert error.cure
        assert line >= 1
        assert column >= 1
        assert excerpt(text, error.offset)


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_each_recorded_sentence_is_a_rule_or_an_error(text: str) -> None:
    judge(text)


@given(mutated())
@settings(max_examples=EXAMPLES)
def test_a_mutated_sentence_is_a_rule_or_an_error(text: str) -> None:
    judge(text)
