"""The documentation of the instrumentation library is true, and the library stands alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from walletmon.instrument.families import DECISION_FAMILIES, FAMILIES, SSE_FAMILIES, WALLET_FAMILIES

DOCS = Path(__file__).parents[2] / "docs"


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_code_in_the_guide_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "instrument.md").read_text(), re.DOTALL)
    assert len(blocks) >= 7
    result = run("\n".join(blocks))
    assert result.returncode == 0, result.stderr


OWN_TABLES = {"Wallet services": WALLET_FAMILIES, "SSE services": SSE_FAMILIES, "Risk decisions": DECISION_FAMILIES}


def rows(section: str) -> list[tuple[str, str, str, str, str]]:
    """Name, type, unit, labels and meaning of each metric in the first table of a section."""
    text = (DOCS / "metrics.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    (table, *_) = re.findall(r"(?:^\|.+\n)+", text, re.MULTILINE)
    return re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\| ([^|]*)\| (.+) \|$", table, re.MULTILINE)


@pytest.mark.parametrize("section", OWN_TABLES)
def test_the_table_of_metrics_is_the_code(section: str) -> None:
    documented = [
        (name, type_, tuple(re.findall(r"`(\w+)`", labels)), "Carries exemplars" in text)
        for name, type_, _, labels, text in rows(section)
    ]
    assert documented == [(each.name, each.type, each.labels, each.exemplars) for each in OWN_TABLES[section]]


@pytest.mark.parametrize("section", OWN_TABLES)
def test_the_unit_is_the_one_in_the_name(section: str) -> None:
    for name, type_, unit, _, _ in rows(section):
        if unit.strip() and type_ != "counter":
            assert name.endswith(f"_{unit.strip().split()[-1]}"), name


def test_every_family_of_the_library_stands_in_one_table() -> None:
    assert [family for families in OWN_TABLES.values() for family in families] == list(FAMILIES)


def test_it_imports_prometheus_client_and_the_standard_library_alone() -> None:
    result = run(
        "import sys; import walletmon.instrument\n"
        "roots = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(roots - set(sys.stdlib_module_names) - {'__main__'}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('walletmon.')))"
    )
    third_party, own = result.stdout.splitlines()
    editable_install = {name for name in third_party.split() if name.startswith(("_", "sitecustomize"))}
    assert set(third_party.split()) - editable_install == {"prometheus_client", "walletmon"}
    assert all(name.startswith("walletmon.instrument") for name in own.split())


def test_multi_process_mode_is_refused_with_a_sentence(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from walletmon.instrument import WalletMetrics; WalletMetrics()"],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ValueError: PROMETHEUS_MULTIPROC_DIR is set" in result.stderr
