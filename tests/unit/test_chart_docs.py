"""The chart's README describes exactly the values there are; its copy of the CRD is the generated one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from walletmon import __version__
from walletmon.api.crd import crd_yaml, crds

CHART = Path(__file__).parents[2] / "charts" / "walletmon"
BEGIN, END = "<!-- values: begin", "<!-- values: end -->"
COMMENT = re.compile(r"^ *# -- (?P<text>.*)\n(?P<indent> *)(?P<key>[\w-]+):", re.MULTILINE)


def described_values() -> Iterator[tuple[str, Any, str]]:
    """Path, default and description of every value that values.yaml describes."""
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    for found in COMMENT.finditer(text):
        path = [found["key"]]
        if found["indent"]:
            path.insert(0, re.findall(r"^(\w+):", text[: found.start()], re.MULTILINE)[-1])
        default = values
        for key in path:
            default = default[key]
        yield ".".join(path), default, found["text"]


def undescribed_values(values: dict[str, Any], described: set[str], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        here = f"{path}{key}"
        if here in described:
            continue
        if isinstance(value, dict) and value:
            yield from undescribed_values(value, described, f"{here}.")
        else:
            yield here


def table() -> str:
    rows = [f"| `{path}` | `{json.dumps(default)}` | {text} |" for path, default, text in described_values()]
    return "\n".join(["| value | default | what it is |", "|---|---|---|", *rows])


def test_every_value_is_described() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert list(undescribed_values(values, {path for path, _, _ in described_values()})) == []


def test_the_readme_has_the_values_with_their_defaults() -> None:
    readme = (CHART / "README.md").read_text()
    before, rest = readme.split(BEGIN)
    head, rest = rest.split("\n", 1)
    written, after = rest.split(END)
    if os.environ.get("WALLETMON_GOLDEN") == "write":
        (CHART / "README.md").write_text(f"{before}{BEGIN}{head}\n{table()}\n{END}{after}")
        return
    assert written.strip() == table()


def test_the_schema_knows_exactly_the_values_there_are() -> None:
    def properties(schema: dict[str, Any]) -> Any:
        return {name: properties(child) for name, child in schema.get("properties", {}).items()} or None

    schema = json.loads((CHART / "values.schema.json").read_text())
    known = properties(schema)
    del known["global"]
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(known) == set(values)
    for name in ("image", "crds", "log", "serviceMonitor", "networkPolicy"):
        assert set(known[name]) == set(values[name])


def test_the_charts_definitions_are_the_generated_ones() -> None:
    written = {path.name: path.read_text() for path in (CHART / "files" / "crds").iterdir()}
    assert written == {name: crd_yaml(crd) for name, crd in crds().items()}


def test_the_charts_version_is_the_operators() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
