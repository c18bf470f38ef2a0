"""What the controller knows of the cluster: one dictionary a kind, fed by watches, lists and our own writes.

Three sources tell about the same object and none of them is in order with the others: kopf's watch, our own lists (at
the start, and when a watch had to begin anew), and the answers to our own writes. The rule that makes them one: of
two states of an object the one with the higher resourceVersion is newer (Kubernetes defines them as comparable
numbers), and an object that was seen gone stays gone, whatever a late answer says of it as it was before. It may come
back as the same object later: a watch with a label selector calls it deleted when it loses the label.

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
        self._gone: OrderedDict[Uid, int] = OrderedDict()
        """What was seen gone, and at which version."""

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
        version = version_of(obj)
        if version <= self._gone.get(uid_of(obj), 0) or (known is not None and version_of(known) >= version):
            return False
        self._forget(key)
        self._objects[key] = obj
        owner = owner_of(obj)
        if owner is not None:
            self._by_owner[owner][key] = obj
        return True

    def discard(self, obj: KubeObject) -> bool:
        """Take in that this very object (uid) is gone, as of its resourceVersion; False if that is no news."""
        return self._discard(obj, version_of(obj))

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
                self._discard(obj, version)
                news.append(obj)
        return news

    def clear(self) -> list[KubeObject]:
        """Forget everything: the kind itself is gone. Gives what was there."""
        gone = list(self._objects.values())
        for obj in gone:
            self.discard(obj)
        self.synced = False
        return gone

    def _discard(self, obj: KubeObject, version: int) -> bool:
        uid = uid_of(obj)
        self._gone[uid] = max(version, self._gone.pop(uid, 0))
        while len(self._gone) > _REMEMBERED_DELETIONS:
            self._gone.popitem(last=False)
        key = key_of(obj)
        known = self._objects.get(key)
        if known is None or uid_of(known) != uid or version_of(known) > version:
            return False
        self._forget(key)
        return True

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
