"""Environments on the real prometheus-operator: a Prometheus for each, and one that federates from another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
import yaml

from demo.reading import Alertmanager, Prometheus
from testbed import Follower
from tests.e2e.environments import ENVIRONMENTS, Scene, environments, the_class, wait, without_owner
from tests.environments import class_document
from walletmon.api.diagnostic import Code
from walletmon.api.parse import parse_class
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.retention import retention_findings


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with environments() as scene:
        yield scene


def config_of(follower: Follower) -> Any:
    answer = urllib3.request("GET", f"{follower.url}/api/v1/status/config", timeout=10.0).json()
    return yaml.safe_load(answer["data"]["yaml"])


def flags_of(follower: Follower) -> dict[str, str]:
    found: dict[str, str] = urllib3.request("GET", f"{follower.url}/api/v1/status/flags", timeout=10.0).json()["data"]
    return found


# -- Prometheus objects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("environment", "other"), [("prod", "test"), ("test", "prod")])
def test_each_environment_is_watched_by_its_own_prometheus_and_by_no_other(
    scene: Scene, environment: str, other: str
) -> None:
    prometheus = scene.prometheuses[environment]
    (target,) = wait("its target to be up", lambda: [t for t in prometheus.targets() if t["health"] == "up"])
    assert (
        target["labels"].items()
        >= {
            "namespace": ENVIRONMENTS[environment],
            "walletmon": "treasury",
            "wallet": "hot-1",
            "instance": f"wallet-{ENVIRONMENTS[environment]}",
            "environment": environment,
            "cluster": "c1",
        }.items()
    )
    assert prometheus.targets(namespace=ENVIRONMENTS[other]) == []
    rules = [rule for group in prometheus.rule_groups() for rule in group["rules"]]
    assert {rule["labels"]["environment"] for rule in rules if rule["type"] == "alerting"} == {environment}
    assert [rule for rule in rules if rule["health"] == "err"] == []


@pytest.mark.parametrize(("environment", "retention"), [("prod", "90d"), ("test", "1h")])
def test_its_retention_is_that_of_the_environment(scene: Scene, environment: str, retention: str) -> None:
    arguments = scene.bed.prometheus_arguments("monitoring", f"default-{environment}")
    assert f"--storage.tsdb.retention.time={retention}" in arguments
    assert flags_of(scene.followers[environment])["storage.tsdb.retention.time"] == retention
    found = retention_findings(parse_class(the_class(scene.relay)), scene.facts())
    # No kubelet starts their Pods.
    assert {each.environment: each.enforced for each in found} == {"prod": None, "test": None}
    assert all(each.message.startswith("no Pod is ready of Prometheus") for each in found)


def test_the_stateful_set_is_what_the_environment_says(scene: Scene) -> None:
    made = {
        name: scene.bed.api.request(
            "GET", scene.bed.api.path("apps/v1", "StatefulSet", "monitoring", f"prometheus-default-{name}")
        )["spec"]
        for name in ENVIRONMENTS
    }
    assert made["test"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"] == {"storage": "1Gi"}
    assert made["prod"].get("volumeClaimTemplates") is None
    for spec in made.values():
        pod = spec["template"]["spec"]
        assert pod["serviceAccountName"] == "prometheus-wallets"
        assert pod["securityContext"]["runAsNonRoot"] is True
        # What the Pod Security Standard `restricted` asks for, with what prometheus-operator sets itself.
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_configuration_that_runs_says_what_the_class_says(scene: Scene) -> None:
    config = config_of(scene.followers["prod"])
    assert (
        config["global"]["external_labels"].items()
        >= {
            "cluster": "c1",
            "region": "eu-west-1",
            "tier": "gold",
            "environment": "prod",
        }.items()
    )
    assert config["global"]["evaluation_interval"] == "30s"
    (write,) = config["remote_write"]
    assert write["name"] == "archive"
    assert write["headers"] == {"X-Scope-OrgID": "wallets-prod"}
    assert [step["action"] for step in write["write_relabel_configs"]] == ["keep", "labeldrop"]
    (scrape,) = config["scrape_configs"]
    assert scrape["sample_limit"] == 100_000
    assert scrape["label_limit"] == 60
    (alertmanager,) = config["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"][0]["targets"] == [scene.bed.alertmanager("alerting", "main").address]
    assert "remote_write" not in config_of(scene.followers["test"])


def test_the_default_scrape_class_is_applied_in_its_environment_alone(scene: Scene) -> None:
    stamped = wait("a stamped series", lambda: scene.prometheuses["prod"].query('{stamp="prod",__name__=~"wallet_.+"}'))
    assert {each["metric"]["scraped"] for each in stamped} == {"first"}
    assert scene.prometheuses["prod"].query("python_info") == []
    plain = wait("a series in test", lambda: scene.prometheuses["test"].query('{__name__=~"wallet_.+"}'))
    assert all("stamp" not in each["metric"] for each in plain)


# -- remote write -----------------------------------------------------------------------------------------------------


def test_samples_arrive_at_the_storage_with_headers_and_what_is_kept_of_them(scene: Scene) -> None:
    arrived = wait("recordings in the storage", lambda: scene.storage.query('{__name__=~"wallet:.+"}'))
    for each in arrived:
        assert each["metric"].items() >= {"namespace": "wallets-prod", "walletmon": "treasury"}.items()
        # The recording has lost them; what is sent has the environment's.
        assert each["metric"].items() >= {"environment": "prod", "cluster": "c1", "tier": "gold"}.items()
    names = {each["metric"]["__name__"] for each in scene.storage.query('{__name__!=""}')}
    assert "up" in names
    assert all(name == "up" or name.startswith(("wallet:", "sse:", "walletmon:")) for name in names)
    (up,) = wait("up in the storage", lambda: scene.storage.query("up"))
    assert up["metric"]["instance"] == "wallet-wallets-prod"
    assert "scraped" not in up["metric"]

    writes = scene.relay.writes("archive")
    assert {each.headers["x-scope-orgid"] for each in writes} == {"wallets-prod"}
    assert {each.headers["content-encoding"] for each in writes} == {"snappy"}
    assert all(each.size > 0 and each.status < 300 for each in writes)


def test_nothing_of_another_environment_is_sent(scene: Scene) -> None:
    wait("something in the storage", lambda: scene.storage.query("up"))
    assert scene.storage.query('{namespace="wallets-test"}') == []


def test_a_remote_write_without_its_secret_is_left_out_and_told(scene: Scene) -> None:
    assert scene.relay.writes("locked") == []
    (found,) = scene.bundle.diagnostics
    assert found.code is Code.MISSING_SECRET
    assert found.path == "spec.environments[0].remoteWrite[1].authorization.credentials"


def test_prometheus_operator_would_refuse_the_whole_object_for_it(scene: Scene) -> None:
    """The reason why it is left out."""
    document = the_class(scene.relay)
    document["metadata"]["name"] = "naive"
    bundle = compile_class(parse_class(document), facts=ClusterFacts())
    assert bundle.objects is not None
    naive = next(each for each in bundle.objects if each["metadata"]["name"] == "naive-prod")
    scene.bed.apply([without_owner(naive)])

    def refused() -> str | None:
        found = scene.bed.api.find("monitoring.coreos.com/v1", "Prometheus", "monitoring", "naive-prod")
        for each in (found or {}).get("status", {}).get("conditions", ()):
            if each["type"] == "Reconciled" and each["status"] == "False":
                return str(each["message"])
        return None

    message = wait("prometheus-operator to refuse it", refused)
    assert "remote write 1" in message
    assert scene.bed.api.find("apps/v1", "StatefulSet", "monitoring", "prometheus-naive-prod") is None
    # Whoever looks is told.
    resource = parse_class(document)
    (found, _) = retention_findings(resource, scene.facts())
    assert found.enforced is False
    assert "remote write 1" in found.message
    scene.bed.api.delete(naive)


# -- alerts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("environment", "more"), [("prod", {"tier": "gold"}), ("test", {})])
def test_alerts_reach_the_alertmanager_with_the_labels_of_their_surroundings(
    scene: Scene, environment: str, more: dict[str, str]
) -> None:
    alertmanager = Alertmanager(scene.bed.alertmanager("alerting", "main").url)
    (alert,) = wait(
        "the alert at the Alertmanager", lambda: alertmanager.alerts(alertname="WalletSeen", environment=environment)
    )
    assert (
        alert["labels"].items()
        >= {
            "wallet": "hot-1",
            "namespace": ENVIRONMENTS[environment],
            "walletmon_class": "default",
            "cluster": "c1",
            # A label of metrics as well: the rule leaves it, the external labels add it.
            "region": "eu-west-1",
            "priority": "P2",
            **more,
        }.items()
    )
    assert environment == "prod" or "tier" not in alert["labels"]


# -- federation -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def federating(scene: Scene) -> Prometheus:
    """A Prometheus that takes over from that of production, and neither scrapes nor evaluates anything else."""
    nothing = dict.fromkeys(f"{kind}Selector" for kind in ("serviceMonitor", "podMonitor", "probe", "rule"))
    selects = {**nothing, "scrapeConfigSelector": {"matchLabels": {"role": "global"}}}
    follower = scene.bed.start_prometheus("monitoring", "global", spec=selects)
    resource = parse_class(
        class_document(
            "global",
            prometheusRef={"namespace": "monitoring", "name": "global"},
            federation=[
                {
                    "name": "c1",
                    "targets": [scene.followers["prod"].address],
                    "interval": "1s",
                    "labels": {"cluster": "unknown", "zone": "z1"},
                }
            ],
        )
    )
    bundle = compile_class(resource, facts=scene.facts())
    assert bundle.diagnostics == ()
    assert bundle.objects is not None
    (obj,) = bundle.objects
    # Found out from the Prometheus that the class names.
    assert obj["metadata"]["labels"]["role"] == "global"
    scene.bed.apply([obj])
    prometheus = Prometheus(follower.url)
    wait("an alert to be taken over", lambda: prometheus.query('ALERTS{alertname="WalletSeen",alertstate="firing"}'))
    return prometheus


RECORDED = '{__name__=~"(wallet|sse|walletmon):.+"}'
EXTERNAL = {
    "environment": "prod",
    "cluster": "c1",
    "region": "eu-west-1",
    "tier": "gold",
    "prometheus": "monitoring/default-prod",
    "prometheus_replica": "prometheus-default-prod-0",
    "zone": "z1",
}


def samples(prometheus: Prometheus, selector: str) -> dict[frozenset[tuple[str, str]], set[tuple[float, str]]]:
    """Samples of the last minute by the series' labels, without those that the way of federation adds."""
    return {
        frozenset((name, value) for name, value in each["metric"].items() if EXTERNAL.get(name) != value): {
            (when, value) for when, value in each["values"]
        }
        for each in prometheus.query(f"{selector}[1m]")
    }


@pytest.mark.parametrize("selector", [RECORDED, "ALERTS"])
def test_recordings_and_alerts_are_taken_over_with_their_labels_and_values(
    scene: Scene, federating: Prometheus, selector: str
) -> None:
    def all_there() -> bool:
        here = {labels for labels, _ in samples(federating, selector).items()}
        return here >= set(samples(scene.prometheuses["prod"], selector)) and bool(here)

    wait("everything to be taken over", all_there)
    taken, there = samples(federating, selector), samples(scene.prometheuses["prod"], selector)
    assert set(taken) == set(there)
    for labels, values in taken.items():
        assert values <= there[labels], labels


def test_what_is_taken_over_has_the_labels_of_where_it_comes_from(federating: Prometheus) -> None:
    for each in federating.query(RECORDED):
        assert each["metric"].items() >= EXTERNAL.items()


def test_aggregates_do_not_get_the_job_or_instance_of_the_federation(scene: Scene, federating: Prometheus) -> None:
    for each in [*federating.query(RECORDED), *federating.query("ALERTS")]:
        assert each["metric"].get("job", "") != "federation/global/c1"
        assert each["metric"].get("instance") != scene.followers["prod"].address
    (up,) = federating.query("up")
    assert (
        up["metric"].items()
        >= {
            "job": "federation/global/c1",
            "instance": scene.followers["prod"].address,
            "zone": "z1",
        }.items()
    )


def test_nothing_else_is_taken_over(federating: Prometheus) -> None:
    names = {each["metric"]["__name__"] for each in federating.query('{__name__!=""}')}
    own = {name for name in names if name == "up" or name.startswith("scrape_")}
    assert all(name == "ALERTS" or name.startswith(("wallet:", "sse:", "walletmon:")) for name in names - own)
    assert federating.query('{namespace="wallets-test"}') == []
