"""What the controller knows of the cluster: one dictionary a kind, fed by watches, lists and our own writes.

Three sources tell about the same object and none of them is in order with the others: kopf's watch, our own lists (at
the start, and when a watch had to begin anew), and the answers to our own writes. The rule that makes them one: of
two states of an object the one with the higher resourceVersion is newer (Kubernetes defines them as comparable
numbers), and an object that was seen deleted stays deleted, whatever a late answer says of that uid.

kopf does not report deletions that happened while a watch was broken. A list does: what it lacks and what is not
newer than the list is gone. `replace` gives those objects back, so that whoever depends on them is visited.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator

from walletmon.controller.resources import Key, KubeObject, Resource, Uid, key_of, owner_of, uid_of

# A late answer to a write arrives within its request's timeout; this many deletions fit in between on any cluster.
_REMEMBERED_DELETIONS = 10_000


def version_of(obj: KubeObject) -> int:
    """The resourceVersion as the number it is."""
    return int(obj["metadata"]["resourceVersion"])


class Store:
    """The objects of one kind. Objects are shared, never changed."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.synced = False
        """Whether a complete list has been taken in since the start (or since the kind came to exist)."""
        self._objects: dict[Key, KubeObject] = {}
        self._by_owner: dict[Uid, dict[Key, KubeObject]] = defaultdict(dict)
        self._deleted: OrderedDict[Uid, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Key]:
        return iter(tuple(self._objects))

    def get(self, key: Key) -> KubeObject | None:
        """The object of that name, or None."""
        return self._objects.get(key)

    def owned_by(self, owner: Uid) -> list[KubeObject]:
        """The children of a monitor."""
        return list(self._by_owner.get(owner, {}).values())

    def put(self, obj: KubeObject) -> bool:
        """Take in a state of an object; False if it says nothing new."""
        key = key_of(obj)
        known = self._objects.get(key)
        if uid_of(obj) in self._deleted or (known is not None and version_of(known) >= version_of(obj)):
            return False
        self._forget(key)
        self._objects[key] = obj
        owner = owner_of(obj)
        if owner is not None:
            self._by_owner[owner][key] = obj
        return True

    def discard(self, obj: KubeObject) -> bool:
        """Take in that this very object (uid) is gone; False if that was known."""
        uid = uid_of(obj)
        self._deleted[uid] = None
        while len(self._deleted) > _REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)
        key = key_of(obj)
        known = self._objects.get(key)
        if known is None or uid_of(known) != uid:
            return False
        self._forget(key)
        return True

    def replace(self, objects: Iterable[KubeObject], version: int, namespace: str | None) -> list[KubeObject]:
        """Take in a complete list (of one namespace, if given) at `version`; gives the objects whose state is news.

        For an object that turned out to be gone, that is its last known state.
        """
        news: list[KubeObject] = []
        listed: set[Key] = set()
        for obj in objects:
            listed.add(key_of(obj))
            if self.put(obj):
                news.append(obj)
        for key, obj in tuple(self._objects.items()):
            in_scope = namespace is None or key.namespace == namespace
            if in_scope and key not in listed and version_of(obj) <= version:
                self.discard(obj)
                news.append(obj)
        return news

    def clear(self) -> list[KubeObject]:
        """Forget everything: the kind itself is gone. Gives what was there."""
        gone = list(self._objects.values())
        for obj in gone:
            self.discard(obj)
        self.synced = False
        return gone

    def _forget(self, key: Key) -> None:
        known = self._objects.pop(key, None)
        if known is None:
            return
        owner = owner_of(known)
        if owner is not None:
            children = self._by_owner[owner]
            children.pop(key, None)
            if not children:
                del self._by_owner[owner]
