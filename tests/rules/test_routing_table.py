"""Who is told of which alert, and who is kept back: judged by Alertmanager, over the configuration of two monitors and
two classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documents import all_receivers, maximal, minimal, receiver
from tests.rules.alertmanager import Labels, Running, amtool, readable, routed, running
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass, in_force
from walletmon.api.parse import parse_monitor
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.compile import compile
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.plain import alertmanager_config
from walletmon.packs.catalogue import packs

FACTS = ClusterFacts(year=2026)


def class_of(name: str, **spec: Any) -> WalletMonitorClass:
    content = {"alertmanager": {"namespace": "monitoring"}, "hubUrl": "https://hub.example.org", **spec}
    return WalletMonitorClass.model_validate({"metadata": {"name": name}, "spec": content})


BERLIN = {"name": "nights", "timeZone": "Europe/Berlin", "times": [{"from": "22:00", "to": "24:00"}]}
MAIN = class_of(
    "main",
    receivers=[receiver("hook"), *all_receivers()],
    muteTimeIntervals=[BERLIN],
    priorities={"P2": {"muteTimeIntervals": ["nights"]}},
)
OTHER = class_of(
    "other",
    receivers=[receiver("a"), receiver("b")],
    priorities={"P0": {"receivers": ["a", "b"]}, "P1": {"receivers": ["b"]}, "P2": {"receivers": []}},
)


def objects() -> list[Manifest]:
    class_ = in_force(MAIN, MonitorClass())
    silent = minimal("quiet", "vault", packs=[{"name": name} for name in packs()])
    silent["spec"]["dependencies"] = [
        {"name": "db", "match": {"job": "wallet-db"}, "scope": ["cluster", "namespace"]},
        {"name": "hsm", "match": {"job": "hsm"}, "scope": ["cluster"]},
    ]
    found: list[Manifest] = []
    for resource in (MAIN, OTHER):
        found += compile_class(resource, facts=FACTS).objects or ()
    for document in (maximal(), silent):
        found += compile(parse_monitor(document), class_, FACTS).objects or ()
    return found


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return readable(alertmanager_config(objects(), "/secrets"))


@pytest.fixture(scope="module")
def file(config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("routes") / "alertmanager.yaml"
    written.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def alertmanager(config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("alertmanager"), config) as found:
        yield found


def test_amtool_takes_every_kind_of_receiver_interval_and_silence(file: Path, config: dict[str, Any]) -> None:
    assert "SUCCESS" in amtool("check-config", file)
    kinds = {kind for each in config["receivers"] for kind in each} - {"name"}
    assert len(kinds) == 8
    assert {"years", "months", "days_of_month"} <= {
        name for each in config["time_intervals"] for entry in each["time_intervals"] for name in entry
    }


def of_class(name: str, *receivers: str) -> list[str]:
    return [f"monitoring/walletmon.{name}/{receiver}" for receiver in receivers]


def of_monitor(*receivers: str) -> list[str]:
    return [f"wallets/treasury/{receiver}" for receiver in receivers]


def alert(priority: str = "", class_: str = "", namespace: str = "wallets", monitor: str = "treasury") -> Labels:
    labels = {"walletmon": monitor, "namespace": namespace, "priority": priority, "walletmon_class": class_}
    return {name: value for name, value in {"alertname": "X", "wallet": "hot-1", **labels}.items() if value}


NOBODY = "_nobody"


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        # The class's table, and beside it the monitor's own routes.
        (
            alert("P0", "main"),
            of_class("main", "wecom", "wecom-robot", "pagerduty", "opsgenie")
            + of_monitor("on-call", "desk", "wecom", "pagerduty", "opsgenie"),
        ),
        (
            alert("P1", "main"),
            of_class("main", "dingtalk", "email")
            + of_monitor("on-call", "wecom-robot", "dingtalk", "email", "telegram"),
        ),
        (alert("P2", "main"), of_class("main", "slack", "email") + of_monitor("desk", "slack", "msteams")),
        # A monitor without routes of its own, in whatever namespace.
        (alert("P1", "main", "quiet", "vault"), of_class("main", "dingtalk", "email")),
        # Another class.
        (alert("P0", "other", "quiet", "vault"), of_class("other", "a", "b")),
        (alert("P1", "other", "quiet", "vault"), of_class("other", "b")),
        (alert("P2", "other", "quiet", "vault"), of_class("other", NOBODY)),
        # Without a class, of another monitor or namespace, without a priority, not ours at all.
        (alert("P2"), of_monitor("desk", "slack", "msteams")),
        (alert("P2", monitor="treasury2"), ["nobody"]),
        (alert("P2", namespace="wallets2"), ["nobody"]),
        (alert("", "main", "quiet", "vault"), of_class("main", NOBODY)),
        (alert(""), of_monitor(NOBODY)),
        (alert("P0", "main", monitor=""), ["nobody"]),
        (alert("P0", "mainly", "quiet", "vault"), ["nobody"]),
        ({"alertname": "TargetDown", "namespace": "wallets"}, ["nobody"]),
    ],
)
def test_an_alert_goes_to_those_whom_it_concerns(file: Path, labels: Labels, receivers: list[str]) -> None:
    assert routed(file, labels) == receivers


def vault(name: str, **labels: str) -> Labels:
    own = {"alertname": name, "namespace": "quiet", "walletmon": "vault", "wallet": "hot-1", "cluster": "here"}
    return {label: value for label, value in {**own, **labels}.items() if value}


def down(job: str, **labels: str) -> Labels:
    own = {"alertname": "TargetDown", "namespace": "quiet", "job": job, "cluster": "here"}
    return {label: value for label, value in {**own, **labels}.items() if value}


def test_the_wallet_that_is_down_is_told_and_what_follows_from_it_is_not(alertmanager: Running) -> None:
    table = {
        "WalletDown": (vault("WalletDown", target="api"), False),
        "of the wallet": (vault("TxSignStalled", algorithm="ed25519"), True),
        "money": (vault("BalanceSuddenDrop"), False),
        "attack": (vault("AbuseConnectionScoreHigh"), False),
        "of another wallet": (vault("TxSignStalled", wallet="hot-2"), False),
        "of no wallet": (vault("RpcQuorumAtLimit", wallet=""), False),
        "of another monitor": (vault("TxSignStalled", walletmon="other"), False),
        "in another cluster": (vault("TxSignStalled", cluster="there"), False),
    }
    assert alertmanager.suppressed([labels for labels, _ in table.values()]) == [kept for _, kept in table.values()]


def test_a_database_that_is_down_silences_its_wallets_and_no_others(alertmanager: Running) -> None:
    table = {
        "the database": (down("wallet-db", cluster="db-1"), False),
        "a wallet": (vault("WalletDown", cluster="db-1", wallet="hot-7"), True),
        "money": (vault("BalanceSuddenDrop", cluster="db-1", wallet="hot-7"), False),
        "of no wallet": (vault("TxSignStalled", cluster="db-1", wallet=""), False),
        "in another cluster": (vault("WalletDown", cluster="db-2", wallet="hot-7"), False),
        "in none": (vault("WalletDown", cluster="", wallet="hot-7"), False),
        "a database in another namespace": (down("wallet-db", cluster="db-3", namespace="else"), False),
        "a wallet that does not need it": (vault("WalletDown", cluster="db-3", wallet="hot-7"), False),
        "what is shared by all namespaces": (down("hsm", cluster="db-4", namespace="else"), False),
        "a wallet that needs it": (vault("WalletDown", cluster="db-4", wallet="hot-7"), True),
    }
    assert alertmanager.suppressed([labels for labels, _ in table.values()]) == [kept for _, kept in table.values()]


def test_alerts_without_labels_that_both_sides_lack_are_told(alertmanager: Running) -> None:
    table = [
        (down("wallet-db", cluster="", namespace="quiet"), False),
        (vault("TxSignStalled", cluster="", wallet="hot-9"), False),
        (vault("RpcQuorumLost", cluster="none", wallet=""), False),
        (vault("RpcQuorumAtLimit", cluster="none", wallet=""), False),
    ]
    assert alertmanager.suppressed([labels for labels, _ in table]) == [kept for _, kept in table]
