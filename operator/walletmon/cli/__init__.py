"""The command line. Each command is a module of its own, imported when it is called: `lint` needs no cluster client."""

from __future__ import annotations

from importlib import import_module

import click

from walletmon import __version__

_COMMANDS = {
    "run": "Run the operator.",
    "lint": "Say what is wrong with monitors and classes.",
    "render": "Print what follows from monitors and classes.",
    "explain": "Say what an alert means, or what a monitor costs.",
    "packs": "List the packs of alerts.",
    "crds": "Print the CustomResourceDefinitions.",
}


class _Commands(click.Group):
    """The commands by name, imported on demand; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="walletmon")
def main() -> None:
    """Watch crypto wallets on Kubernetes, and say truthfully whether they are watched."""
