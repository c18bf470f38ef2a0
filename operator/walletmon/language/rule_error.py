"""What is wrong with a rule, and where: the line, the column, and the place shown with a caret."""

from __future__ import annotations

import re
import unicodedata

from walletmon.api.diagnostic import Code

_SHOWN = 100
"""Characters of a line that are shown around the place."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSHOWABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


class RuleError(ValueError):
    """A rule that is not taken: which finding it is, what is the matter, what would be right, and where.

    `offset` counts characters from the start of the rule's text; None is for a finding about the rule as a whole.
    """

    def __init__(self, code: Code, message: str, cure: str, offset: int | None) -> None:
        """All texts are for people: see Diagnostic."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.cure = cure
        self.offset = offset


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of the character at `offset`, both from 1; a column is a character, as editors count."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def excerpt(text: str, offset: int) -> str:
    """The line at `offset`, and under it a caret: two lines, safe for a terminal."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", start)
    line = text[start:] if end < 0 else text[start:end]
    column = offset - start
    first = max(0, min(column - _SHOWN // 2, len(line) - _SHOWN))
    head = "..." if first else ""
    shown = line[first : first + _SHOWN]
    tail = "..." if first + _SHOWN < len(line) else ""
    shown = _UNSHOWABLE.sub(_REPLACEMENT, shown)
    margin = " " * len(head) + "".join(_blank(sign) for sign in shown[: column - first])
    return f"{head}{shown}{tail}\n{margin}^"


def _blank(sign: str) -> str:
    """Blanks as wide as `sign` in a terminal."""
    if sign == "\t":
        return "\t"
    if unicodedata.combining(sign):
        return ""
    return "  " if unicodedata.east_asian_width(sign) in "WF" else " "
