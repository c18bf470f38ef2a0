"""`walletmon render`: everything that follows from monitors and classes, without a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from walletmon.api.diagnostic import Severity
from walletmon.api.monitor_class import WalletMonitorClass
from walletmon.cli import options
from walletmon.cli.check import Checked, Circumstances, ClassFileError, check_files
from walletmon.cli.findings import as_text
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.plain import alertmanager_config, rule_file
from walletmon.compiler.retention import existing_settings

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
@options.class_file
@click.option("--namespace", "-n", metavar="NAME", help="Namespace of monitors that name none.")
@options.year
@click.option(
    "--format", "form", default="kubernetes", show_default=True, type=click.Choice(["kubernetes", "prometheus"])
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to instead of stdout; --format prometheus needs one.",
)
def render(
    files: tuple[str, ...],
    class_file: Path | None,
    namespace: str | None,
    year: int | None,
    form: str,
    output: Path | None,
) -> None:
    """Print what follows from the WalletMonitors and WalletMonitorClasses in FILE... (`-` is stdin).

    With an error in any of them nothing is printed, and the exit code is 1: half of what was asked for would look like
    all of it. Findings go to stderr.
    """
    if form == "prometheus" and output is None:
        raise click.UsageError("--format prometheus writes several files: name a folder with --output")
    try:
        about = Circumstances(namespace=namespace, class_file=class_file, year=year, unknown_class=Severity.ERROR)
        checked = check_files(files, about)
    except ClassFileError as error:
        raise click.ClickException(str(error)) from None
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
        if one.is_decisions:
            continue
        settings = "" if one.resource is None else "".join(_settings(one.resource))
        text = settings + "".join(_document(each) for each in one.bundle.objects or ())
        if output is None:
            click.echo(text, nl=False)
        else:
            _write(output / f"{_stem(one)}.yaml", text)


def _prometheus(checked: Iterable[Checked], output: Path) -> None:
    objects: list[Manifest] = []
    for one in checked:
        if one.monitor is None:
            # A class's routes are one AlertmanagerConfig for all namespaces, which this form has no word for.
            if one.resource is not None and not one.is_decisions:
                name = one.resource.metadata.name
                click.echo(f"class {name}: what is made for it alone needs prometheus-operator; left out", err=True)
            continue
        objects += one.bundle.objects or ()
        _write(output / "rules" / f"{_stem(one)}.yaml", _plain(rule_file(one.bundle.objects or ())))
    _write(output / "alertmanager.yaml", _plain(alertmanager_config(objects, SECRETS)))


def _settings(resource: WalletMonitorClass) -> Iterator[str]:
    """What others have to set for the class in the Prometheus that they keep, as comments."""
    for environment in resource.spec.environments or ():
        text = existing_settings(environment) if environment.prometheus is None else ""
        if text:
            ref = environment.prometheus_ref or resource.spec.prometheus_ref
            which = "the Prometheus that watches it" if ref is None else f"Prometheus {ref.namespace}/{ref.name}"
            yield f"# Environment {environment.name} wants this of {which}, which walletmon does not write:\n"
            yield "".join(f"#   {line}\n" for line in text.splitlines())


def _stem(one: Checked) -> str:
    if one.resource is not None:
        # In capitals, as no namespace is called.
        return f"WalletMonitorClass.{one.resource.metadata.name}"
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
