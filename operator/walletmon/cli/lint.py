"""`walletmon lint`: what is wrong with monitors and classes, before they are applied."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from walletmon.api.monitor import KIND
from walletmon.api.monitor_class import CLASS_KIND
from walletmon.cli import options
from walletmon.cli.check import Checked, Circumstances, ClassFileError, Found, check_files
from walletmon.cli.findings import FORMATS, as_github, as_json, as_report, as_text
from walletmon.cli.series import series_line


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--output", "form", default="text", show_default=True, type=click.Choice(FORMATS))
@options.class_file
@options.year
def lint(files: tuple[str, ...], form: str, class_file: Path | None, year: int | None) -> None:
    """Say what is wrong with the WalletMonitors and WalletMonitorClasses in FILE... (`-` is stdin), each with its line
    and column.

    Namespaces, Secrets and Services in the files count as being there; objects of other kinds are passed over. The exit
    code is 1 if there is an error, 0 with warnings alone. How many series each monitor makes goes to stderr: an
    estimate.
    """
    try:
        checked = check_files(files, Circumstances(class_file=class_file, year=year))
    except ClassFileError as error:
        raise click.ClickException(str(error)) from None
    found = [each for one in checked for each in one.found]
    if form == "report":
        click.echo(as_report(checked))
    elif form == "json":
        click.echo(as_json(found))
    else:
        for each in found:
            click.echo(as_github(each) if form == "github" else as_text(each))
    for one in checked:
        if one.monitor is not None and one.bundle.objects is not None:
            click.echo(series_line(one.monitor, one.class_, one.facts), err=True)
    click.echo(summary(checked), err=True)
    if any(each.is_error for each in found):
        sys.exit(1)


def summary(checked: list[Checked]) -> str:
    """How much was looked at, and how much is wrong."""
    found: list[Found] = [each for one in checked for each in one.found]
    errors = sum(1 for each in found if each.is_error)
    kinds = [one.kind for one in checked]
    looked_at = _count(kinds.count(KIND), "monitor", "monitors")
    if CLASS_KIND in kinds:
        looked_at += f", {_count(kinds.count(CLASS_KIND), 'class', 'classes')}"
    wrong = f"{_count(errors, 'error', 'errors')}, {_count(len(found) - errors, 'warning', 'warnings')}"
    return f"{looked_at}: {wrong}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
