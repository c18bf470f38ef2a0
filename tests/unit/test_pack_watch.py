"""Packs that are watched: whom a change concerns, what is told, and what a start waits for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from tests.unit.test_pack_sources import pack
from walletmon.controller import packs as packs_module
from walletmon.controller.client import ApiUnreachable
from walletmon.controller.events import EventRecorder
from walletmon.controller.packs import PackSources
from walletmon.controller.resources import KubeObject, Resource


def config_map(namespace: str, text: str, version: int = 1) -> KubeObject:
    metadata = {"name": "packs", "namespace": namespace, "uid": f"{namespace}-1", "resourceVersion": str(version)}
    name = (yaml.safe_load(text) or {}).get("name", "mine")
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {f"{name}.yaml": text}}


class Apiserver:
    """ConfigMaps by namespace; as many failures first as told."""

    def __init__(self, *objects: KubeObject, failures: int = 0) -> None:
        self.objects = objects
        self.failures = failures
        self.asked: list[str | None] = []
        self.events: list[KubeObject] = []

    async def list_all(self, resource: Resource, namespace: str | None, selector: str) -> tuple[list[KubeObject], int]:
        self.asked.append(namespace)
        if self.failures:
            self.failures -= 1
            raise ApiUnreachable("not yet")
        found = [each for each in self.objects if namespace in (None, each["metadata"]["namespace"])]
        return found, 5

    async def create(self, resource: Resource, body: KubeObject) -> KubeObject:
        self.events.append(body)
        return body


class Bench:
    def __init__(self, apiserver: Apiserver, namespaces: tuple[str, ...] = (), shared: str | None = None) -> None:
        client: Any = apiserver
        self.told: list[str | None] = []
        events = EventRecorder(client, "test", lambda: 0.0)
        self.packs = PackSources(client, namespaces, shared, events, self.told.append)

    def names(self, namespace: str) -> set[str]:
        return set(self.packs.catalogue(namespace).packs)


async def test_a_namespace_has_its_own_packs_and_the_shared_ones() -> None:
    apiserver = Apiserver(config_map("wallets", pack()), config_map("monitoring", pack("house", "HouseOpen")))
    bench = Bench(apiserver, shared="monitoring")
    await bench.packs.start()
    assert {"mine", "house"} <= bench.names("wallets")
    assert "mine" not in bench.names("elsewhere")
    assert sorted(bench.told, key=str) == [None, "wallets"], "a shared pack concerns all monitors"


async def test_where_namespaces_are_named_the_shared_one_is_read_as_well() -> None:
    apiserver = Apiserver(config_map("monitoring", pack("house", "HouseOpen")))
    bench = Bench(apiserver, namespaces=("wallets",), shared="monitoring")
    await bench.packs.start()
    assert apiserver.asked == ["wallets", "monitoring"]
    assert "house" in bench.names("wallets")


async def test_a_start_waits_for_the_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs_module, "_RETRY", 0.001)
    bench = Bench(Apiserver(config_map("wallets", pack()), failures=2))
    await bench.packs.start()
    assert "mine" in bench.names("wallets")


async def test_a_wrong_pack_is_told_once_on_its_config_map() -> None:
    apiserver = Apiserver(config_map("wallets", "name: mine\nalarms: []"))
    bench = Bench(apiserver)
    await bench.packs.start()
    await asyncio.gather(*bench.packs.complaints)
    (event,) = apiserver.events
    assert (event["type"], event["reason"], event["regarding"]["kind"]) == ("Warning", "InvalidPack", "ConfigMap")
    assert "alarms" in event["note"]
    assert "mine" not in bench.names("wallets")
