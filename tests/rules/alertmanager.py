"""Alertmanager as the judge of routes, silences and messages: its amtool, and the program itself."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from testbed.binaries import ensure
from testbed.process import Component, Health, free_port
from testbed.sources import AMTOOL, MONITORING

Labels = dict[str, str]


def amtool(*arguments: str | Path) -> str:
    """What amtool prints. Raises AssertionError with what it complains of."""
    command = [ensure((AMTOOL,))["amtool"], *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def readable(config: dict[str, Any]) -> dict[str, Any]:
    """The same configuration for the Alertmanager of the test bed, which is too old to read one kind of secret from a
    file: that of a WeCom application (from 0.31 on)."""
    text = json.dumps(config).replace('"api_secret_file"', '"api_secret"')
    found: dict[str, Any] = json.loads(text)
    return found


def routed(config: Path, labels: Labels) -> list[str]:
    """Names of the receivers that an alert with these labels goes to."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={config}", *pairs).strip().split(",")


def expanded(folder: Path, template: str, data: dict[str, Any], kind: str = "text") -> str:
    """What a template becomes for the alerts of `data`."""
    file, empty = folder / "data.json", folder / "empty.tmpl"
    file.write_text(json.dumps(data), encoding="utf-8")
    empty.write_text('{{ define "nothing" }}{{ end }}', encoding="utf-8")
    options = (f"--template.glob={empty}", f"--template.data={file}", f"--template.type={kind}")
    return amtool("template", "render", *options, f"--template.text={template}").removesuffix("\n")


@dataclass(frozen=True)
class Running:
    """An Alertmanager that runs."""

    url: str

    def suppressed(self, alerts: list[Labels]) -> list[bool]:
        """Send `alerts`, and say which of them are silenced while the others fire."""
        self._call("alerts", [{"labels": each, "annotations": {}} for each in alerts])
        known = {tuple(sorted(each["labels"].items())): each for each in self._call("alerts")}
        return [bool(known[tuple(sorted(each.items()))]["status"]["inhibitedBy"]) for each in alerts]

    def _call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v2/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@contextmanager
def running(folder: Path, config: dict[str, Any]) -> Iterator[Running]:
    """The real Alertmanager with this configuration."""
    file, port = folder / "alertmanager.yaml", free_port()
    file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    command = [
        str(ensure((MONITORING,))["alertmanager"]),
        f"--config.file={file}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    url = f"http://127.0.0.1:{port}"
    server = Component("alertmanager", command, folder / "alertmanager.log", Health(f"{url}/-/ready"))
    server.start()
    try:
        yield Running(url)
    finally:
        server.stop()
