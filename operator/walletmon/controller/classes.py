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
from walletmon.controller.client import Client
from walletmon.controller.cluster import Watched
from walletmon.controller.resources import CLASSES, Key, KubeObject, Uid

Concerned = Callable[[str, bool], None]
"""Is told the name of a class that changed, and whether monitors that name no class are concerned as well."""


class Classes:
    """See the module's text."""

    def __init__(self, client: Client, built_in: MonitorClass, concerned: Concerned) -> None:
        self._watched = Watched(client, CLASSES, _essence, self._changed)
        self._built_in = built_in
        self._concerned = concerned
        self._understood: dict[str, WalletMonitorClass] = {}
        self._problems: dict[str, tuple[Diagnostic, ...]] = {}
        self._defaults: tuple[str, ...] = ()
        self._bundles: dict[str, Bundle] = {}

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
        """The apiserver's answer to our own write."""
        self._watched.store.put(obj)

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

    def made(self, name: str, bundle: Bundle) -> None:
        """What a visit to the class compiled."""
        self._bundles[name] = bundle

    def tells_by(self, class_: MonitorClass) -> Manifest | None:
        """The AlertmanagerConfig by which a class tells of its monitors' alerts, if it tells anybody."""
        if class_.name is None:
            return None
        bundle = self._bundles.get(class_.name)
        resource = self._understood.get(class_.name)
        if bundle is None and resource is not None:
            bundle = compile_class(resource, self._built_in)
        objects = () if bundle is None else bundle.objects or ()
        return next((each for each in objects if each["kind"] == "AlertmanagerConfig"), None)

    def _changed(self, name: str) -> None:
        before = self._defaults
        live = self.live(name)
        for known in (self._bundles, self._understood, self._problems):
            known.pop(name, None)
        if live is not None:
            try:
                self._understood[name] = parse_class(live)
            except InvalidMonitor as error:
                # Stored before the schema became stricter, or past it: the apiserver refuses such documents now.
                self._problems[name] = tuple(error.diagnostics)
        self._defaults = default_names(self._understood.values())
        nameless = before != self._defaults or self._defaults[:1] == (name,) or self._is_marked(name)
        self._concerned(name, nameless)
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


def _mark(live: KubeObject) -> Any:
    return (live["metadata"].get("annotations") or {}).get(DEFAULT_CLASS_ANNOTATION)


def _essence(obj: KubeObject) -> Any:
    return obj.get("spec") or {}, _mark(obj)
