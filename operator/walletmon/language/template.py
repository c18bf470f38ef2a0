"""Templates in annotations and labels of alerts: which are taken, and why so few.

Prometheus expands them as Go templates, with functions that run queries over *all* series: a template could read any
tenant's. And one that does not parse makes Prometheus refuse the whole file of rules. So what is taken is a small part
of the language that reads the alert's own labels and value, and always parses: `{{ $labels.wallet }}`,
`{{ $value | humanizeDuration }}`, `{{ printf "%.2f" $value }}`, and for a label that may be missing
`{{ with $labels.pod }}, pod {{ . }}{{ end }}`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

FUNCTIONS = (
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "printf",
    "stripDomain",
    "stripPort",
    "title",
    "toLower",
    "toUpper",
)
"""Functions that a template may call; none of them reads series."""

_ACTION = re.compile(r"\{\{(?:- )?(?P<body>.*?)(?: -)?\}\}", re.DOTALL)
_STRING = r'"(?:[^"\\\n{}]|\\["\\nt])*"'
_OPERAND = re.compile(rf"\$labels\.[a-zA-Z_][a-zA-Z0-9_]*|\$value|-?[0-9]+(?:\.[0-9]+)?|{_STRING}")
_WITH = re.compile(r"with \$labels\.[a-zA-Z_][a-zA-Z0-9_]*")
_WORD = re.compile(rf"{_STRING}(?![^\s|])|[^\s|]+|\|")
# A width of a million digits is a megabyte for each notification.
_WIDE = re.compile(r"%[^a-zA-Z%]*(?:[0-9]{3,}|\*)")
_CURE = "a template may read {{ $labels.<name> }} and {{ $value }}, through " + ", ".join(FUNCTIONS)


class TemplateError(ValueError):
    """A template that is not taken: what is the matter, and what would be right."""

    def __init__(self, message: str, cure: str = _CURE) -> None:
        """Both are for people: see Diagnostic."""
        super().__init__(message)
        self.message = message
        self.cure = cure


def check_template(text: str) -> None:
    """See that `text` holds no template but those described above. Raises TemplateError."""
    if "\x00" in text:
        raise TemplateError("the text holds a NUL", "take it out")
    within = False
    for action in _ACTION.finditer(text):
        body = action["body"].strip()
        if _WITH.fullmatch(body) and not within:
            within = True
        elif body == "end" and within:
            within = False
        elif body != "." or not within:
            _check_action(action.group(), body)
    if within:
        raise TemplateError("a with has no end", "write {{ end }} after what it is about")
    if "{{" in _ACTION.sub("", text) or "}}" in _ACTION.sub("", text):
        raise TemplateError("a template is opened and not closed, or closed and not opened")


def _check_action(whole: str, body: str) -> None:
    commands: list[list[str]] = [[]]
    for word in _WORD.findall(body):
        if word == "|":
            commands.append([])
        else:
            commands[-1].append(word)
    if any(not command for command in commands):
        raise TemplateError(f"{whole} says nothing")
    (head, *operands), *rest = commands
    if _OPERAND.fullmatch(head) is None:
        _check_call(whole, head, operands)
        if not operands:
            raise TemplateError(f"{head} in {whole} is given nothing")
    elif operands:
        raise TemplateError(f"{head} in {whole} is not a function")
    for function, *operands in rest:
        _check_call(whole, function, operands)


def _check_call(whole: str, function: str, operands: list[str]) -> None:
    if function not in FUNCTIONS:
        near = get_close_matches(function, FUNCTIONS, 1)
        raise TemplateError(f"{whole} uses {function}" + (f"; did you mean {near[0]}?" if near else ""))
    for operand in operands:
        if _OPERAND.fullmatch(operand) is None:
            raise TemplateError(f"{whole} uses {operand}")
        if _WIDE.search(operand) is not None:
            raise TemplateError(f"{whole} prints too wide", "use a width of at most two digits")
