"""The operator put together: one process, one event loop, one session to the apiserver."""

from __future__ import annotations

import asyncio
import logging
import platform
from dataclasses import dataclass, field
from typing import Any

import kopf

from walletmon import __version__
from walletmon.api.monitor import MonitorMeta, WalletMonitor, WalletMonitorSpec
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.wallets import Wallet
from walletmon.compiler.compile import compile
from walletmon.controller.children import ChildKeeper
from walletmon.controller.class_reconcile import ClassReconciler
from walletmon.controller.classes import Classes
from walletmon.controller.client import Client
from walletmon.controller.cluster import Cluster
from walletmon.controller.connection import Connection
from walletmon.controller.events import EventRecorder
from walletmon.controller.handlers import register
from walletmon.controller.health import HealthServer
from walletmon.controller.intake import Intake, stores
from walletmon.controller.lookup import Lookup
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.packs import PackSources
from walletmon.controller.queue import WorkQueue
from walletmon.controller.reconcile import Reconciler, work
from walletmon.controller.resources import CHILD_SELECTOR, CHILDREN, SECRETS, SERVICES
from walletmon.controller.situation import Situation

_RESYNC_SECONDS = 600.0
# An apiserver may be away for as long as a control plane's upgrade takes; a watch that gives up ends the process.
_WATCH_BACKOFFS = (0.5, 1, 1, 2, 3, 5) + (10,) * 180

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line decides."""

    class_: MonitorClass = field(default_factory=MonitorClass)
    namespaces: tuple[str, ...] = ()
    """Namespaces to serve; all if empty."""
    host: str = "0.0.0.0"  # noqa: S104 - inside a Pod, probes and Prometheus come from elsewhere
    port: int = 8080
    workers: int = 8


class _NoDiffBase(kopf.DiffBaseStorage):
    """kopf keeps a copy of each object's essence for handlers that want differences; ours do not."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.StatusProgressStorage):
    """kopf keeps handlers' progress for retries; ours are retried by the queue."""

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


def kopf_settings() -> kopf.OperatorSettings:
    """kopf as a plain watcher: it writes nothing and does not give up while the apiserver is away."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.networking.error_backoffs = _WATCH_BACKOFFS
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.watching.server_timeout = 300
    settings.watching.chunk_size = 500
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    for resource in CHILDREN.values():
        selector = (
            (resource.group, resource.version, resource.plural)
            if resource.group
            else (resource.version, resource.plural)
        )
        settings.watching.label_selectors[selector] = CHILD_SELECTOR
    return settings


async def run(options: Options, stop: asyncio.Event | None = None) -> None:
    """Run the operator until it is told to stop (SIGTERM, SIGINT, or `stop`).

    Raises what ended it otherwise: no configuration, the address taken, a watch that cannot go on.
    """
    connection = await Connection.discover()
    metrics = ControllerMetrics()
    queue = WorkQueue()
    monitors, children = stores()
    async with connection.session() as session:
        client = Client(connection, session, metrics)
        clock = asyncio.get_running_loop().time
        events = EventRecorder(client, platform.node() or "walletmon", clock)
        intake = Intake(client, queue, monitors, children, options.namespaces, metrics)
        shared = options.class_.packs_namespace
        packs = PackSources(client, options.namespaces, shared, events, intake.packs_changed)
        classes = Classes(client, options.class_, intake.class_changed, lambda: intake.packs_changed(None))
        intake.know_classes(lambda: classes.names, classes.key_of_uid)
        cluster = Cluster(client, intake.cluster_changed)
        secrets = Lookup(client, SECRETS, clock, intake.look_again)
        services = Lookup(client, SERVICES, clock, intake.look_again)
        situation = Situation(cluster, classes, secrets, services, packs.catalogue, children)
        keeper = ChildKeeper(client, children, events, metrics)
        visit_monitors = Reconciler(client, monitors, keeper, classes, situation, events, metrics)
        visit_classes = ClassReconciler(client, classes, keeper, situation, events, intake.monitors_of)
        health = HealthServer(options.host, options.port, queue, lambda: intake.synced, metrics)
        await health.start()
        logger.info(
            "walletmon starts",
            extra={"version": __version__, "apiserver": connection.host, "listen": f"{options.host}:{health.port}"},
        )
        try:
            _warm_up(options.class_)
            await asyncio.gather(packs.start(), classes.start(), cluster.start())
            await intake.start()
            # Whichever of these ends with an error ends the others and the process: nothing dies unnoticed.
            async with asyncio.TaskGroup() as together:
                background = [
                    together.create_task(work(queue, visit_monitors, visit_classes, metrics))
                    for _ in range(options.workers)
                ]
                endless = (packs.run(), classes.run(), cluster.run(), secrets.run(), services.run())
                background += [together.create_task(each) for each in endless]
                background.append(together.create_task(intake.resync(_RESYNC_SECONDS)))
                await _watch(intake, connection, options, stop)
                for task in background:
                    task.cancel()
        finally:
            queue.close()
            await intake.close()
            await health.stop()
            logger.info("walletmon stops")


def _warm_up(class_: MonitorClass) -> None:
    """Read the packs and load what draws dashboards: half a second that no user's first monitor should wait for."""
    wallets = [Wallet(name="warm-up")]
    compile(WalletMonitor(metadata=MonitorMeta(name="warm-up"), spec=WalletMonitorSpec(wallets=wallets)), class_)


async def _watch(intake: Intake, connection: Connection, options: Options, stop: asyncio.Event | None) -> None:
    registry = kopf.OperatorRegistry()
    register(registry, intake, connection)
    await kopf.operator(
        registry=registry,
        settings=kopf_settings(),
        clusterwide=not options.namespaces,
        namespaces=options.namespaces,
        stop_flag=stop,
    )
