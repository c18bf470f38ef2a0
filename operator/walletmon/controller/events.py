"""Kubernetes Events: what a user should act on or would look for, told once.

An Event is made when a judgement changes, not when it is repeated, so a restart makes none. Of drift that somebody
causes again and again, one is told every ten minutes for a child.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from walletmon.controller.client import ApiError, ApiUnreachable, KubernetesApi
from walletmon.controller.resources import EVENTS, KubeObject, Uid, uid_of

_QUIET_SECONDS = 600.0
_REMEMBERED = 4096
_NOTE_AT_MOST = 1024  # bytes, unlike the lengths in a CustomResourceDefinition

logger = logging.getLogger(__name__)


class EventRecorder:
    """Writes Events about monitors, and about what others wrote for them."""

    def __init__(self, api: KubernetesApi, instance: str, clock: Callable[[], float]) -> None:
        self._api = api
        self._instance = instance[:128]
        self._clock = clock
        self._told: OrderedDict[tuple[Uid, str, str], float] = OrderedDict()

    async def judged(self, monitor: KubeObject, old: dict[str, Any] | None, new: dict[str, Any]) -> None:
        """A condition was written; tells of it if status or reason changed."""
        if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
            return
        kind = "Normal" if new["status"] == "True" else "Warning"
        await self._write(monitor, kind, new["reason"], "Reconcile", new["message"])

    async def repaired(self, monitor: KubeObject, child: str, what: str) -> None:
        """A child was put right that somebody had changed or deleted."""
        topic = (uid_of(monitor), "DriftRepaired", child)
        now = self._clock()
        last = self._told.get(topic)
        if last is not None and now - last < _QUIET_SECONDS:
            return
        self._remember(topic)
        await self._write(monitor, "Normal", "DriftRepaired", "Repair", f"{child} {what} and was put right")

    async def refused(self, obj: KubeObject, reason: str, note: str) -> None:
        """An object that somebody wrote for us cannot be used; told once for each version of it."""
        topic = (uid_of(obj), reason, obj["metadata"]["resourceVersion"])
        if topic in self._told:
            return
        self._remember(topic)
        await self._write(obj, "Warning", reason, "Read", note)

    def _remember(self, topic: tuple[Uid, str, str]) -> None:
        self._told[topic] = self._clock()
        self._told.move_to_end(topic)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    async def _write(self, about: KubeObject, kind: str, reason: str, action: str, note: str) -> None:
        metadata = about["metadata"]
        # What is about an object of the cluster stands in the namespace `default`: Kubernetes' own way.
        namespace = metadata.get("namespace", "default")
        place = {"namespace": namespace} if "namespace" in metadata else {}
        body: KubeObject = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "type": kind,
            "reason": reason,
            "action": action,
            "note": note.encode()[:_NOTE_AT_MOST].decode(errors="ignore"),
            "reportingController": "walletmon.dev/operator",
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                **place,
                "uid": metadata["uid"],
            },
        }
        try:
            await self._api.create(EVENTS, body)
        except (ApiError, ApiUnreachable) as error:
            # An Event is a courtesy: the same is in the status, which is written with retries. So this is only logged.
            logger.warning(
                "event not written",
                extra={"object": f"{namespace}/{metadata['name']}", "reason": reason, "error": str(error)},
            )
