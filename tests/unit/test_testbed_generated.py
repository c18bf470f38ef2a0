"""What prometheus-operator generates is turned into files that local processes can run on."""

import base64
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from testbed.generated import CONFIG, Local, alertmanager_files, local_prometheus_config, prometheus_files

FOLDER = Path("/bed/prometheus")
CA = Path("/bed/ca.crt")
SERVER = "https://127.0.0.1:6443"

PROMETHEUS = """\
global:
  scrape_interval: 30s
  external_labels:
    prometheus_replica: $(POD_NAME)
rule_files:
- /etc/prometheus/rules/prometheus-main-rulefiles-0/*.yaml
scrape_configs:
- job_name: serviceMonitor/x/s/0
  honor_labels: true
  tls_config:
    ca_file: /etc/prometheus/certs/0_x_ca_crt
  relabel_configs:
  - source_labels: [__tmp_hash]
    regex: $(SHARD)
    action: keep
  - source_labels: [a]
    separator: =
  kubernetes_sd_configs:
  - role: endpointslice
    namespaces:
      names: [x]
    attach_metadata:
      node: false
- job_name: scrapeConfig/x/own
  kubernetes_sd_configs:
  - role: pod
    namespaces:
      own_namespace: true
  - role: pod
    api_server: https://elsewhere.example.com
- job_name: scrapeConfig/x/static
  static_configs:
  - targets: [192.0.2.7:80]
alerting:
  alert_relabel_configs:
  - action: labeldrop
    regex: prometheus_replica
  alertmanagers:
  - path_prefix: /
    scheme: http
    kubernetes_sd_configs:
    - role: endpointslice
      namespaces:
        names: [paging]
    api_version: v2
    relabel_configs:
    - action: keep
      source_labels: [__meta_kubernetes_service_name]
      regex: alertmanager-operated
  - static_configs:
    - targets: [alerts.example.com:9093]
"""
RUNNING = {"paging": ["127.0.0.1:1", "127.0.0.1:2"], "other": ["127.0.0.1:3"]}


def secret(name: str, **data: bytes) -> dict[str, Any]:
    encoded = {key.replace("__", "."): base64.b64encode(value).decode() for key, value in data.items()}
    return {"metadata": {"name": name}, "data": encoded}


def local(running: Mapping[str, Sequence[str]] = RUNNING) -> Local:
    return Local("x", "main", FOLDER, SERVER, CA, alertmanagers=lambda namespace: running.get(namespace, []))


def read(running: Mapping[str, Sequence[str]] = RUNNING) -> Any:
    return yaml.safe_load(local_prometheus_config(PROMETHEUS, local(running)))


def test_paths_of_the_pod_become_paths_below_the_folder() -> None:
    config = read()
    assert config["rule_files"] == ["/bed/prometheus/rules/prometheus-main-rulefiles-0/*.yaml"]
    assert config["scrape_configs"][0]["tls_config"]["ca_file"] == "/bed/prometheus/certs/0_x_ca_crt"


def test_the_reloaders_placeholders_are_those_of_the_first_replica_and_shard() -> None:
    config = read()
    assert config["global"]["external_labels"]["prometheus_replica"] == "prometheus-main-0"
    assert config["scrape_configs"][0]["relabel_configs"][0]["regex"] == 0


def test_alerts_go_to_the_alertmanagers_that_run_in_the_namespaces_named_and_nowhere_without_one() -> None:
    elsewhere = {"static_configs": [{"targets": ["alerts.example.com:9093"]}]}
    paging = {
        "path_prefix": "/",
        "scheme": "http",
        "api_version": "v2",
        "static_configs": [{"targets": ["127.0.0.1:1", "127.0.0.1:2"]}],
    }
    assert read()["alerting"]["alertmanagers"] == [paging, elsewhere]
    assert read({"other": ["127.0.0.1:3"]})["alerting"]["alertmanagers"] == [elsewhere]


def test_an_object_that_names_no_alertmanager_reports_to_none() -> None:
    text = PROMETHEUS[: PROMETHEUS.index("alerting:")]
    assert yaml.safe_load(local_prometheus_config(text, local()))["alerting"] == {"alertmanagers": []}


def test_an_object_without_a_single_selector_has_an_empty_configuration() -> None:
    assert yaml.safe_load(local_prometheus_config("", local())) == {"alerting": {"alertmanagers": []}}


def test_discovery_that_relies_on_being_in_a_pod_is_told_where_the_apiserver_is_and_who_asks() -> None:
    known = {
        "api_server": SERVER,
        "authorization": {"credentials_file": "/bed/prometheus/token"},
        "tls_config": {"ca_file": "/bed/ca.crt"},
    }
    service, own, static = read()["scrape_configs"]
    assert service["kubernetes_sd_configs"] == [
        {"role": "endpointslice", "namespaces": {"names": ["x"]}, "attach_metadata": {"node": False}, **known}
    ]
    # Prometheus takes `own_namespace` only in a pod.
    assert own["kubernetes_sd_configs"][0] == {"role": "pod", "namespaces": {"names": ["x"]}, **known}
    assert "kubernetes_sd_configs" not in static


def test_discovery_that_names_an_apiserver_stays_as_it_is() -> None:
    own = read()["scrape_configs"][1]
    assert own["kubernetes_sd_configs"][1] == {"role": "pod", "api_server": "https://elsewhere.example.com"}


def test_the_addresses_of_pods_become_loopback_ones_after_all_other_relabeling() -> None:
    for scrape in read()["scrape_configs"]:
        assert scrape["relabel_configs"][-1] == {
            "source_labels": ["__address__"],
            "regex": r"192\.0\.2\.(\d+):(\d+)",
            "target_label": "__address__",
            "replacement": "127.0.0.$1:$2",
        }


def test_everything_else_stays_as_generated() -> None:
    config = read()
    assert config["alerting"]["alert_relabel_configs"] == [{"action": "labeldrop", "regex": "prometheus_replica"}]
    assert config["global"]["scrape_interval"] == "30s"
    assert config["scrape_configs"][0]["honor_labels"] is True
    assert config["scrape_configs"][0]["relabel_configs"][1]["separator"] == "="


def test_prometheus_files_hold_configuration_rules_and_certificates() -> None:
    secrets = [
        secret("prometheus-main", prometheus__yaml__gz=gzip.compress(PROMETHEUS.encode())),
        secret("prometheus-main-tls-assets-0", **{"0_x_ca_crt": b"PEM"}),
        secret("prometheus-other", prometheus__yaml__gz=gzip.compress(b"{}")),
    ]
    rules = [{"metadata": {"name": "prometheus-main-rulefiles-0"}, "data": {"x-r-uid.yaml": "groups: []"}}]
    files = prometheus_files(secrets, rules, local())
    assert files is not None
    assert set(files) == {CONFIG, "certs/0_x_ca_crt", "rules/prometheus-main-rulefiles-0/x-r-uid.yaml"}
    assert files["certs/0_x_ca_crt"] == b"PEM"


def test_nothing_is_made_of_a_configuration_that_is_not_there_yet() -> None:
    assert prometheus_files([secret("prometheus-main")], [], local()) is None
    assert alertmanager_files("main", [], FOLDER) is None


def test_alertmanager_files_are_as_generated_but_for_the_folder() -> None:
    text = b"receivers:\n- webhook_configs:\n  - url_file: /etc/alertmanager/certs/u\n"
    secrets = [secret("alertmanager-main-generated", alertmanager__yaml__gz=gzip.compress(text))]
    assert alertmanager_files("main", secrets, Path("/bed/am")) == {
        CONFIG: b"receivers:\n- webhook_configs:\n  - url_file: /bed/am/certs/u\n"
    }
