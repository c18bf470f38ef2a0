"""What the compiler makes, judged by those who will take it: the apiserver with prometheus-operator's own definitions,
and prometheus-operator's admission webhook.

Objects go the way that they go in production (our client, server-side apply), but as a dry run with strict validation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import pytest
from hypothesis import HealthCheck, example, given, settings
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from testbed import Json, Testbed
from tests.documents import Document, maximal
from tests.strategies import valid
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.compile import compile
from walletmon.controller.client import Client
from walletmon.controller.connection import Connection
from walletmon.controller.drift import drift
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.resources import CHILDREN, MONITORS, KubeObject

CLASS = MonitorClass(object_labels={"release": "monitoring"}, grafana_url="https://grafana.example.org")
JUDGED = ("PrometheusRule", "AlertmanagerConfig")
NAMESPACE = "default"

# Every character that JSON, YAML or go-yaml treats in a way of its own.
TRICKY = "".join(
    map(
        chr,
        (
            *range(0x20),
            *range(0x7F, 0xA1),
            *(0xAD, 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600, 0x10FFFF),
        ),
    )
)


class DryRun:
    """A session of which every request is a dry run with strict validation."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def request(self, method: str, url: str, *, params: dict[str, str] | None, **rest: Any) -> Any:
        strict = {"dryRun": "All", "fieldValidation": "Strict"}
        return self._session.request(method, url, params={**(params or {}), **strict}, **rest)


@dataclass
class Judge:
    """The apiserver and the admission webhook; every method raises what it refuses."""

    bed: Testbed
    loop: asyncio.AbstractEventLoop
    client: Client

    def create(self, monitor: Document) -> KubeObject:
        """The monitor as it would be stored."""
        return self.loop.run_until_complete(self.client.create(MONITORS, monitor))

    def apply(self, obj: Json) -> KubeObject:
        """A child as it would be stored."""
        return self.loop.run_until_complete(self.client.apply(CHILDREN[obj["kind"]], obj, force=False))

    def review(self, obj: Json) -> None:
        """What prometheus-operator says of a rule or a routing."""
        response = self.bed.review(obj)
        assert response["allowed"], response


async def _connect(bed: Testbed) -> tuple[Connection, aiohttp.ClientSession]:
    configuration = Configuration()
    await config.load_kube_config(config_file=str(bed.kubeconfig), client_configuration=configuration)
    connection = Connection(configuration)
    return connection, connection.session()


@pytest.fixture(scope="module")
def judge(bed: Testbed, crd: Json) -> Iterator[Judge]:
    """Needs a monitor's definition on the bed; starts the webhook if nobody has yet."""
    assert crd
    if "admission-webhook" not in bed.components:
        bed.start_admission_webhook()
    loop = asyncio.new_event_loop()
    connection, session = loop.run_until_complete(_connect(bed))
    yield Judge(bed, loop, Client(connection, cast(aiohttp.ClientSession, DryRun(session)), ControllerMetrics()))
    loop.run_until_complete(session.close())
    loop.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@example(document=maximal(NAMESPACE))
@given(document=valid(NAMESPACE))
def test_every_valid_monitor_compiles_to_objects_that_are_taken(judge: Judge, document: Document) -> None:
    stored = judge.create(document)
    bundle = compile(parse_monitor(stored), CLASS)
    for obj in bundle.objects or ():
        there = judge.apply(obj)
        # What is there must count as right, or it would be written again on each visit.
        assert not drift(obj, there), obj["kind"]
        if obj["kind"] in JUDGED:
            judge.review(obj)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=valid(NAMESPACE))
def test_the_stored_monitor_means_what_the_written_one_does(judge: Judge, document: Document) -> None:
    """The apiserver's defaults are ours, so that rendering a file and reconciling it agree."""
    stored = judge.create(document)
    del document["metadata"]["uid"], stored["metadata"]["uid"]
    written, read = (compile(parse_monitor(each), CLASS) for each in (document, stored))
    assert written.objects == read.objects
    assert sorted(map(str, written.diagnostics)) == sorted(map(str, read.diagnostics))


@pytest.mark.parametrize("text", [TRICKY, *(f"x  {each}  y{each}{each}z" for each in TRICKY)], ids=ascii)
def test_any_text_arrives_as_it_was_sent(judge: Judge, text: str) -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "text", "namespace": NAMESPACE},
        "data": {"text": text},
    }
    assert judge.apply(obj)["data"] == {"text": text}
