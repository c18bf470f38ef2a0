"""Grafana's variables in PromQL: hidden from the parser, which does not know them, and put back unchanged.

Inside strings a variable becomes a word that no expression has; as a range, step or offset it becomes a duration, and
elsewhere a number, both odd enough that nobody writes them. Anything else (a variable for a metric's or label's name)
is not PromQL's to check, so it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import promql_parser as promql

from walletmon.api.diagnostic import Code
from walletmon.language.promql_text import STRING, PromqlError

_VARIABLE = re.compile(r"\$\{[A-Za-z_][^{}\s\"'`\\]*\}|\$[A-Za-z_]\w*|\[\[[A-Za-z_]\w*(?::\w+)?\]\]")
_STRING = re.compile(STRING)
_DURATION_BEFORE = re.compile(r"(?:\[|:|\boffset\s+-?)\s*$")
_NAME_BEFORE = re.compile(r"[\w$]$")
_FIRST_DURATION = 41 * 365 * 24 * 3600
_FIRST_NUMBER = 7_340_033_000_001


@dataclass(frozen=True, slots=True)
class Macros:
    """A query without its variables, and what stands for each."""

    text: str
    originals: dict[str, str]
    """From the stand-in, as the parser prints it, to the variable."""
    counts: dict[str, int]

    @classmethod
    def hide(cls, query: str) -> Macros:
        """Replace the variables of `query`. Raises PromqlError where one stands that PromQL has no place for."""
        pieces: list[str] = []
        originals: dict[str, str] = {}
        counts: dict[str, int] = {}
        standins: dict[tuple[str, str], tuple[str, str]] = {}
        strings = [match.span() for match in _STRING.finditer(query)]
        end = 0
        for found in _VARIABLE.finditer(query):
            before = query[: found.start()]
            inside = any(start < found.start() < stop for start, stop in strings)
            if not inside and _NAME_BEFORE.search(before):
                raise PromqlError(
                    Code.UNSUPPORTED_PROMQL,
                    f"the variable {found.group()} stands in a name, where it cannot be checked",
                    "write the name out",
                )
            kind = "word" if inside else "duration" if _DURATION_BEFORE.search(before) else "number"
            written, printed = standins.setdefault((kind, found.group()), _stand_in(kind, len(standins)))
            originals[printed] = found.group()
            counts[printed] = counts.get(printed, 0) + 1
            pieces += [query[end : found.start()], written]
            end = found.end()
        return cls("".join(pieces) + query[end:], originals, counts)

    def restore(self, text: str) -> str:
        """Put the variables back into `text`, the scoped form of what `hide` gave."""
        for printed, original in self.originals.items():
            if text.count(printed) != self.counts[printed]:
                raise PromqlError(
                    Code.UNSUPPORTED_PROMQL,
                    f"the variable {original} is lost when the query is restricted to the monitor",
                    "use it as a range, step, offset or number, or inside a string",
                )
            text = text.replace(printed, original)
        return text


def _stand_in(kind: str, index: int) -> tuple[str, str]:
    """How the stand-in is written, and how the parser prints it."""
    if kind == "word":
        word = f"walletmonvariable{index:04d}x"
        return word, word
    if kind == "duration":
        seconds = _FIRST_DURATION + 3_661 + 61 * index
        return f"{seconds}s", promql.parse(f"x[{seconds}s]").prettify()[2:-1]
    number = str(_FIRST_NUMBER + 2 * index)
    return number, number
