"""docs/environments.md: every example is taken and compiles, and what the page names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from walletmon.api.admission import refusals
from walletmon.api.diagnostic import Code
from walletmon.api.parse import parse_class
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.discovery import MAX_MANAGED_NAME

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "environments.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
DOCUMENTS: list[dict[str, Any]] = [each for block in BLOCKS for each in yaml.safe_load_all(block)]
CLASSES = [each for each in DOCUMENTS if each["kind"] == "WalletMonitorClass"]


def test_every_example_was_found() -> None:
    assert PAGE.count("```yaml") == len(BLOCKS)
    assert len(CLASSES) == 5
    assert {each["kind"] for each in DOCUMENTS} == {
        "WalletMonitorClass",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
    }


@pytest.mark.parametrize("document", CLASSES, ids=lambda each: each["metadata"]["name"])
def test_an_example_is_taken_and_makes_what_the_page_says(document: dict[str, Any]) -> None:
    assert refusals(document) == []
    bundle = compile_class(parse_class(document))
    assert bundle.diagnostics == ()
    assert bundle.objects is not None
    made = [f"{each['kind']} {each['metadata']['name']}" for each in bundle.objects]
    assert (
        made
        == {
            "default": ["Prometheus default-prod", "Prometheus default-staging", "Prometheus default-test"],
            "shared": [],
            "mimir": ["Prometheus mimir-prod"],
            "thanos": ["Prometheus thanos-prod"],
            "global": ["ScrapeConfig walletmon.global.eu-west"],
        }[document["metadata"]["name"]]
    )


def test_the_matrix_is_what_the_example_says() -> None:
    (default,) = (each for each in CLASSES if each["metadata"]["name"] == "default")
    kept = {each["name"]: each["retention"] for each in default["spec"]["environments"]}
    assert kept == {"prod": "90d", "staging": "14d", "test": "1h"}


def test_findings_that_the_page_names_exist() -> None:
    named = set(re.findall(r"\(`([A-Z]\w+)`\)", PAGE)) - {"WalletMonitorClass"}
    assert named
    assert named <= {code.value for code in Code}


def test_the_page_knows_how_long_names_may_be() -> None:
    assert f"at most {MAX_MANAGED_NAME - 1} characters together" in PAGE
