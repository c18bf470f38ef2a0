"""The client, against a small HTTP server that answers as an apiserver does in good and bad moments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from walletmon.controller import client as client_module
from walletmon.controller.client import ApiError, ApiUnreachable, Client
from walletmon.controller.connection import Connection
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.resources import CHILDREN, MONITORS, Key, KubeObject, Uid

CONFIG_MAPS = CHILDREN["ConfigMap"]
RULES = CHILDREN["PrometheusRule"]
KEY = Key("wallets", "treasury")
PATH = "/api/v1/namespaces/wallets/configmaps/treasury"

Answer = Callable[[], web.StreamResponse]


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Fake:
    """An apiserver that gives prepared answers in order, the last one for ever, and remembers what it was asked."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers), body))
        return self.answers.pop(0)() if len(self.answers) > 1 else self.answers[0]()

    def says(self, *answers: Answer) -> None:
        self.answers = list(answers)


def ok(body: Any) -> Answer:
    return lambda: web.json_response(body)


def text(status: int, body: str) -> Answer:
    return lambda: web.Response(status=status, text=body)


def refusal(code: int, reason: str, message: str, **details: Any) -> Answer:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return lambda: web.json_response({**status, "message": message, "details": details}, status=code)


def busy(retry_after: str | None = None) -> Answer:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda: web.Response(status=429, text="Too many requests, please try again later.", headers=headers)


@dataclass
class Bench:
    fake: Fake
    client: Client
    metrics: ControllerMetrics
    server: TestServer

    def requests(self, method: str, resource: str, code: str) -> float:
        labels = {"method": method, "resource": resource, "code": code}
        return self.metrics.registry.get_sample_value("walletmon_api_requests_total", labels) or 0.0


@pytest.fixture
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """The client in front of a fake; an indirect parameter is a path that the apiserver's address ends with."""
    fake = Fake()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    server = TestServer(app)
    await server.start_server()
    configuration = Configuration(host=str(server.make_url("")).rstrip("/") + getattr(request, "param", ""))
    configuration.api_key["BearerToken"] = "Bearer t0ken"
    connection = Connection(configuration)
    metrics = ControllerMetrics()
    async with connection.session() as session:
        yield Bench(fake, Client(connection, session, metrics), metrics, server)
    await server.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would have slept."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(client_module.asyncio, "sleep", sleep)
    return found


CHILD: KubeObject = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "treasury", "namespace": "wallets", "uid": "u-1", "resourceVersion": "7"},
    "data": {"a": "1"},
}


async def test_reading_says_who_we_are_and_gives_the_object(bench: Bench) -> None:
    bench.fake.says(ok(CHILD))
    assert await bench.client.get(CONFIG_MAPS, KEY) == CHILD
    (asked,) = bench.fake.asked
    assert (asked.method, asked.path) == ("GET", PATH)
    assert asked.headers["Authorization"] == "Bearer t0ken"
    assert asked.headers["User-Agent"].startswith("walletmon/")
    assert asked.headers["Accept"] == "application/json"


@pytest.mark.parametrize("bench", ["/k8s/clusters/c-m-1234"], indirect=True)
async def test_an_apiserver_below_a_path_is_found(bench: Bench) -> None:
    bench.fake.says(ok(CHILD))
    await bench.client.get(CONFIG_MAPS, KEY)
    assert bench.fake.asked[0].path == f"/k8s/clusters/c-m-1234{PATH}"


async def test_an_object_that_is_not_there_is_none(bench: Bench) -> None:
    bench.fake.says(refusal(404, "NotFound", 'configmaps "treasury" not found'))
    assert await bench.client.get(CONFIG_MAPS, KEY) is None


async def test_a_kind_that_is_not_there_is_an_error(bench: Bench) -> None:
    """The apiserver answers in plain text where no CustomResourceDefinition serves the path."""
    bench.fake.says(text(404, "404 page not found\n"))
    with pytest.raises(ApiError) as refused:
        await bench.client.get(RULES, KEY)
    assert refused.value.kind_missing
    assert str(refused.value) == "404 page not found"
    with pytest.raises(ApiError):
        await bench.client.list_all(RULES, None, None)


async def test_an_apply_is_forced_or_not_under_our_one_name(bench: Bench) -> None:
    bench.fake.says(ok(CHILD))
    await bench.client.apply(CONFIG_MAPS, CHILD, force=True)
    await bench.client.apply(CONFIG_MAPS, CHILD, force=False)
    for asked, force in zip(bench.fake.asked, ("true", "false"), strict=True):
        assert (asked.method, asked.path) == ("PATCH", PATH)
        assert asked.query == {"fieldManager": "walletmon", "force": force}
        assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
        assert json.loads(asked.body) == CHILD


async def test_texts_are_sent_as_yaml_takes_them(bench: Bench) -> None:
    """go-yaml refuses the surrogate pairs of escaped emoji, and raw control characters."""
    said = '🏦 金库 é \u2028 \u2029 \x85 \ufeff \xa0 quote" back\\slash \n\x00\x1b\x7f\x80\x9f\ufffe\uffff'
    bench.fake.says(ok(CHILD))
    await bench.client.apply(CONFIG_MAPS, {**CHILD, "data": {"a": said}}, force=True)
    body = bench.fake.asked[0].body
    assert "🏦 金库 é".encode() in body
    assert rb"\ud83c" not in body
    assert not set(body.decode()) & set("\x00\x1b\x7f\x80\x85\x9f\u2028\u2029\ufeff\ufffe\uffff")
    assert json.loads(body)["data"]["a"] == said


async def test_a_status_is_applied_to_exactly_this_object(bench: Bench) -> None:
    bench.fake.says(ok(CHILD))
    await bench.client.apply_status(MONITORS, KEY, Uid("u-1"), {"observedGeneration": 3})
    (asked,) = bench.fake.asked
    assert asked.path == "/apis/walletmon.dev/v1alpha1/namespaces/wallets/walletmonitors/treasury/status"
    assert asked.query == {"fieldManager": "walletmon", "force": "true"}
    assert json.loads(asked.body) == {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitor",
        "metadata": {"name": "treasury", "namespace": "wallets", "uid": "u-1"},
        "status": {"observedGeneration": 3},
    }


async def test_a_delete_is_of_exactly_this_object(bench: Bench) -> None:
    bench.fake.says(ok({"kind": "Status", "status": "Success"}))
    await bench.client.delete(CONFIG_MAPS, CHILD)
    (asked,) = bench.fake.asked
    assert (asked.method, asked.path) == ("DELETE", PATH)
    assert json.loads(asked.body) == {"preconditions": {"uid": "u-1"}, "propagationPolicy": "Background"}


@pytest.mark.parametrize("answer", [refusal(404, "NotFound", "gone"), refusal(409, "Conflict", "the UID is another")])
async def test_deleting_what_is_gone_already_is_no_error(bench: Bench, answer: Answer) -> None:
    bench.fake.says(answer)
    await bench.client.delete(CONFIG_MAPS, CHILD)


async def test_a_delete_that_is_forbidden_is_an_error(bench: Bench) -> None:
    bench.fake.says(refusal(403, "Forbidden", "cannot delete resource"))
    with pytest.raises(ApiError, match="cannot delete"):
        await bench.client.delete(CONFIG_MAPS, CHILD)


async def test_a_list_is_read_page_by_page_and_its_items_say_what_they_are(bench: Bench) -> None:
    def page(names: list[str], version: str, more: str = "") -> Answer:
        items = [{"metadata": {"name": name, "namespace": "wallets"}} for name in names]
        return ok({"kind": "ConfigMapList", "metadata": {"resourceVersion": version, "continue": more}, "items": items})

    bench.fake.says(page(["a", "b"], "10", "token=/+"), page(["c"], "10"))
    items, version = await bench.client.list_all(CONFIG_MAPS, "wallets", "app=x")
    assert [(item["apiVersion"], item["kind"], item["metadata"]["name"]) for item in items] == [
        ("v1", "ConfigMap", "a"),
        ("v1", "ConfigMap", "b"),
        ("v1", "ConfigMap", "c"),
    ]
    assert version == 10
    first, second = bench.fake.asked
    assert first.path == second.path == "/api/v1/namespaces/wallets/configmaps"
    assert first.query == {"limit": "500", "labelSelector": "app=x"}
    assert second.query == {"limit": "500", "labelSelector": "app=x", "continue": "token=/+"}


async def test_a_list_of_all_namespaces_without_a_selector(bench: Bench) -> None:
    bench.fake.says(ok({"metadata": {"resourceVersion": "1"}, "items": []}))
    assert await bench.client.list_all(MONITORS, None, None) == ([], 1)
    (asked,) = bench.fake.asked
    assert (asked.path, asked.query) == ("/apis/walletmon.dev/v1alpha1/walletmonitors", {"limit": "500"})


async def test_a_list_that_expires_half_way_is_an_error_not_half_a_list(bench: Bench) -> None:
    first = {"metadata": {"resourceVersion": "10", "continue": "x"}, "items": [CHILD]}
    bench.fake.says(ok(first), refusal(410, "Expired", "the provided continue parameter is too old"))
    with pytest.raises(ApiError) as refused:
        await bench.client.list_all(CONFIG_MAPS, None, None)
    assert (refused.value.status, refused.value.reason) == (410, "Expired")


async def test_a_refusal_carries_what_the_apiserver_said(bench: Bench) -> None:
    causes = [{"reason": "FieldValueInvalid", "field": "spec.groups", "message": "no"}]
    bench.fake.says(refusal(422, "Invalid", "spec.groups: no", causes=causes))
    with pytest.raises(ApiError) as refused:
        await bench.client.apply(CONFIG_MAPS, CHILD, force=True)
    error = refused.value
    assert (error.status, error.reason, error.message) == (422, "Invalid", "spec.groups: no")
    assert error.details == {"causes": causes}
    assert not error.kind_missing


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (text(502, "<html>bad gateway</html>"), "<html>bad gateway</html>"),
        (text(500, ""), ""),
        (lambda: web.Response(status=500, body=b"\xff\xfe broken"), "\ufffd\ufffd broken"),
        (lambda: web.json_response(["not", "a", "status"], status=500), "['not', 'a', 'status']"),
        (lambda: web.json_response({"code": 500}, status=500), ""),
        (text(200, "<html>please log in</html>"), "<html>please log in</html>"),
    ],
)
async def test_an_answer_of_nobody_we_know_is_still_an_api_error(bench: Bench, answer: Answer, said: str) -> None:
    bench.fake.says(answer)
    with pytest.raises(ApiError) as refused:
        await bench.client.get(CONFIG_MAPS, KEY)
    assert refused.value.message == said


async def test_a_busy_apiserver_is_asked_again_after_the_time_it_names(bench: Bench, waits: list[float]) -> None:
    bench.fake.says(busy("2"), busy("0"), busy(), ok(CHILD))
    assert await bench.client.get(CONFIG_MAPS, KEY) == CHILD
    assert waits == [2.0, 0.0, 1.0]
    assert bench.requests("GET", "configmaps", "429") == 3
    assert bench.requests("GET", "configmaps", "200") == 1


async def test_the_body_is_sent_again_whole(bench: Bench, waits: list[float]) -> None:
    bench.fake.says(busy("1"), ok(CHILD))
    await bench.client.apply(CONFIG_MAPS, CHILD, force=True)
    first, second = bench.fake.asked
    assert first.body == second.body
    assert waits == [1.0]


@pytest.mark.parametrize(("named", "waited"), [("3600", 5.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0), ("-1", 1.0)])
async def test_no_wait_is_longer_than_a_visit_can_bear(
    bench: Bench, waits: list[float], named: str, waited: float
) -> None:
    bench.fake.says(busy(named), ok(CHILD))
    await bench.client.get(CONFIG_MAPS, KEY)
    assert waits == [waited]


async def test_patience_ends(bench: Bench, waits: list[float]) -> None:
    bench.fake.says(busy("1"))
    with pytest.raises(ApiError) as refused:
        await bench.client.get(CONFIG_MAPS, KEY)
    assert refused.value.status == 429
    assert len(bench.fake.asked) == 4
    assert len(waits) == 3


async def test_no_connection_is_unreachable_and_counted(bench: Bench) -> None:
    await bench.server.close()
    with pytest.raises(ApiUnreachable, match=f"GET {PATH}: ClientConnectorError"):
        await bench.client.get(CONFIG_MAPS, KEY)
    assert bench.requests("GET", "configmaps", "none") == 1


async def test_a_connection_that_breaks_in_the_answer_is_unreachable(bench: Bench) -> None:
    class Broken(web.StreamResponse):
        async def prepare(self, request: web.BaseRequest) -> Any:
            assert request.transport is not None
            request.transport.close()
            raise ConnectionResetError

    bench.fake.says(Broken)
    with pytest.raises(ApiUnreachable):
        await bench.client.get(CONFIG_MAPS, KEY)


async def test_an_apiserver_that_does_not_answer_is_unreachable() -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    over = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    connection = Connection(Configuration(host=f"http://{host}:{port}"))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.05)) as session:
        client = Client(connection, session, ControllerMetrics())
        with pytest.raises(ApiUnreachable, match="Timeout"):
            await client.get(CONFIG_MAPS, KEY)
    over.set()
    server.close()
    await server.wait_closed()


async def test_waiting_for_a_free_connection_is_not_taken_for_an_apiserver_that_is_away(bench: Bench) -> None:
    """A monitor's children are applied all at once; the last waits while a slow apiserver answers the others."""
    async with Connection(Configuration(host="http://127.0.0.1:1")).session() as session:
        assert session.timeout.connect is None
        assert session.timeout.sock_connect is not None
        assert session.timeout.sock_read is not None
        assert session.timeout.total is not None


async def test_fields_are_taken_out_of_this_version_of_the_object_only(bench: Bench) -> None:
    bench.fake.says(ok(CHILD))
    await bench.client.remove_fields(CONFIG_MAPS, CHILD, ["/data/b", "/data/a"])
    (asked,) = bench.fake.asked
    assert asked.headers["Content-Type"] == "application/json-patch+json"
    assert asked.query == {"fieldManager": "walletmon"}
    assert json.loads(asked.body) == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/data/b"},
        {"op": "remove", "path": "/data/a"},
    ]


async def test_a_field_that_somebody_else_has_taken_out_already_is_a_conflict(bench: Bench) -> None:
    """The apiserver calls the patch invalid, as it would an object that can never be taken; but this one passes."""
    bench.fake.says(refusal(422, "Invalid", "the server rejected our request due to an error in our request"))
    with pytest.raises(ApiError) as refused:
        await bench.client.remove_fields(CONFIG_MAPS, CHILD, ["/data/b"])
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")


async def test_an_object_that_would_be_invalid_without_its_fields_is_refused_for_good(bench: Bench) -> None:
    bench.fake.says(refusal(422, "Invalid", "spec.x: Required value", causes=[{"field": "spec.x"}]))
    with pytest.raises(ApiError) as refused:
        await bench.client.remove_fields(CONFIG_MAPS, CHILD, ["/spec/x"])
    assert refused.value.status == 422


async def test_an_event_is_created_in_its_namespace(bench: Bench) -> None:
    from walletmon.controller.resources import EVENTS

    bench.fake.says(ok({"kind": "Event"}))
    await bench.client.create(EVENTS, {"metadata": {"namespace": "wallets", "name": "x"}})
    (asked,) = bench.fake.asked
    assert (asked.method, asked.path) == ("POST", "/apis/events.k8s.io/v1/namespaces/wallets/events")


def happenings(*lines: Any) -> Answer:
    """A watch's answer: a line an event."""
    body = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines)
    return text(200, body)


def event(happened: str, version: int, **content: Any) -> dict[str, Any]:
    obj = {"metadata": {"name": "a", "namespace": "wallets", "resourceVersion": str(version)}, **content}
    return {"type": happened, "object": obj}


async def watched(bench: Bench) -> list[tuple[str, KubeObject]]:
    return [each async for each in bench.client.watch(CONFIG_MAPS, "wallets", "walletmon.dev/pack", 7)]


async def test_a_watch_tells_what_happens_after_a_version(bench: Bench) -> None:
    long = "x" * 900_000
    bench.fake.says(happenings(event("ADDED", 8, data={"a": long}), event("BOOKMARK", 9), event("DELETED", 10)))
    found = await watched(bench)
    assert [happened for happened, _ in found] == ["ADDED", "BOOKMARK", "DELETED"]
    assert found[0][1]["data"]["a"] == long, "a line may be as long as an object"
    (asked,) = bench.fake.asked
    assert asked.path == "/api/v1/namespaces/wallets/configmaps"
    assert (
        asked.query.items() >= {"watch": "true", "resourceVersion": "7", "labelSelector": "walletmon.dev/pack"}.items()
    )


@pytest.mark.parametrize(
    "answer",
    [
        refusal(410, "Expired", "too old resource version"),
        happenings({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}),
    ],
)
async def test_a_version_that_is_too_old_is_told_as_such(bench: Bench, answer: Answer) -> None:
    bench.fake.says(answer)
    with pytest.raises(ApiError) as caught:
        await watched(bench)
    assert caught.value.status == 410


async def test_a_watch_that_is_no_json_is_as_good_as_none(bench: Bench) -> None:
    bench.fake.says(happenings("<html>"))
    with pytest.raises(ApiUnreachable):
        await watched(bench)
