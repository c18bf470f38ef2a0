"""/healthz, /readyz and /metrics.

`/healthz` turns red when the process should be restarted: a visit that hangs. (A watcher that dies ends the process by
itself.) `/readyz` turns green when the caches are complete.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.queue import WorkQueue

_VISIT_HANGS_AFTER = 300.0


class HealthServer:
    """The operator's HTTP endpoints on `host:port` (port 0: any free one, see `port` after `start`)."""

    def __init__(
        self, host: str, port: int, queue: WorkQueue, synced: Callable[[], bool], metrics: ControllerMetrics
    ) -> None:
        self._host = host
        self.port = port
        self._queue = queue
        self._synced = synced
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics_page)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Listen. Raises OSError if the address is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        hanging = self._queue.oldest_visit()
        if hanging > _VISIT_HANGS_AFTER:
            return web.Response(status=503, text=f"a visit has been under way for {hanging:.0f} s\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if not self._synced():
            return web.Response(status=503, text="caches are not complete yet\n")
        return web.Response(text="ok\n")

    async def _metrics_page(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
