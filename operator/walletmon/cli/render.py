"""`walletmon render`: everything that follows from monitors, without a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml

from walletmon.cli.check import Checked, check_files
from walletmon.cli.class_file import ClassFileError, read_class
from walletmon.cli.findings import as_text
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.plain import alertmanager_config, rule_file

SECRETS = "/etc/alertmanager/secrets"

_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BASE):  # type: ignore[misc]
    """YAML without anchors: a part that stands in two places is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> yaml.Node:
    """Several lines as a block, so that an expression is read as it was written."""
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
    return node


_Dumper.add_representer(str, _text)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--class",
    "class_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="YAML file with objectLabels, runbookBaseUrl and grafanaUrl.",
)
@click.option("--namespace", "-n", metavar="NAME", help="Namespace of monitors that name none.")
@click.option(
    "--format", "form", default="kubernetes", show_default=True, type=click.Choice(["kubernetes", "prometheus"])
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to instead of stdout; --format prometheus needs one.",
)
def render(
    files: tuple[str, ...], class_file: Path | None, namespace: str | None, form: str, output: Path | None
) -> None:
    """Print what follows from the WalletMonitors in FILE... (`-` is stdin).

    With an error in any of them nothing is printed, and the exit code is 1: half of what was asked for would look like
    all of it. Findings go to stderr.
    """
    if form == "prometheus" and output is None:
        raise click.UsageError("--format prometheus writes several files: name a folder with --output")
    try:
        class_ = read_class(class_file)
    except ClassFileError as error:
        raise click.ClickException(str(error)) from None
    checked = list(check_files(files, class_, namespace))
    homeless = _without_namespace(checked)
    for one in checked:
        for each in one.found:
            click.echo(as_text(each), err=True)
    if any(each.is_error for one in checked for each in one.found):
        sys.exit(1)
    if homeless:
        raise click.ClickException(
            f"{homeless}: no namespace is given, and the rules read that namespace alone; "
            "write metadata.namespace, or name it with --namespace"
        )
    if form == "kubernetes":
        _kubernetes(checked, output)
    elif output is not None:
        _prometheus(checked, output)


def _without_namespace(checked: Iterable[Checked]) -> str | None:
    """The name of a monitor that says no namespace."""
    return next(
        (
            one.monitor.metadata.name
            for one in checked
            if one.monitor is not None and "namespace" not in one.monitor.metadata.model_fields_set
        ),
        None,
    )


def _kubernetes(checked: Iterable[Checked], output: Path | None) -> None:
    for one in checked:
        text = "".join(_document(each) for each in one.bundle.objects or ())
        if output is None:
            click.echo(text, nl=False)
        else:
            _write(output / f"{_stem(one)}.yaml", text)


def _prometheus(checked: Iterable[Checked], output: Path) -> None:
    objects: list[Manifest] = []
    for one in checked:
        objects += one.bundle.objects or ()
        _write(output / "rules" / f"{_stem(one)}.yaml", _plain(rule_file(one.bundle.objects or ())))
    _write(output / "alertmanager.yaml", _plain(alertmanager_config(objects, SECRETS)))


def _stem(one: Checked) -> str:
    if one.monitor is None:
        raise ValueError("a monitor that is not understood has no name")
    return f"{one.monitor.metadata.namespace}.{one.monitor.metadata.name}"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def _document(content: Manifest) -> str:
    return "---\n" + _plain(content)


def _plain(content: Manifest) -> str:
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=160, allow_unicode=True)
    return text
