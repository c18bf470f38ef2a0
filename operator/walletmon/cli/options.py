"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

class_file = click.option(
    "--class",
    "class_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File with the WalletMonitorClass for monitors that name none.",
)

year = click.option(
    "--year",
    type=click.IntRange(1970, 9999),
    default=None,
    help="The year whose clock changes count in mute intervals.  [default: the present one]",
)
