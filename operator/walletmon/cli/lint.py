"""`walletmon lint`: what is wrong with monitors, before they are applied."""

from __future__ import annotations

import sys

import click

from walletmon.api.monitor_class import MonitorClass
from walletmon.cli.check import Found, check_files
from walletmon.cli.findings import FORMATS, as_github, as_json, as_text


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--output", "form", default="text", show_default=True, type=click.Choice(FORMATS))
def lint(files: tuple[str, ...], form: str) -> None:
    """Say what is wrong with the WalletMonitors in FILE... (`-` is stdin), each with its line and column.

    Objects of other kinds are passed over. The exit code is 1 if there is an error, 0 with warnings alone.
    """
    checked = list(check_files(files, MonitorClass()))
    found = [each for one in checked for each in one.found]
    if form == "json":
        click.echo(as_json(found))
    else:
        for each in found:
            click.echo(as_github(each) if form == "github" else as_text(each))
    monitors = sum(1 for one in checked if not any(each.monitor == "" for each in one.found))
    click.echo(summary(monitors, found), err=True)
    if any(each.is_error for each in found):
        sys.exit(1)


def summary(monitors: int, found: list[Found]) -> str:
    """How much was looked at, and how much is wrong."""
    errors = sum(1 for each in found if each.is_error)
    warnings = len(found) - errors
    return f"{_count(monitors, 'monitor')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
