"""Whether Prometheus takes a regular expression: Go's syntax (RE2), checked from the safe side.

The parser of PromQL compiles patterns with Rust's engine, which knows things that Go's does not. One pattern that Go
refuses makes Prometheus refuse the whole file of rules, so what is not certainly Go's syntax is not taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_REPEAT = 1000
"""Go's bound on counted repetition, nested counts multiplied."""

_SCRIPTS = "Arabic|Bengali|Cyrillic|Devanagari|Georgian|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Tamil|Thai"
_CATEGORIES = "C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?"
_ESCAPE = re.compile(
    rf"\\(?:[dDsSwWaftnrv]|[pP](?:[CLMNPSZ](?![a-z{{])|\{{\^?(?:{_SCRIPTS}|{_CATEGORIES})\}})"
    r"|x[0-9a-fA-F]{2}|x\{(?:10|[0-9a-fA-F])?[0-9a-fA-F]{1,4}\}|[!-/:-@\[-`{-~ ])"
)
_ASSERTION = re.compile(r"\\[bBAz]|[\^$]")
_GROUP = re.compile(
    r"\((?:\?(?:P?<(?P<name>[A-Za-z_][A-Za-z0-9_]*)>|[imsU]*(?:-[imsU]+)?:|(?P<flags>[imsU]+(?:-[imsU]+)?\))))?"
)
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(?P<low>[0-9]+)(?P<comma>,)?(?P<high>[0-9]+)?\})\??")
_POSIX = re.compile(r"\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]")
_LAST_DASH = re.compile(r"-(?=\])")
_CLASS_CHARACTER = re.compile(r"\\[-\]\[\\^&~.]|[^\\\[\]&~-]")


def objection(pattern: str) -> str | None:
    """Why `pattern` might not be a regular expression of Go's, or None if it certainly is one."""
    return _Reader(pattern).read()


@dataclass(slots=True)
class _Reader:
    """Reads a pattern from left to right; `atom` says whether a quantifier may follow."""

    pattern: str
    at: int = 0
    depth: int = 0
    repeat: int = 1
    atom: bool = False

    def read(self) -> str | None:
        while self.at < len(self.pattern):
            if (found := self._step()) is not None:
                return found
        return "a parenthesis is not closed" if self.depth else None

    def _step(self) -> str | None:
        sign = self.pattern[self.at]
        if (quantifier := _QUANTIFIER.match(self.pattern, self.at)) is not None:
            return self._quantifier(quantifier)
        if sign == "(":
            return self._group()
        if sign == ")":
            self.depth -= 1
            if self.depth < 0:
                return "a parenthesis is closed that was not opened"
            self._go_on(1, atom=True)
            return None
        if sign == "[":
            return self._class()
        if (assertion := _ASSERTION.match(self.pattern, self.at)) is not None:
            self._go_on(len(assertion.group()), atom=False)
            return None
        if sign == "\\":
            escape = _ESCAPE.match(self.pattern, self.at)
            if escape is None:
                return f"{self.pattern[self.at : self.at + 2]} is not known"
            self._go_on(len(escape.group()), atom=True)
            return None
        self._go_on(1, atom=sign != "|")
        return None

    def _go_on(self, length: int, *, atom: bool) -> None:
        self.at += length
        self.atom = atom

    def _quantifier(self, found: re.Match[str]) -> str | None:
        if not self.atom:
            return f"{found.group()} has nothing to repeat"
        if found["low"] is not None:
            low, high = int(found["low"]), int(found["high"] or found["low"])
            self.repeat *= max(high, 1)
            if low > high or self.repeat > MAX_REPEAT:
                return f"{found.group()} repeats too often or the wrong way round ({MAX_REPEAT} in all is the limit)"
        self._go_on(len(found.group()), atom=False)
        return None

    def _group(self) -> str | None:
        found = _GROUP.match(self.pattern, self.at)
        assert found is not None, "every parenthesis begins a group"
        if found.group() == "(" and self.pattern.startswith("(?", self.at):
            return f"{self.pattern[self.at : self.at + 4]} is not known"
        self.depth += 0 if found["flags"] else 1
        self._go_on(len(found.group()), atom=False)
        return None

    def _class(self) -> str | None:
        at = self.at + 1
        at += self.pattern.startswith("^", at)
        items = 0
        while not self.pattern.startswith("]", at):
            item = (
                _POSIX.match(self.pattern, at)
                or self._range(at)
                or _ESCAPE.match(self.pattern, at)
                or _LAST_DASH.match(self.pattern, at)
            )
            if item is None:
                return "a class [...] is not closed, or holds something that other engines read as an operation on sets"
            at += len(item.group())
            items += 1
        if items == 0:
            return "a class [...] is empty"
        self._go_on(at + 1 - self.at, atom=True)
        return None

    def _range(self, at: int) -> re.Match[str] | None:
        """A character or a range of two; None if neither stands here."""
        single = _CLASS_CHARACTER.match(self.pattern, at)
        if (
            single is None
            or not self.pattern.startswith("-", single.end())
            or _LAST_DASH.match(self.pattern, single.end())
        ):
            return single
        last = _CLASS_CHARACTER.match(self.pattern, single.end() + 1)
        if last is None or last.group()[-1] < single.group()[-1]:
            return None
        return re.compile(r"[\s\S]*").match(self.pattern, at, last.end())
