"""Plain files for those without prometheus-operator: promtool and amtool take them, and the routes lead home."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from testbed.binaries import ensure
from testbed.sources import AMTOOL
from tests.documents import hubless, maximal
from tests.rules.alertmanager import readable
from walletmon.cli import main


@pytest.fixture(scope="module")
def amtool() -> Path:
    return ensure((AMTOOL,))["amtool"]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    monitors = []
    for namespace in ("wallets", "other"):
        document = hubless(maximal(namespace))
        del document["spec"]["className"]
        document["spec"]["packs"] = [{"name": "golden-signals"}]
        document["spec"]["rules"] = document["spec"]["rules"][:1]
        monitors.append(document)
    done = CliRunner().invoke(
        main,
        ["render", "--format", "prometheus", "--output", str(folder), "-"],
        input=json.dumps({"kind": "List", "items": monitors}),
    )
    assert done.exit_code == 0, done.stderr
    written = folder / "alertmanager.yaml"
    written.write_text(yaml.safe_dump(readable(yaml.safe_load(written.read_text(encoding="utf-8")))), encoding="utf-8")
    return folder


def test_promtool_takes_the_rule_files(promtool: Path, rendered: Path) -> None:
    files = sorted(rendered.glob("rules/*.yaml"))
    assert [each.name for each in files] == ["other.treasury.yaml", "wallets.treasury.yaml"]
    done = subprocess.run([promtool, "check", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_amtool_takes_the_configuration(amtool: Path, rendered: Path) -> None:
    done = subprocess.run(
        [amtool, "check-config", rendered / "alertmanager.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (
            ["namespace=wallets", "walletmon=treasury", "priority=P0"],
            ",".join(f"wallets/treasury/{name}" for name in ("on-call", "desk", "wecom", "pagerduty", "opsgenie")),
        ),
        (
            ["namespace=other", "walletmon=treasury", "priority=P2"],
            "other/treasury/desk,other/treasury/slack,other/treasury/msteams",
        ),
        (["namespace=wallets", "walletmon=else", "priority=P0"], "nobody"),
        (["namespace=else", "walletmon=treasury", "priority=P0"], "nobody"),
    ],
)
def test_an_alert_goes_to_its_own_monitors_receivers(
    amtool: Path, rendered: Path, labels: list[str], receivers: str
) -> None:
    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={rendered / 'alertmanager.yaml'}", *labels],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == receivers, done.stderr
