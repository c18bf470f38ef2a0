"""What prometheus-operator generates, turned into files for processes outside a pod.

In a cluster, volumes, the config reloader beside each process, and the pod itself do this. Here the Secret is unzipped,
mount paths become paths below a local folder, the reloader's placeholders are filled in, and Prometheus is told what it
would find out in a pod: where the apiserver is and who it is itself, where Alertmanagers are, and how the addresses of
pods are reached.
"""

import base64
import copy
import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from testbed.api import Json

Files = dict[str, bytes]  # content by path below a folder

CONFIG = "config.yaml"
TOKEN = "token"  # noqa: S105 (a file's name)
_PROMETHEUS_MOUNT = "/etc/prometheus"
_ALERTMANAGER_MOUNT = "/etc/alertmanager"

# Pods have addresses of the documentation range, since the apiserver refuses loopback ones; the processes listen on
# loopback.
_TO_LOOPBACK: Json = {
    "source_labels": ["__address__"],
    "regex": r"192\.0\.2\.(\d+):(\d+)",
    "target_label": "__address__",
    "replacement": "127.0.0.$1:$2",
}


class _Loader(yaml.SafeLoader):
    """YAML as Go reads it: a plain `=` is a string, where PyYAML knows a type without a constructor."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


@dataclass(frozen=True)
class Local:
    """Where the process runs that stands for the first replica of a `Prometheus` object."""

    namespace: str
    """The object's."""
    name: str
    folder: Path
    """Everything of the process, its service account's token in the file `TOKEN`."""
    server: str
    """The apiserver's URL."""
    ca: Path
    """The certificate that verifies it."""
    alertmanagers: Callable[[str], Sequence[str]]
    """The Alertmanagers (host:port) that run for those of a namespace."""


def prometheus_files(secrets: Iterable[Json], config_maps: Iterable[Json], local: Local) -> Files | None:
    """Configuration, rules and certificates of a `Prometheus` object, to be written below its folder.

    `secrets` are those of its namespace, `config_maps` those labelled `prometheus-name`. None while prometheus-operator
    has not generated the configuration.
    """
    zipped = _secret(secrets, f"prometheus-{local.name}", "prometheus.yaml.gz")
    if zipped is None:
        return None
    files = _certificates(secrets, f"prometheus-{local.name}-tls-assets-")
    for config_map in config_maps:
        for key, text in (config_map.get("data") or {}).items():
            files[f"rules/{config_map['metadata']['name']}/{key}"] = text.encode()
    files[CONFIG] = local_prometheus_config(gzip.decompress(zipped).decode(), local).encode()
    return files


def local_prometheus_config(text: str, local: Local) -> str:
    """The generated configuration `text` as the process reads it."""
    text = text.replace("$(POD_NAME)", f"prometheus-{local.name}-0").replace("$(SHARD)", "0")
    text = text.replace(_PROMETHEUS_MOUNT, str(local.folder))
    # prometheus-operator writes nothing at all for an object that has not one selector.
    config = yaml.load(text, Loader=_Loader) or {}  # noqa: S506 (a safe loader)
    for scrape in config.get("scrape_configs") or ():
        scrape["relabel_configs"] = [*(scrape.get("relabel_configs") or ()), copy.deepcopy(_TO_LOOPBACK)]
        for discovery in scrape.get("kubernetes_sd_configs") or ():
            _discover_from_outside(discovery, local)
    alerting = config.get("alerting") or {}
    alerting["alertmanagers"] = [
        entry for each in alerting.get("alertmanagers") or () if (entry := _local_alertmanagers(each, local))
    ]
    config["alerting"] = alerting
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def _discover_from_outside(discovery: Json, local: Local) -> None:
    """Give `discovery` what it has from the pod when it names no apiserver."""
    if "api_server" in discovery:
        return
    discovery["api_server"] = local.server
    discovery["authorization"] = {"credentials_file": str(local.folder / TOKEN)}
    discovery["tls_config"] = {"ca_file": str(local.ca)}
    namespaces = discovery.get("namespaces") or {}
    if namespaces.pop("own_namespace", False):
        namespaces["names"] = [*(namespaces.get("names") or ()), local.namespace]


def _local_alertmanagers(entry: Json, local: Local) -> Json | None:
    """`entry` of `alerting.alertmanagers` with the local ones in the place of pods; None when there are none.

    One that is discovered by other means than Kubernetes stays as it is.
    """
    if "kubernetes_sd_configs" not in entry:
        return entry
    rest = {key: value for key, value in entry.items() if key not in ("kubernetes_sd_configs", "relabel_configs")}
    namespaces = {
        namespace
        for each in entry["kubernetes_sd_configs"]
        for namespace in each.get("namespaces", {}).get("names", ())
    }
    targets = [target for namespace in sorted(namespaces) for target in local.alertmanagers(namespace)]
    return {**rest, "static_configs": [{"targets": targets}]} if targets else None


def alertmanager_files(name: str, secrets: Iterable[Json], folder: Path) -> Files | None:
    """Configuration and certificates of the `Alertmanager` object `name`, to be written below `folder`.

    None while prometheus-operator has not generated the configuration.
    """
    zipped = _secret(secrets, f"alertmanager-{name}-generated", "alertmanager.yaml.gz")
    if zipped is None:
        return None
    files = _certificates(secrets, f"alertmanager-{name}-tls-assets-")
    files[CONFIG] = gzip.decompress(zipped).replace(_ALERTMANAGER_MOUNT.encode(), str(folder).encode())
    return files


def _secret(secrets: Iterable[Json], name: str, key: str) -> bytes | None:
    for secret in secrets:
        if secret["metadata"]["name"] == name and key in (secret.get("data") or {}):
            return base64.b64decode(secret["data"][key])
    return None


def _certificates(secrets: Iterable[Json], prefix: str) -> Files:
    return {
        f"certs/{key}": base64.b64decode(value)
        for secret in secrets
        if secret["metadata"]["name"].startswith(prefix)
        for key, value in (secret.get("data") or {}).items()
    }
