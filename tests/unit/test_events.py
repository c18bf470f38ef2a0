"""Events: told once, in a form that the apiserver takes, and never in the way of the work."""

from __future__ import annotations

from typing import Any, cast

import pytest

from walletmon.controller.client import ApiError, ApiUnreachable, KubernetesApi
from walletmon.controller.events import EventRecorder
from walletmon.controller.resources import KubeObject, Resource

MONITOR: KubeObject = {
    "apiVersion": "walletmon.dev/v1alpha1",
    "kind": "WalletMonitor",
    "metadata": {"name": "treasury", "namespace": "wallets", "uid": "u-1"},
}


class Apiserver:
    def __init__(self) -> None:
        self.events: list[KubeObject] = []
        self.error: Exception | None = None

    async def create(self, resource: Resource, body: KubeObject) -> KubeObject:
        assert resource.plural == "events"
        if self.error is not None:
            raise self.error
        self.events.append(body)
        return body


@pytest.fixture
def apiserver() -> Apiserver:
    return Apiserver()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(apiserver: Apiserver, clock: Clock) -> EventRecorder:
    return EventRecorder(cast(KubernetesApi, apiserver), "walletmon-0", clock)


def ready(status: str = "True", reason: str = "Ready", message: str = "well") -> dict[str, Any]:
    return {"type": "Ready", "status": status, "reason": reason, "message": message}


async def test_a_judgement_is_told_when_it_changes_and_not_when_it_is_repeated(
    recorder: EventRecorder, apiserver: Apiserver
) -> None:
    await recorder.judged(MONITOR, None, ready())
    await recorder.judged(MONITOR, ready(), ready(message="still well"))
    await recorder.judged(MONITOR, ready(), ready("False", "Forbidden"))
    await recorder.judged(MONITOR, ready("False", "Forbidden"), ready("False", "Refused"))
    assert [(each["type"], each["reason"]) for each in apiserver.events] == [
        ("Normal", "Ready"),
        ("Warning", "Forbidden"),
        ("Warning", "Refused"),
    ]
    assert apiserver.events[0]["regarding"]["uid"] == "u-1"


@pytest.mark.parametrize("letter", ["x", "é", "库", "🏦"])
async def test_a_long_note_is_cut_to_the_bytes_that_an_event_may_have(
    recorder: EventRecorder, apiserver: Apiserver, letter: str
) -> None:
    await recorder.judged(MONITOR, None, ready(message=letter * 2000))
    (event,) = apiserver.events
    assert 1020 < len(event["note"].encode()) <= 1024
    assert set(event["note"]) == {letter}


async def test_drift_that_comes_again_and_again_is_told_every_ten_minutes(
    recorder: EventRecorder, apiserver: Apiserver, clock: Clock
) -> None:
    for _ in range(5):
        await recorder.repaired(MONITOR, "ConfigMap a", "was missing")
    await recorder.repaired(MONITOR, "ConfigMap b", "was missing")
    assert [each["note"] for each in apiserver.events] == [
        "ConfigMap a was missing and was put right",
        "ConfigMap b was missing and was put right",
    ]
    clock.now = 601.0
    await recorder.repaired(MONITOR, "ConfigMap a", "was missing")
    assert len(apiserver.events) == 3


@pytest.mark.parametrize("error", [ApiError(403, "Forbidden", "no"), ApiUnreachable("away")])
async def test_an_event_that_cannot_be_written_stops_nothing(
    recorder: EventRecorder, apiserver: Apiserver, error: Exception
) -> None:
    apiserver.error = error
    await recorder.judged(MONITOR, None, ready())


async def test_names_of_events_differ(recorder: EventRecorder, apiserver: Apiserver) -> None:
    for reason in ("A", "B"):
        await recorder.judged(MONITOR, None, ready(reason=reason))
    first, second = (each["metadata"]["name"] for each in apiserver.events)
    assert first != second
    assert first.startswith("treasury.")
