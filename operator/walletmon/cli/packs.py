"""`walletmon packs`: which alerts there are, and what they go by."""

from __future__ import annotations

import click

from walletmon.packs.catalogue import default_packs
from walletmon.packs.catalogue import packs as all_packs
from walletmon.packs.schema import Pack


@click.command()
@click.option("--verbose", "-v", is_flag=True, help="With each pack's alerts and thresholds.")
def packs(verbose: bool) -> None:
    """List the packs of alerts. A monitor that says nothing of packs has those marked `default`."""
    for pack in all_packs().values():
        mark = " (default)" if pack.name in default_packs() else ""
        click.echo(f"{pack.name}{mark}: {pack.title}, {len(pack.alerts)} alerts")
        if verbose:
            _describe(pack)


def _describe(pack: Pack) -> None:
    click.echo(f"\n{click.wrap_text(pack.description, 100, '  ', '  ')}\n\n  Alerts:")
    width = max(len(alert.name) for alert in pack.alerts)
    for alert in pack.alerts:
        click.echo(f"    {alert.name:<{width}}  {alert.priority}  for {alert.for_}")
    if pack.thresholds:
        click.echo("\n  Thresholds:")
    width = max((len(name) for name in pack.thresholds), default=0)
    for name, threshold in pack.thresholds.items():
        bounds = f"{threshold.default} ({threshold.min} to {threshold.max})"
        click.echo(f"    {name:<{width}}  {bounds:<24}  {threshold.description}")
    click.echo()
