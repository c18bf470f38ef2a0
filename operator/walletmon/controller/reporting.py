"""Statuses written where they differ from what stands there, and told in an Event where Ready changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from walletmon.api.status import ConditionType
from walletmon.controller.client import ApiError, KubernetesApi
from walletmon.controller.events import EventRecorder
from walletmon.controller.resources import KubeObject, Resource, key_of, uid_of


class Reporter:
    """Writes the status of monitors, or of classes."""

    def __init__(
        self, api: KubernetesApi, resource: Resource, events: EventRecorder, answered: Callable[[KubeObject], Any]
    ) -> None:
        """`answered` is told what the apiserver has after a write."""
        self._api = api
        self._resource = resource
        self._events = events
        self._answered = answered

    async def report(self, live: KubeObject, status: dict[str, Any]) -> bool:
        """Write `status`, whose first condition is Ready, if it differs from that of `live`; whether it did.

        Raises ApiError or ApiUnreachable where it could not be written.
        """
        old: dict[str, Any] = live.get("status") or {}
        if status == old:
            return False
        try:
            answer = await self._api.apply_status(self._resource, key_of(live), uid_of(live), status)
        except ApiError as error:
            if error.status == 404 and not error.kind_missing:
                return False  # deleted meanwhile; its watch event ends the matter
            raise
        self._answered(answer)
        before = next((c for c in old.get("conditions", ()) if c["type"] == ConditionType.READY), None)
        await self._events.judged(live, before, status["conditions"][0])
        return True
