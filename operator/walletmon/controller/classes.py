"""The classes there are, and which monitors a change of one concerns.

A monitor is concerned by the class it names; one that names none, by what is marked as default. Status does not count:
walletmon writes it itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import DEFAULT_CLASS_ANNOTATION, MonitorClass, WalletMonitorClass
from walletmon.api.parse import InvalidMonitor, parse_class
from walletmon.compiler.bundle import Bundle, Manifest
from walletmon.compiler.class_choice import Choice, choose, default_names
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts
from walletmon.controller.client import Client
from walletmon.controller.cluster import Watched
from walletmon.controller.resources import CLASSES, Key, KubeObject, Uid

Concerned = Callable[[str, bool], None]
"""Is told the name of a class that changed, and whether monitors that name no class are concerned as well."""


class Classes:
    """See the module's text."""

    def __init__(
        self, client: Client, built_in: MonitorClass, concerned: Concerned, known: Callable[[], None] = lambda: None
    ) -> None:
        """`known` is told when they can be listed at last, which concerns every monitor."""
        self._watched = Watched(client, CLASSES, _essence, self._changed, known)
        self._built_in = built_in
        self._concerned = concerned
        self._understood: dict[str, WalletMonitorClass] = {}
        self._problems: dict[str, tuple[Diagnostic, ...]] = {}
        self._defaults: tuple[str, ...] = ()
        self._marked: frozenset[str] = frozenset()
        self._bundles: dict[str, tuple[ClusterFacts, Bundle]] = {}
        self._tells: dict[str, Any] = {}

    async def start(self) -> None:
        """List them once."""
        await self._watched.start()

    async def run(self) -> None:
        """Follow them, for ever."""
        await self._watched.run()

    @property
    def built_in(self) -> MonitorClass:
        """What holds where no class says otherwise."""
        return self._built_in

    @property
    def known(self) -> bool:
        """Whether they could be listed; else nobody knows what is in force."""
        return self._watched.store.synced

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all classes."""
        return tuple(key.name for key in self._watched.store)

    @property
    def defaults(self) -> tuple[str, ...]:
        """Names of the classes that are marked as default, the one that counts first."""
        return self._defaults

    def live(self, name: str) -> KubeObject | None:
        """The class as the apiserver has it."""
        return self._watched.store.get(Key("", name))

    def key_of_uid(self, uid: Uid) -> Key | None:
        """The key of the class with this uid."""
        return next((Key("", name) for name in self.names if self._has_uid(name, uid)), None)

    def _has_uid(self, name: str, uid: Uid) -> bool:
        live = self.live(name)
        return live is not None and live["metadata"]["uid"] == uid

    def answered(self, obj: KubeObject) -> None:
        """The apiserver's answer to our own write. It may bring a spec that we have not seen, and the watch event of
        that is no news any more."""
        self._watched.take(obj)

    def understood(self, name: str) -> WalletMonitorClass | None:
        """The class, if it can be understood."""
        return self._understood.get(name)

    def problems(self, name: str) -> tuple[Diagnostic, ...]:
        """Why the class cannot be understood."""
        return self._problems.get(name, ())

    def choose(self, monitor: WalletMonitor) -> Choice:
        """The decisions in force for a monitor."""
        named = monitor.spec.class_name
        wrong = sorted(name for name in self._problems if name == named or (named is None and self._is_marked(name)))
        if wrong:
            return Choice(None, problem=_not_understood(wrong[0]))
        return choose(monitor, self._understood.values(), self._built_in)

    def in_force_for(self, monitor: WalletMonitor) -> str | None:
        """The name of the class that a monitor names, or of the default one."""
        return monitor.spec.class_name or next(iter(self._defaults), None)

    def bundle(self, name: str, facts: ClusterFacts) -> Bundle:
        """What follows from a class for itself, with these facts. Visits to it and to its monitors get the same."""
        known = self._bundles.get(name)
        if known is not None and known[0] == facts:
            return known[1]
        resource = self._understood.get(name)
        if resource is None:
            return Bundle.rejected(self.problems(name))
        bundle = compile_class(resource, self._built_in, facts)
        self._bundles[name] = facts, bundle
        return bundle

    def tells_by(self, name: str, facts: ClusterFacts) -> Manifest | None:
        """The AlertmanagerConfig by which a class tells of its monitors' alerts, if it tells anybody."""
        return _teller(self.bundle(name, facts))

    def visited(self, name: str, bundle: Bundle) -> None:
        """What a visit to the class compiled. Its monitors say whether an Alertmanager takes up that by which their
        alerts are told, so that is for them to know if it came, went or is labelled otherwise."""
        found = _teller(bundle)
        now = None if found is None else found["metadata"]
        before = self._tells.get(name, now)
        self._tells[name] = now
        if before != now:
            self._concerned(name, self._defaults[:1] == (name,))

    def _changed(self, name: str) -> None:
        before, marked = self._defaults, self._marked
        live = self.live(name)
        for known in (self._bundles, self._tells, self._understood, self._problems):
            known.pop(name, None)
        if live is not None:
            try:
                self._understood[name] = parse_class(live)
            except InvalidMonitor as error:
                # Stored before the schema became stricter, or past it: the apiserver refuses such documents now.
                self._problems[name] = tuple(error.diagnostics)
        self._defaults = default_names(self._understood.values())
        self._marked = marked | {name} if self._is_marked(name) else marked - {name}
        # One that is marked and cannot be understood stands in the way of those that name none until it goes.
        self._concerned(name, before != self._defaults or name in marked | self._marked)
        if before != self._defaults:
            # Each of them says whether it is the one that counts.
            for other in {*before, *self._defaults} - {name}:
                self._concerned(other, False)

    def _is_marked(self, name: str) -> bool:
        live = self.live(name)
        return live is not None and _mark(live) == "true"


def _not_understood(name: str) -> Diagnostic:
    return Diagnostic(
        Code.UNKNOWN_CLASS,
        "spec.className",
        f"the WalletMonitorClass {name!r} cannot be understood, so nobody knows what is allowed and where things go",
        "its own status says what is wrong; until that is put right, what was made before stays",
    )


def _teller(bundle: Bundle) -> Manifest | None:
    return next((each for each in bundle.objects or () if each["kind"] == "AlertmanagerConfig"), None)


def _mark(live: KubeObject) -> Any:
    return (live["metadata"].get("annotations") or {}).get(DEFAULT_CLASS_ANNOTATION)


def _essence(obj: KubeObject) -> Any:
    return obj.get("spec") or {}, _mark(obj)
