"""What becomes of random classes: judged by the apiserver, prometheus-operator, Prometheus and Alertmanager.

A class is for the whole cluster. One of its objects that is refused, or one word of it in all monitors' objects, is not
one team's trouble but everybody's.
"""

from __future__ import annotations

import gzip
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from testbed import Json, Testbed
from testbed.waiting import wait_for
from tests.class_strategies import CLASS_PARTS, valid_class
from tests.documents import Document
from tests.integration.test_compiled_configuration import (
    JOBS,
    NAMESPACE,
    SETTLES_WITHIN,
    refusals,
    secret,
    with_secrets,
)
from tests.strategies import valid
from walletmon.api.crd import wallet_monitor_class_crd
from walletmon.api.monitor_class import MonitorClass, in_force
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.compiler.compile import compile
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts

CLASSES = 30
FACTS = ClusterFacts(year=2026)
BUILT_IN = MonitorClass(hub_url="https://hub.example.org")


@pytest.fixture(scope="module")
def stack() -> Iterator[Testbed]:
    """A control plane with prometheus-operator, Prometheus and Alertmanager, and the definition of classes."""
    with Testbed() as bed:
        bed.install_prometheus_operator_crds()
        bed.install_crds([wallet_monitor_class_crd()])
        bed.start_prometheus_operator()
        bed.start_admission_webhook()
        bed.start_prometheus()
        bed.start_alertmanager(spec={"alertmanagerConfigMatcherStrategy": {"type": "None"}})
        bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        bed.apply([secret(bed)])
        yield bed


def some(strategy: SearchStrategy[Document]) -> list[Document]:
    """Some documents, the same each time."""
    found: list[Document] = []

    @seed(1)
    @settings(
        max_examples=CLASSES,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(document: Document) -> None:
        found.append(document)

    collect()
    return found


def documents() -> list[tuple[Document, Document]]:
    """Some classes over all fields, each with a monitor."""
    parts = zip(*(some(valid_class(fields, NAMESPACE)) for fields in CLASS_PARTS), strict=False)
    found = []
    for number, (documents, monitor) in enumerate(zip(parts, some(valid(NAMESPACE)), strict=False)):
        class_ = {**documents[0], "spec": {name: part for each in documents for name, part in each["spec"].items()}}
        class_["metadata"] = {"name": f"c{number}"}
        monitor["metadata"] = {"name": f"m{number}", "namespace": NAMESPACE}
        for target in monitor["spec"].get("targets", ()):
            # It is the Prometheus that has scrape classes, and here they are others'.
            target.pop("scrapeClass", None)
        for index, environment in enumerate(class_["spec"]["environments"]):
            # prometheus-operator waits for one that is not there.
            environment.get("prometheus", {}).get("storage", {}).pop("storageClassName", None)
            environment["name"] = f"{environment['name'][:20].strip('-')}-{index}"
        names = [each["name"] for each in class_["spec"]["environments"]]
        if names:
            monitor["spec"]["environment"] = names[-1]
        found.append((class_, monitor))
    return found


def test_every_valid_class_is_taken_by_the_whole_stack(stack: Testbed, tmp_path: Path) -> None:
    names: set[str] = set()
    prometheuses: set[str] = set()
    for class_document, monitor_document in documents():
        resource = parse_class(_create(stack, with_secrets(class_document)))
        class_ = in_force(resource, BUILT_IN)
        own = compile_class(resource, BUILT_IN, FACTS).objects or ()
        for obj in [*own, *(compile(parse_monitor(with_secrets(monitor_document)), class_, FACTS).objects or ())]:
            obj["metadata"].pop("ownerReferences", None)
            _create(stack, obj)
            if obj["kind"] in ("AlertmanagerConfig", "PrometheusRule"):
                answer = stack.review(obj)
                assert answer["allowed"], f"{answer}\n{obj}"
            names |= set(_named(obj))
            if obj["kind"] == "Prometheus":
                prometheuses.add(obj["metadata"]["name"])

    def missing() -> list[str]:
        stack.check()
        texts = [stack.prometheus_config.read_text(), stack.alertmanager_config.read_text()]
        texts += [path.read_text() for path in stack.prometheus_config.parent.rglob("*.yaml")]
        found = "".join(texts)
        return [
            *(name for name in names if f"{name}\n" not in found),
            *(name for name in prometheuses if _generated(stack, name) is None or not _runs(stack, name)),
        ]

    try:
        wait_for("everything to be configured", lambda: not missing(), SETTLES_WITHIN)
    except Exception:
        print("\n".join(refusals(stack)), missing())
        failed = [line for line in stack.log("prometheus-operator").read_text().splitlines() if "err=" in line]
        print("\n".join(failed[-20:]))
        raise
    assert refusals(stack) == []
    assert prometheuses
    for name in sorted(prometheuses):
        text = _generated(stack, name)
        assert text is not None
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        judged = subprocess.run(
            [stack.binaries["promtool"], "check", "config", "--syntax-only", file], capture_output=True, text=True
        )
        assert judged.returncode == 0, judged.stdout + judged.stderr + text


def _create(bed: Testbed, obj: Json) -> Json:
    """Not by server-side apply: what kubectl sends there as JSON, the apiserver reads as YAML."""
    path = bed.api.path_of(obj).rpartition("/")[0]
    return bed.api.request("POST", path, obj, params={"fieldValidation": "Strict"})


def _runs(bed: Testbed, name: str) -> bool:
    return bed.api.find("apps/v1", "StatefulSet", NAMESPACE, f"prometheus-{name}") is not None


def _generated(bed: Testbed, name: str) -> str | None:
    found = bed.api.find("v1", "Secret", NAMESPACE, f"prometheus-{name}")
    zipped = (found or {}).get("data", {}).get("prometheus.yaml.gz")
    text = gzip.decompress(b64decode(zipped)).decode() if zipped else ""
    return text or None


def _named(obj: Json) -> Iterator[str]:
    kind, name = obj["kind"], obj["metadata"]["name"]
    if kind in JOBS and not name.startswith("walletmon."):
        yield "job_name: " + JOBS[kind].format(NAMESPACE, name)
    elif kind == "ScrapeConfig":
        yield f"job_name: scrapeConfig/{NAMESPACE}/{name}"
    elif kind == "AlertmanagerConfig":
        yield from (f"name: {NAMESPACE}/{name}/{each['name']}" for each in obj["spec"].get("receivers", ()))
    elif kind == "PrometheusRule":
        yield from (f"name: {group['name']}" for group in obj["spec"]["groups"])
