"""How the apiserver is reached: one configuration, read by the `kubernetes` package, for kopf and for our own client.

In a Pod that is the ServiceAccount (the token is read anew as it rotates), elsewhere the kubeconfig with whatever
authentication it names.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import kopf
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from walletmon import __version__

USER_AGENT = f"walletmon/{__version__}"
_LOGIN_LIFETIME = timedelta(minutes=10)
# aiohttp's `connect` counts waiting for a free connection as well, which may take long while the apiserver is slow.
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5, sock_read=30)
_CONNECTIONS = 32


class Connection:
    """The apiserver's address and our credentials."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.host: str = configuration.host.rstrip("/")

    @classmethod
    async def discover(cls) -> Connection:
        """Read the Pod's ServiceAccount, or else the kubeconfig (`KUBECONFIG`, `~/.kube/config`).

        Raises kubernetes.aio.config.ConfigException if there is neither.
        """
        configuration = Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(client_configuration=configuration)
        return cls(configuration)

    def session(self) -> aiohttp.ClientSession:
        """A new session with TLS set up; the caller closes it."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self._ssl_context()),
            timeout=_REQUEST_TIMEOUT,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        )

    async def authorization(self) -> dict[str, str]:
        """The headers that say who we are, refreshed when the token has to be."""
        headers: dict[str, str] = {}
        settings: dict[str, Any] = dict(await self._configuration.auth_settings())
        for setting in settings.values():
            if setting["in"] == "header" and setting["value"]:
                headers["Authorization"] = setting["value"]
        return headers

    async def login(self) -> kopf.ConnectionInfo:
        """The same for kopf, which asks again when this has expired: that is how it learns of a rotated token."""
        scheme, _, token = (await self.authorization()).get("Authorization", "").partition(" ")
        settings = self._configuration
        return kopf.ConnectionInfo(
            server=self.host,
            ca_path=settings.ssl_ca_cert,
            insecure=not settings.verify_ssl,
            scheme=scheme.capitalize() or None,
            token=token or None,
            certificate_path=settings.cert_file,
            private_key_path=settings.key_file,
            expiration=datetime.now(UTC) + _LOGIN_LIFETIME,
        )

    def _ssl_context(self) -> ssl.SSLContext:
        settings = self._configuration
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert, cadata=settings.ca_cert_data)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, keyfile=settings.key_file)
        if not settings.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
