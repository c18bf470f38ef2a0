"""Random expressions and regular expressions: mostly odd, some wrong, the same ones for a seed.

What scoping takes of them, Prometheus must take too: one expression that it refuses costs all rules beside it.
"""

from __future__ import annotations

from random import Random

from walletmon.language.promql_text import quoted


def _words(text: str) -> list[str]:
    return text.split()


_NAMES = _words(
    "x up a:b by on sum offset bool start inf nan E5 _ time fill step {'a.b'} {__name__='q'} "
    "walletmon:threshold:p_one walletmon:threshold:p_each"
)
_LABELS = ["a", "by", '"b.c"', "le", "__address__", "if"]
_VALUES = ["", "v", "a.b", "é", "x\\y", 'q"q', "\n", "(", ".*", ".+"]
_DURATIONS = _words("5m 1h30m 0s 1d 300 1ms 5m0s 1.5 0x10s 1h1h 1m1h 9999y -5m 5M")
_NUMBERS = _words("1 0x1F 1e3 .5 Inf NaN -1 0b11 1_000 5m 1e400 017")
_MOMENTS = _words("0 1e9 -1 start() end() Inf NaN")
_OVER_TIME = _words("rate max_over_time absent_over_time last_over_time predict_linear quantile_over_time")
_AGGREGATIONS = _words("sum topk quantile count_values group stddev")
_GROUPINGS = ["", " by (le)", " without (a)", " by ()", ' by ("b.c")', " by (a,)"]
_PARAMETERS = ["", "", "3, ", "0.5, ", '"v", ']
_OPERATORS = _words("+ - / % ^ == != > <= and or unless atan2")
_MATCHINGS = [
    *["", "", "", "bool ", "on (a) ", "ignoring (le) ", "on () group_left () ", "ignoring (a) group_right (b) "],
    *["on (a) group_left (a) ", "bool on (wallet) ", "on (wallet) group_left (namespace) "],
]
_FUNCTIONS = _words("abs absent scalar vector clamp round timestamp time label_replace minute")
_ARGUMENTS = ["", "", ", 1", ', "a", "$1", "b", "(.*)"', ", 0, 1"]

_PATTERN_PIECES = [
    " ",
    "{ 2 }",
    *_words(r"a b . * + ? {2} {2,} {1,3} {1001} {,5} {100} {500} ( ) (?: (?i) (?x) (?P<n> (?<n> (?i: (?u) (?-s: (?U)"),
    *_words(r"(?P<n.x> (?) (?i-) [ [^ ] a-z -- && ~~ [:alpha:] [a-\d] [\w-z] [z-a] []a] [^]] [a-] | ^ $ é - # { } '"),
    *_words(r"\d \w \b \b{start} \u0041 \x41 \x{41} \pL \p{Greek} \p{Letter} \p{^L} \< \. \- \/ \_ \A \z \Z \G \h"),
    *_words(r"\R \e \a \1 \0 \Q \E \é \& \~ \B \S"),
]


def pattern(random: Random) -> str:
    """A regular expression, or what looks like one."""
    return "".join(random.choice(_PATTERN_PIECES) for _ in range(random.randint(1, 5)))


def expression(random: Random, depth: int = 0) -> str:
    """A PromQL expression, or what looks like one."""
    kind = random.randint(0, 12 if depth < 4 else 3)
    if kind <= 1:
        return _selector(random)
    if kind == 2:
        return f"{_selector(random)} offset {random.choice(_DURATIONS)}"
    if kind == 3:
        return random.choice([*_NUMBERS, f"{_selector(random)} @ {random.choice(_MOMENTS)}"])
    if kind == 4:
        return f"{random.choice(_OVER_TIME)}({_selector(random)}[{random.choice(_DURATIONS)}])"

    def inner() -> str:
        return expression(random, depth + 1)

    if kind in (5, 6):
        head = random.choice(_AGGREGATIONS) + random.choice(_GROUPINGS)
        return f"{head} ({random.choice(_PARAMETERS)}{inner()})"
    if kind in (7, 8, 9):
        return f"{inner()} {random.choice(_OPERATORS)} {random.choice(_MATCHINGS)}{inner()}"
    if kind == 10:
        return random.choice([f"({inner()})", f"-{inner()}"])
    if kind == 11:
        return f"max_over_time({inner()}[{random.choice(_DURATIONS)}:{random.choice(['', *_DURATIONS])}])"
    return f"{random.choice(_FUNCTIONS)}({inner()}{random.choice(_ARGUMENTS)})"


def _selector(random: Random) -> str:
    name = random.choice(_NAMES)
    count = random.randint(0, 2)
    if name.startswith("{") or count == 0:
        return name
    matchers = (
        random.choice(_LABELS) + random.choice(["=", "!=", "=~", "!~"]) + quoted(random.choice(_VALUES))
        for _ in range(count)
    )
    return f"{name}{{{','.join(matchers)}}}"
