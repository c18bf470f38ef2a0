"""Packs in ConfigMaps: what is taken, whose name counts, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from walletmon.api.diagnostic import Code
from walletmon.packs.catalogue import catalogue, packs
from walletmon.packs.configmap import MAX_BYTES, MAX_PACKS, PackProblem, PackSource, is_pack_source, pack_source
from walletmon.packs.document import EXAMPLE
from walletmon.packs.schema import Pack


def pack(
    name: str = "mine",
    alert: str = "MineOpen",
    expr: str = "mine_open > 0",
    description: str = "It is open.",
    **changes: Any,
) -> str:
    content: dict[str, Any] = {
        "name": name,
        "title": "Mine",
        "description": "A pack of a team's own.",
        "alerts": [
            {
                "name": alert,
                "expr": expr,
                "for": "1m",
                "priority": "P1",
                "summary": "Open {{ $labels.wallet }}",
                "description": description,
            }
        ],
    }
    return yaml.safe_dump(content | changes)


def config_map(namespace: str = "wallets-prod", name: str = "packs", **keys: Any) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name, "labels": {"walletmon.dev/pack": ""}}
    return {"kind": "ConfigMap", "metadata": metadata, "data": keys}


def source(namespace: str = "wallets-prod", name: str = "packs", **keys: Any) -> PackSource:
    return pack_source(config_map(namespace, name, **keys))


def problem(found: PackSource) -> PackProblem:
    (only,) = found.problems
    return only


def test_a_config_map_with_the_label_holds_packs() -> None:
    assert is_pack_source(config_map())
    assert not is_pack_source({"kind": "ConfigMap", "metadata": {"labels": None}})
    assert not is_pack_source({**config_map(), "kind": "Secret"})


def test_each_key_is_a_pack() -> None:
    found = source(**{"mine.yaml": pack(), "yours.yaml": pack("yours", "YoursOpen")})
    assert found.problems == ()
    assert {name for name, content in found.content.items() if isinstance(content, Pack)} == {"mine", "yours"}


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("mine.yml", pack(), "does not end in .yaml"),
        ("mine.yaml", pack("yours"), "called yours"),
        ("mine.yaml", "a: [", "no YAML"),
        ("mine.yaml", "", "dictionary"),
        ("mine.yaml", "x: &a [b]\ny: *a", "alias"),
        ("mine.yaml", "- " * 60_000, "nested deeper"),
        ("mine.yaml", "[" * 60_000 + "]" * 60_000, "nested deeper"),
        ("mine.yaml", "[" * 60_000, "nested deeper"),
        ("mine.yaml", "{a: " * 30_000, "nested deeper"),
        ("mine.yaml", "x" * (MAX_BYTES + 1), "bytes"),
        ("mine.yaml", "\x00\x01\x02", "no YAML"),
        ("mine.yaml", "!!python/object:os.system {}", "no YAML"),
        ("mine.yaml", "name: 2020-01-01", "name: Input should be a valid string"),
        ("mine.yaml", pack(alarms=[]), "alarms: Extra inputs are not permitted"),
        ("mine.yaml", pack(alerts=[]), "at least 1"),
        ("mine.yaml", pack(alerts=[yaml.safe_load(pack())["alerts"][0] for _ in range(65)]), "at most 64"),
        ("mine.yaml", pack(expr="mine_open >"), "this is not PromQL"),
        ("mine.yaml", pack(expr="(" * 2000), "nests"),
        ("mine.yaml", pack(expr='{__name__=~"m.*"} > 0'), "does not say which metrics"),
        ("mine.yaml", pack(expr='mine_open{namespace="other"} > 0'), "namespace"),
        ("mine.yaml", pack(description='{{ query "up" }}'), "uses query"),
    ],
)
def test_a_wrong_pack_is_a_problem_with_its_place_and_a_cure(key: str, text: str, words: str) -> None:
    found = problem(source(**{key: text}))
    assert found.code is Code.INVALID_PACK
    assert found.place == f"ConfigMap wallets-prod/packs, key {key}"
    assert words in found.message
    assert found.cure


def test_binary_data_and_nothing_at_all_are_no_packs() -> None:
    assert "no text" in problem(pack_source({**config_map(), "binaryData": {"mine.yaml": "AAAA"}})).message
    assert "no pack" in problem(pack_source({**config_map(), "data": None})).message


def test_one_config_map_holds_so_many_packs_and_no_more() -> None:
    keys = {f"p{index:02}.yaml": pack(f"p{index:02}", f"Open{index}") for index in range(MAX_PACKS + 1)}
    assert "more than" in problem(source(**keys)).message


def test_a_pack_is_there_for_its_namespace_and_a_shared_one_for_all() -> None:
    sources = [
        source("wallets-prod", **{"mine.yaml": pack()}),
        source("monitoring", **{"house.yaml": pack("house", "HouseOpen")}),
    ]
    assert {"mine", "house"} <= catalogue(sources, "wallets-prod", "monitoring").packs.keys()
    elsewhere = catalogue(sources, "wallets-test", "monitoring").packs
    assert "house" in elsewhere
    assert "mine" not in elsewhere
    assert "house" not in catalogue(sources, "wallets-prod", None).packs


@pytest.mark.parametrize(
    ("name", "alert", "words"),
    [
        ("golden-signals", "MineOpen", "already a pack golden-signals"),
        ("mine", "WalletDown", "the pack golden-signals has an alert WalletDown"),
        ("house", "MineOpen", "already a pack house"),
        ("mine", "HouseOpen", "the pack house has an alert HouseOpen"),
    ],
)
def test_shipped_packs_come_first_then_the_shared_ones(name: str, alert: str, words: str) -> None:
    sources = [
        source("wallets-prod", **{f"{name}.yaml": pack(name, alert)}),
        source("monitoring", **{"house.yaml": pack("house", "HouseOpen")}),
    ]
    found = catalogue(sources, "wallets-prod", "monitoring")
    assert found.problems[name].code is Code.PACK_NAME_TAKEN
    assert words in found.problems[name].message
    assert found.packs.keys() == packs().keys() | {"house"}


def test_of_two_in_one_namespace_the_first_by_name_holds() -> None:
    first = source(name="a", **{"mine.yaml": pack(title="The first")})
    second = source(name="b", **{"mine.yaml": pack(title="The second")})
    for sources in ([first, second], [second, first]):
        found = catalogue(sources, "wallets-prod", None)
        assert found.packs["mine"].title == "The first"
        assert found.problems["mine"].place == "ConfigMap wallets-prod/b, key mine.yaml"


def test_two_packs_cannot_record_the_same_series() -> None:
    recording = {"record": "wallet:requests:rate5m", "expr": "sum by (wallet) (rate(x_total[5m]))", "why": "why not"}
    found = catalogue([source(**{"mine.yaml": pack(recordings=[recording])})], "wallets-prod", None)
    assert "has a recording wallet:requests:rate5m" in found.problems["mine"].message


def test_the_example_of_the_page_can_be_used() -> None:
    found = pack_source(yaml.safe_load(EXAMPLE))
    assert found.problems == ()
    assert "cold-storage" in catalogue([found], "wallets-prod", None).packs
