"""What `lint` and `render` share: from files to compiled monitors, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from walletmon.api.admission import refusals
from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import InvalidMonitor, parse_monitor
from walletmon.cli.documents import Document, Place, UnreadableError, read
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.compile import compile as compile_monitor
from walletmon.compiler.facts import ClusterFacts
from walletmon.packs.catalogue import catalogue
from walletmon.packs.configmap import PackProblem, PackSource, pack_source


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with its place in a file, and the monitor it is about (empty for what concerns none)."""

    place: Place
    monitor: str
    diagnostic: Diagnostic

    @property
    def is_error(self) -> bool:
        """Whether something asked for would be missing."""
        return self.diagnostic.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Checked:
    """One monitor, what follows from it (None if it cannot be understood), and what is wrong with it."""

    monitor: WalletMonitor | None
    bundle: Bundle
    found: tuple[Found, ...]
    facts: ClusterFacts = field(default_factory=ClusterFacts)


def check_files(names: Iterable[str], class_: MonitorClass, namespace: str | None = None) -> Iterator[Checked]:
    """Every monitor in the files, compiled with the packs that are in the files too, and what is wrong with those.

    `namespace` is that of objects which name none.
    """
    documents: list[Document] = []
    for name in names:
        try:
            documents += read(name)
        except UnreadableError as error:
            yield _nothing(Found(error.place, "", error.diagnostic))
    for document in documents:
        if namespace is not None and isinstance(document.content.get("metadata"), dict):
            document.content["metadata"].setdefault("namespace", namespace)
    holders = [(document, pack_source(document.content)) for document in documents if document.holds_packs]
    for document, source in holders:
        yield from _problems(document, source)
    sources = [source for _, source in holders]
    seen: dict[str, Place] = {}
    for document in documents:
        if not document.holds_packs:
            yield _check(document, class_, sources, seen)


def _problems(document: Document, source: PackSource) -> Iterator[Checked]:
    for pack, problem in source.content.items():
        if isinstance(problem, PackProblem):
            told = Diagnostic(problem.code, f"data.{pack}.yaml", f"{problem.place}: {problem.message}", problem.cure)
            yield _nothing(Found(document.place(told), "", told))


def _nothing(found: Found) -> Checked:
    return Checked(None, Bundle.rejected([found.diagnostic]), (found,))


def _check(document: Document, class_: MonitorClass, sources: list[PackSource], seen: dict[str, Place]) -> Checked:
    metadata = document.content.get("metadata")
    namespace = metadata.get("namespace", "default") if isinstance(metadata, dict) else "default"
    facts = ClusterFacts(catalogue=catalogue(sources, str(namespace), class_.packs_namespace))
    monitor, bundle = _compiled(document, class_, facts)
    diagnostics = list(bundle.diagnostics)
    name = document.name
    here = document.place(Diagnostic(Code.DUPLICATE_MONITOR, "metadata.name", "", ""))
    first = seen.setdefault(name, here)
    if first is not here:
        diagnostics.append(
            Diagnostic(
                Code.DUPLICATE_MONITOR,
                "metadata.name",
                f"{first.file}:{first.line} has a monitor {name} too",
                "give it another name, or another namespace",
            )
        )
    found = tuple(Found(document.place(each), name, each) for each in diagnostics)
    return Checked(monitor, bundle, found, facts)


def _compiled(document: Document, class_: MonitorClass, facts: ClusterFacts) -> tuple[WalletMonitor | None, Bundle]:
    try:
        monitor = parse_monitor(document.content)
    except InvalidMonitor as error:
        return None, Bundle.rejected(error.diagnostics)
    refused = refusals(document.content)
    bundle = compile_monitor(monitor, class_, facts)
    # What the apiserver would refuse, the compiler finds as well where it matters to objects: once is enough.
    paths = tuple(each.path for each in refused)
    further = [each for each in bundle.diagnostics if not each.path.startswith(paths)] if paths else bundle.diagnostics
    return monitor, Bundle(bundle.objects, (*refused, *further))
