"""`walletmon crds`: the CustomResourceDefinitions, from the models."""

from __future__ import annotations

from pathlib import Path

import click

from walletmon.api.crd import crd_yaml
from walletmon.api.crd import crds as all_crds


@click.command()
@click.option(
    "--output",
    "output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write a file for each to, instead of to stdout.",
)
def crds(output: Path | None) -> None:
    """Print the CustomResourceDefinitions."""
    for name, crd in all_crds().items():
        if output is None:
            click.echo("---\n" + crd_yaml(crd), nl=False)
            continue
        try:
            output.mkdir(parents=True, exist_ok=True)
            (output / name).write_text(crd_yaml(crd), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(str(error)) from error
