"""The documentation of the instrumentation library is true, and the library stands alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

from walletmon.instrument.families import FAMILIES

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


def test_the_table_of_metrics_is_the_code() -> None:
    table = (DOCS / "metrics.md").read_text().split("## From the runtime")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]*)\| (.+) \|$", table, re.MULTILINE)
    documented = [
        (name, type_, tuple(re.findall(r"`(\w+)`", labels)), "Carries exemplars" in text)
        for name, type_, _, labels, text in rows
    ]
    assert documented == [(family.name, family.type, family.labels, family.exemplars) for family in FAMILIES]


def test_the_unit_is_the_one_in_the_name() -> None:
    table = (DOCS / "metrics.md").read_text()
    for name, unit in re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]+) \|", table, re.MULTILINE):
        if not name.endswith("_total"):
            assert name.endswith(f"_{unit.strip().split()[-1]}"), name


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
