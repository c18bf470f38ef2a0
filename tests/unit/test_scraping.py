"""Scraping: which monitor objects a document makes, and what Prometheus makes of a workload's labels by them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.documents import Document, basic, found_by, maximal, minimal, one, target, targets
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.scraping import scraping_objects, unwatched_wallets, watched_wallets

Labels = dict[str, str]


def scraped(document: Document, class_: MonitorClass | None = None) -> Part:
    return scraping_objects(parse_monitor(document), class_ or MonitorClass())


def only(document: Document) -> dict[str, Any]:
    part = scraped(document)
    assert [found for found in part.diagnostics if found.severity is Severity.ERROR] == []
    (found,) = part.objects
    return found


def relabelings(obj: dict[str, Any]) -> list[dict[str, Any]]:
    spec = obj["spec"]
    if obj["kind"] == "Probe":
        found: list[dict[str, Any]] = spec["targets"]["staticConfig"]["relabelingConfigs"]
    elif obj["kind"] == "ScrapeConfig":
        found = spec["relabelings"]
    else:
        (endpoint,) = spec.get("endpoints") or spec["podMetricsEndpoints"]
        found = endpoint["relabelings"]
    return found


def relabelled(labels: Labels, steps: list[dict[str, Any]]) -> Labels | None:
    """What Prometheus makes of a target's labels (None: it is dropped), for the actions that occur here."""
    labels = dict(labels)
    for step in steps:
        value = ";".join(labels.get(name, "") for name in step.get("sourceLabels", ()))
        match = re.fullmatch(step.get("regex", "(.*)"), value)
        if step["action"] == "keep":
            if match is None:
                return None
        elif step["action"] == "labeldrop":
            labels = {name: text for name, text in labels.items() if not re.fullmatch(step["regex"], name)}
        elif match is not None:
            assert step["action"] == "replace"
            first = match[1] if match.re.groups else ""
            texts = {"$$": "$", "$1": first}
            text = re.sub(r"\$[$1]", lambda found, texts=texts: texts[found[0]], step.get("replacement", "$1"))  # type: ignore[misc]
            labels[step["targetLabel"]] = text
    return {name: text for name, text in labels.items() if text and not name.startswith("__")}


def seen(document: Document, labels: Labels) -> Labels | None:
    return relabelled(labels, relabelings(only(document)))


MANY = minimal(
    environment="prod",
    wallets=[
        {"name": "hot-1", "instance": "wallet-7f3a", "type": "custodial", "labels": {"team": "treasury"}},
        {"name": "hot-10", "type": "custodial", "chain": {"family": "evm", "id": 137}},
        {"name": "cold-1", "chain": {"family": "bitcoin"}, "labels": {"team": "vault $1 keepers"[:5]}},
    ],
    targets=[
        {
            "name": "api",
            "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
            "walletFrom": {"label": "walletmon.dev/wallet"},
        }
    ],
)
POD_LABEL = "__meta_kubernetes_pod_label_walletmon_dev_wallet"


@pytest.mark.parametrize(
    ("document", "kind", "version"),
    [
        (one(), "ServiceMonitor", "monitoring.coreos.com/v1"),
        (found_by(pods=target()["service"]), "PodMonitor", "monitoring.coreos.com/v1"),
        (found_by(static=["node:9100"]), "ScrapeConfig", "monitoring.coreos.com/v1alpha1"),
        (found_by(probe={"prober": "blackbox:9115", "urls": ["https://a"]}), "Probe", "monitoring.coreos.com/v1"),
    ],
)
def test_each_source_makes_its_kind_of_object(document: Document, kind: str, version: str) -> None:
    obj = only(document)
    assert (obj["kind"], obj["apiVersion"]) == (kind, version)
    assert obj["metadata"]["name"] == "treasury.api"
    assert obj["metadata"]["namespace"] == "wallets"


def test_one_object_for_each_target_in_the_documents_order() -> None:
    part = scraped(maximal())
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in part.objects] == [
        ("ServiceMonitor", "treasury.api"),
        ("PodMonitor", "treasury.signer"),
        ("ScrapeConfig", "treasury.node"),
        ("Probe", "treasury.reach"),
    ]


def test_the_series_of_a_target_of_one_wallet_say_whose_they_are() -> None:
    document = one(wallet="hot-1", role="wallet")
    document["spec"]["wallets"] = [
        {
            "name": "hot-1",
            "instance": "wallet-7f3a",
            "type": "custodial",
            "chain": {"family": "evm", "id": 1},
            "labels": {"team": "treasury", "owner": "金库 🏦"},
        }
    ]
    document["spec"]["environment"] = "prod"
    assert seen(document, {"pod": "wallet-api-0", "namespace": "forged", "instance": "10.0.0.1:9090"}) == {
        "namespace": "wallets",
        "walletmon": "treasury",
        "target": "api",
        "role": "wallet",
        "environment": "prod",
        "wallet": "hot-1",
        "instance": "wallet-7f3a",
        "wallet_type": "custodial",
        "chain_id": "1",
        "team": "treasury",
        "owner": "金库 🏦",
        "pod": "wallet-api-0",
    }


def test_a_target_of_no_wallet_keeps_its_own_instance() -> None:
    document = found_by(service=target()["service"], wallet=None, role="db")
    assert seen(document, {"instance": "10.0.0.1:9187"}) == {
        "namespace": "wallets",
        "walletmon": "treasury",
        "target": "api",
        "role": "db",
        "instance": "10.0.0.1:9187",
    }


def test_each_pod_gets_the_labels_of_the_wallet_its_label_names() -> None:
    common = {"namespace": "wallets", "walletmon": "treasury", "target": "api", "role": "wallet", "environment": "prod"}
    assert seen(MANY, {POD_LABEL: "hot-1", "instance": "10.0.0.1:80"}) == {
        **common,
        "wallet": "hot-1",
        "instance": "wallet-7f3a",
        "wallet_type": "custodial",
        "team": "treasury",
    }
    assert seen(MANY, {POD_LABEL: "hot-10", "instance": "10.0.0.2:80"}) == {
        **common,
        "wallet": "hot-10",
        "instance": "hot-10",
        "wallet_type": "custodial",
        "chain_id": "137",
    }
    assert seen(MANY, {POD_LABEL: "cold-1", "instance": "10.0.0.3:80"}) == {
        **common,
        "wallet": "cold-1",
        "instance": "cold-1",
        "team": "vault",
    }


@pytest.mark.parametrize("value", ["", "hot", "hot-100", "hot-1;", "xhot-1", "HOT-1", "other"])
def test_a_pod_of_another_wallet_is_not_scraped(value: str) -> None:
    assert seen(MANY, {POD_LABEL: value}) is None


def test_a_pod_without_the_label_is_not_scraped() -> None:
    assert seen(MANY, {"pod": "x"}) is None


@pytest.mark.parametrize(
    ("label", "meta"),
    [
        ("wallet", "__meta_kubernetes_pod_label_wallet"),
        ("walletmon.dev/wallet-id", "__meta_kubernetes_pod_label_walletmon_dev_wallet_id"),
        ("a.b/C_d.e", "__meta_kubernetes_pod_label_a_b_C_d_e"),
    ],
)
def test_a_pods_label_is_read_by_the_name_prometheus_gives_it(label: str, meta: str) -> None:
    document = found_by(service=target()["service"], wallet=None, walletFrom={"label": label})
    assert (seen(document, {meta: "hot-1"}) or {})["wallet"] == "hot-1"


@pytest.mark.parametrize("source", ["service", "pods"])
def test_the_wallets_own_label_endpoint_is_not_shadowed_by_the_ports_name(source: str) -> None:
    """Alerts tell the chain RPCs of a wallet apart by it; prometheus-operator puts the port's name there."""
    document = found_by(**{source: target()["service"]})
    assert "endpoint" not in (seen(document, {"endpoint": "metrics"}) or {"endpoint": ""})


def test_two_static_addresses_of_one_wallet_stay_apart() -> None:
    document = found_by(static=["a:1", "b:1"])
    first, second = (seen(document, {"__address__": address}) for address in ("a:1", "b:1"))
    assert first is not None
    assert second is not None
    assert (first.pop("host"), second.pop("host")) == ("a:1", "b:1")
    assert first == second


def test_two_probed_urls_of_one_wallet_stay_apart() -> None:
    document = found_by(probe={"prober": "blackbox:9115", "urls": ["https://a", "https://b"]})
    assert (seen(document, {"__param_target": "https://a"}) or {})["host"] == "https://a"


def test_scraped_labels_never_win_over_ours() -> None:
    for obj in scraped(maximal()).objects:
        assert "honorLabels" not in str(obj)


def test_a_thousand_wallets_of_one_type_are_one_step() -> None:
    wallets = [{"name": f"w{n}", "type": "custodial", "labels": {"team": f"t{n % 3}"}} for n in range(1000)]
    document = found_by(service=target()["service"], wallet=None, walletFrom={"label": "wallet"})
    document["spec"]["wallets"] = wallets
    steps = relabelings(only(document))
    assert len(steps) < 20
    labels = relabelled({"__meta_kubernetes_pod_label_wallet": "w997"}, steps)
    assert labels is not None
    assert (labels["wallet"], labels["instance"], labels["wallet_type"], labels["team"]) == (
        "w997",
        "w997",
        "custodial",
        "t1",
    )


def test_limits_scheme_path_and_timings_are_carried_over() -> None:
    document = one(
        path="/m",
        scheme="https",
        interval="15s",
        timeout="5s",
        limits={"samples": 1, "labels": 2, "labelNameLength": 3, "labelValueLength": 4},
    )
    limits = {"sampleLimit": 1, "labelLimit": 2, "labelNameLengthLimit": 3, "labelValueLengthLimit": 4}
    spec = only(document)["spec"]
    assert {name: spec[name] for name in limits} == limits
    (endpoint,) = spec["endpoints"]
    del endpoint["relabelings"], endpoint["metricRelabelings"]
    assert endpoint == {"port": "metrics", "path": "/m", "scheme": "https", "interval": "15s", "scrapeTimeout": "5s"}


def test_credentials_are_references_in_each_kind() -> None:
    auth = {
        "basicAuth": {"username": {"name": "s", "key": "u"}, "password": {"name": "s", "key": "p"}},
        "tls": {
            "ca": {"name": "t", "key": "ca"},
            "cert": {"name": "t", "key": "crt"},
            "key": {"name": "t", "key": "key"},
            "serverName": "x",
            "insecureSkipVerify": True,
        },
    }
    wanted = {
        "basicAuth": {"username": {"name": "s", "key": "u"}, "password": {"name": "s", "key": "p"}},
        "tlsConfig": {
            "ca": {"secret": {"name": "t", "key": "ca"}},
            "cert": {"secret": {"name": "t", "key": "crt"}},
            "keySecret": {"name": "t", "key": "key"},
            "serverName": "x",
            "insecureSkipVerify": True,
        },
    }
    for source in (
        {"service": target()["service"]},
        {"pods": target()["service"]},
        {"static": ["a:1"]},
        {"probe": {"prober": "b:1", "urls": ["u"]}},
    ):
        spec = only(found_by(**source, auth=auth))["spec"]
        where = (spec.get("endpoints") or spec.get("podMetricsEndpoints") or [spec])[0]
        assert {name: where[name] for name in wanted} == wanted


def test_children_carry_the_frames_labels_and_the_classs_and_no_more() -> None:
    class_ = MonitorClass(object_labels={"release": "monitoring", "app.kubernetes.io/managed-by": "helm"})
    document = one()
    document["metadata"] |= {"labels": {"app.kubernetes.io/instance": "argo"}, "annotations": {"a": "b"}, "uid": "u-1"}
    (obj,) = scraped(document, class_).objects
    assert obj["metadata"] == {
        "name": "treasury.api",
        "namespace": "wallets",
        "labels": {
            "release": "monitoring",
            "app.kubernetes.io/managed-by": "walletmon",
            "walletmon.dev/monitor": "treasury",
        },
        "ownerReferences": [
            {
                "apiVersion": "walletmon.dev/v1alpha1",
                "kind": "WalletMonitor",
                "name": "treasury",
                "uid": "u-1",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def test_without_a_uid_there_is_no_owner_to_refer_to() -> None:
    assert "ownerReferences" not in only(one())["metadata"]


def test_a_wallet_that_no_target_tells_about_is_a_warning() -> None:
    document = one()
    document["spec"]["wallets"] = [{"name": "hot-1"}, *({"name": f"cold-{n}"} for n in range(7))]
    (warning,) = scraped(document).diagnostics
    assert (warning.code, warning.severity, warning.path) == (Code.UNWATCHED_WALLET, Severity.WARNING, "spec.targets")
    assert warning.message == (
        "no target's metrics tell about 7 of 8 wallets: cold-0, cold-1, cold-2, cold-3, cold-4, ..."
    )
    monitor = parse_monitor(document)
    assert watched_wallets(monitor) == ["hot-1"]
    assert unwatched_wallets(monitor) == [f"cold-{n}" for n in range(7)]


def test_a_target_that_reads_the_wallet_from_pods_watches_them_all() -> None:
    assert unwatched_wallets(parse_monitor(MANY)) == []


def test_without_targets_there_is_nothing_to_scrape_and_every_wallet_is_unwatched() -> None:
    part = scraped(minimal())
    assert part.objects == []
    assert [warning.code for warning in part.diagnostics] == [Code.UNWATCHED_WALLET]


def test_a_bad_target_past_the_schema_is_left_out_and_the_others_stay() -> None:
    document = targets(
        target(name="a"),
        target(name="b", wallet="unknown"),
        target(name="c", pods=target()["service"]),
        {"name": "d", "role": "db"},
    )
    part = scraped(document)
    assert [obj["metadata"]["name"] for obj in part.objects] == ["treasury.a"]
    assert [(found.code, found.path) for found in part.diagnostics] == [
        (Code.UNKNOWN_WALLET, "spec.targets[1].wallet"),
        (Code.INVALID_FIELD, "spec.targets[2]"),
        (Code.INVALID_FIELD, "spec.targets[3]"),
    ]


def test_a_target_whose_secret_is_missing_is_made_and_told() -> None:
    facts = ClusterFacts(secrets={("wallets", "scrape"): frozenset({"user"})})
    part = scraping_objects(parse_monitor(one(auth={"basicAuth": basic()})), MonitorClass(), facts)
    assert [each["kind"] for each in part.objects] == ["ServiceMonitor"]
    (problem,) = part.diagnostics
    assert (problem.code, problem.path) == (Code.MISSING_SECRET, "spec.targets[0].auth.basicAuth.password")
    assert "nothing of it is scraped" in problem.message
