"""The command line: what it prints, and what it says to mistakes before anything is started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from walletmon import __version__
from walletmon.api.crd import crd_yaml, crds
from walletmon.cli import main
from walletmon.controller import app, logs


def said(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[app.Options]:
    """The options that the operator would have been started with; it is not started."""
    found: list[app.Options] = []

    def run(options: app.Options) -> Coroutine[Any, Any, None]:
        async def nothing() -> None:
            found.append(options)

        return nothing()

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr(logs, "configure_logging", lambda form, level: None)
    return found


def test_the_definitions_go_to_stdout() -> None:
    result = said("crds")
    assert result.exit_code == 0
    assert list(yaml.safe_load_all(result.stdout)) == list(crds().values())
    assert {each["kind"] for each in crds().values()} == {"CustomResourceDefinition"}


def test_the_definitions_go_to_a_folder_a_file_each(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "crds"
    assert said("crds", "--output", str(folder)).exit_code == 0
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert written == {name: crd_yaml(crd) for name, crd in crds().items()}


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        result = said("crds", "--output", str(path))
        assert result.exit_code != 0
        assert str(path) in result.stderr
        assert "Traceback" not in result.stderr


def test_the_module_runs_as_the_script_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "walletmon.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"walletmon, version {__version__}\n"


def test_printing_needs_neither_kopf_nor_a_cluster() -> None:
    code = "import sys, walletmon.cli; print({'kopf', 'aiohttp', 'kubernetes'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_every_option_is_explained() -> None:
    for command in main.commands.values():
        for option in command.params:
            assert getattr(option, "help", None) or option.name in ("log_format", "log_level")


def test_without_options_the_operator_serves_everything_with_the_built_in_class(started: list[app.Options]) -> None:
    result = said("run")
    assert result.exit_code == 0, result.output
    (options,) = started
    assert options == app.Options()


def test_options_reach_the_operator(started: list[app.Options]) -> None:
    result = said(
        *("run", "--namespace", "a", "--namespace", "b", "--object-label", "release=monitoring"),
        *("--object-label", "walletmon.dev/x=", "--runbook-base-url", "https://wiki.example.org/runbooks/"),
        *("--grafana-url", "http://grafana:3000/", "--listen", "[::1]:9000", "--workers", "3"),
        *("--hub-url", "http://hub.walletmon.svc:8080/", "--packs-namespace", "platform"),
    )
    assert result.exit_code == 0, result.output
    (options,) = started
    assert options.namespaces == ("a", "b")
    assert options.class_.object_labels == {"release": "monitoring", "walletmon.dev/x": ""}
    assert options.class_.runbook_base_url == "https://wiki.example.org/runbooks"
    assert options.class_.grafana_url == "http://grafana:3000"
    assert options.class_.hub_url == "http://hub.walletmon.svc:8080"
    assert options.class_.packs_namespace == "platform"
    assert (options.host, options.port, options.workers) == ("::1", 9000, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--listen", "8080"), "--listen: '8080' is not ADDR:PORT, for example 0.0.0.0:8080"),
        (("--listen", "localhost:http"), "--listen: 'localhost:http' is not ADDR:PORT"),
        (("--listen", "localhost:65536"), "--listen: 'localhost:65536' is not ADDR:PORT"),
        (("--listen", "localhost:²"), "--listen: 'localhost:²' is not ADDR:PORT"),
        (("--listen", "localhost:" + "9" * 5000), "is not ADDR:PORT"),
        (("--object-label", "release"), "--object-label: 'release' is not KEY=VALUE of a Kubernetes label"),
        (("--object-label", "=x"), "--object-label: '=x' is not KEY=VALUE"),
        (("--object-label", "a b=x"), "--object-label: 'a b=x' is not KEY=VALUE"),
        (("--object-label", "release=a b"), "--object-label: 'release=a b' is not KEY=VALUE"),
        (("--object-label", "release=" + "x" * 64), "is not KEY=VALUE"),
        (("--namespace", "Wallets"), "--namespace: 'Wallets' is not the name of a namespace"),
        (("--namespace", "a,b"), "--namespace: 'a,b' is not the name of a namespace"),
        (("--grafana-url", "grafana:3000"), "--grafana-url: 'grafana:3000' is not a URL with http:// or https://"),
        (("--hub-url", "hub:8080"), "--hub-url: 'hub:8080' is not a URL with http:// or https://"),
        (("--hub-url", "http://hub/?a=b"), "--hub-url: 'http://hub/?a=b' is not a URL"),
        (("--hub-url", 'http://hub/"'), "is not a URL"),
        (("--runbook-base-url", "file:///x"), "--runbook-base-url: 'file:///x' is not a URL"),
        (("--workers", "0"), "'--workers': 0 is not in the range 1<=x<=64"),
        (("--log-level", "loud"), "'--log-level': 'loud' is not one of"),
        (("--colour",), "No such option"),
    ],
)
def test_a_mistake_is_told_before_anything_starts(
    started: list[app.Options], arguments: tuple[str, ...], words: str
) -> None:
    result = said("run", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert started == []


def test_a_cluster_that_is_not_configured_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "configure_logging", lambda form, level: None)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = said("run", "--listen", "127.0.0.1:0")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
