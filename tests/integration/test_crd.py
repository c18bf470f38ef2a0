"""The CustomResourceDefinitions on a real apiserver: what they take, what they refuse, and how they say so.

Every bad document goes through a real create (dry run) with strict field validation, as `kubectl create` would send it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from testbed import ApiError, Json, Testbed
from tests.class_documents import environment, governance, maximal_class, telling
from tests.documents import SERVICE, Document, maximal, minimal, one, promql, receiver, routing, target, wallet
from tests.environments import class_document
from tests.integration.bad import Bad
from tests.integration.bad_alerting import BAD_ALERTING
from tests.integration.bad_class import BAD_CLASSES
from tests.integration.bad_targets import BAD_TARGETS
from tests.integration.bad_wallets import BAD_MONITORS
from walletmon.api.crd import crd_yaml, crds
from walletmon.api.monitor_class import CLASS_KIND

PATH = "/apis/walletmon.dev/v1alpha1/namespaces/default/walletmonitors"
CLASS_PATH = "/apis/walletmon.dev/v1alpha1/walletmonitorclasses"
STRICT = {"dryRun": "All", "fieldValidation": "Strict"}


@pytest.fixture(params=["crd", "class_crd"])
def each_crd(request: pytest.FixtureRequest) -> Json:
    """Each of the definitions."""
    found: Json = request.getfixturevalue(request.param)
    return found


def create(bed: Testbed, document: Document) -> Json:
    """Create, without storing; a monitor in a namespace that exists."""
    if document["kind"] == CLASS_KIND:
        return bed.api.request("POST", CLASS_PATH, document, params=STRICT)
    document = {**document, "metadata": {**document["metadata"], "namespace": "default"}}
    return bed.api.request("POST", PATH, document, params=STRICT)


UNKNOWN = (
    ("spec.wallet", minimal(wallet="hot-1")),
    ("spec.evaluation_interval", minimal(evaluation_interval="30s")),
    ("spec.wallets[0].adress", wallet(adress="0x")),
    ("spec.targets[0].honorLabels", one(honorLabels=True)),
    ("spec.targets[0].relabelings", one(relabelings=[])),
    ("spec.targets[0].service.namespaceSelector", one(service={**SERVICE, "namespaceSelector": {"any": True}})),
    ("spec.targets[0].auth.bearerTokenFile", one(auth={"bearerTokenFile": "/etc/passwd"})),
    ("spec.rules[0].severity", promql(severity="critical")),
    (
        "spec.routing.receivers[0].webhook.url",
        minimal(routing={"receivers": [{**receiver(), "webhook": {"url": "https://x"}}]}),
    ),
    ("spec.routing.p0", routing(p0={"receivers": ["on-call"]})),
    ("spec.priorities.p0", telling(priorities={"p0": {"receivers": ["on-call"]}})),
    ("spec.environments[0].honorLabels", environment(honorLabels=True)),
    ("spec.governance.limits.targets", governance(limits={"targets": 5})),
    ("spec.alertmanager.password", class_document(alertmanager={"namespace": "a", "password": "x"})),
)


@pytest.mark.usefixtures("crd", "class_crd")
@pytest.mark.parametrize("bad", [*BAD_MONITORS, *BAD_TARGETS, *BAD_ALERTING, *BAD_CLASSES], ids=lambda bad: bad.what)
def test_a_bad_document_is_refused_at_the_field_with_what_would_be_right(bed: Testbed, bad: Bad) -> None:
    with pytest.raises(ApiError) as refusal:
        create(bed, bad.document)
    assert (refusal.value.status, refusal.value.reason) == (422, "Invalid")
    causes = refusal.value.body["details"]["causes"]
    assert any(cause["field"] == bad.field and bad.says in cause["message"] for cause in causes), causes


@pytest.mark.usefixtures("crd", "class_crd")
@pytest.mark.parametrize(("field", "document"), UNKNOWN, ids=[field for field, _ in UNKNOWN])
def test_an_unknown_field_is_refused_by_its_path(bed: Testbed, field: str, document: Document) -> None:
    with pytest.raises(ApiError) as refusal:
        create(bed, document)
    assert refusal.value.status == 400
    assert f'strict decoding error: unknown field "{field}"' in refusal.value.message


@pytest.mark.usefixtures("crd", "class_crd")
@pytest.mark.parametrize(
    "document",
    [minimal(), maximal(), class_document(), maximal_class()],
    ids=["minimal", "maximal", "minimal class", "maximal class"],
)
def test_a_good_document_is_taken(bed: Testbed, document: Document) -> None:
    stored = create(bed, document)
    assert stored["status"] == {"observedGeneration": -1}


@pytest.mark.usefixtures("crd", "class_crd")
def test_all_examples_are_taken(bed: Testbed, repository: Path) -> None:
    documents = [
        document
        for path in sorted(repository.glob("examples/*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    assert {document["kind"] for document in documents} == {"WalletMonitor", "WalletMonitorClass"}
    for document in documents:
        create(bed, document)


@pytest.mark.usefixtures("crd")
def test_as_many_wallets_as_allowed_are_taken(bed: Testbed) -> None:
    wallets = [{"name": f"w{n}", "labels": {"team": "treasury"}, "addresses": ["0x" + "a" * 40]} for n in range(1000)]
    each = [target(name=f"t{n}", wallet=f"w{n}") for n in range(50)]
    assert len(create(bed, minimal(wallets=wallets, targets=each))["spec"]["wallets"]) == 1000


@pytest.mark.usefixtures("crd")
def test_defaults_are_few_and_as_documented(bed: Testbed) -> None:
    spec = create(bed, one())["spec"]
    assert spec["evaluationInterval"] == "30s"
    assert spec["suspend"] is False
    assert spec["targets"] == [{**target(), "role": "wallet", "scheme": "http", "interval": "30s"}]


def test_the_checked_in_definitions_are_the_generated_ones(repository: Path) -> None:
    written = {path.name: path.read_bytes() for path in (repository / "crds").iterdir()}
    assert written == {name: crd_yaml(crd).encode() for name, crd in crds().items()}


def test_the_apiserver_stores_the_definition_as_it_is_generated(each_crd: Json) -> None:
    conditions = {condition["type"]: condition["status"] for condition in each_crd["status"]["conditions"]}
    assert conditions.get("NonStructuralSchema", "False") == "False"
    generated = crds()[f"{each_crd['spec']['names']['plural']}.yaml"]
    assert each_crd["spec"]["versions"][0]["schema"] == generated["spec"]["versions"][0]["schema"]


def nodes(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Every node of a schema that stands for a field, with its path."""
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from nodes(child, f"{path}.{name}")
    for below in ("items", "additionalProperties"):
        if below in schema:
            yield from nodes(schema[below], f"{path}[]")


def test_every_field_is_described_and_none_takes_just_anything(each_crd: Json) -> None:
    schema = each_crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields = dict(nodes(schema, ""))
    assert len(fields) > 100
    assert [path for path, node in fields.items() if path != ".metadata" and not node.get("description")] == []
    assert "x-kubernetes-preserve-unknown-fields" not in str(schema)
    unbounded = [path for path, node in fields.items() if node["type"] == "array" and "maxItems" not in node]
    assert unbounded == []


@pytest.mark.usefixtures("crd", "class_crd")
def test_kubectl_shows_the_columns(bed: Testbed, namespace: str) -> None:
    # What is put in the status is what an operator says of this monitor, should one be running.
    class_ = bed.apply([class_document(namespace)])[0]
    stored = bed.apply([minimal(namespace, environment="prod", className=namespace)])[0]
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"conditions": [condition], "wallets": {"total": 1}, "class": namespace, "environment": "prod"}
    bed.api.patch_status(stored, status)
    head, row = bed.kubectl("get", "wm", "-n", namespace).stdout.splitlines()
    assert head.split() == ["NAME", "READY", "WALLETS", "CLASS", "ENVIRONMENT", "AGE"]
    assert row.split()[:5] == ["treasury", "True", "1", namespace, "prod"]
    head, row = bed.kubectl("get", "walletmonitors", "-n", namespace, "-o", "wide").stdout.splitlines()
    assert head.split() == ["NAME", "READY", "WALLETS", "CLASS", "ENVIRONMENT", "SUSPENDED", "REASON", "AGE"]
    assert row.split()[:7] == ["treasury", "True", "1", namespace, "prod", "false", "Ready"]
    bed.api.delete(class_)


@pytest.mark.usefixtures("class_crd")
def test_kubectl_shows_the_columns_of_a_class(bed: Testbed) -> None:
    document = class_document("columns")
    document["metadata"]["annotations"] = {"walletmon.dev/is-default-class": "false"}
    stored = bed.apply([document])[0]
    # So would an operator say, should one be running; whether it has judged already is another matter.
    bed.api.patch_status(stored, {"monitors": 0})
    head, row = bed.kubectl("get", "wmc", "columns").stdout.splitlines()
    bed.api.delete(stored)
    assert head.split() == ["NAME", "READY", "DEFAULT", "MONITORS", "AGE"]
    assert row.split()[0] == "columns"
    assert {"false", "0"} <= set(row.split())


@pytest.mark.usefixtures("crd", "class_crd")
def test_kubectl_explains_fields(bed: Testbed) -> None:
    said = bed.kubectl("explain", "wm.spec.targets.walletFrom.label").stdout
    assert "Pod label whose value is the name of a wallet" in said
    assert "Longest value of a label" in bed.kubectl("explain", "wmc.spec.governance.labelValueLength").stdout
