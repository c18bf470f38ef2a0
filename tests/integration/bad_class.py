"""Bad documents: what is wrong is a class."""

from __future__ import annotations

from tests.class_documents import environment, federation, governance, managed, remote_write, telling
from tests.documents import Document, basic, bearer, receiver
from tests.environments import class_document
from tests.integration.bad import LABEL_NAME, NOT_A_NAME, Bad
from walletmon.api.base import METRIC_LABELS, RESERVED_LABELS

LABEL_KEY = "a label key is a name of letters, digits, '-', '_' and '.', with or without a DNS prefix and '/'"
SET_BY_US = "this label is set by walletmon or Prometheus; reserved are: wallet, instance, namespace"
BOTH = "both basicAuth and authorization would set the Authorization header: give one of them"
HEADER = "a header's name is a word, and not one that Prometheus sets itself"
UNDENIABLE = (
    "series of walletmon have this label, and all of them would be dropped; not to be denied are: wallet, instance"
)


def told(**means: Document) -> Document:
    return class_document(alertmanager={"namespace": "monitoring"}, receivers=[{"name": "a", **means}])


BAD_CLASSES = (
    Bad("class name with a dot", class_document("a.b"), "<nil>", "the class's name must be a DNS label"),
    Bad("class name of 41 characters", class_document("x" * 41), "<nil>", "of at most 40 characters (no dots)"),
    Bad("object label that is no key", class_document(objectLabels={"a b": "c"}), "spec.objectLabels", LABEL_KEY),
    Bad(
        "object label's value that is none",
        class_document(objectLabels={"release": "a b"}),
        "spec.objectLabels.release",
        "should match '^([A-Za-z0-9]",
    ),
    Bad(
        "dashboard label that is no key",
        class_document(dashboards={"labels": {"-": "1"}}),
        "spec.dashboards.labels",
        LABEL_KEY,
    ),
    Bad(
        "folder with a slash",
        class_document(dashboards={"folder": "a/b"}),
        "spec.dashboards.folder",
        "should match '^[^/$",
    ),
    Bad(
        "external label that is no name", class_document(externalLabels={"a-b": "c"}), "spec.externalLabels", LABEL_NAME
    ),
    *(
        Bad(f"external label {name}", class_document(externalLabels={name: "c"}), "spec.externalLabels", SET_BY_US)
        for name in ("wallet", "severity", "alertname", "environment", "alertstate", "prometheus_replica")
    ),
    Bad(
        "external label with a dollar sign",
        class_document(externalLabels={"site": "$(POD_NAME)"}),
        "spec.externalLabels.site",
        "should match '^[^$",
    ),
    Bad(
        "external label that no file of rules could hold",
        class_document(externalLabels={"site": "a\ufffe"}),
        "spec.externalLabels.site",
        "should match '^[^$",
    ),
    Bad(
        "object label with a prefix that is too long",
        class_document(objectLabels={"x" * 254 + "/a": "b"}),
        "spec.objectLabels",
        LABEL_KEY,
    ),
    Bad("environment's label of ours", environment(labels={"pod": "c"}), "spec.environments[0].labels", SET_BY_US),
    Bad("environment's name with a dot", environment(name="a.b"), "spec.environments[0].name", NOT_A_NAME),
    Bad(
        "two environments of one name",
        class_document(environments=[{"name": "prod"}, {"name": "prod"}]),
        "spec.environments[1]",
        'Duplicate value: {"name":"prod"}',
    ),
    Bad(
        "environment that selects everything",
        environment(namespaceSelector={}),
        "spec.environments[0].namespaceSelector",
        "an empty selector would select every workload of the namespace: give matchLabels or matchExpressions",
    ),
    Bad("retention of zero", environment(retention="0d"), "spec.environments[0].retention", "must be longer than zero"),
    Bad(
        "retention without unit", environment(retention="90"), "spec.environments[0].retention", "should match '^([0-9]"
    ),
    Bad(
        "Prometheus made and named",
        environment(prometheus={"namespace": "a"}, prometheusRef={"namespace": "a", "name": "b"}),
        "spec.environments[0]",
        "prometheus makes one and prometheusRef names one that exists: give one of them",
    ),
    Bad(
        "no replicas",
        managed(replicas=0),
        "spec.environments[0].prometheus.replicas",
        "should be greater than or equal to 1",
    ),
    *(
        Bad(
            f"version {version}",
            managed(version=version),
            "spec.environments[0].prometheus.version",
            "should match '^v(2",
        )
        # What prometheus-operator cannot read, does not know, or cannot write on a Pod.
        for version in (
            "3.15.0",
            "v1.8.2",
            "v2.41.0",
            "v4.0.0",
            "v3.05.0",
            "v3.5",
            "v3.5.0.1",
            "v3.5.0-rc.01",
            "v3.5.0+build",
        )
    ),
    Bad(
        "storage without a unit",
        managed(storage={"size": "50"}),
        "spec.environments[0].prometheus.storage.size",
        "should match '^[1-9]",
    ),
    Bad(
        "two scrape classes of one name",
        managed(scrapeClasses=[{"name": "a"}, {"name": "a"}]),
        "spec.environments[0].prometheus.scrapeClasses[1]",
        'Duplicate value: {"name":"a"}',
    ),
    Bad(
        "unknown relabeling",
        managed(scrapeClasses=[{"name": "a", "relabelings": [{"action": "rename"}]}]),
        "spec.environments[0].prometheus.scrapeClasses[0].relabelings[0].action",
        'Unsupported value: "rename"',
    ),
    Bad(
        "remote write to no URL",
        remote_write(url="mimir:9009"),
        "spec.environments[0].remoteWrite[0].url",
        "should match '^https?://",
    ),
    Bad(
        "remote write with two ways to log in",
        remote_write(basicAuth=basic(), authorization=bearer()),
        "spec.environments[0].remoteWrite[0]",
        BOTH,
    ),
    Bad(
        "header that Prometheus sets",
        remote_write(headers={"AUTHORIZATION": "Bearer x"}),
        "spec.environments[0].remoteWrite[0].headers",
        HEADER,
    ),
    Bad(
        "header of remote reads, which Prometheus sets",
        remote_write(headers={"X-Prometheus-Remote-Read-Version": "0.1.0"}),
        "spec.environments[0].remoteWrite[0].headers",
        HEADER,
    ),
    Bad(
        "remote write with a scheme for which there is basicAuth",
        remote_write(authorization=bearer(type="Basic")),
        "spec.environments[0].remoteWrite[0].authorization.type",
        "user name and password go in basicAuth",
    ),
    Bad(
        "header with a blank",
        remote_write(headers={"X Scope": "x"}),
        "spec.environments[0].remoteWrite[0].headers",
        HEADER,
    ),
    Bad(
        "receivers without Alertmanager",
        class_document(receivers=[receiver()]),
        "spec.receivers",
        "receivers need alertmanager: it says in which namespace their Secrets are",
    ),
    Bad(
        "receiver told in two ways",
        told(webhook=receiver()["webhook"], msteams=receiver()["webhook"]),
        "spec.receivers[0]",
        "exactly one of wecom, wecomRobot, dingtalk, slack, email, pagerduty, opsgenie, webhook, msteams, telegram",
    ),
    Bad(
        "receiver told in no way",
        told(),
        "spec.receivers[0]",
        "says how the receiver is told",
    ),
    Bad(
        "WeCom to nobody",
        told(wecom={"corpId": "c", "agentId": "1", "secret": {"name": "s", "key": "k"}}),
        "spec.receivers[0].wecom",
        "say to whom: give toUser, toParty or toTag",
    ),
    Bad(
        "mail with half a login",
        told(email={"to": ["a@b.c"], "from": "a@b.c", "smarthost": "smtp:25", "username": "u"}),
        "spec.receivers[0].email",
        "a login needs both username and passwordSecret",
    ),
    Bad(
        "two receivers of one name",
        class_document(alertmanager={"namespace": "monitoring"}, receivers=[receiver(), receiver()]),
        "spec.receivers[1]",
        'Duplicate value: {"name":"on-call"}',
    ),
    *(
        Bad(
            f"{priority} to a receiver that is not there",
            telling(priorities={priority: {"receivers": ["on-call", "nobody"]}}),
            "spec.priorities",
            f"{priority} names a receiver that is not in receivers",
        )
        for priority in ("P0", "P1", "P2")
    ),
    Bad(
        "priority muted in an interval that is not there",
        telling(priorities={"P2": {"muteTimeIntervals": ["nights"]}}),
        "spec.priorities",
        "P2 names a mute interval that is not in muteTimeIntervals",
    ),
    Bad(
        "severity that is no label value",
        class_document(priorities={"P0": {"severity": "very bad"}}),
        "spec.priorities.P0.severity",
        "should match '^[A-Za-z0-9]",
    ),
    Bad(
        "interval past midnight",
        class_document(muteTimeIntervals=[{"name": "nights", "times": [{"from": "22:00", "to": "06:00"}]}]),
        "spec.muteTimeIntervals[0].times[0]",
        "from must be earlier than to; split a range that goes past midnight in two",
    ),
    Bad(
        "denied label that is no name",
        governance(deniedLabels=["a-b"]),
        "spec.governance.deniedLabels[0]",
        "should match '^(",
    ),
    *(
        Bad(f"denied label {name}", governance(deniedLabels=["x", name]), "spec.governance.deniedLabels", UNDENIABLE)
        for name in (RESERVED_LABELS[0], RESERVED_LABELS[-1], METRIC_LABELS[0], METRIC_LABELS[-1])
    ),
    Bad(
        "label denied twice",
        governance(deniedLabels=["x", "x"]),
        "spec.governance.deniedLabels[1]",
        'Duplicate value: "x"',
    ),
    Bad(
        "label allowed and denied",
        governance(allowedLabels=["a", "b"], deniedLabels=["b"]),
        "spec.governance.allowedLabels",
        "a label is in allowedLabels and in deniedLabels: take it out of one of them",
    ),
    Bad(
        "label required and denied",
        governance(requiredLabels=["b"], deniedLabels=["b"]),
        "spec.governance.requiredLabels",
        "a label is in requiredLabels and in deniedLabels: take it out of one of them",
    ),
    Bad(
        "labels without any length",
        governance(labelValueLength=0),
        "spec.governance.labelValueLength",
        "should be greater than or equal to 1",
    ),
    Bad(
        "limit of zero",
        governance(limits={"samples": 0}),
        "spec.governance.limits.samples",
        "should be greater than or equal to 1",
    ),
    Bad(
        "federation without targets",
        federation(targets=[]),
        "spec.federation[0].targets",
        "should have at least 1 items",
    ),
    Bad(
        "federation with two ways to log in",
        federation(basicAuth=basic(), authorization=bearer()),
        "spec.federation[0]",
        BOTH,
    ),
    Bad("federation's label of ours", federation(labels={"wallet": "x"}), "spec.federation[0].labels", SET_BY_US),
    Bad("hub without a scheme", class_document(hubUrl="hub.walletmon:8080"), "spec.hubUrl", "should match '^https?://"),
    *(
        Bad(
            f"hub with a {sign}", class_document(hubUrl=f"http://hub/{sign}"), "spec.hubUrl", "should match '^https?://"
        )
        for sign in '"\\<>^`{}$ ?#'
    ),
    Bad(
        "groups by a label that is no name",
        class_document(groupBy=["..."]),
        "spec.groupBy[0]",
        "should match '^(",
    ),
)
