"""`walletmon explain`: what an alert means, and by which figures it goes; what a monitor costs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import click

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import RUNBOOKS, MonitorClass
from walletmon.cli import options
from walletmon.cli.check import Checked, Circumstances, ClassFileError, check_files
from walletmon.cli.findings import as_text
from walletmon.cli.series import series_paragraph
from walletmon.compiler.bundle import Bundle, Manifest
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.links import runbook_url
from walletmon.compiler.thresholds import PackUses, pack_uses
from walletmon.language.quantity import plain
from walletmon.packs.catalogue import packs
from walletmon.packs.schema import Alert, Pack

_NAMED_AT_MOST = 20


@click.command()
@click.argument("alert", metavar="[ALERT]", required=False)
@click.option(
    "--monitor",
    "--file",
    "file",
    metavar="FILE",
    help="Say it as it is for the WalletMonitors in FILE (`-` is stdin).",
)
@options.class_file
@options.year
@click.option(
    "--runbook-base-url", default=RUNBOOKS, show_default=True, metavar="URL", help="Where the runbook pages are."
)
def explain(
    alert: str | None, file: str | None, class_file: Path | None, year: int | None, runbook_base_url: str
) -> None:
    """Say what ALERT means, its expression, its thresholds, and where its runbook is.

    Without ALERT, say of each monitor in FILE which class and environment are in force, and how many series it makes.
    """
    class_ = MonitorClass(runbook_base_url=runbook_base_url.rstrip("/"))
    about = Circumstances(built_in=class_, class_file=class_file, year=year)
    if alert is None:
        if file is None:
            raise click.UsageError("name an ALERT, or monitors with --monitor FILE")
        told = ["\n".join(series_paragraph(monitor, one.class_, one.facts)) for monitor, one in _compiled(file, about)]
        click.echo("\n\n".join(told))
        return
    found = _in_packs(alert)
    if found is not None:
        click.echo("\n".join(_pack_alert(*found, class_)))
    if file is None:
        if found is None:
            raise click.ClickException(
                _unknown(alert, [each.name for pack in packs().values() for each in pack.alerts])
            )
        return
    compiled = _compiled(file, about)
    told = [text for monitor, one in compiled if (text := _for_monitor(alert, found, monitor, one.bundle, one.facts))]
    if not told:
        names = {str(rule["alert"]) for _, one in compiled for rule in _rules(one.bundle)}
        raise click.ClickException(_unknown(alert, sorted(names)))
    click.echo("".join(f"\n{text}\n" for text in told), nl=False)


def _in_packs(name: str) -> tuple[Pack, Alert] | None:
    return next(((pack, alert) for pack in packs().values() for alert in pack.alerts if alert.name == name), None)


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"there is no alert {name!r}" + (f"; did you mean {near[0]}?" if near else "; see walletmon packs --verbose")


def _pack_alert(pack: Pack, alert: Alert, class_: MonitorClass) -> Iterator[str]:
    keeps = f", stays on for {alert.keep_firing_for}" if alert.keep_firing_for else ""
    yield f"{alert.name} ({alert.priority}, pack {pack.name}): fires after {alert.for_}{keeps}"
    yield ""
    yield f"  {_readable(alert.summary)}."
    yield click.wrap_text(_readable(alert.description), 100, "  ", "  ")
    yield ""
    yield "Expression:"
    yield from (f"  {line}" for line in alert.expr.splitlines())
    used = pack.thresholds_of(alert)
    if used:
        yield ""
        yield "Thresholds, unless a monitor says otherwise:"
    for name in used:
        threshold = pack.thresholds[name]
        yield f"  {name} = {threshold.default} ({threshold.min} to {threshold.max}): {threshold.description}"
        yield click.wrap_text(f"from: {threshold.source}", 100, "    ", "    ")
    yield ""
    yield f"Runbook: {runbook_url(class_, alert.name)}"


def _readable(text: str) -> str:
    """An annotation's template as a person says it: `{{ $labels.wallet }}` is <wallet>."""
    text = re.sub(r"\s*\{\{-? ?with [^}]*\}\}.*?\{\{-? ?end ?-?\}\}", "", text)
    text = re.sub(r"\{\{-? ?[^}]*\$labels\.(\w+)[^}]*\}\}", r"<\1>", text)
    return re.sub(r"\{\{-? ?[^}]*\$value[^}]*\}\}", "<value>", text)


def _compiled(file: str, about: Circumstances) -> list[tuple[WalletMonitor, Checked]]:
    try:
        checked = check_files([file], about)
    except ClassFileError as error:
        raise click.ClickException(str(error)) from None
    errors = [each for one in checked for each in one.found if each.is_error]
    for each in errors:
        click.echo(as_text(each), err=True)
    understood = [(one.monitor, one) for one in checked if one.monitor is not None]
    if not understood:
        if not errors:
            raise click.ClickException(f"{file} has no WalletMonitor")
        sys.exit(1)
    return understood


def _rules(bundle: Bundle) -> Iterator[Manifest]:
    for made in bundle.objects or ():
        if made["kind"] == "PrometheusRule":
            yield from (rule for group in made["spec"]["groups"] for rule in group["rules"] if "alert" in rule)


def _for_monitor(
    name: str, found: tuple[Pack, Alert] | None, monitor: WalletMonitor, bundle: Bundle, facts: ClusterFacts
) -> str:
    """What holds for one monitor; empty where neither the monitor nor any pack has such an alert."""
    title = f"Monitor {monitor.metadata.namespace}/{monitor.metadata.name}:"
    rule = next((each for each in _rules(bundle) if each["alert"] == name), None)
    if rule is None:
        if found is None:
            return ""
        why = "the monitor is suspended" if monitor.spec.suspend else "its pack is not used, or the alert is disabled"
        return f"{title}\n  not in force: {why}"
    lines = [title, f"  priority {rule['labels']['priority']}, for {rule.get('for', '0s')}"]
    lines += [
        f"  {key}: {rule['annotations'][key]}"
        for key in ("summary", "description")
        if found is None and key in rule["annotations"]
    ]
    if found is not None:
        lines += _figures(found, pack_uses(monitor, facts.catalogue), monitor)
    lines += ["  expression:", *(f"    {line}" for line in rule["expr"].splitlines())]
    if found is None and "runbook_url" in rule["annotations"]:
        lines.append(f"  runbook: {rule['annotations']['runbook_url']}")
    return "\n".join(lines)


def _figures(found: tuple[Pack, Alert], uses: PackUses, monitor: WalletMonitor) -> Iterator[str]:
    pack, alert = found
    for name in pack.thresholds_of(alert):
        figure = uses.figures[f"{pack.name}.{name}"]
        unit = pack.thresholds[name].unit
        yield f"  {name} = {plain(figure.default)} {unit}"
        others = [wallet.name for wallet in monitor.spec.wallets if figure.of(wallet.name) != figure.default]
        yield from (f"    wallet {wallet}: {plain(figure.of(wallet))} {unit}" for wallet in others[:_NAMED_AT_MOST])
        if len(others) > _NAMED_AT_MOST:
            yield f"    and {len(others) - _NAMED_AT_MOST} more wallets with figures of their own"
