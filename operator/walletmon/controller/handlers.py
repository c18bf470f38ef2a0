"""Every trigger on one page: what kopf watches, and what is done about it.

Only low-level handlers: kopf then writes nothing of its own (no finalizer, no annotation), and what it does not offer
us we do not depend on. A handler looks at nothing; it tells the cache and thereby the queue.
"""

from __future__ import annotations

from typing import Any

import kopf

from walletmon.controller.connection import Connection
from walletmon.controller.intake import Intake
from walletmon.controller.resources import CHILDREN, CRDS, MONITORS, Resource


def register(registry: kopf.OperatorRegistry, intake: Intake, connection: Connection) -> None:
    """Put all handlers into `registry`."""

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        """Kopf asks who we are, at the start and whenever that has expired."""
        return await connection.login()

    @kopf.on.event(CRDS.group, CRDS.version, CRDS.plural, registry=registry)
    async def kind_changed(event: kopf.RawEvent, **_: Any) -> None:
        """A kind came, changed or went: what was missing may be possible now."""
        await intake.kind_changed(event["type"], dict(event["object"]))

    @kopf.on.event(MONITORS.group, MONITORS.version, MONITORS.plural, registry=registry)
    async def monitor_changed(event: kopf.RawEvent, **_: Any) -> None:
        """A monitor came, changed or went."""
        intake.monitor_changed(event["type"], dict(event["object"]))

    for resource in CHILDREN.values():
        _register_child(registry, intake, resource)


def _register_child(registry: kopf.OperatorRegistry, intake: Intake, resource: Resource) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)
    async def child_changed(event: kopf.RawEvent, **_: Any) -> None:
        """A child came, changed or went: if that was not us, it is put right."""
        intake.child_changed(resource, event["type"], dict(event["object"]))
