"""What prometheus-operator generates, turned into files for processes outside a pod.

In a cluster, volumes and the config reloader beside each process do this. Here the Secret is unzipped, mount paths
become paths below a local folder, the reloader's placeholders are filled in, and Prometheus is pointed at the local
Alertmanager, whose pod does not exist.
"""

import base64
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from testbed.api import Json

Files = dict[str, bytes]  # content by path below a folder

CONFIG = "config.yaml"
_PROMETHEUS_MOUNT = "/etc/prometheus"
_ALERTMANAGER_MOUNT = "/etc/alertmanager"


class _Loader(yaml.SafeLoader):
    """YAML as Go reads it: a plain `=` is a string, where PyYAML knows a type without a constructor."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def prometheus_files(
    name: str, secrets: Iterable[Json], config_maps: Iterable[Json], folder: Path, alertmanagers: Sequence[str]
) -> Files | None:
    """Configuration, rules and certificates of the `Prometheus` object `name`, to be written below `folder`.

    `secrets` are those of its namespace, `config_maps` those labelled `prometheus-name`; `alertmanagers` are
    `host:port`. None while prometheus-operator has not generated the configuration.
    """
    zipped = _secret(secrets, f"prometheus-{name}", "prometheus.yaml.gz")
    if zipped is None:
        return None
    files = _certificates(secrets, f"prometheus-{name}-tls-assets-")
    for config_map in config_maps:
        for key, text in (config_map.get("data") or {}).items():
            files[f"rules/{config_map['metadata']['name']}/{key}"] = text.encode()
    text = gzip.decompress(zipped).decode()
    files[CONFIG] = local_prometheus_config(text, name, folder, alertmanagers).encode()
    return files


def local_prometheus_config(text: str, name: str, folder: Path, alertmanagers: Sequence[str]) -> str:
    """The configuration `text` of the `Prometheus` object `name` as its first replica reads it, but below `folder`."""
    text = text.replace("$(POD_NAME)", f"prometheus-{name}-0").replace("$(SHARD)", "0")
    config = yaml.load(text.replace(_PROMETHEUS_MOUNT, str(folder)), Loader=_Loader)  # noqa: S506 (a safe loader)
    alerting = config.get("alerting") or {}
    alerting["alertmanagers"] = [{"static_configs": [{"targets": list(alertmanagers)}]}] if alertmanagers else []
    config["alerting"] = alerting
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


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
