"""Documents of WalletMonitorClasses: one that uses every field, and what a test needs beside it."""

from __future__ import annotations

from typing import Any

from tests.documents import Document, basic, bearer, receiver
from tests.environments import class_document


def maximal_class(name: str = "default") -> Document:
    """A valid class that uses every field of the spec at least once."""
    document = class_document(
        name,
        objectLabels={"release": "kube-prometheus-stack", "walletmon.dev/by": ""},
        prometheusRef={"namespace": "monitoring", "name": "k8s"},
        alertmanager={"namespace": "monitoring", "name": "main"},
        externalLabels={"cluster": "eu-1", "region": "eu"},
        environments=_environments(),
        priorities={
            priority: {
                "severity": severity,
                "action": "page",
                "receivers": receivers,
                "groupWait": "0s",
                "groupInterval": "1m",
                "repeatInterval": "4h",
                "muteTimeIntervals": ["nights"],
            }
            for priority, severity, receivers in (
                ("P0", "critical", ["security", "pager"]),
                ("P1", "Sev.2", ["desk", "mail"]),
                ("P2", "info", ["channel"]),
            )
        },
        receivers=_class_receivers(),
        groupBy=["alertname", "namespace", "cluster"],
        muteTimeIntervals=[
            {
                "name": "nights",
                "timeZone": "Asia/Shanghai",
                "times": [{"from": "22:00", "to": "24:00"}],
                "weekdays": ["monday", "sunday"],
            }
        ],
        governance={
            "allowedLabels": ["team", "owner", "component"],
            "requiredLabels": ["team"],
            "deniedLabels": ["cost_centre"],
            "labelValueLength": 63,
            "limits": {"samples": 50000, "labels": 50, "labelNameLength": 100, "labelValueLength": 500},
        },
        dashboards={
            "labels": {"grafana_dashboard": "1"},
            "folder": "Wallets 钱包",
            "folderAnnotation": "k8s.io/folder",
        },
        federation=[
            {
                "name": "asia",
                "targets": ["prometheus.ap-1:9090", "[2001:db8::1]:9090"],
                "namespace": "monitoring",
                "scheme": "https",
                "path": "/prometheus/federate",
                "interval": "1m",
                "labels": {"cluster": "ap-1"},
                "basicAuth": basic(),
                "tls": _tls(),
            },
            {"name": "us", "targets": ["prometheus.us-1:9090"], "authorization": bearer(type="Bearer")},
        ],
        hubUrl="http://walletmon-hub.walletmon.svc:8080",
        runbookBaseUrl="https://runbooks.example.org/walletmon",
        grafanaUrl="https://grafana.example.org",
    )
    document["metadata"]["annotations"] = {"walletmon.dev/is-default-class": "true"}
    return document


def _tls() -> Document:
    return {
        "ca": {"name": "tls", "key": "ca.crt"},
        "cert": {"name": "tls", "key": "tls.crt"},
        "key": {"name": "tls", "key": "tls.key"},
        "serverName": "mimir.example.org",
        "insecureSkipVerify": False,
    }


def _environments() -> list[Document]:
    drop = {"action": "drop", "sourceLabels": ["__name__", "job"], "separator": "|", "regex": "debug_.*$"}
    shard = {"action": "hashmod", "sourceLabels": ["pod"], "modulus": 4, "targetLabel": "shard"}
    copy = {"action": "replace", "sourceLabels": ["pod"], "regex": "(.+)-.+", "targetLabel": "app", "replacement": "$1"}
    selector = {
        "matchLabels": {"walletmon.dev/environment": "prod"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold"]}],
    }
    return [
        {
            "name": "prod",
            "namespaceSelector": selector,
            "labels": {"tier": "gold"},
            "retention": "90d",
            "prometheus": {
                "namespace": "monitoring",
                "serviceAccountName": "prometheus-wallets",
                "version": "v3.15.0",
                "replicas": 2,
                "storage": {"size": "200Gi", "storageClassName": "fast"},
                "scrapeClasses": [
                    {
                        "name": "outside",
                        "default": True,
                        "tls": _tls(),
                        "relabelings": [drop, shard, copy],
                        "metricRelabelings": [drop, shard, copy],
                    }
                ],
            },
            "remoteWrite": [
                {
                    "name": "mimir",
                    "url": "https://mimir.example.org/api/v1/push",
                    "headers": {"X-Scope-OrgID": "wallets"},
                    "writeRelabelings": [drop, shard, copy],
                    "basicAuth": basic(),
                    "tls": _tls(),
                },
                {"name": "thanos", "url": "http://thanos:19291/api/v1/receive", "authorization": bearer(type="Bearer")},
            ],
        },
        {"name": "staging", "retention": "14d", "prometheusRef": {"namespace": "staging", "name": "k8s"}},
    ]


def _class_receivers() -> list[Document]:
    url = {"name": "on-call", "key": "url"}
    token = {"name": "on-call", "key": "token"}
    return [
        {
            "name": "security",
            "wecom": {
                "sendResolved": False,
                "corpId": "ww1234567890abcdef",
                "agentId": "1000002",
                "secret": token,
                "toUser": "@all",
                "toParty": "2|3",
                "toTag": "5",
                "apiUrl": "https://proxy.example.org/cgi-bin/",
            },
        },
        {"name": "group", "wecomRobot": {"sendResolved": True, "robot": "wallets", "tokenSecret": token}},
        {"name": "desk", "dingtalk": {"sendResolved": True, "robot": "desk", "tokenSecret": token}},
        {"name": "channel", "slack": {"sendResolved": True, "urlSecret": url, "channel": "#wallets"}},
        {
            "name": "mail",
            "email": {
                "sendResolved": True,
                "to": ["wallets@example.org"],
                "from": "walletmon@example.org",
                "smarthost": "smtp.example.org:587",
                "username": "walletmon",
                "passwordSecret": token,
                "requireTls": True,
            },
        },
        {
            "name": "pager",
            "pagerduty": {
                "sendResolved": True,
                "routingKeySecret": token,
                "url": "https://events.eu.pagerduty.com/v2/enqueue",
            },
        },
        {
            "name": "genie",
            "opsgenie": {
                "sendResolved": True,
                "apiKeySecret": token,
                "teams": ["wallets"],
                "apiUrl": "https://api.eu.opsgenie.com/",
            },
        },
        {"name": "hook", "webhook": {"sendResolved": True, "urlSecret": url, "maxAlerts": 10}},
        {"name": "teams", "msteams": {"sendResolved": True, "urlSecret": url}},
        {
            "name": "chat",
            "telegram": {
                "sendResolved": True,
                "botTokenSecret": token,
                "chatId": -1001234567890,
                "apiUrl": "https://telegram.example.org",
            },
        },
    ]


def environment(**fields: Any) -> Document:
    """A class with one environment."""
    return class_document(environments=[{"name": "prod", **fields}])


def managed(**fields: Any) -> Document:
    """A class with an environment that has a Prometheus made."""
    return environment(prometheus={"namespace": "monitoring", **fields})


def remote_write(**fields: Any) -> Document:
    """A class with an environment that sends its series somewhere."""
    return environment(remoteWrite=[{"name": "mimir", "url": "https://mimir.example.org", **fields}])


def federation(**fields: Any) -> Document:
    """A class that takes over from one other cluster."""
    return class_document(federation=[{"name": "asia", "targets": ["prometheus:9090"], **fields}])


def telling(**fields: Any) -> Document:
    """A class that tells one receiver."""
    return class_document(alertmanager={"namespace": "monitoring"}, receivers=[receiver()], **fields)


def governance(**fields: Any) -> Document:
    """A class that governs."""
    return class_document(governance=fields)
