"""What was expected where a rule cannot be read on, in words of the language and not of its grammar."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from walletmon.api.diagnostic import Code
from walletmon.language.quantity import UNITS
from walletmon.language.rule_error import RuleError

if TYPE_CHECKING:
    from lark import Token

_NAMED = {
    "STRING": "a text in quotes",
    "FIGURE": "a figure such as 5, 1 ETH, 85%, 5m or 10GiB",
    "NOW": "now()",
    "LPAR": "(",
    "RPAR": ")",
    "LBRACE": "{",
    "RBRACE": "}",
    "LSQB": "a window such as [5m]",
    "RSQB": "]",
    "COMMA": ",",
    "SLASH": "/",
    "MINUS": "-",
    "$END": "the end",
}
_COMPARISONS = frozenset({"LT", "LE", "GT", "GE", "EQ", "NE"})
_MATCHERS = frozenset({"ASSIGN", "NE", "MATCHES", "MATCHES_NOT"})
_KEYWORDS = ("WHEN", "AND", "OR", "UNLESS", "FOR", "THEN", "ALERT", "AS", "KEEP", "BY")
_ORDER = (*_KEYWORDS, *_NAMED)

_REVERSED = {"=<": "write <=", "=>": "write >=", "=!": "write !="}

_SIGNS = {
    "&&": "write AND",
    "||": "write OR",
    "&": "write AND",
    "|": "write OR",
    "!": "write UNLESS for what must not be, != for not equal",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "\u201c": 'write plain quotes: "',
    "\u201d": 'write plain quotes: "',
    "\u2018": "write plain quotes: '",
    "\u2019": "write plain quotes: '",
    "「": 'write plain quotes: "',
    "（": "write a plain (",
    "）": "write a plain )",
    "，": "write a plain ,",
    "＜": "write a plain <",
    "＞": "write a plain >",
    "％": "write a plain %",
    "\u00a0": "write a plain blank",
    "\u3000": "write a plain blank",
    "\u2013": "write a plain -",
    "\u2212": "write a plain -",
    "`": 'write plain quotes: "',
    "//": "write # before a comment",
    "--": "write # before a comment",
    "+": "the language divides (a / b) and does no other arithmetic; give expr instead of when",
    "*": "the language divides (a / b) and does no other arithmetic; give expr instead of when",
    "^": "the language divides (a / b) and does no other arithmetic; give expr instead of when",
    "$": "write the name or figure itself; in the ALERT text, {{ $labels.wallet }} is taken",
    ";": "one rule has one sentence; leave it out",
    "~": "write =~ or !~",
    "@": "the language knows the present only; give expr instead of when",
}


def unexpected_sign(text: str, offset: int) -> RuleError:
    """The error for a sign that begins nothing."""
    sign = text[offset]
    if sign in "\"'":
        return RuleError(
            Code.INVALID_RULE,
            "a text begins here and does not end",
            f"close it with {sign} on the same line; a quote within it is written \\{sign}",
            offset,
        )
    cure = _SIGNS.get(text[offset : offset + 2]) or _SIGNS.get(sign)
    return RuleError(
        Code.INVALID_RULE,
        f"{sign!r} has no place here",
        cure or "take it out; texts and label values stand in quotes",
        offset,
    )


def check_unit_or_keyword(token: Token) -> None:
    """Raise RuleError if the word after a figure is no unit and looks like a misspelt keyword.

    The grammar would take it for a unit, and complain about what comes after.
    """
    if str(token) in UNITS:
        return
    near = get_close_matches(str(token).upper(), ("AND", "OR", "UNLESS", "FOR", "THEN", "KEEP"), 1, 0.6)
    if near:
        raise RuleError(
            Code.INVALID_RULE,
            f"{str(token)!r} has no place here",
            f"did you mean {near[0]}?; expected a unit, or AND, OR, UNLESS, FOR or THEN",
            token.start_pos,
        )


def unexpected_word(text: str, token: Token, accepted: frozenset[str], before: str) -> RuleError:
    """The error for a word or sign that may not stand where it does; `before` is the type of the token before it."""
    ended = token.type == "$END"
    offset = len(text.rstrip()) if ended or token.start_pos is None else token.start_pos
    cure = "expected " + _listed(accepted, before)
    if ended:
        return RuleError(Code.INVALID_RULE, "the rule ends too early", cure, offset)
    word = str(token)
    reversed_ = _REVERSED.get(text[offset : offset + 2]) if accepted & _COMPARISONS else None
    hint = reversed_ or _hint(token, accepted, before)
    shown = word if len(word) <= 40 else word[:37] + "..."
    return RuleError(Code.INVALID_RULE, f"{shown!r} has no place here", f"{hint}; {cure}" if hint else cure, offset)


def _hint(token: Token, accepted: frozenset[str], before: str) -> str | None:
    keywords = [word for word in _KEYWORDS if word in accepted]
    if token.type == "NAME":
        near = get_close_matches(str(token).upper(), keywords, 1, 0.7)
        if near:
            return f"did you mean {near[0]}?"
        if before in _COMPARISONS and "FIGURE" in accepted:
            return "a metric is compared with a figure; for two metrics write a / b < 1, or give expr instead of when"
        if str(token).lower() in ("not", "if", "is"):
            return {"not": "write UNLESS for what must not be", "if": "write WHEN", "is": "write =="}[
                str(token).lower()
            ]
    special = {
        "ASSIGN": "write == to compare" if accepted & _COMPARISONS else None,
        "MATCHES": "=~ is for labels, within {}" if accepted & _COMPARISONS else None,
        "EQ": "write = for a label" if "ASSIGN" in accepted else None,
        "LSQB": "a window stands within a function: avg(x[5m])" if accepted & _COMPARISONS else None,
        "STRING": 'a label is compared within {}: x{label="value"}' if "FIGURE" in accepted else None,
        "ABSENT": "absent(...) is a condition by itself, no function's argument" if "NAME" in accepted else None,
    }
    if special.get(token.type):
        return special[token.type]
    if before == "RPAR" and token.type in _COMPARISONS:
        return "absent(...) is a condition by itself; leave the comparison out"
    if token.type in _KEYWORDS and "NAME" in accepted and str(token).islower():
        return f"{token} is a keyword, it cannot be a name"
    return None


def _listed(accepted: frozenset[str], before: str) -> str:
    found: list[str] = []
    if "NAME" in accepted:
        found.append(_name(accepted, before))
    if accepted >= _COMPARISONS:
        found.append("a comparison (<, <=, >, >=, == or !=)")
    elif accepted >= _MATCHERS:
        found.append("=, !=, =~ or !~")
    quiet = {"LPAR", "ABSENT", "LAST_CHANGE_TIME"} if "ABSENT" in accepted else set()
    found += [
        _NAMED.get(terminal, terminal)
        for terminal in _ORDER
        if terminal in accepted and terminal not in quiet and not (terminal == "SLASH" and accepted >= _COMPARISONS)
    ]
    return f"{', '.join(found[:-1])} or {found[-1]}" if len(found) > 1 else "".join(found)


def _name(accepted: frozenset[str], before: str) -> str:
    if before == "AS":
        return "a priority (P0, P1 or P2)"
    if before == "FIGURE":
        return "a unit"
    if "ABSENT" in accepted:
        return "a condition such as x > 5, rate(x[5m]) > 5 or absent(x)"
    if "LAST_CHANGE_TIME" in accepted:
        return "a metric or a function"
    if before == "BY" or "RBRACE" in accepted or (before == "COMMA" and "RPAR" not in accepted):
        return "a label"
    return "a name" if before == "COMMA" else "a metric"
