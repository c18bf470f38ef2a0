"""Whether a retention is enforced: by a Prometheus that is made, by one that exists, or by nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.environments import MIMIR, THANOS, Document, class_document
from walletmon.api.diagnostic import Code
from walletmon.api.parse import parse_class
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.remote_write import remote_write_entry
from walletmon.compiler.retention import Enforcement, existing_settings, retention_diagnostics, retention_findings

REF = {"namespace": "monitoring", "name": "k8s"}


RUNS = {"conditions": [{"type": "Available", "status": "True"}]}


def existing(name: str = "k8s", labels: dict[str, str] | None = None, status: Any = RUNS, **spec: Any) -> Manifest:
    obj: Manifest = {"metadata": {"name": name, "namespace": "monitoring"}, "spec": spec}
    if labels is not None:
        obj["metadata"]["labels"] = labels
    return {**obj, "status": status}


def judged(environments: list[Document], *known: Manifest, **spec: Any) -> tuple[Enforcement, ...]:
    resource = parse_class(class_document(environments=environments, **spec))
    return retention_findings(resource, ClusterFacts(prometheuses=known))


def entry(write: Document) -> Document:
    (environment,) = (
        parse_class(class_document(environments=[{"name": "e", "remoteWrite": [write]}])).spec.environments or ()
    )
    (found,) = environment.remote_write or ()
    return remote_write_entry(found)


def test_only_those_who_ask_for_something_are_judged() -> None:
    asked = [{"name": "a"}, {"name": "b", "retention": "1h"}, {"name": "c", "remoteWrite": [THANOS]}]
    assert [(each.environment, each.path) for each in judged(asked)] == [
        ("b", "spec.environments[1]"),
        ("c", "spec.environments[2]"),
    ]


def test_what_nobody_enforces_is_said() -> None:
    (found,) = judged([{"name": "test", "retention": "1h"}], existing(retention="1h"))
    assert found.enforced is False
    assert found.message == (
        "nothing keeps series of environment test for 1h: no Prometheus is made for it, and none is named"
    )
    assert "prometheusRef" in found.cure


# -- one that exists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "spec", "enforced"),
    [
        ("90d", {"retention": "90d"}, True),
        # The same length in other words.
        ("90d", {"retention": "2160h"}, True),
        ("90d", {"retention": "12w6d"}, True),
        ("1y", {"retention": "365d"}, True),
        ("1h", {"retention": "60m"}, True),
        ("90d", {"retention": "30d"}, False),
        # Longer is not what was wanted either.
        ("1h", {"retention": "90d"}, False),
        # What prometheus-operator sets where nothing is said.
        ("24h", {}, True),
        ("1d", {}, True),
        ("90d", {}, False),
        ("90d", {"retention": "90d", "retentionSize": "10GB"}, True),
        # A size alone means: as long as it fits.
        ("24h", {"retentionSize": "10GB"}, False),
        ("1h", {"retention": "nonsense"}, False),
    ],
)
def test_the_retention_of_an_existing_one_is_compared_as_a_duration(
    wanted: str, spec: Document, enforced: bool
) -> None:
    (found,) = judged([{"name": "prod", "retention": wanted, "prometheusRef": REF}], existing(**spec))
    assert found.enforced is enforced
    if enforced:
        assert found.cure == ""
    else:
        assert yaml.safe_load(found.cure.split(":\n", 1)[1]) == {"spec": {"retention": wanted}}
        assert "monitoring/k8s" in found.cure


def test_what_is_set_and_what_it_should_be_is_said() -> None:
    (found,) = judged([{"name": "prod", "retention": "90d", "prometheusRef": REF}], existing(retention="30d"))
    assert found.message == "in Prometheus monitoring/k8s spec.retention is 30d, and should be 90d"
    (found,) = judged([{"name": "prod", "retention": "90d", "prometheusRef": REF}], existing())
    assert found.message == (
        "in Prometheus monitoring/k8s spec.retention is not set, which means 24h, and should be 90d"
    )


def test_a_size_that_may_end_it_earlier_is_mentioned() -> None:
    known = existing(retention="90d", retentionSize="10GB")
    (found,) = judged([{"name": "prod", "retention": "90d", "prometheusRef": REF}], known)
    assert "unless its retentionSize 10GB ends that earlier" in found.message


def test_that_of_the_class_is_taken_where_the_environment_names_none() -> None:
    (found,) = judged([{"name": "prod", "retention": "90d"}], existing(retention="90d"), prometheusRef=REF)
    assert found.enforced is True


def test_one_that_does_not_exist_enforces_nothing() -> None:
    (found,) = judged([{"name": "prod", "retention": "90d", "prometheusRef": REF}], existing("other"))
    assert found.enforced is False
    assert "there is no Prometheus monitoring/k8s" in found.message


def test_what_cannot_be_seen_is_not_known() -> None:
    resource = parse_class(
        class_document(
            environments=[
                {"name": "prod", "retention": "90d", "prometheusRef": REF},
                {"name": "test", "retention": "1h", "prometheus": {"namespace": "monitoring"}},
            ]
        )
    )
    assert [each.enforced for each in retention_findings(resource, ClusterFacts())] == [None, None]
    assert list(retention_diagnostics(resource, ClusterFacts())) == []


def test_one_prometheus_cannot_have_two_retentions() -> None:
    first, second = judged(
        [{"name": "prod", "retention": "90d"}, {"name": "test", "retention": "1h"}],
        existing(retention="90d"),
        prometheusRef=REF,
    )
    assert first.enforced is True
    assert second.enforced is False
    # To set it to one hour would be wrong for the other one.
    assert "retention: 1h" not in second.cure
    assert "a Prometheus of its own" in second.cure


def test_two_environments_that_want_the_same_can_share_one() -> None:
    asked = [{"name": "prod", "retention": "90d"}, {"name": "dr", "retention": "2160h"}]
    assert [each.enforced for each in judged(asked, existing(retention="90d"), prometheusRef=REF)] == [True, True]


ORG = {"headers": {"X-Scope-OrgID": "wallets-prod"}}
DROP = [{"action": "drop", "sourceLabels": ["__name__"], "regex": "go_.*"}]


@pytest.mark.parametrize(
    ("there", "enforced"),
    [
        ([], False),
        ([{"url": "https://elsewhere.example.org/push"}], False),
        ([{"url": MIMIR["url"]}], False),
        ([{"url": MIMIR["url"], **ORG}], False),
        ([{"url": MIMIR["url"], **ORG, "writeRelabelConfigs": DROP}], True),
        # More headers are theirs to say; names of headers are the same in any case.
        (
            [
                {
                    "url": MIMIR["url"],
                    "headers": {"x-scope-orgid": "wallets-prod", "A": "b"},
                    "writeRelabelConfigs": DROP,
                }
            ],
            True,
        ),
        ([{"url": MIMIR["url"], "headers": {"X-Scope-OrgID": "others"}, "writeRelabelConfigs": DROP}], False),
        (
            [{"url": MIMIR["url"], **ORG, "writeRelabelConfigs": [{**DROP[0], "action": "Drop", "separator": ";"}]}],
            True,
        ),
        # The same place twice, for two tenants.
        ([{"url": MIMIR["url"]}, {"url": MIMIR["url"], **ORG, "writeRelabelConfigs": DROP}], True),
    ],
)
def test_the_remote_writes_of_an_existing_one_are_compared(there: list[Document], enforced: bool) -> None:
    asked = {"name": "prod", "remoteWrite": [MIMIR], "prometheusRef": REF}
    (found,) = judged([asked], existing(remoteWrite=there))
    assert found.enforced is enforced
    if not enforced:
        assert yaml.safe_load(found.cure.split(":\n", 1)[1]) == {"spec": {"remoteWrite": [entry(MIMIR)]}}


def test_all_that_differs_is_said_at_once() -> None:
    asked = {"name": "prod", "retention": "90d", "remoteWrite": [MIMIR, THANOS], "prometheusRef": REF}
    (found,) = judged([asked], existing())
    assert "should be 90d" in found.message
    assert f"does not send to {MIMIR['url']}, {THANOS['url']}" in found.message
    wanted = yaml.safe_load(found.cure.split(":\n", 1)[1])["spec"]
    assert wanted == {"retention": "90d", "remoteWrite": [entry(MIMIR), entry(THANOS)]}


def test_a_cure_that_would_be_too_long_names_the_field() -> None:
    many = [{**THANOS, "name": f"w{index}", "url": f"http://thanos-{index}.example.org/receive"} for index in range(8)]
    (found,) = judged([{"name": "prod", "retention": "90d", "remoteWrite": many, "prometheusRef": REF}], existing())
    assert len(found.cure) < 1100
    assert "spec.remoteWrite" in found.cure
    assert "retention: 90d" in found.cure


def test_the_settings_for_an_existing_one_are_what_satisfies_the_comparison() -> None:
    asked = {"name": "prod", "retention": "90d", "remoteWrite": [MIMIR, THANOS], "prometheusRef": REF}
    (environment,) = parse_class(class_document(environments=[asked])).spec.environments or ()
    settings = yaml.safe_load(existing_settings(environment))
    (found,) = judged([asked], existing(**settings["spec"]))
    assert found.enforced is True
    (silent,) = parse_class(class_document(environments=[{"name": "prod"}])).spec.environments or ()
    assert existing_settings(silent) == ""


# -- one that is made -------------------------------------------------------------------------------------------------

MADE = {"name": "prod", "retention": "90d", "prometheus": {"namespace": "monitoring", "storage": {"size": "50Gi"}}}
OURS = {"app.kubernetes.io/managed-by": "walletmon", "walletmon.dev/class": "default"}


def reconciled(status: str, message: str = "", available: str = "True") -> Document:
    return {
        "conditions": [
            {"type": "Available", "status": available},
            {"type": "Reconciled", "status": status, "message": message},
        ]
    }


@pytest.mark.parametrize(
    ("known", "enforced", "said"),
    [
        ([existing("default-prod", OURS, reconciled("True"))], True, "keeps series of environment prod for 90d"),
        ([existing("default-prod", OURS, reconciled("True", available="Degraded"))], True, "keeps series"),
        (
            [existing("default-prod", OURS, reconciled("True", available="False"))],
            None,
            "no Pod is ready of Prometheus monitoring/default-prod, which keeps series of environment prod for 90d",
        ),
        ([existing("default-prod", OURS, {})], None, "nothing runs Prometheus monitoring/default-prod yet"),
        ([], None, "is not there yet"),
        ([existing("default-prod", {"walletmon.dev/class": "default"})], False, "that walletmon has not made"),
        ([existing("default-prod", {**OURS, "walletmon.dev/class": "other"})], False, "that walletmon has not made"),
        (
            [existing("default-prod", OURS, reconciled("False", "remote write 0: no such secret"))],
            False,
            "remote write 0: no such secret",
        ),
    ],
)
def test_one_that_is_made_enforces_it_once_it_is_there(known: list[Manifest], enforced: bool | None, said: str) -> None:
    (found,) = judged([MADE], *known)
    assert found.enforced is enforced
    assert said in found.message


def test_one_without_a_volume_is_said_to_forget() -> None:
    forgetful = {**MADE, "prometheus": {"namespace": "monitoring"}}
    (found,) = judged([forgetful], existing("default-prod", OURS))
    assert found.enforced is True
    assert "without storage, a new Pod of it starts with nothing" in found.message


@pytest.mark.parametrize(("retention", "remark"), [("1h", True), ("2h59m", True), ("3h", False), ("90d", False)])
def test_a_short_retention_is_said_not_to_be_that_short(retention: str, remark: bool) -> None:
    for asked, known in (
        ({**MADE, "retention": retention}, existing("default-prod", OURS)),
        ({"name": "prod", "retention": retention, "prometheusRef": REF}, existing(retention=retention)),
    ):
        (found,) = judged([asked], known)
        assert found.enforced is True
        assert ("always there" in found.message) is remark


def test_a_remote_write_that_is_left_out_is_not_enforced() -> None:
    document = class_document(environments=[{**MADE, "remoteWrite": [THANOS]}])
    resource = parse_class(document)
    facts = ClusterFacts(
        prometheuses=(existing("default-prod", OURS),), secrets={("monitoring", "thanos"): frozenset()}
    )
    (found,) = retention_findings(resource, facts)
    assert found.enforced is False
    assert "monitoring/thanos" in found.message


def test_a_name_that_cannot_be_is_not_enforced() -> None:
    (found,) = judged([{**MADE, "name": "p" * 50}])
    assert found.enforced is False
    assert "at most" in found.cure


def test_findings_of_the_class_say_what_the_condition_says() -> None:
    asked = [{"name": "prod", "retention": "90d", "prometheusRef": REF}, {"name": "test", "retention": "1h"}]
    resource = parse_class(class_document(environments=asked))
    facts = ClusterFacts(prometheuses=(existing(retention="30d"),))
    found = retention_findings(resource, facts)
    diagnostics = list(retention_diagnostics(resource, facts))
    assert [(each.code, each.message, each.cure) for each in diagnostics] == [
        (Code.UNENFORCED_RETENTION, each.message, each.cure) for each in found
    ]
