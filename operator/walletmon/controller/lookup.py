"""Single objects that monitors and classes name: Secrets (which keys they have) and Services (whether they are there).

They are asked for by name, one by one: the right to list or watch Secrets would be the right to read them all. So they
are asked for again and again, those that are missing more often, and whoever named one is visited when the answer
changes. Of a Secret only the names of its keys are kept.

Who may not look takes for granted what is named, and so does who got an error for an answer. Where there was no answer
at all nothing else could be done either: the visit is tried again, rather than done as if everything were there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from walletmon.controller.client import ApiError, ApiUnreachable
from walletmon.controller.resources import SECRETS, Key, KubeObject, Resource

_LOOK_FOR_MISSING = 3.0
_LOOK_AGAIN = 30.0
_AT_A_TIME = 8
_PATIENCE = 10.0

logger = logging.getLogger(__name__)


class Getter(Protocol):
    """Reads single objects."""

    async def get(self, resource: Resource, key: Key) -> KubeObject | None:
        """The object, or None if there is none of that name."""


class Lookup:
    """Objects of one kind, by name."""

    def __init__(
        self, api: Getter, resource: Resource, clock: Callable[[], float], changed: Callable[[Key], None]
    ) -> None:
        """`changed` is told whom a change concerns; `clock` gives seconds."""
        self._api = api
        self._resource = resource
        self._clock = clock
        self._changed = changed
        self._found: dict[Key, frozenset[str] | None] = {}
        self._asked: dict[Key, float] = {}
        self._named_by: dict[Key, set[Key]] = {}
        self._names: dict[Key, frozenset[Key]] = {}
        self._asking: dict[Key, asyncio.Task[None]] = {}
        self._no_answer: dict[Key, ApiUnreachable] = {}
        self._complained: set[tuple[str, str, int]] = set()
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        # Of its own: a visit does not stand in line behind everything that is asked again.
        self._routine_limit = asyncio.Semaphore(_AT_A_TIME)

    async def name(self, owner: Key, keys: Iterable[Key]) -> None:
        """`owner` names these objects now, and no others; those that nobody has asked for yet are asked for.

        Raises ApiUnreachable where there was no answer and nothing is known from before.
        """
        wanted = frozenset(keys)
        for gone in self._names.get(owner, frozenset()) - wanted:
            self._unname(owner, gone)
        for key in wanted:
            self._named_by.setdefault(key, set()).add(owner)
        if wanted:
            self._names[owner] = wanted
        else:
            self._names.pop(owner, None)
        asking = {self._question(key) for key in wanted if key not in self._asked}
        if asking:
            # Several visits may wait for one answer; none of them takes it along when it is cancelled.
            await asyncio.wait(asking)
        for key in wanted - self._asked.keys():
            if key in self._no_answer:
                raise self._no_answer[key]

    def keys(self, owner: Key) -> dict[tuple[str, str], frozenset[str]]:
        """What `owner` names, by namespace and name: the names of its keys, none if there is no such object. What could
        not be asked for is not in it."""
        return {key: self._found[key] or frozenset() for key in self._names.get(owner, ()) if key in self._found}

    def there(self, owner: Key) -> dict[tuple[str, str], bool]:
        """Whether what `owner` names is there, as far as it could be asked for."""
        return {key: self._found[key] is not None for key in self._names.get(owner, ()) if key in self._found}

    async def run(self) -> None:
        """Ask again, for ever."""
        while True:
            await asyncio.sleep(_LOOK_FOR_MISSING)
            now = self._clock()
            due = [key for key, asked in self._asked.items() if self._is_due(key, now - asked)]
            await asyncio.gather(*(self._ask_again(key) for key in due))

    def _is_due(self, key: Key, age: float) -> bool:
        return age >= _LOOK_AGAIN or self._found.get(key, frozenset()) is None

    def _question(self, key: Key) -> asyncio.Task[None]:
        """The first question for an object: one, however many wait for the answer."""
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, self._limit))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _ask_again(self, key: Key) -> None:
        owners = self._named_by.get(key)
        if not owners:
            self._found.pop(key, None)
            self._asked.pop(key, None)
            return
        before = self._found.get(key), key in self._found
        await self._ask(key, self._routine_limit)
        if (self._found.get(key), key in self._found) != before:
            for owner in tuple(self._named_by.get(key, ())):
                self._changed(owner)

    async def _ask(self, key: Key, limit: asyncio.Semaphore) -> None:
        async with limit:
            asked = self._clock()
            try:
                async with asyncio.timeout(_PATIENCE):
                    found = await self._api.get(self._resource, key)
            except (ApiUnreachable, TimeoutError) as error:
                said = str(error) or f"no answer within {_PATIENCE:g} seconds"
                self._complain(key, 0, said)
                if key in self._asked:
                    self._asked[key] = asked
                else:
                    self._no_answer[key] = ApiUnreachable(f"{self._resource.plural} {key}: {said}")
                return
            except ApiError as error:
                if error.status == 403:
                    # Not allowed to look: what it names is taken for granted.
                    self._found.pop(key, None)
                self._complain(key, error.status, str(error))
                self._answered(key, asked)
                return
        self._found[key] = None if found is None else self._essence(found)
        self._complained -= {each for each in self._complained if each[:2] in ((key.namespace, ""), tuple(key))}
        self._answered(key, asked)

    def _answered(self, key: Key, asked: float) -> None:
        self._asked[key] = asked
        self._no_answer.pop(key, None)

    def _complain(self, key: Key, status: int, error: str) -> None:
        """Log it once, until there is an answer again: rights are those in a namespace, anything else is the
        object's own matter."""
        topic = (key.namespace, "" if status == 403 else key.name, status)
        if topic in self._complained:
            return
        self._complained.add(topic)
        logger.warning("cannot look", extra={"resource": self._resource.plural, "object": str(key), "error": error})

    def _essence(self, obj: KubeObject) -> frozenset[str]:
        return frozenset(obj.get("data") or {}) if self._resource is SECRETS else frozenset()

    def _unname(self, owner: Key, key: Key) -> None:
        owners = self._named_by.get(key)
        if owners is not None:
            owners.discard(owner)
            if not owners:
                del self._named_by[key]
