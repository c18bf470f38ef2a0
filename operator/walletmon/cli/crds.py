"""`walletmon crds`: the CustomResourceDefinitions, from the models."""

from __future__ import annotations

from pathlib import Path

import click

from walletmon.api.crd import crd_yaml


@click.command()
@click.option(
    "--output", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write here instead of to stdout."
)
def crds(output: Path | None) -> None:
    """Print the CustomResourceDefinitions."""
    if output is None:
        click.echo(crd_yaml(), nl=False)
    else:
        try:
            output.write_text(crd_yaml(), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(str(error)) from error
