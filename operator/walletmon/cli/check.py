"""What `lint`, `render` and `explain` share: from files to compiled monitors and classes, and what is wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from walletmon.api.admission import refusals
from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import KIND, WalletMonitor
from walletmon.api.monitor_class import CLASS_KIND, MonitorClass, WalletMonitorClass, in_force
from walletmon.api.parse import InvalidMonitor, parse_class, parse_monitor
from walletmon.cli.documents import STDIN, Document, Place, UnreadableError, read
from walletmon.cli.given import Given, namespaces, secrets, services
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.class_choice import Choice, choose
from walletmon.compiler.compile import compile as compile_monitor
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts
from walletmon.packs.configmap import PackProblem, PackSource, pack_source


class ClassFileError(ValueError):
    """A file that is to name the class in force, and holds none, or several; the message names it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with its place in a file, and the monitor or class it is about (both empty for what concerns none)."""

    place: Place
    monitor: str
    diagnostic: Diagnostic
    class_: str = ""

    @property
    def is_error(self) -> bool:
        """Whether something asked for would be missing."""
        return self.diagnostic.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Checked:
    """One monitor, or one class, or something else that is wrong; what follows from it, and what is wrong with it."""

    bundle: Bundle
    found: tuple[Found, ...]
    kind: str = ""
    """`WalletMonitor` or `WalletMonitorClass`; empty for what is neither."""

    file: str = ""
    monitor: WalletMonitor | None = None
    """None if this is no monitor, or one that cannot be understood."""

    class_: MonitorClass = field(default_factory=MonitorClass)
    """The decisions that are in force for the monitor."""

    resource: WalletMonitorClass | None = None
    """The class, if this is one that can be understood."""

    is_decisions: bool = False
    """Whether the class was named for what it decides (`--class`), and not given for what follows from it."""

    facts: ClusterFacts = field(default_factory=ClusterFacts)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the command line says about everything in the files."""

    built_in: MonitorClass = field(default_factory=MonitorClass)
    namespace: str | None = None
    """The namespace of objects that name none."""

    class_file: Path | None = None
    """A file with the class for monitors that name none."""

    year: int | None = None
    """The present year; that of the clock if it is not said."""

    unknown_class: Severity = Severity.WARNING
    """What it is to name a class that is in none of the files: it may be on the cluster."""


def check_files(names: Sequence[str], about: Circumstances | None = None) -> list[Checked]:
    """Every monitor and class in the files, compiled with everything else that is in the files too, and what is wrong.

    Raises ClassFileError.
    """
    about = about or Circumstances()
    checked: list[Checked] = []
    documents: list[Document] = []
    for name in names:
        try:
            documents += read(name)
        except UnreadableError as error:
            checked.append(_nothing(Found(error.place, "", error.diagnostic)))
    for document in documents:
        if about.namespace is not None and document.kind not in (CLASS_KIND, "Namespace"):
            metadata = document.content.get("metadata")
            if isinstance(metadata, dict):
                metadata.setdefault("namespace", about.namespace)
    holders = [(document, pack_source(document.content)) for document in documents if document.holds_packs]
    for document, source in holders:
        checked += _problems(document, source)
    given = Given(
        about.built_in,
        packs=tuple(source for _, source in holders),
        namespaces=namespaces(documents),
        secrets=secrets(documents),
        services=services(documents),
        year=datetime.now(UTC).year if about.year is None else about.year,
    )
    chosen = None if about.class_file is None else _chosen(about.class_file)
    classes = [document for document in documents if document.kind == CLASS_KIND]
    if chosen is not None:
        # Whoever gives all files of a folder may well give this one twice.
        classes = [each for each in classes if not _same_file(each.file, chosen.file) or each.name != chosen.name]
    given = _with_classes(given, classes, chosen)
    asked = classes if chosen is None else [chosen, *classes]
    checked += _each(asked, lambda each: replace(_check_class(each, given), is_decisions=each is chosen))
    monitors = (document for document in documents if document.kind == KIND)
    checked += _each(monitors, lambda each: _check_monitor(each, given, about.unknown_class))
    return checked


def _chosen(file: Path) -> Document:
    try:
        found = [document for document in read(str(file)) if document.kind == CLASS_KIND]
    except UnreadableError as error:
        raise ClassFileError(f"{file}:{error.place.line}: {error.diagnostic.message}") from None
    if len(found) != 1:
        raise ClassFileError(f"{file} holds {len(found) or 'no'} {CLASS_KIND}{'es' if found else ''}; it must be one")
    return found[0]


def _same_file(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve() and one != f"<{STDIN}>"


def _with_classes(given: Given, documents: list[Document], chosen: Document | None) -> Given:
    understood: dict[str, WalletMonitorClass] = {}
    broken: set[str] = set()
    preferred: WalletMonitorClass | None = None
    for document in [*([] if chosen is None else [chosen]), *documents]:
        try:
            resource = parse_class(document.content)
        except InvalidMonitor:
            broken.add(document.name)
            continue
        understood.setdefault(resource.metadata.name, resource)
        preferred = resource if document is chosen else preferred
    return replace(given, classes=understood, broken=frozenset(broken), preferred=preferred)


def _problems(document: Document, source: PackSource) -> Iterator[Checked]:
    for pack, problem in source.content.items():
        if isinstance(problem, PackProblem):
            told = Diagnostic(problem.code, f"data.{pack}.yaml", f"{problem.place}: {problem.message}", problem.cure)
            yield _nothing(Found(document.place(told), "", told))


def _nothing(found: Found) -> Checked:
    return Checked(Bundle.rejected([found.diagnostic]), (found,))


def _each(documents: Iterable[Document], check: Callable[[Document], Checked]) -> Iterator[Checked]:
    """Each of the documents, all of one kind, checked, and told if one before it has its name."""
    seen: dict[str, Place] = {}
    for document in documents:
        one = check(document)
        is_class = document.kind == CLASS_KIND
        code = Code.DUPLICATE_CLASS if is_class else Code.DUPLICATE_MONITOR
        here = document.place(Diagnostic(code, "metadata.name", "", ""))
        first = seen.setdefault(document.name, here)
        diagnostics = list(one.bundle.diagnostics)
        if first is not here:
            what = "class" if is_class else "monitor"
            elsewhere = "" if is_class else ", or another namespace"
            diagnostics.append(
                Diagnostic(
                    code,
                    "metadata.name",
                    f"{first.file}:{first.line} has a {what} {document.name} too",
                    f"give it another name{elsewhere}",
                )
            )
        names = ("", document.name) if is_class else (document.name, "")
        found = tuple(Found(document.place(each), names[0], each, names[1]) for each in diagnostics)
        yield replace(one, found=found, kind=document.kind, file=document.file)


def _check_class(document: Document, given: Given) -> Checked:
    try:
        resource = parse_class(document.content)
    except InvalidMonitor as error:
        return Checked(Bundle.rejected(error.diagnostics), ())
    facts = given.facts_for_class()
    bundle = compile_class(resource, given.built_in, facts)
    class_ = in_force(resource, given.built_in)
    return Checked(_judged(document, bundle), (), resource=resource, class_=class_, facts=facts)


def _check_monitor(document: Document, given: Given, unknown_class: Severity) -> Checked:
    try:
        monitor = parse_monitor(document.content)
    except InvalidMonitor as error:
        return Checked(Bundle.rejected(error.diagnostics), ())
    choice = _choice(monitor, given)
    class_ = choice.class_ or given.built_in
    facts = given.facts_for_monitor(monitor.metadata.namespace, class_.packs_namespace)
    bundle = compile_monitor(monitor, class_, facts)
    if choice.problem is not None and monitor.spec.class_name not in given.broken:
        unknown = _offline(choice.problem, unknown_class)
        bundle = Bundle(bundle.objects, (unknown, *bundle.diagnostics))
    return Checked(_judged(document, bundle), (), monitor=monitor, class_=class_, facts=facts)


def _choice(monitor: WalletMonitor, given: Given) -> Choice:
    if monitor.spec.class_name is None and given.preferred is not None:
        return Choice(in_force(given.preferred, given.built_in), given.preferred)
    return choose(monitor, given.classes.values(), given.built_in)


def _offline(problem: Diagnostic, severity: Severity) -> Diagnostic:
    """What the operator says of an unknown class, as far as it can be known without a cluster."""
    return replace(
        problem,
        message=f"{problem.message} in the files, so what it decides is not known here",
        cure=problem.cure if problem.cure.endswith("?") else "give its file as well, or name it with --class",
        severity=severity,
    )


def _judged(document: Document, bundle: Bundle) -> Bundle:
    """The bundle, and what the apiserver would say of the document."""
    refused = refusals(document.content)
    # What the apiserver would refuse, the compiler finds as well where it matters to objects: once is enough.
    paths = tuple(each.path for each in refused)
    further = [each for each in bundle.diagnostics if not each.path.startswith(paths)] if paths else bundle.diagnostics
    return Bundle(bundle.objects, (*refused, *further))
