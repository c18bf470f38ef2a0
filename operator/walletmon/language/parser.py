"""From the text of a rule to its syntax tree, or to an error that says where, what is the matter and what was expected.

The text may be hostile: its size and the depth of its parentheses are bounded before anything is built from it, and the
parser (LALR) keeps its own stack, so no input can exhaust the machine's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from walletmon.api.diagnostic import Code
from walletmon.language.building import builder
from walletmon.language.expectations import check_unit_or_keyword, unexpected_sign, unexpected_word
from walletmon.language.rule_error import RuleError
from walletmon.language.syntax import Sentence

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.exceptions import UnexpectedToken

MAX_CHARACTERS = 4096
"""Characters of a rule: what the resource's schema takes."""

MAX_DEPTH = 20
"""Parentheses within each other."""

KEYWORDS = frozenset({"WHEN", "AND", "OR", "UNLESS", "THEN", "ALERT", "FOR", "KEEP", "AS", "BY"})
"""Words that no metric or function can have for a name, in capitals or small letters."""

_EXACT = {"absent": "ABSENT", "now": "NOW", "last_change_time": "LAST_CHANGE_TIME"}

_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def parse(text: str) -> Sentence:
    """The syntax tree of a rule. Raises RuleError."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    _check(text)
    try:
        sentence = _parser().parse(text)
    except UnexpectedCharacters as error:
        raise unexpected_sign(text, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        accepted = error.accepts or error.expected
        raise unexpected_word(text, error.token, frozenset(accepted), _before(text, error)) from None
    assert isinstance(sentence, Sentence)
    return sentence


def _check(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise RuleError(
            Code.TOO_LARGE,
            f"the rule has {len(text)} characters; {MAX_CHARACTERS} are the limit",
            "say less, or make several rules of it",
            None,
        )
    found = _INVISIBLE.search(text)
    if found is not None:
        raise RuleError(
            Code.INVALID_RULE,
            f"there is an invisible sign, U+{ord(found.group()):04X}",
            "take it out: it hides what the rule says",
            found.start(),
        )


def _before(text: str, error: UnexpectedToken) -> str:
    """The type of the token before the unexpected one; empty at the start."""
    last = None
    for token in _parser().lex(text):
        if token.start_pos is not None and error.token.type != "$END" and token.start_pos >= error.token.start_pos:
            break
        last = token
    return "" if last is None else str(last.type)


class _Keywords:
    """Between lexer and parser: tells keywords from names, and bounds how deep parentheses go."""

    always_accept = ()

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth, after_figure = 0, False
        for token in stream:
            if token.type == "NAME":
                token.type = _EXACT.get(token.value) or (
                    token.value.upper() if token.value.upper() in KEYWORDS else token.type
                )
                if after_figure and token.type == "NAME":
                    check_unit_or_keyword(token)
            elif token.type == "LPAR":
                depth += 1
                if depth > MAX_DEPTH:
                    raise RuleError(
                        Code.TOO_LARGE,
                        f"more than {MAX_DEPTH} parentheses are open",
                        "make several rules of it",
                        token.start_pos,
                    )
            elif token.type == "RPAR":
                depth -= 1
            after_figure = token.type == "FIGURE"
            yield token


@cache
def _parser() -> Lark:
    # Imported here: nothing that compiles no rule needs it.
    from lark import Lark

    grammar = resources.files("walletmon.language").joinpath("rules.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        start="rule",
        parser="lalr",
        lexer="basic",
        postlex=_Keywords(),
        transformer=builder(),
        maybe_placeholders=True,
    )
