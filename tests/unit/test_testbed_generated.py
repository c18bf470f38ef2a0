"""What prometheus-operator generates is turned into files that local processes can run on."""

import base64
import gzip
from pathlib import Path
from typing import Any

import yaml

from testbed.generated import CONFIG, alertmanager_files, local_prometheus_config, prometheus_files

FOLDER = Path("/bed/prometheus")

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
alerting:
  alert_relabel_configs:
  - action: labeldrop
    regex: prometheus_replica
  alertmanagers:
  - kubernetes_sd_configs:
    - role: endpoints
"""


def secret(name: str, **data: bytes) -> dict[str, Any]:
    encoded = {key.replace("__", "."): base64.b64encode(value).decode() for key, value in data.items()}
    return {"metadata": {"name": name}, "data": encoded}


def local(alertmanagers: list[str]) -> Any:
    return yaml.safe_load(local_prometheus_config(PROMETHEUS, "main", FOLDER, alertmanagers))


def test_paths_of_the_pod_become_paths_below_the_folder() -> None:
    config = local([])
    assert config["rule_files"] == ["/bed/prometheus/rules/prometheus-main-rulefiles-0/*.yaml"]
    assert config["scrape_configs"][0]["tls_config"]["ca_file"] == "/bed/prometheus/certs/0_x_ca_crt"


def test_the_reloaders_placeholders_are_those_of_the_first_replica_and_shard() -> None:
    config = local([])
    assert config["global"]["external_labels"]["prometheus_replica"] == "prometheus-main-0"
    assert config["scrape_configs"][0]["relabel_configs"][0]["regex"] == 0


def test_alerts_go_to_the_local_alertmanager_and_nowhere_without_one() -> None:
    assert local(["127.0.0.1:1"])["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["127.0.0.1:1"]}]}]
    assert local([])["alerting"]["alertmanagers"] == []


def test_everything_else_stays_as_generated() -> None:
    config = local(["127.0.0.1:1"])
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
    files = prometheus_files("main", secrets, rules, FOLDER, [])
    assert files is not None
    assert set(files) == {CONFIG, "certs/0_x_ca_crt", "rules/prometheus-main-rulefiles-0/x-r-uid.yaml"}
    assert files["certs/0_x_ca_crt"] == b"PEM"


def test_nothing_is_made_of_a_configuration_that_is_not_there_yet() -> None:
    assert prometheus_files("main", [secret("prometheus-main")], [], FOLDER, []) is None
    assert alertmanager_files("main", [], FOLDER) is None


def test_alertmanager_files_are_as_generated_but_for_the_folder() -> None:
    text = b"receivers:\n- webhook_configs:\n  - url_file: /etc/alertmanager/certs/u\n"
    secrets = [secret("alertmanager-main-generated", alertmanager__yaml__gz=gzip.compress(text))]
    assert alertmanager_files("main", secrets, Path("/bed/am")) == {
        CONFIG: b"receivers:\n- webhook_configs:\n  - url_file: /bed/am/certs/u\n"
    }
