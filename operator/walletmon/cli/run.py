"""`walletmon run`: the operator itself."""

from __future__ import annotations

import asyncio
import re

import click
from pydantic import TypeAdapter, ValidationError

from walletmon.api.base import DnsLabel
from walletmon.api.monitor_class import RUNBOOKS, MonitorClass
from walletmon.api.receivers import BaseUrl
from walletmon.api.targets import LabelKey, SelectedValue

_LABEL: TypeAdapter[tuple[str, str]] = TypeAdapter(tuple[LabelKey, SelectedValue])
_NAMESPACE: TypeAdapter[str] = TypeAdapter(DnsLabel)
_BASE_URL: TypeAdapter[str] = TypeAdapter(BaseUrl)


@click.command()
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="Serve this namespace; repeat for more. [default: all]",
)
@click.option(
    "--object-label",
    "object_labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="Label on every object made, because the cluster's Prometheus selects by it; repeat for more.",
)
@click.option(
    "--runbook-base-url", default=RUNBOOKS, show_default=True, metavar="URL", help="Where the runbook pages are."
)
@click.option(
    "--grafana-url", default=None, metavar="URL", help="Grafana's address; alerts then link to their dashboard."
)
@click.option(
    "--hub-url",
    default=None,
    metavar="URL",
    help="Address of walletmon's hub, which speaks to the robots of DingTalk and WeCom groups.",
)
@click.option(
    "--packs-namespace",
    default=None,
    metavar="NAME",
    help="Namespace whose ConfigMaps with packs (label walletmon.dev/pack) are there for all monitors.",
)
@click.option(
    "--listen",
    default="0.0.0.0:8080",
    show_default=True,
    metavar="ADDR:PORT",
    help="For /healthz, /readyz and /metrics.",
)
@click.option("--workers", default=8, show_default=True, type=click.IntRange(1, 64), help="Monitors visited at a time.")
@click.option("--log-format", default="json", show_default=True, type=click.Choice(["json", "text"]))
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(["debug", "info", "warning", "error"])
)
def run(
    namespaces: tuple[str, ...],
    object_labels: tuple[str, ...],
    runbook_base_url: str,
    grafana_url: str | None,
    hub_url: str | None,
    packs_namespace: str | None,
    listen: str,
    workers: int,
    log_format: str,
    log_level: str,
) -> None:
    """Run the operator. The cluster is the Pod's own, or the kubeconfig's."""
    # Imported here: the other commands need neither kopf nor a cluster, and start in a fraction of the time.
    from kubernetes.aio.config import ConfigException

    from walletmon.controller.app import Options
    from walletmon.controller.app import run as run_operator
    from walletmon.controller.logs import configure_logging

    host, port = _address(listen)
    class_ = MonitorClass(
        object_labels=dict(_label(text) for text in object_labels),
        runbook_base_url=_url(runbook_base_url, "--runbook-base-url"),
        grafana_url=_url(grafana_url, "--grafana-url") if grafana_url else None,
        hub_url=_url(hub_url, "--hub-url") if hub_url else None,
        packs_namespace=packs_namespace,
    )
    if packs_namespace is not None:
        _namespace(packs_namespace, "--packs-namespace")
    for name in namespaces:
        _namespace(name)
    configure_logging(log_format, log_level)
    options = Options(class_=class_, namespaces=namespaces, host=host, port=port, workers=workers)
    try:
        asyncio.run(run_operator(options))
    except (OSError, ConfigException) as error:
        raise click.ClickException(str(error)) from error


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or re.fullmatch("[0-9]{1,5}", port) is None or int(port) > 65535:
        raise click.BadParameter(f"{text!r} is not ADDR:PORT, for example 0.0.0.0:8080", param_hint="--listen")
    return host.strip("[]"), int(port)


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    try:
        # What is no Kubernetes label would be refused with every single object, long after the start.
        label = _LABEL.validate_python((key, value))
    except ValidationError:
        label = None
    if not separator or label is None:
        raise click.BadParameter(
            f"{text!r} is not KEY=VALUE of a Kubernetes label, for example release=monitoring",
            param_hint="--object-label",
        )
    return label


def _namespace(name: str, option: str = "--namespace") -> None:
    try:
        _NAMESPACE.validate_python(name)
    except ValidationError:
        raise click.BadParameter(f"{name!r} is not the name of a namespace", param_hint=option) from None


def _url(text: str, option: str) -> str:
    try:
        return _BASE_URL.validate_python(text).rstrip("/")
    except ValidationError:
        raise click.BadParameter(
            f"{text!r} is not a URL with http:// or https://, without a query", param_hint=option
        ) from None
