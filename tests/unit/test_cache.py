"""The cache: three sources tell of one object in any order, and what stands in it is the newest of what was told."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletmon.controller.cache import Store
from walletmon.controller.resources import CHILDREN, Key, KubeObject, Uid, owner_key_of, owner_of

KEY = Key("wallets", "treasury.api")


def child(
    version: int, *, uid: str = "u-1", name: str = "treasury.api", namespace: str = "wallets", owner: str | None = "m-1"
) -> KubeObject:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": str(version)}
    if owner is not None:
        reference = {"apiVersion": "walletmon.dev/v1alpha1", "kind": "WalletMonitor", "name": "treasury", "uid": owner}
        metadata["ownerReferences"] = [{**reference, "controller": True}]
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": metadata}


@pytest.fixture
def store() -> Store:
    return Store(CHILDREN["ServiceMonitor"])


def test_what_is_newer_wins_whatever_comes_first(store: Store) -> None:
    assert store.put(child(10))
    assert not store.put(child(9))
    assert not store.put(child(10))
    assert store.put(child(11))
    assert store.get(KEY) == child(11)


def test_versions_are_numbers_not_texts(store: Store) -> None:
    store.put(child(9))
    assert store.put(child(10))


def test_the_echo_of_our_own_write_is_no_news(store: Store) -> None:
    answer = child(12)
    assert store.put(answer)
    assert not store.put(child(12))


def test_a_late_answer_does_not_bring_back_what_was_deleted(store: Store) -> None:
    store.put(child(10))
    assert store.discard(child(12))
    assert not store.put(child(11))
    assert store.get(KEY) is None


def test_the_deletion_may_be_told_before_the_object(store: Store) -> None:
    assert not store.discard(child(12))
    assert not store.put(child(11))
    assert len(store) == 0


def test_a_new_object_of_the_name_is_taken_and_the_old_ones_deletion_does_not_touch_it(store: Store) -> None:
    store.put(child(10, uid="old"))
    assert store.put(child(20, uid="new"))
    assert not store.discard(child(15, uid="old"))
    assert store.get(KEY) == child(20, uid="new")


def test_an_object_that_gets_its_label_back_is_seen_again(store: Store) -> None:
    """A watch with a label selector calls an object deleted when somebody takes the label away; we put it back."""
    store.put(child(10))
    assert store.discard(child(11))
    assert store.put(child(12))
    assert store.get(KEY) == child(12)
    assert store.owned_by(Uid("m-1")) == [child(12)]


def test_a_deletion_that_is_older_than_what_is_known_is_no_news(store: Store) -> None:
    """The label went and came back before the watch told of the first."""
    store.put(child(12))
    assert not store.discard(child(11))
    assert store.get(KEY) == child(12)


def test_a_list_tells_of_what_was_missed(store: Store) -> None:
    store.put(child(10, uid="a", name="a"))
    store.put(child(11, uid="b", name="b"))
    news = store.replace([child(14, uid="b", name="b"), child(13, uid="c", name="c")], version=15, namespace=None)
    assert [obj["metadata"]["name"] for obj in news] == ["b", "c", "a"]
    assert {key.name for key in store} == {"b", "c"}


def test_a_list_that_says_what_is_known_is_no_news(store: Store) -> None:
    store.put(child(10))
    assert store.replace([child(10)], version=15, namespace=None) == []
    assert store.replace([child(9)], version=9, namespace=None) == []
    assert store.get(KEY) == child(10)


def test_what_is_newer_than_the_list_is_not_missed_in_it(store: Store) -> None:
    store.put(child(20))
    assert store.replace([], version=15, namespace=None) == []
    assert store.get(KEY) == child(20)


def test_an_object_that_a_list_lacks_is_gone_until_something_newer_is_told(store: Store) -> None:
    store.put(child(10))
    assert store.replace([], version=15, namespace=None) == [child(10)]
    assert not store.put(child(14))
    assert store.put(child(16))


def test_a_list_of_one_namespace_says_nothing_of_the_others(store: Store) -> None:
    store.put(child(10, uid="a", namespace="a"))
    store.put(child(11, uid="b", namespace="b"))
    news = store.replace([], version=15, namespace="a")
    assert [obj["metadata"]["namespace"] for obj in news] == ["a"]
    assert list(store) == [Key("b", "treasury.api")]


def test_children_are_found_by_their_owner_and_follow_it(store: Store) -> None:
    store.put(child(10, uid="a", name="a"))
    store.put(child(11, uid="b", name="b", owner="m-2"))
    store.put(child(12, uid="c", name="c", owner=None))
    assert [obj["metadata"]["name"] for obj in store.owned_by(Uid("m-1"))] == ["a"]
    store.put(child(13, uid="a", name="a", owner="m-2"))
    assert store.owned_by(Uid("m-1")) == []
    assert {obj["metadata"]["name"] for obj in store.owned_by(Uid("m-2"))} == {"a", "b"}
    store.discard(child(14, uid="b", name="b"))
    assert [obj["metadata"]["name"] for obj in store.owned_by(Uid("m-2"))] == ["a"]


def test_the_kind_itself_may_go_and_come_back(store: Store) -> None:
    store.put(child(10))
    store.synced = True
    assert store.clear() == [child(10)]
    assert not store.synced
    assert len(store) == 0
    assert not store.put(child(10))
    assert store.replace([child(20, uid="u-2")], version=21, namespace=None) == [child(20, uid="u-2")]


def test_memory_of_deletions_is_bounded(store: Store) -> None:
    for number in range(20_001):
        store.discard(child(number + 1, uid=f"u-{number}"))
    assert not store.put(child(20_001, uid="u-20000"))
    assert store.put(child(1, uid="u-0"))


def test_walking_the_store_while_it_changes_is_safe(store: Store) -> None:
    for number in range(3):
        store.put(child(number + 1, uid=f"u-{number}", name=f"n-{number}"))
    for key in store:
        store.discard(store.get(key) or {})
    assert len(store) == 0


@given(st.permutations(["listed", "changed", "gone", "back"]))
def test_any_order_of_one_objects_story_ends_the_same(order: list[str]) -> None:
    """What each source says, told in any order, ends with what was true last: it went at 12 and came back at 13."""
    store = Store(CHILDREN["ServiceMonitor"])
    told = {
        "listed": lambda: store.put(child(10)),
        "changed": lambda: store.put(child(11)),
        "gone": lambda: store.discard(child(12)),
        "back": lambda: store.put(child(13)),
    }
    for part in order:
        told[part]()
    assert store.get(KEY) == child(13)


@pytest.mark.parametrize("order", list(itertools.permutations(["listed", "changed", "gone"])))
def test_any_order_of_a_story_that_ends_in_deletion_ends_with_nothing(order: tuple[str, ...], store: Store) -> None:
    told = {
        "listed": lambda: store.put(child(10)),
        "changed": lambda: store.put(child(11)),
        "gone": lambda: store.discard(child(12)),
    }
    for part in order:
        told[part]()
    assert store.get(KEY) is None


def test_only_a_monitor_that_controls_it_is_a_childs_owner() -> None:
    obj = child(1)
    (reference,) = obj["metadata"]["ownerReferences"]
    assert owner_of(obj) == "m-1"
    for changed in (
        {"controller": False},
        {"kind": "Deployment"},
        {"apiVersion": "walletmon.development/v1"},
        {"apiVersion": "apps/v1"},
    ):
        obj["metadata"]["ownerReferences"] = [{**reference, **changed}]
        assert owner_of(obj) is None


def test_without_its_owner_a_childs_label_still_says_whose_it_is() -> None:
    obj = child(1, owner=None)
    assert owner_key_of(obj) is None
    obj["metadata"]["labels"] = {"walletmon.dev/monitor": "treasury"}
    assert owner_key_of(obj) == Key("wallets", "treasury")
