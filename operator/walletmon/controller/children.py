"""Children: applied where they differ, put right where somebody changed them, deleted where they are not wanted any
more."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from walletmon.controller.cache import Store
from walletmon.controller.client import FIELD_MANAGER, ApiError, ApiUnreachable, KubernetesApi
from walletmon.controller.drift import drift
from walletmon.controller.events import EventRecorder
from walletmon.controller.findings import ChildOutcome, Fate
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.resources import CHILDREN, Key, KubeObject, Resource, key_of, uid_of

logger = logging.getLogger(__name__)

Result = tuple[ChildOutcome | None, bool]
"""What became of a child (None: it is rightly gone), and whether something was written."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an owner's children in one visit."""

    outcomes: tuple[ChildOutcome, ...] = ()
    wrote: bool = False


class ChildKeeper:
    """Keeps single children as they should be. Errors of the apiserver become fates, never exceptions."""

    def __init__(
        self, api: KubernetesApi, stores: Mapping[str, Store], events: EventRecorder, metrics: ControllerMetrics
    ) -> None:
        self._api = api
        self._stores = stores
        self._events = events
        self._metrics = metrics
        # As what a child was last seen right: a difference from that same thing is somebody else's doing, and one from
        # another (the spec, the class or a pack says otherwise now) is ours.
        self._right_as: dict[Key, dict[tuple[str, Key], bytes]] = {}

    def forget(self, owner: Key) -> None:
        """The monitor or class is gone."""
        self._right_as.pop(owner, None)

    async def settle_all(self, owner: KubeObject, desired: Iterable[KubeObject]) -> Settled:
        """Make the children of `owner` (a monitor or a class) what they should be, and delete those not wanted any
        more. They are independent of each other: whatever happens to one, the others are seen to."""
        wanted = tuple(desired)
        visits = [self.settle(owner, each) for each in wanted]
        keys = {(each["kind"], key_of(each)) for each in wanted}
        for kind, store in self._stores.items():
            if store.synced:
                visits += [
                    self.remove(owner, CHILDREN[kind], child)
                    for child in store.owned_by(uid_of(owner))
                    if (kind, key_of(child)) not in keys
                ]
        results = await asyncio.gather(*visits)
        outcomes = tuple(outcome for outcome, _ in results if outcome is not None)
        return Settled(outcomes, wrote=any(wrote for _, wrote in results))

    async def settle(self, monitor: KubeObject, desired: KubeObject) -> Result:
        """Make one child what it should be."""
        kind, key = desired["kind"], key_of(desired)
        try:
            fate, what = await self._apply(CHILDREN[kind], monitor, desired)
        except (ApiError, ApiUnreachable) as error:
            return _outcome(kind, key, error), False
        if fate is not Fate.RIGHT:
            return ChildOutcome(kind, key.name, fate, namespace=key.namespace), False
        await self._note_right(monitor, desired, what)
        return ChildOutcome(kind, key.name, Fate.RIGHT, namespace=key.namespace), what is not None

    async def remove(self, monitor: KubeObject, resource: Resource, child: KubeObject) -> Result:
        """Delete a child that is not wanted any more."""
        key = key_of(child)
        if "deletionTimestamp" in child["metadata"]:
            return None, False
        try:
            await self._api.delete(resource, child)
        except (ApiError, ApiUnreachable) as error:
            return _outcome(resource.kind, key, error), False
        self._right_as.get(key_of(monitor), {}).pop((resource.kind, key), None)
        logger.info("child deleted", extra={**_owner(monitor), "child": f"{resource.kind} {key.name}"})
        return None, True

    async def _apply(self, resource: Resource, monitor: KubeObject, desired: KubeObject) -> tuple[Fate, str | None]:
        """The child's fate, and what was the matter with it if something was written."""
        store = self._stores[resource.kind]
        live = store.get(key_of(desired))
        if live is None:
            # The cache has only what carries our label, so an object of that name may still exist.
            live = await self._api.get(resource, key_of(desired))
        if live is not None and not _is_ours(live, monitor):
            return Fate.NAME_TAKEN, None
        what = "was missing" if live is None else "was not as it should be"
        found = None if live is None else drift(desired, live)
        if found is not None and not found:
            return Fate.RIGHT, None
        if found is None or found.apply:
            try:
                live = await self._api.apply(resource, desired, force=live is not None)
            except ApiError as error:
                if error.status == 409 and store.get(key_of(desired)) is None and error.reason == "Conflict":
                    return Fate.NAME_TAKEN, None  # somebody was faster with that name
                raise
            store.put(live)
            found = drift(desired, live)
        if live is not None and found.foreign:
            store.put(await self._api.remove_fields(resource, live, found.foreign))
        return Fate.RIGHT, what

    async def _note_right(self, monitor: KubeObject, desired: KubeObject, what: str | None) -> None:
        kind, key = desired["kind"], key_of(desired)
        right_as = self._right_as.setdefault(key_of(monitor), {})
        before = right_as.get((kind, key))
        if what is None:
            if before is None:
                right_as[kind, key] = _digest(desired)
            return
        right_as[kind, key] = _digest(desired)
        was_right = before == right_as[kind, key]
        logger.info("child applied", extra={**_owner(monitor), "child": f"{kind} {key.name}", "because": what})
        if was_right:
            self._metrics.drift_repairs.labels(kind).inc()
            await self._events.repaired(monitor, f"{kind} {key.name}", what)


def _owner(owner: KubeObject) -> dict[str, str]:
    """The field of a log line that says whose child it is."""
    key = key_of(owner)
    return {"monitor" if key.namespace else "class": str(key)}


def _digest(desired: KubeObject) -> bytes:
    return sha256(json.dumps(desired, sort_keys=True, ensure_ascii=False).encode()).digest()


def _is_ours(live: KubeObject, monitor: KubeObject) -> bool:
    """Whether an object of a child's name is a child of this monitor (or class).

    A controller decides: it must be of this kind and name. Its uid may be another: a monitor that was deleted and
    created anew takes over its predecessor's children before garbage collection gets to them. Without a controller
    (somebody took the reference away) it is ours if walletmon applied it.
    """
    for reference in live["metadata"].get("ownerReferences", ()):
        if reference.get("controller"):
            return bool(reference["kind"] == monitor["kind"] and reference["name"] == monitor["metadata"]["name"])
    return any(
        entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        for entry in live["metadata"].get("managedFields", ())
    )


def _outcome(kind: str, key: Key, error: ApiError | ApiUnreachable) -> ChildOutcome:
    return ChildOutcome(kind, key.name, _fate(error), str(error), key.namespace)


def _fate(error: ApiError | ApiUnreachable) -> Fate:
    if isinstance(error, ApiUnreachable):
        return Fate.FAILED
    if error.kind_missing:
        return Fate.KIND_MISSING
    if error.status == 403:
        causes = error.details.get("causes") or ()
        ending = any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
        return Fate.FAILED if ending else Fate.FORBIDDEN
    if error.status in (400, 413, 422):
        return Fate.REFUSED
    return Fate.FAILED
