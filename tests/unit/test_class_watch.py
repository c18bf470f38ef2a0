"""Classes and the rest of the cluster, watched: what counts as a change, and whom it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from walletmon.api.diagnostic import Code
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.facts import ClusterFacts
from walletmon.controller import cluster as cluster_module
from walletmon.controller.classes import Classes
from walletmon.controller.client import ApiError, ApiUnreachable
from walletmon.controller.cluster import Cluster
from walletmon.controller.resources import ALERTMANAGERS, CLASSES, NAMESPACES, PROMETHEUSES, KubeObject, Resource, Uid

DEFAULT = {"walletmon.dev/is-default-class": "true"}


class Apiserver:
    """Lists what is in `objects`; `tell` sends an event to whoever watches."""

    def __init__(self) -> None:
        self.objects: dict[Resource, list[KubeObject]] = {}
        self.no: dict[Resource, list[Exception]] = {}
        self._events: dict[Resource, asyncio.Queue[tuple[str, KubeObject]]] = {}

    async def list_all(
        self, resource: Resource, namespace: str | None, selector: str | None
    ) -> tuple[list[KubeObject], int]:
        assert (namespace, selector) == (None, None)
        if self.no.get(resource):
            raise self.no[resource].pop(0)
        return list(self.objects.get(resource, ())), 5

    async def watch(
        self, resource: Resource, namespace: str | None, selector: str | None, version: int
    ) -> AsyncIterator[tuple[str, KubeObject]]:
        while True:
            yield await self._queue(resource).get()

    def tell(self, resource: Resource, happened: str, obj: KubeObject) -> None:
        self._queue(resource).put_nowait((happened, obj))

    def _queue(self, resource: Resource) -> asyncio.Queue[tuple[str, KubeObject]]:
        return self._events.setdefault(resource, asyncio.Queue())


def class_(name: str, version: int = 1, created: str = "2026-01-01T00:00:00Z", **fields: Any) -> KubeObject:
    metadata = {
        "name": name,
        "uid": f"uid-of-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": created,
        "annotations": fields.pop("annotations", {}),
    }
    return {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitorClass",
        "metadata": metadata,
        "spec": {},
        **fields,
    }


def obj(name: str, version: int = 1, namespace: str | None = None, **fields: Any) -> KubeObject:
    metadata: KubeObject = {"name": name, "uid": f"uid-of-{name}", "resourceVersion": str(version)}
    metadata |= {} if namespace is None else {"namespace": namespace}
    metadata |= fields.pop("metadata", {})
    return {"metadata": metadata, **fields}


def monitor(class_name: str | None = None) -> Any:
    spec: dict[str, Any] = {"wallets": [{"name": "hot-1"}]}
    spec |= {} if class_name is None else {"className": class_name}
    return parse_monitor(
        {
            "apiVersion": "walletmon.dev/v1alpha1",
            "kind": "WalletMonitor",
            "metadata": {"name": "treasury", "namespace": "wallets"},
            "spec": spec,
        }
    )


class ClassBench:
    """Classes, started and followed."""

    def __init__(self, *there: KubeObject, built_in: MonitorClass | None = None) -> None:
        self.api = Apiserver()
        self.api.objects[CLASSES] = list(there)
        self.known = 0
        self.concerned: list[tuple[str, bool]] = []
        client: Any = self.api
        built_in = MonitorClass(object_labels={"release": "built-in"}) if built_in is None else built_in
        self.classes = Classes(
            client, built_in, lambda name, nameless: self.concerned.append((name, nameless)), self._became_known
        )
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ClassBench:
        await self.classes.start()
        self._running = asyncio.create_task(self.classes.run())
        self.concerned.clear()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._running is not None
        self._running.cancel()

    def _became_known(self) -> None:
        self.known += 1

    async def after(self, happened: str, changed: KubeObject) -> list[tuple[str, bool]]:
        """Whom an event concerns."""
        self.concerned.clear()
        self.api.tell(CLASSES, happened, changed)
        for _ in range(20):
            await asyncio.sleep(0)
        return list(self.concerned)

    def chosen(self, class_name: str | None = None) -> str | None:
        found = self.classes.choose(monitor(class_name)).class_
        assert found is not None
        return found.name


async def test_a_class_that_changes_concerns_those_that_name_it() -> None:
    async with ClassBench(class_("a"), class_("b")) as bench:
        assert await bench.after("MODIFIED", class_("a", 2, spec={"objectLabels": {"x": "y"}})) == [("a", False)]


async def test_a_status_concerns_nobody() -> None:
    async with ClassBench(class_("a")) as bench:
        assert await bench.after("MODIFIED", class_("a", 2, status={"observedGeneration": 1})) == []


async def test_a_default_class_concerns_those_that_name_none() -> None:
    async with ClassBench(class_("a", annotations=DEFAULT)) as bench:
        changed = class_("a", 2, annotations=DEFAULT, spec={"objectLabels": {"x": "y"}})
        assert await bench.after("MODIFIED", changed) == [("a", True)]
        assert bench.chosen() == "a"


async def test_a_mark_that_comes_or_goes_concerns_those_that_name_none() -> None:
    async with ClassBench(class_("a")) as bench:
        assert bench.chosen() is None
        assert await bench.after("MODIFIED", class_("a", 2, annotations=DEFAULT)) == [("a", True)]
        assert bench.chosen() == "a"
        assert await bench.after("MODIFIED", class_("a", 3)) == [("a", True)]
        assert bench.chosen() is None


async def test_a_second_default_concerns_the_first_as_well() -> None:
    async with ClassBench(class_("a", annotations=DEFAULT)) as bench:
        younger = class_("b", 2, created="2026-02-01T00:00:00Z", annotations=DEFAULT)
        assert set(await bench.after("ADDED", younger)) == {("b", True), ("a", False)}
        assert bench.classes.defaults == ("a", "b")
        assert bench.chosen() == "a"


async def test_a_class_that_is_gone_is_chosen_no_more() -> None:
    async with ClassBench(class_("a")) as bench:
        assert await bench.after("DELETED", class_("a", 2)) == [("a", False)]
        choice = bench.classes.choose(monitor("a"))
        assert choice.class_ is None
        assert choice.problem is not None
        assert choice.problem.code is Code.UNKNOWN_CLASS


async def test_a_class_that_cannot_be_understood_is_in_nobodys_place() -> None:
    wrong = class_("a", annotations=DEFAULT, spec={"objectLabels": 1})
    async with ClassBench(wrong) as bench:
        for named in ("a", None):
            choice = bench.classes.choose(monitor(named))
            assert choice.class_ is None
            assert choice.problem is not None
            assert "'a' cannot be understood" in choice.problem.message
        assert bench.classes.problems("a")
        assert await bench.after("MODIFIED", class_("a", 2, annotations=DEFAULT)) == [("a", True)]
        assert bench.chosen() == "a"


async def test_a_default_class_that_cannot_be_understood_concerns_those_that_name_none_when_it_goes() -> None:
    wrong = class_("a", annotations=DEFAULT, spec={"objectLabels": 1})
    async with ClassBench(wrong) as bench:
        assert await bench.after("DELETED", {**wrong, "metadata": {**wrong["metadata"], "resourceVersion": "2"}}) == [
            ("a", True)
        ]
        assert bench.chosen() is None


async def test_a_spec_that_the_answer_to_a_write_brings_is_seen() -> None:
    async with ClassBench(class_("a")) as bench:
        changed = class_("a", 3, spec={"objectLabels": {"x": "y"}}, status={"observedGeneration": 1})
        bench.classes.answered(changed)
        assert bench.concerned == [("a", False)]
        understood = bench.classes.understood("a")
        assert understood is not None
        assert understood.spec.object_labels == {"x": "y"}
        assert await bench.after("MODIFIED", changed) == []


def selecting(release: str) -> ClusterFacts:
    """A cluster whose Alertmanager selects by this label."""
    selector = {"matchLabels": {"release": release}}
    main = obj("main", namespace="monitoring", spec={"alertmanagerConfigSelector": selector})
    return ClusterFacts(namespaces={"monitoring": {}}, alertmanagers=(main,))


async def test_what_a_class_tells_by_is_for_its_monitors_what_it_is_for_itself() -> None:
    """They judge whether it is selected: by labels of another moment, they would call it left out."""
    chat = {"name": "chat", "slack": {"urlSecret": {"name": "chat", "key": "url"}}}
    telling = class_("a", spec={"alertmanager": {"namespace": "monitoring"}, "receivers": [chat]})
    async with ClassBench(telling, built_in=MonitorClass()) as bench:

        def label(facts: ClusterFacts) -> str | None:
            told = bench.classes.tells_by("a", facts)
            return None if told is None else told["metadata"]["labels"].get("release")

        def visit(facts: ClusterFacts) -> list[tuple[str, bool]]:
            bench.concerned.clear()
            bench.classes.visited("a", bench.classes.bundle("a", facts))
            return bench.concerned

        assert label(selecting("one")) == "one"
        assert visit(selecting("one")) == []
        assert label(selecting("two")) == "two"
        assert visit(selecting("two")) == [("a", False)]
        assert visit(selecting("two")) == []


async def test_a_class_is_found_by_its_uid() -> None:
    async with ClassBench(class_("a")) as bench:
        found = bench.classes.key_of_uid(Uid("uid-of-a"))
        assert found is not None
        assert str(found) == "a"
        assert bench.classes.key_of_uid(Uid("another")) is None


async def test_where_the_kind_is_missing_there_are_no_classes_and_that_is_known() -> None:
    bench = ClassBench()
    bench.api.no[CLASSES] = [ApiError(404, "UnknownPath", "404 page not found")]
    await bench.classes.start()
    assert bench.classes.known
    assert bench.chosen() is None


async def test_where_they_may_not_be_listed_nothing_is_known() -> None:
    bench = ClassBench()
    bench.api.no[CLASSES] = [ApiError(403, "Forbidden", "no")]
    await bench.classes.start()
    assert not bench.classes.known


async def test_that_they_may_be_listed_at_last_concerns_every_monitor_though_there_is_none() -> None:
    bench = ClassBench()
    bench.api.no[CLASSES] = [ApiError(403, "Forbidden", "no")]
    async with bench:
        assert bench.known == 0
        await bench.after("BOOKMARK", class_("nothing"))
        assert bench.classes.known
        assert bench.known == 1


async def test_a_start_waits_for_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "_RETRY", 0.0)
    bench = ClassBench(class_("a"))
    bench.api.no[CLASSES] = [ApiUnreachable("away"), ApiError(500, "InternalError", "no")]
    await bench.classes.start()
    assert bench.chosen("a") == "a"


class ClusterBench:
    """A cluster with a namespace, a Prometheus and an Alertmanager, followed."""

    def __init__(self) -> None:
        self.api = Apiserver()
        self.api.objects = {
            NAMESPACES: [obj("wallets", metadata={"labels": {"env": "prod"}})],
            PROMETHEUSES: [obj("main", namespace="monitoring", spec={"paused": False})],
            ALERTMANAGERS: [obj("main", namespace="monitoring", spec={})],
        }
        self.concerned: list[str | None] = []
        client: Any = self.api
        self.cluster = Cluster(client, self.concerned.append)

    async def after(self, resource: Resource, happened: str, changed: KubeObject) -> list[str | None]:
        running = asyncio.create_task(self.cluster.run())
        self.api.tell(resource, happened, changed)
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()
        return list(self.concerned)


@pytest.fixture
async def bench() -> ClusterBench:
    bench = ClusterBench()
    await bench.cluster.start()
    bench.concerned.clear()
    return bench


async def test_what_there_is_is_known_after_the_start(bench: ClusterBench) -> None:
    assert bench.cluster.namespaces == {"wallets": {"env": "prod"}}
    assert [each["metadata"]["name"] for each in bench.cluster.prometheuses or ()] == ["main"]
    assert [each["metadata"]["name"] for each in bench.cluster.alertmanagers or ()] == ["main"]


async def test_a_namespaces_labels_concern_its_monitors(bench: ClusterBench) -> None:
    changed = obj("wallets", 2, metadata={"labels": {"env": "test"}})
    assert await bench.after(NAMESPACES, "MODIFIED", changed) == ["wallets"]
    assert bench.cluster.namespaces == {"wallets": {"env": "test"}}


async def test_other_news_of_a_namespace_concern_nobody(bench: ClusterBench) -> None:
    changed = obj("wallets", 2, metadata={"labels": {"env": "prod"}, "annotations": {"x": "y"}})
    assert await bench.after(NAMESPACES, "MODIFIED", changed) == []


async def test_a_namespace_that_goes_is_known_no_more(bench: ClusterBench) -> None:
    assert await bench.after(NAMESPACES, "DELETED", obj("wallets", 2)) == ["wallets"]
    assert bench.cluster.namespaces == {}


async def test_what_a_prometheus_selects_concerns_everybody_and_its_status_nobody(bench: ClusterBench) -> None:
    told = obj("main", 2, "monitoring", spec={"paused": False}, status={"replicas": 1})
    assert await bench.after(PROMETHEUSES, "MODIFIED", told) == []
    changed = obj("main", 3, "monitoring", spec={"paused": True})
    assert await bench.after(PROMETHEUSES, "MODIFIED", changed) == [None]


async def test_a_prometheus_that_cannot_be_made_concerns_everybody(bench: ClusterBench) -> None:
    conditions = [{"type": "Reconciled", "status": "False", "message": "secret x not found"}]
    told = obj("main", 2, "monitoring", spec={"paused": False}, status={"conditions": conditions})
    assert await bench.after(PROMETHEUSES, "MODIFIED", told) == [None]


async def test_what_may_not_be_listed_is_not_known() -> None:
    bench = ClusterBench()
    bench.api.no = {PROMETHEUSES: [ApiError(403, "Forbidden", "no")], NAMESPACES: [ApiError(403, "Forbidden", "no")]}
    await bench.cluster.start()
    assert bench.cluster.prometheuses is None
    assert bench.cluster.namespaces is None
    assert bench.cluster.alertmanagers is not None


async def test_what_may_be_listed_at_last_concerns_everybody_though_there_is_none() -> None:
    bench = ClusterBench()
    bench.api.objects[PROMETHEUSES] = []
    bench.api.no = {PROMETHEUSES: [ApiError(403, "Forbidden", "no")]}
    await bench.cluster.start()
    bench.concerned.clear()
    assert await bench.after(PROMETHEUSES, "BOOKMARK", obj("nothing")) == [None]
    assert bench.cluster.prometheuses == ()
