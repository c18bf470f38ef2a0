"""Documents of classes with environments, and remote writes as they are in the field."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def class_document(name: str = "default", uid: str | None = None, **spec: Any) -> Document:
    metadata = {"name": name, **({} if uid is None else {"uid": uid})}
    return {"apiVersion": "walletmon.dev/v1alpha1", "kind": "WalletMonitorClass", "metadata": metadata, "spec": spec}


MIMIR = {
    "name": "mimir",
    "url": "https://mimir.example.org/api/v1/push",
    "headers": {"X-Scope-OrgID": "wallets-prod"},
    "writeRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "go_.*"}],
    "basicAuth": {"username": {"name": "mimir", "key": "user"}, "password": {"name": "mimir", "key": "password"}},
    "tls": {
        "ca": {"name": "mimir-tls", "key": "ca.crt"},
        "cert": {"name": "mimir-tls", "key": "tls.crt"},
        "key": {"name": "mimir-tls", "key": "tls.key"},
        "serverName": "mimir.example.org",
        "insecureSkipVerify": False,
    },
}
THANOS = {
    "name": "thanos",
    "url": "http://thanos-receive.monitoring:19291/api/v1/receive",
    "authorization": {"credentials": {"name": "thanos", "key": "token"}},
}
