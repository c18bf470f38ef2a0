"""Packs in ConfigMaps on a real apiserver: they come, change, go, and are wrong, and monitors follow."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from testbed import Testbed
from testbed.waiting import wait_for
from tests.integration.monitors import (
    SETTLES_WITHIN,
    Json,
    condition,
    get_monitor,
    monitor,
    service_target,
    wait_for_condition,
    wait_until_ready,
)

pytestmark = pytest.mark.usefixtures("operator")

PACK: Json = {
    "name": "cold-storage",
    "title": "Cold storage",
    "description": "Whether the vault's door is shut.",
    "thresholds": {
        "open": {
            "unit": "seconds",
            "default": "10m",
            "min": "1m",
            "max": "1d",
            "source": "the vault's own rule",
            "description": "How long the door may be open.",
        }
    },
    "alerts": [
        {
            "name": "VaultOpen",
            "expr": "time() - vault_closed_timestamp_seconds > walletmon:threshold:cold_storage_open",
            "for": "1m",
            "priority": "P0",
            "summary": "The vault of {{ $labels.wallet }} is open",
            "description": "It has been for {{ $value | humanizeDuration }}.",
        }
    ],
}


def config_map(namespace: str, name: str = "cold-storage", **data: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"walletmon.dev/pack": ""}},
        "data": data or {"cold-storage.yaml": yaml.safe_dump(PACK)},
    }


def using(namespace: str, **use: Any) -> Json:
    return monitor(
        namespace,
        targets=[service_target()],
        packs=[{"name": "golden-signals"}, {"name": "cold-storage", **use}],
    )


def alerts(bed: Testbed, namespace: str) -> dict[str, str]:
    """The alerts in force and their expressions."""
    rule = bed.api.find("monitoring.coreos.com/v1", "PrometheusRule", namespace, "treasury")
    groups = [] if rule is None else rule["spec"]["groups"]
    return {each["alert"]: each["expr"] for group in groups for each in group["rules"] if "alert" in each}


def test_a_pack_of_the_monitors_namespace_is_used_changed_and_missed(bed: Testbed, namespace: str) -> None:
    bed.apply([config_map(namespace)])
    bed.apply([using(namespace, thresholds={"open": "5m"})])
    wait_until_ready(bed, namespace)
    assert "300" in alerts(bed, namespace)["VaultOpen"]

    changed = yaml.safe_load(yaml.safe_dump(PACK))
    changed["alerts"][0]["name"] = "VaultLeftOpen"
    bed.apply([config_map(namespace, **{"cold-storage.yaml": yaml.safe_dump(changed)})])
    wait_for("the new alert", lambda: "VaultLeftOpen" in alerts(bed, namespace), SETTLES_WITHIN)
    assert "VaultOpen" not in alerts(bed, namespace)

    bed.api.delete(config_map(namespace))
    stored = wait_for_condition(bed, namespace, "Accepted", "False")
    assert condition(stored, "Accepted")["reason"] == "UnknownPack"
    wait_for("its alert to be gone", lambda: "VaultLeftOpen" not in alerts(bed, namespace), SETTLES_WITHIN)
    assert "WalletDown" in alerts(bed, namespace), "the rest of the monitor works on"

    bed.apply([config_map(namespace)])
    wait_until_ready(bed, namespace)
    assert "VaultOpen" in alerts(bed, namespace)


def test_a_monitor_that_waits_for_its_pack_gets_it_by_itself(bed: Testbed, namespace: str) -> None:
    bed.apply([using(namespace)])
    stored = wait_for_condition(bed, namespace, "Accepted", "False")
    assert "spec.packs[1].name" in condition(stored, "Accepted")["message"]
    bed.apply([config_map(namespace)])
    wait_until_ready(bed, namespace)
    assert "VaultOpen" in alerts(bed, namespace)


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        pytest.param("title: [", "InvalidPack", "no YAML", id="no YAML"),
        pytest.param("name: cold-storage\nalarms: []", "InvalidPack", "alarms", id="another schema"),
        pytest.param("x" * 1_000_000, "InvalidPack", "bytes", id="a megabyte of garbage"),
        pytest.param("[" * 60_000 + "]" * 60_000, "InvalidPack", "nested", id="nested too deep"),
        pytest.param("a: &a [x]\nb: *a", "InvalidPack", "alias", id="aliases"),
        pytest.param(
            yaml.safe_dump(PACK).replace("VaultOpen", "WalletDown"), "PackNameTaken", "golden-signals", id="alert taken"
        ),
        pytest.param(yaml.safe_dump(PACK).replace("> walletmon", ">> walletmon"), "InvalidPack", "PromQL", id="PromQL"),
        pytest.param(
            yaml.safe_dump(PACK).replace("$value | humanizeDuration", 'query "up"'), "InvalidPack", "query", id="spying"
        ),
    ],
)
def test_a_wrong_pack_is_named_and_the_rest_works_on(
    bed: Testbed, namespace: str, text: str, reason: str, words: str
) -> None:
    bed.apply([config_map(namespace, **{"cold-storage.yaml": text}), using(namespace)])
    # The monitor may be seen before the ConfigMap is.
    stored = wait_for_condition(bed, namespace, "Accepted", "False", reason=reason)
    found = condition(stored, "Accepted")
    assert words in found["message"]
    assert f"ConfigMap {namespace}/cold-storage, key cold-storage.yaml" in found["message"]
    assert "WalletDown" in alerts(bed, namespace)
    wait_for(
        "a Warning about the ConfigMap",
        lambda: (
            any(
                event["regarding"]["kind"] == "ConfigMap" and event["type"] == "Warning" and event["reason"] == reason
                for event in bed.api.items("events.k8s.io/v1", "Event", namespace)
            )
            or reason == "PackNameTaken"
        ),
        SETTLES_WITHIN,
    )


def test_nobody_can_put_another_pack_in_the_place_of_a_shipped_one(bed: Testbed, namespace: str) -> None:
    mine = yaml.safe_dump({**PACK, "name": "golden-signals", "thresholds": {}}).replace(
        "walletmon:threshold:cold_storage_open", "600"
    )
    bed.apply([config_map(namespace, **{"golden-signals.yaml": mine})])
    bed.apply([monitor(namespace, targets=[service_target()], packs=[{"name": "golden-signals"}])])
    stored = wait_until_ready(bed, namespace)
    wait_for_condition(bed, namespace, "Accepted", "True", reason="AcceptedWithWarnings")
    assert "VaultOpen" not in alerts(bed, namespace)
    assert "WalletDown" in alerts(bed, namespace)
    assert get_monitor(bed, namespace)["metadata"]["uid"] == stored["metadata"]["uid"]


def test_a_config_map_that_loses_the_label_is_no_pack_any_more(bed: Testbed, namespace: str) -> None:
    bed.apply([config_map(namespace)])
    bed.apply([using(namespace)])
    wait_until_ready(bed, namespace)
    without = config_map(namespace)
    without["metadata"]["labels"] = {}
    bed.apply([without])
    wait_for_condition(bed, namespace, "Accepted", "False")
