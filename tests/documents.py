"""Documents of WalletMonitors: the smallest, one that uses every field, and what a test needs in between."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def minimal(namespace: str = "wallets", name: str = "treasury", **spec: Any) -> Document:
    """A monitor with nothing but a wallet; `spec` adds or replaces fields of its spec."""
    return {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitor",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"wallets": [{"name": "hot-1"}], **spec},
    }


def target(**fields: Any) -> Document:
    """A target found by its Service, all of it for wallet hot-1; `fields` add or replace."""
    return {
        "name": "api",
        "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
        "wallet": "hot-1",
        **fields,
    }


def maximal(namespace: str = "wallets", name: str = "treasury") -> Document:
    """A valid monitor that uses every field of the spec at least once."""
    selector = {
        "matchLabels": {"app.kubernetes.io/name": "wallet-api"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "walletmon.dev/ignore", "operator": "DoesNotExist"},
        ],
    }
    tls = {
        "ca": {"name": "metrics-tls", "key": "ca.crt"},
        "cert": {"name": "metrics-tls", "key": "tls.crt"},
        "key": {"name": "metrics-tls", "key": "tls.key"},
        "serverName": "wallet-api.wallets.svc",
        "insecureSkipVerify": False,
    }
    on_call = {"urlSecret": {"name": "treasury-on-call", "key": "url"}, "sendResolved": True, "maxAlerts": 20}
    return minimal(
        namespace,
        name,
        className="default",
        environment="prod",
        suspend=False,
        wallets=[
            {
                "name": "hot-1",
                "instance": "wallet-7f3a",
                "type": "custodial",
                "chain": {"family": "evm", "id": 1, "name": "ethereum"},
                "addresses": ["0x" + "7a" * 20],
                "tokens": [{"symbol": "USDC", "address": "0x" + "a0" * 20, "decimals": 6}],
                "labels": {"team": "treasury", "owner": "金库 🏦"},
                "thresholds": {"golden-signals.errorRatio": "1%"},
            },
            {"name": "cold-1", "type": "external", "chain": {"family": "bitcoin"}, "addresses": ["bc1q" + "x" * 38]},
            {"name": "vault", "type": "contract", "chain": {"family": "other", "name": "solana"}},
        ],
        targets=[
            {
                "name": "api",
                "role": "wallet",
                "service": {"selector": selector, "port": "metrics"},
                "scheme": "https",
                "path": "/internal/metrics",
                "interval": "30s",
                "timeout": "10s",
                "walletFrom": {"label": "walletmon.dev/wallet"},
                "limits": {"samples": 20000, "labels": 40, "labelNameLength": 100, "labelValueLength": 500},
                "auth": {
                    "basicAuth": {
                        "username": {"name": "scrape", "key": "user"},
                        "password": {"name": "scrape", "key": "password"},
                    },
                    "tls": tls,
                },
            },
            {
                "name": "signer",
                "pods": {"selector": selector, "port": "http-metrics"},
                "wallet": "hot-1",
                "auth": {"authorization": {"type": "Bearer", "credentials": {"name": "scrape", "key": "token"}}},
            },
            {
                "name": "node",
                "role": "node",
                "static": ["node.example.org:9100", "[2001:db8::1]:9100"],
                "scheme": "https",
                "timeout": "1s500ms",
                "limits": {"samples": 1000},
                "scrapeClass": "outside",
                "auth": {"tls": {"insecureSkipVerify": True}},
            },
            {
                "name": "reach",
                "role": "rpc",
                "probe": {
                    "prober": "blackbox.monitoring:9115",
                    "module": "http_2xx",
                    "urls": ["https://rpc.example.org/v1?key=%24"],
                },
                "wallet": "cold-1",
                "scheme": "https",
                "timeout": "5s",
                "path": "/probe",
                "limits": {"labels": 30},
            },
        ],
        packs=[
            {
                "name": "golden-signals",
                "thresholds": {"errorRatio": "2%"},
                "disable": ["WalletGoroutinesHigh"],
                "overrides": {"WalletSyncLagHigh": {"for": "2m", "keepFiringFor": "5m", "priority": "P1"}},
            },
            {"name": "signing", "preset": "web3signer"},
        ],
        rules=[
            {
                "name": "SignerQueueLong",
                "expr": "max by (wallet) (signer_queue_length) > 100",
                "for": "5m",
                "keepFiringFor": "10m",
                "priority": "P0",
                "summary": "{{ $labels.wallet }}: the queue is {{ $value }} long",
                "description": "Signatures wait. 🖋\nLook at the signer first.",
                "runbookUrl": "https://example.org/runbooks/signer",
                "labels": {"component": "signer"},
            },
            {"name": "BalanceLow", "when": 'WHEN wallet_balance_total < 1 ETH THEN ALERT "balance low"'},
        ],
        evaluationInterval="30s",
        dependencies=[
            {
                "name": "wallet-db",
                "match": {"job": "wallet-db"},
                "alerts": ["TargetDown", "DatabaseDown"],
                "scope": ["namespace", "cluster"],
            },
            {"name": "hsm", "match": {"target": "signer", "owner": 'a "quoted" \\ name'}},
        ],
        routing={
            "receivers": [
                {"name": "on-call", "webhook": on_call},
                {"name": "desk", "webhook": {"urlSecret": {"name": "desk", "key": "url"}}},
                *all_receivers(),
            ],
            "groupBy": ["alertname", "wallet", "priority"],
            "P0": {
                "receivers": ["on-call", "desk", "wecom", "pagerduty", "opsgenie"],
                "groupWait": "0s",
                "groupInterval": "1m",
                "repeatInterval": "30m",
                "muteTimeIntervals": ["rehearsal"],
            },
            "P1": {
                "receivers": ["on-call", "wecom-robot", "dingtalk", "email", "telegram"],
                "groupWait": "30s",
                "groupInterval": "5m",
                "repeatInterval": "4h",
                "muteTimeIntervals": ["rehearsal"],
            },
            "P2": {
                "receivers": ["desk", "slack", "msteams"],
                "groupWait": "1m30s",
                "groupInterval": "1h",
                "repeatInterval": "1d",
                "muteTimeIntervals": ["nights", "rehearsal"],
            },
            "muteTimeIntervals": [
                {
                    "name": "nights",
                    "timeZone": "Asia/Shanghai",
                    "times": [{"from": "22:00", "to": "24:00"}, {"from": "00:00", "to": "06:00"}],
                },
                {"name": "rehearsal", "times": [{"from": "10:00", "to": "10:30"}], "weekdays": ["tuesday"]},
            ],
        },
    )


def wallet(**fields: Any) -> Document:
    return minimal(wallets=[{"name": "hot-1", **fields}])


def chain(**fields: Any) -> Document:
    return wallet(chain=fields)


def targets(*each: Document) -> Document:
    return minimal(targets=list(each))


def one(**fields: Any) -> Document:
    return targets(target(**fields))


def found_by(**source: Any) -> Document:
    """A target with this source instead of its Service."""
    return targets(
        {
            name: value
            for name, value in {**target(), **source}.items()
            if value is not None and (name != "service" or "service" in source)
        }
    )


def selecting(**selector: Any) -> Document:
    return one(service={"selector": selector, "port": "metrics"})


def rule(**fields: Any) -> Document:
    return minimal(rules=[{"name": "Mine", **fields}])


def promql(**fields: Any) -> Document:
    return rule(expr="up == 0", summary="it is down", **fields)


def receiver(name: str = "on-call") -> Document:
    return {"name": name, "webhook": {"urlSecret": {"name": "on-call", "key": "url"}}}


def all_receivers() -> list[Document]:
    """One receiver of each kind but a plain webhook, with every field that it has."""
    token = {"name": "hub", "key": "token"}
    return [
        {
            "name": "wecom",
            "wecom": {
                "corpId": "ww0123456789abcdef",
                "agentId": "1000002",
                "secret": {"name": "wecom", "key": "secret"},
                "toUser": "zhang|li",
                "toParty": "7",
                "toTag": "on-call",
                "apiUrl": "https://wecom.example.org/cgi-bin",
                "sendResolved": False,
            },
        },
        {"name": "wecom-robot", "wecomRobot": {"robot": "wallets", "tokenSecret": token, "sendResolved": True}},
        {"name": "dingtalk", "dingtalk": {"robot": "wallets", "tokenSecret": token, "sendResolved": True}},
        {
            "name": "slack",
            "slack": {"urlSecret": {"name": "slack", "key": "url"}, "channel": "#wallets", "sendResolved": True},
        },
        {
            "name": "email",
            "email": {
                "to": ["desk@example.org", "on-call@example.org"],
                "from": "walletmon@example.org",
                "smarthost": "mail.example.org:587",
                "username": "walletmon",
                "passwordSecret": {"name": "mail", "key": "password"},
                "requireTls": True,
                "sendResolved": True,
            },
        },
        {
            "name": "pagerduty",
            "pagerduty": {
                "routingKeySecret": {"name": "pagerduty", "key": "key"},
                "url": "https://events.eu.pagerduty.com/v2/enqueue",
                "sendResolved": True,
            },
        },
        {
            "name": "opsgenie",
            "opsgenie": {
                "apiKeySecret": {"name": "opsgenie", "key": "key"},
                "teams": ["treasury", "platform"],
                "apiUrl": "https://api.eu.opsgenie.com",
                "sendResolved": True,
            },
        },
        {"name": "msteams", "msteams": {"urlSecret": {"name": "msteams", "key": "url"}, "sendResolved": True}},
        {
            "name": "telegram",
            "telegram": {
                "botTokenSecret": {"name": "telegram", "key": "token"},
                "chatId": -1001234567890,
                "apiUrl": "https://telegram.example.org/",
                "sendResolved": True,
            },
        },
    ]


def hubless(document: Document) -> Document:
    """The same monitor without receivers that need a hub, for a class that has none."""
    routing = document["spec"]["routing"]
    kept = [each for each in routing["receivers"] if not {"wecomRobot", "dingtalk"} & each.keys()]
    names = {each["name"] for each in kept}
    routes = {
        priority: {**routing[priority], "receivers": [name for name in routing[priority]["receivers"] if name in names]}
        for priority in ("P0", "P1", "P2")
    }
    return {**document, "spec": {**document["spec"], "routing": {**routing, **routes, "receivers": kept}}}


def routing(**fields: Any) -> Document:
    return minimal(routing={"receivers": [receiver()], **fields})


def muted(**interval: Any) -> Document:
    return routing(muteTimeIntervals=[{"name": "nights", **interval}])


def basic() -> Document:
    return {"username": {"name": "scrape", "key": "user"}, "password": {"name": "scrape", "key": "password"}}


def bearer(**fields: Any) -> Document:
    return {"credentials": {"name": "scrape", "key": "token"}, **fields}


def pack(**fields: Any) -> Document:
    return minimal(packs=[{"name": "golden-signals", **fields}])


SERVICE = target()["service"]
