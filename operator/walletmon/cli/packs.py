"""`walletmon packs`: which alerts there are, and what they go by."""

from __future__ import annotations

import click

from walletmon.packs.catalogue import default_packs
from walletmon.packs.catalogue import packs as all_packs
from walletmon.packs.proof import cases
from walletmon.packs.schema import Alert, Pack

_WIDTH = 110


@click.command()
@click.argument("names", nargs=-1, metavar="[PACK]...")
@click.option("--verbose", "-v", is_flag=True, help="With each alert's expression, thresholds, their sources, proofs.")
def packs(names: tuple[str, ...], verbose: bool) -> None:
    """List the packs of alerts, or those named. A monitor that says nothing of packs has those marked `default`."""
    known = all_packs()
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no pack {name!r}; there are: {', '.join(known)}")
    for pack in known.values():
        if names and pack.name not in names:
            continue
        mark = " (default)" if pack.name in default_packs() else ""
        click.echo(f"{pack.name}{mark}: {pack.title}, {len(pack.alerts)} alerts")
        if verbose:
            _describe(pack)


def _describe(pack: Pack) -> None:
    click.echo(f"\n{_paragraph(pack.description, 2)}\n")
    for alert in pack.alerts:
        _describe_alert(pack, alert)
    if pack.thresholds:
        click.echo("  Thresholds:")
    for name, threshold in pack.thresholds.items():
        click.echo(f"    {name} = {threshold.default} ({threshold.min} to {threshold.max})")
        if threshold.bitcoin is not None:
            bitcoin = threshold.bitcoin
            click.echo(f"      on bitcoin: {bitcoin.default} ({bitcoin.min} to {bitcoin.max})")
        click.echo(_paragraph(threshold.description, 6))
        click.echo(_paragraph(f"from: {threshold.source}", 6))
    for name, preset in pack.presets.items():
        click.echo(f"  Preset {name}: {preset.software}; {len(pack.served(name))} of {len(pack.alerts)} alerts")
    click.echo()


def _describe_alert(pack: Pack, alert: Alert) -> None:
    keeps = f", stays on for {alert.keep_firing_for}" if alert.keep_firing_for else ""
    action = f", action {alert.action}" if alert.action else ""
    click.echo(f"  {alert.name}  {alert.priority}, for {alert.for_}{keeps}{action}")
    for line in alert.expr.splitlines():
        click.echo(f"    {line}")
    if thresholds := pack.thresholds_of(alert):
        click.echo(f"    thresholds: {', '.join(f'{name} {pack.thresholds[name].default}' for name in thresholds)}")
    click.echo(f"    proved: {', '.join(case.value for case in cases(pack, alert))}\n")


def _paragraph(text: str, indent: int) -> str:
    return click.wrap_text(text, _WIDTH, " " * indent, " " * indent)
