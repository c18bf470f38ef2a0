"""What the chart makes of values, judged by the real helm and kube-score; no cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from testbed.binaries import Binaries, ensure
from testbed.sources import HELM
from walletmon.cli import main

CHART = Path(__file__).parents[2] / "charts" / "walletmon"

Values = dict[str, Any]

EVERYTHING: Values = {
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": [{"name": "registry"}]},
    "watchNamespaces": ["wallets-prod", "wallets-test"],
    "objectLabels": {"release": "kps", "example.com/team": "true"},
    "runbookBaseUrl": "https://runbooks.example.com",
    "grafanaUrl": "https://grafana.example.com",
    "packsNamespace": "monitoring",
    "checkSecrets": False,
    "hubUrl": "http://hub.example.com",
    "log": {"format": "text", "level": "debug"},
    "workers": 3,
    "serviceMonitor": {"enabled": True, "labels": {"release": "kps"}, "interval": "1m"},
    "networkPolicy": {"enabled": True, "apiServerPorts": [6443]},
    "podAnnotations": {"example.com/note": "yes"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "priorityClassName": "system-cluster-critical",
}


@pytest.fixture(scope="module")
def helm() -> Path:
    return ensure([HELM])["helm"]


def template(helm: Path, values: Values, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [str(helm), "template", "walletmon", str(CHART), "--namespace", "monitoring", "--values", "-"]
    return subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=check)


def rendered(helm: Path, values: Values) -> dict[tuple[str, str], dict[str, Any]]:
    objects = [each for each in yaml.safe_load_all(template(helm, values).stdout) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def container(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = objects["Deployment", "walletmon"]["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_helm_lints_it_strictly(helm: Path, values: Values, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    command = [str(helm), "lint", "--strict", str(CHART), "--values", str(tmp_path / "values.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"replicas": 2}, "replicas"),
        ({"image": {"registry": "example.com"}}, "registry"),
        ({"image": {"repository": ""}}, "image/repository"),
        ({"image": {"tag": 1.2}}, "image/tag"),
        ({"image": {"digest": "sha256:12"}}, "image/digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "image/pullPolicy"),
        ({"image": {"pullSecrets": ["registry"]}}, "image/pullSecrets/0"),
        ({"crds": {"install": "yes"}}, "crds/install"),
        ({"crds": {"keep": False}}, "keep"),
        ({"watchNamespaces": "wallets-prod"}, "watchNamespaces"),
        ({"watchNamespaces": ["Wallets"]}, "watchNamespaces/0"),
        ({"watchNamespaces": ["a", "a"]}, "watchNamespaces"),
        ({"objectLabels": {"release": True}}, "objectLabels/release"),
        ({"objectLabels": {"no spaces": "x"}}, "objectLabels"),
        ({"runbookBaseUrl": "runbooks.example.com"}, "runbookBaseUrl"),
        ({"grafanaUrl": "ftp://grafana"}, "grafanaUrl"),
        ({"packsNamespace": "Not A Name"}, "packsNamespace"),
        ({"log": {"format": "yaml"}}, "log/format"),
        ({"log": {"level": "loud"}}, "log/level"),
        ({"log": {"colour": True}}, "colour"),
        ({"workers": 0}, "workers"),
        ({"workers": 2.5}, "workers"),
        ({"serviceMonitor": {"interval": "often"}}, "serviceMonitor/interval"),
        ({"serviceMonitor": {"scrapeTimeout": "1s"}}, "scrapeTimeout"),
        ({"networkPolicy": {"apiServerPorts": []}}, "networkPolicy/apiServerPorts"),
        ({"networkPolicy": {"apiServerPorts": [0]}}, "networkPolicy/apiServerPorts/0"),
        ({"resources": {"limits": {"memory": "lots"}}}, "resources/limits/memory"),
        ({"resources": {"memory": "1Gi"}}, "memory"),
        ({"podAnnotations": {"a": 1}}, "podAnnotations/a"),
        ({"tolerations": [{"effect": "Never"}]}, "tolerations/0/effect"),
        ({"affinity": {"nodeafinity": {}}}, "nodeafinity"),
        ({"priorityClassName": ["high"]}, "priorityClassName"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_unknown_and_wrong_values_are_refused_by_name(helm: Path, values: Values, where: str) -> None:
    done = template(helm, values, check=False)
    assert done.returncode != 0
    assert done.stdout == ""
    assert where in done.stderr


def test_the_values_become_the_operators_command_line(helm: Path) -> None:
    assert container(rendered(helm, EVERYTHING))["args"] == [
        "run",
        "--listen=0.0.0.0:8080",
        "--log-format=text",
        "--log-level=debug",
        "--workers=3",
        "--namespace=wallets-prod",
        "--namespace=wallets-test",
        "--object-label=example.com/team=true",
        "--object-label=release=kps",
        "--runbook-base-url=https://runbooks.example.com",
        "--grafana-url=https://grafana.example.com",
        "--hub-url=http://hub.example.com",
        "--packs-namespace=monitoring",
    ]


def test_the_operator_understands_that_command_line(helm: Path) -> None:
    run = main.get_command(click.Context(main), "run")
    assert run is not None
    defaults = run.make_context("run", container(rendered(helm, {}))["args"][1:]).params
    assert defaults == run.make_context("run", []).params
    everything = run.make_context("run", container(rendered(helm, EVERYTHING))["args"][1:]).params
    assert everything == {
        "listen": "0.0.0.0:8080",
        "log_format": "text",
        "log_level": "debug",
        "workers": 3,
        "namespaces": ("wallets-prod", "wallets-test"),
        "object_labels": ("example.com/team=true", "release=kps"),
        "runbook_base_url": "https://runbooks.example.com",
        "grafana_url": "https://grafana.example.com",
        "packs_namespace": "monitoring",
        "hub_url": "http://hub.example.com",
    }


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "ghcr.io/walletmon/walletmon:0.1.0"),
        ({"tag": "1.2.3"}, "ghcr.io/walletmon/walletmon:1.2.3"),
        ({"tag": "1.2.3", "digest": "sha256:" + "a" * 64}, "ghcr.io/walletmon/walletmon@sha256:" + "a" * 64),
        ({"repository": "registry.example.com:5000/walletmon"}, "registry.example.com:5000/walletmon:0.1.0"),
    ],
)
def test_the_image_is_named_by_digest_or_tag_or_version(helm: Path, image: Values, expected: str) -> None:
    assert container(rendered(helm, {"image": image}))["image"] == expected


def test_two_pods_never_run_at_once(helm: Path) -> None:
    spec = rendered(helm, EVERYTHING)["Deployment", "walletmon"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_pod_meets_the_restricted_pod_security_standard(helm: Path) -> None:
    spec = rendered(helm, {})["Deployment", "walletmon"]["spec"]["template"]["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize(("values", "verbs"), [({}, [["get"]]), (EVERYTHING, [])], ids=["looks", "does not look"])
def test_no_rule_has_a_wildcard_or_lists_secrets(helm: Path, values: Values, verbs: list[list[str]]) -> None:
    roles = [role for (kind, _), role in rendered(helm, values).items() if kind in ("Role", "ClusterRole")]
    rules = [rule for role in roles for rule in role["rules"]]
    assert all("*" not in words for rule in rules for words in rule.values())
    assert [rule["verbs"] for rule in rules if "secrets" in rule["resources"]] == verbs


def test_where_namespaces_are_named_no_rights_on_objects_hold_elsewhere(helm: Path) -> None:
    objects = rendered(helm, EVERYTHING)
    bindings = {
        (each["metadata"].get("namespace"), each["roleRef"]["name"])
        for (kind, _), each in objects.items()
        if kind in ("RoleBinding", "ClusterRoleBinding")
    }
    # Two RoleBindings have one name in two namespaces, of which the dictionary keeps the last.
    assert bindings == {
        ("wallets-test", "walletmon"),
        ("monitoring", "walletmon-packs"),
        ("default", "walletmon-events"),
        (None, "walletmon-discovery"),
    }
    (right,) = objects["Role", "walletmon-packs"]["rules"]
    assert right == {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}
    (right,) = objects["Role", "walletmon-events"]["rules"]
    assert right == {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]}
    assert ("ClusterRoleBinding", "walletmon") not in objects


def test_the_definition_is_the_generated_one_and_is_kept(helm: Path) -> None:
    generated = yaml.safe_load((CHART.parents[1] / "crds" / "walletmonitors.yaml").read_text())
    crd = rendered(helm, {})["CustomResourceDefinition", "walletmonitors.walletmon.dev"]
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert crd["spec"] == generated["spec"]
    assert ("CustomResourceDefinition", "walletmonitors.walletmon.dev") not in rendered(
        helm, {"crds": {"install": False}}
    )


def test_kube_score_finds_nothing_to_improve(helm: Path, judges: Binaries) -> None:
    objects = rendered(helm, EVERYTHING)
    # kube-score knows neither definitions nor monitor objects.
    known = [each for (kind, _), each in objects.items() if kind not in ("CustomResourceDefinition", "ServiceMonitor")]
    command = [
        *(str(judges["kube-score"]), "score", "-", "--output-format", "ci", "--kubernetes-version", "v1.29"),
        # A version or digest is pulled once; pulling it always would make every start depend on the registry.
        *("--ignore-test", "container-image-pull-policy"),
        # Two operators must not write at once, so there is one, and the old Pod goes first.
        *("--ignore-test", "deployment-strategy", "--ignore-test", "deployment-replicas"),
        # A CPU limit slows an operator down exactly when much has changed; memory is limited.
        "--ignore-container-cpu-limit",
    ]
    done = subprocess.run(command, input=yaml.safe_dump_all(known), capture_output=True, text=True, check=False)
    bad = [line for line in done.stdout.splitlines() if line.startswith(("[CRITICAL]", "[WARNING]"))]
    assert bad == []
    assert done.returncode == 0
    assert "[OK] walletmon/monitoring apps/v1/Deployment" in done.stdout
