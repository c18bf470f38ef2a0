"""What is known of the cluster when a monitor or a class is visited, put together from those who watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from walletmon.api.environments import ObjectRef
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.api.receivers import secret_keys
from walletmon.compiler.bundle import Bundle, Manifest
from walletmon.compiler.discovery import alertmanagers_for, class_prometheuses, prometheuses_for
from walletmon.compiler.environment import surroundings
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.federation import federation_namespace
from walletmon.controller.cache import Store
from walletmon.controller.classes import Classes
from walletmon.controller.cluster import Cluster
from walletmon.controller.lookup import Lookup
from walletmon.controller.resources import Key, KubeObject, uid_of
from walletmon.controller.selection import Selection, bindings_said
from walletmon.packs.catalogue import Catalogue

_NAMESPACE = "namespace"
_NO_PACKS = Catalogue()


class Situation:
    """Gathers facts, and what conditions are judged by."""

    def __init__(
        self,
        cluster: Cluster,
        classes: Classes,
        secrets: Lookup,
        services: Lookup,
        catalogue: Callable[[str], Catalogue],
        children: Mapping[str, Store],
    ) -> None:
        """`catalogue` gives the packs that a monitor in a namespace can use."""
        self._cluster = cluster
        self._classes = classes
        self._secrets = secrets
        self._services = services
        self._catalogue = catalogue
        self._children = children

    async def of_monitor(self, key: Key, monitor: WalletMonitor | None) -> ClusterFacts:
        """The facts for a monitor (None: it is gone, or not understood)."""
        spec = None if monitor is None else monitor.spec
        secrets = set() if spec is None else {Key(key.namespace, ref.name) for _, ref in secret_keys(spec)}
        jobs = {
            Key(key.namespace, each.match["job"])
            for each in (spec.dependencies if spec is not None else None) or ()
            if "job" in each.match
        }
        await self._secrets.name(key, secrets)
        await self._services.name(key, jobs)
        class_name = None if monitor is None else self._classes.in_force_for(monitor)
        if class_name is not None:
            # What the class tells by depends on them, and whether that is taken up is this monitor's to say as well.
            await self.of_class(Key("", class_name), self._classes.understood(class_name))
        return self._facts(key, self._catalogue(key.namespace))

    async def of_class(self, key: Key, resource: WalletMonitorClass | None) -> ClusterFacts:
        """The facts for a class (None: it is gone, or not understood)."""
        await self._secrets.name(key, set() if resource is None else class_secrets(resource))
        return self._facts(key, _NO_PACKS)

    def selection_of_monitor(
        self, live: KubeObject, monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts, bundle: Bundle
    ) -> Selection:
        """What the condition Selected of a monitor is judged by."""
        where = surroundings(monitor, class_, facts).environment
        named = class_.spec.prometheus_ref
        if where is not None:
            named = where.prometheus_ref or named
        return Selection(
            objects=bundle.objects,
            facts=facts,
            prometheuses=prometheuses_for(monitor, class_, facts),
            alertmanagers=alertmanagers_for(class_, facts),
            prometheus_named=_said(named),
            alertmanager_named=_alertmanager_said(class_),
            told_by_class=self._told_by(class_),
            namespace=monitor.metadata.namespace,
            across=tuple(
                each.name
                for each in monitor.spec.dependencies or ()
                if each.scope is not None and _NAMESPACE not in each.scope
            ),
            rejected=self._rejected(live),
        )

    def selection_of_class(
        self, live: KubeObject, class_: MonitorClass, facts: ClusterFacts, bundle: Bundle
    ) -> Selection:
        """What the condition Selected of a class is judged by."""
        named = class_.spec.prometheus_ref
        objects = tuple(each for each in bundle.objects or () if each["kind"] != "Prometheus")
        return Selection(
            objects=None if bundle.objects is None else objects,
            facts=facts,
            prometheuses=(facts.prometheuses or ()) if named is None else class_prometheuses(class_, facts),
            alertmanagers=alertmanagers_for(class_, facts),
            prometheus_named=_said(named),
            alertmanager_named=_alertmanager_said(class_),
            rejected=self._rejected(live),
        )

    def _told_by(self, class_: MonitorClass) -> Manifest | None:
        if class_.name is None:
            return None
        return self._classes.tells_by(class_.name, self._facts(Key("", class_.name), _NO_PACKS))

    def _facts(self, key: Key, catalogue: Catalogue) -> ClusterFacts:
        return ClusterFacts(
            catalogue=catalogue,
            namespaces=self._cluster.namespaces,
            prometheuses=self._cluster.prometheuses,
            alertmanagers=self._cluster.alertmanagers,
            secrets=self._secrets.keys(key),
            services=self._services.there(key),
            year=datetime.now(UTC).year,
            ambiguous_default=self._classes.defaults if len(self._classes.defaults) > 1 else (),
        )

    def _rejected(self, live: KubeObject) -> tuple[tuple[str, str], ...]:
        owned = ((kind, each) for kind, store in self._children.items() for each in store.owned_by(uid_of(live)))
        said = ((f"{kind} {each['metadata']['name']}", bindings_said(each)) for kind, each in owned)
        return tuple((name, sentence) for name, sentence in said if sentence is not None)


def class_secrets(resource: WalletMonitorClass) -> set[Key]:
    """The Secrets that a class names: those of receivers are in the Alertmanager's namespace, those of an environment
    in that of its Prometheus, those of a federation entry in its own."""
    spec = resource.spec
    found: set[Key] = set()
    alertmanager = None if spec.alertmanager is None else spec.alertmanager.namespace
    if alertmanager is not None:
        found |= {Key(alertmanager, ref.name) for each in spec.receivers or () for _, ref in secret_keys(each)}
    for environment in spec.environments or ():
        if environment.prometheus is not None:
            found |= {Key(environment.prometheus.namespace, ref.name) for _, ref in secret_keys(environment)}
    for entry in spec.federation or ():
        namespace = federation_namespace(resource, entry)
        if namespace is not None:
            found |= {Key(namespace, ref.name) for _, ref in secret_keys(entry)}
    return found


def _said(ref: ObjectRef | None) -> str | None:
    return None if ref is None else f"{ref.namespace}/{ref.name}"


def _alertmanager_said(class_: MonitorClass) -> str | None:
    ref = class_.spec.alertmanager
    return None if ref is None else f"{ref.namespace}/{ref.name or '*'}"
