"""The pages about classes and governance: fields are those there are, examples hold, output is real."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.class_documents import maximal_class
from tests.unit.test_cli import call
from walletmon.api.admission import refusals
from walletmon.api.crd import Schema, wallet_monitor_class_crd
from walletmon.api.diagnostic import Code
from walletmon.api.governance import DENIED_BY_DEFAULT
from walletmon.api.parse import parse_class
from walletmon.compiler.compile_class import compile_class
from walletmon.packs.catalogue import packs

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {name: DOCS / f"{name}.md" for name in ("classes", "governance")}
CLOSED = ("tls", "basicAuth", "authorization", "secret")
"""Fields whose inside is explained elsewhere."""


def rows(schema: Schema, value: Any, path: str, seen: set[str]) -> Iterator[str]:
    """A row for each field below `schema`; `value` is where examples come from."""
    for name, child in schema["properties"].items():
        here = f"{path}.{name}" if path else name
        inner, example = child, value.get(name) if isinstance(value, dict) else None
        if child["type"] == "array" and "properties" in child["items"]:
            # An example of a field is that of the first entry that has it.
            entries = example or []
            inner, here = child["items"], f"{here}[]"
            example = {key: each for entry in reversed(entries) for key, each in entry.items()}
        inside = str(sorted(inner.get("properties", ())))
        closed = name in CLOSED or name.endswith("Secret") or inside in seen
        shown = "" if "properties" in inner else f"`{_flow(example)}`"
        default = f" Default: `{_flow(child['default'])}`." if "default" in child else ""
        yield f"| `{here}` | {_cell(child['description'])}{default} | {shown} |"
        if "properties" in inner and not closed:
            if len(inner["properties"]) > 5:
                # What stands in several places with the same inside (priorities, relabeling) is explained at the first.
                seen.add(inside)
            yield from rows(inner, example, here, seen)


def _flow(example: Any) -> str:
    if isinstance(example, str) and not example.isdigit():
        return _cell(example)
    return _cell(yaml.safe_dump(example, default_flow_style=True, allow_unicode=True, width=9999).split("\n")[0])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def fields() -> str:
    schema = wallet_monitor_class_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    found = rows(schema, maximal_class()["spec"], "", set())
    return "\n".join(["| field of `spec` | what it is | example |", "|---|---|---|", *found])


def denied() -> str:
    return ", ".join(f"`{name}`" for name in DENIED_BY_DEFAULT) + "."


@pytest.mark.parametrize(
    ("page", "name", "content"), [("classes", "fields", fields()), ("governance", "denied", denied())]
)
def test_what_is_made_of_the_models_is_up_to_date(page: str, name: str, content: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    found = re.search(rf"(<!-- {name}: begin.*?-->\n)(.*?)(<!-- {name}: end -->)", text, re.DOTALL)
    assert found is not None
    if os.environ.get("WALLETMON_GOLDEN") == "write":
        PAGES[page].write_text(f"{text[: found.end(1)]}{content}\n{text[found.start(3) :]}", encoding="utf-8")
        return
    assert found[2].strip() == content, "run with WALLETMON_GOLDEN=write"


def test_every_field_has_an_example() -> None:
    without = [row for row in fields().splitlines() if "`null`" in row or "`None`" in row or "`{}`" in row]
    assert without == []


EXAMPLES = [
    (page, document)
    for page, path in PAGES.items()
    for block in re.findall(r"^```yaml\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for document in yaml.safe_load_all(block)
    if "kind" in document
]


def test_both_pages_have_an_example() -> None:
    assert {page for page, _ in EXAMPLES} == set(PAGES)


@pytest.mark.parametrize(("page", "document"), EXAMPLES, ids=lambda each: each if isinstance(each, str) else "")
def test_an_example_is_taken_and_nothing_is_wrong_with_it(page: str, document: dict[str, Any]) -> None:
    assert refusals(document) == []
    assert compile_class(parse_class(document)).diagnostics == ()


@pytest.mark.parametrize("page", PAGES)
def test_findings_that_the_page_names_exist(page: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    named = set(re.findall(r"\(`([A-Z][a-z]\w+)`\)|(?:error|warning) `(\w+)`|\| `([A-Z][a-z]+[A-Z]\w+)` \|", text))
    names = {name for each in named for name in each if name}
    assert len(names) >= 3
    assert names <= {code.value for code in Code}


MONITOR = """\
apiVersion: walletmon.dev/v1alpha1
kind: WalletMonitor
metadata: {name: treasury, namespace: wallets}
spec:
  className: strict
  wallets:
    - name: hot-1
      labels:
        userId: "7"
  targets:
    - name: api
      wallet: hot-1
      static: ["api:8080"]
      limits: {samples: 50000}
"""
"""What the page about governance lints, under the class that it shows."""

CONSOLE = re.compile(r"(^```console\n\$ walletmon )([^\n]*)\n(.*?)(^```)", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [*PAGES, "cli"])
def test_output_that_a_page_shows_is_what_is_printed(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(DOCS.parent / "examples")
    monkeypatch.chdir(tmp_path)
    ((_, strict),) = [each for each in EXAMPLES if each[0] == "governance"]
    Path("class.yaml").write_text(json.dumps(strict), encoding="utf-8")
    Path("treasury.yaml").write_text(MONITOR, encoding="utf-8")

    def real(found: re.Match[str]) -> str:
        head, command, shown, end = found.groups()
        output = call(*command.split()).output
        beginning = shown.removesuffix("...\n")
        if beginning != shown and output.startswith(beginning):
            return found[0]
        return f"{head}{command}\n{output}{end}"

    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    blocks = [each for each in CONSOLE.finditer(text) if re.search(r" (examples/|class\.yaml)", each[2])]
    assert blocks
    for block in blocks:
        text = text.replace(block[0], real(block))
    if os.environ.get("WALLETMON_GOLDEN") == "write":
        (DOCS / f"{page}.md").write_text(text, encoding="utf-8")
    assert (DOCS / f"{page}.md").read_text(encoding="utf-8") == text, "run with WALLETMON_GOLDEN=write"


def test_the_presets_that_the_page_names_are_those_that_let_something_in() -> None:
    text = PAGES["governance"].read_text(encoding="utf-8")
    for pack in packs().values():
        for name, preset in pack.presets.items():
            assert (f"`{name}`" in text) == bool(preset.identifying), name
            assert all(f"`{label}`" in text for label in preset.identifying)
