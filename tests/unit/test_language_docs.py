"""The page on the rule language is true: its rules become that PromQL, its errors read so, its grammar is in force."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
import yaml

from walletmon.api.diagnostic import Code
from walletmon.language.promql import Scope
from walletmon.language.quantity import UNITS
from walletmon.language.rule import compile_rule
from walletmon.language.rule_error import RuleError, excerpt, position

PAGE = (Path(__file__).parents[2] / "docs" / "rule-language.md").read_text(encoding="utf-8")
HERE = Scope("ns", "mon")


def becomes(rule: str) -> str:
    """The PromQL of a rule as the page shows it."""
    expr = re.sub(r"\s+", " ", compile_rule(f'{rule} THEN ALERT "t"', HERE).expr).strip()
    expr = re.sub(r"(?<=\() | (?=\))", "", expr)
    expr = re.sub(r'(?<=[{,])namespace="ns",?|,?walletmon="mon"(?=[,}])', "", expr)
    return re.sub(r"\{,?\}", "", expr).replace("{,", "{")


def said(rule: str) -> str:
    """What is said of a wrong rule, as the page shows it."""
    with pytest.raises(RuleError) as caught:
        compile_rule(rule, HERE)
    error = caught.value
    assert error.offset is not None
    line, column = position(rule, error.offset)
    head = f"{error.code}: spec.rules[0].when:{line}:{column}: {error.message}; {error.cure}"
    return f"{head}\n{excerpt(rule, error.offset)}"


def grammar() -> str:
    """The grammar without its comments, and without what only the parser needs."""
    text = resources.files("walletmon.language").joinpath("rules.lark").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith(("//", "%"))]
    return re.sub(r" +-> \w+$|^[?!]", "", "\n".join(kept), flags=re.MULTILINE).strip()


RULES = re.findall(r"^```rule\n(.*?)\n```\n```promql\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
ERRORS = re.findall(r"^```error\n(.*?)\n```\n```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("rule", "expr"), RULES, ids=[rule for rule, _ in RULES])
def test_a_rule_of_the_page_becomes_what_stands_below_it(rule: str, expr: str) -> None:
    assert becomes(rule) == expr


@pytest.mark.parametrize(("rule", "text"), ERRORS, ids=[rule for rule, _ in ERRORS])
def test_an_error_of_the_page_reads_so(rule: str, text: str) -> None:
    assert said(rule) == text


def test_every_example_is_one_of_those() -> None:
    assert len(RULES) == PAGE.count("```rule\n") >= 20
    assert len(ERRORS) == PAGE.count("```error\n") >= 3


def test_the_first_example_is_a_rule_without_findings() -> None:
    (first,) = re.findall(r"^```yaml\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    (rule,) = yaml.safe_load(first)["spec"]["rules"]
    compiled = compile_rule(rule["when"], HERE)
    assert (compiled.for_, compiled.priority, compiled.warnings) == ("2m", "P0", ())


def test_the_table_of_units_is_complete() -> None:
    table = PAGE.split("## Units")[1].split("## Functions")[0]
    assert set(re.findall(r"`(%|[A-Za-z]+)`", table.split("How a metric")[0])) == set(UNITS)


def test_the_codes_exist() -> None:
    codes = re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", PAGE, re.MULTILINE)
    assert codes
    assert set(codes) <= {code.value for code in Code}


def test_the_grammar_is_the_parsers() -> None:
    (shown,) = re.findall(r"^```ebnf\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown == grammar()
