"""The few requests the controller makes to the apiserver, on one session, with plain documents.

Server-side apply with the field manager `walletmon` is the only way children and status are written. Bodies are JSON
that is YAML as well, since the apiserver parses apply bodies as YAML: see `encode`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any, Protocol

import aiohttp

from walletmon.controller.connection import Connection
from walletmon.controller.metrics import ControllerMetrics
from walletmon.controller.resources import Key, KubeObject, Resource, Uid

FIELD_MANAGER = "walletmon"
_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_PAGE = 500
_PATIENCE = 3
_LONGEST_WAIT = 5.0
_WATCH_SECONDS = 300
# Bookmarks come once a minute, so a connection that is silent for much longer is dead.
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=180)

_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

logger = logging.getLogger(__name__)


def encode(body: Any) -> bytes:
    """The body of a request: JSON as the apiserver's YAML parser (go-yaml) takes it.

    Raw UTF-8, because it refuses the surrogate pairs that JSON encoders write for emoji; but escapes for the few
    characters that YAML does not let stand as they are. Of those, control characters would make it refuse the whole
    object, or the status that tells of the matter; line separators it would read as spaces, so that the object never
    were as it should be.
    """
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


class ApiError(Exception):
    """The apiserver said no. `status` is HTTP's, `reason` Kubernetes' word for it, `details` its structured form."""

    def __init__(self, status: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details or {}

    @property
    def kind_missing(self) -> bool:
        """The path itself is unknown: no CustomResourceDefinition serves this kind."""
        return self.status == 404 and self.reason == "UnknownPath"


class ApiUnreachable(Exception):
    """No answer: connection refused or broken, or too slow."""


class KubernetesApi(Protocol):
    """What reconciling needs of the apiserver."""

    async def get(self, resource: Resource, key: Key) -> KubeObject | None:
        """The object, or None if there is none of that name."""

    async def apply(self, resource: Resource, body: KubeObject, *, force: bool) -> KubeObject:
        """Server-side apply; without `force` a field of another manager is a conflict (409)."""

    async def remove_fields(self, resource: Resource, live: KubeObject, pointers: list[str]) -> KubeObject:
        """Take fields (JSON pointers) out of exactly this version of the object."""

    async def delete(self, resource: Resource, live: KubeObject) -> None:
        """Delete exactly this object (uid); no error if it is gone."""

    async def apply_status(self, resource: Resource, key: Key, uid: Uid, status: dict[str, Any]) -> KubeObject:
        """Server-side apply of the status subresource of exactly this object (uid)."""

    async def create(self, resource: Resource, body: KubeObject) -> KubeObject:
        """Create an object."""


class Client:
    """KubernetesApi over HTTP. Every method raises ApiError or ApiUnreachable."""

    def __init__(self, connection: Connection, session: aiohttp.ClientSession, metrics: ControllerMetrics) -> None:
        self._connection = connection
        self._session = session
        self._metrics = metrics

    async def get(self, resource: Resource, key: Key) -> KubeObject | None:
        """See KubernetesApi."""
        try:
            return await self._request("GET", resource, resource.path(key))
        except ApiError as error:
            if error.status == 404 and not error.kind_missing:
                return None
            raise

    async def list_all(
        self, resource: Resource, namespace: str | None, selector: str | None
    ) -> tuple[list[KubeObject], int]:
        """All objects (of one namespace, matching a label selector), and the version of the whole that they are
        from."""
        items: list[KubeObject] = []
        params = {"limit": str(_PAGE)}
        if selector is not None:
            params["labelSelector"] = selector
        while True:
            page = await self._request("GET", resource, resource.path(namespace=namespace), params=params)
            items += page["items"]
            continuation = page["metadata"].get("continue")
            if not continuation:
                break
            params["continue"] = continuation
        for item in items:
            # Items of a list come without them; a watch's objects and single reads have them.
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return items, int(page["metadata"]["resourceVersion"])

    async def watch(
        self, resource: Resource, namespace: str | None, selector: str | None, version: int
    ) -> AsyncIterator[tuple[str, KubeObject]]:
        """What happens to objects (of one namespace, matching a label selector) after `version`: the word for it
        (ADDED, MODIFIED, DELETED, BOOKMARK) and the object. Ends when the apiserver ends it, after some minutes.

        Raises ApiError with status 410 if `version` is too old by now.
        """
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": str(version),
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        if selector is not None:
            params["labelSelector"] = selector
        url = f"{self._connection.host}{resource.path(namespace=namespace)}"
        headers = await self._connection.authorization()
        code = "none"
        try:
            async with self._session.get(url, params=params, headers=headers, timeout=_WATCH_TIMEOUT) as response:
                code = str(response.status)
                if response.status >= 400:
                    raise _error(response.status, await response.read())
                async for line in _lines(response.content):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise ApiError(status.get("code", 500), status.get("reason", ""), status.get("message", ""))
                    yield event["type"], event["object"]
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise ApiUnreachable(f"watch {url}: {type(error).__name__}: {error}") from error
        finally:
            self._metrics.api_requests.labels("WATCH", resource.plural, code).inc()

    async def apply(self, resource: Resource, body: KubeObject, *, force: bool) -> KubeObject:
        """See KubernetesApi."""
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        return await self._apply(resource, resource.path(key), body, force=force)

    async def apply_status(self, resource: Resource, key: Key, uid: Uid, status: dict[str, Any]) -> KubeObject:
        """See KubernetesApi."""
        place = {"namespace": key.namespace} if key.namespace else {}
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": key.name, **place, "uid": uid},
            "status": status,
        }
        return await self._apply(resource, resource.path(key, subresource="status"), body, force=True)

    async def remove_fields(self, resource: Resource, live: KubeObject, pointers: list[str]) -> KubeObject:
        """See KubernetesApi."""
        metadata = live["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        # Not a `test`: where that fails the patch is called invalid, and this is a conflict.
        patch: list[dict[str, Any]] = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]}
        ]
        patch += [{"op": "remove", "path": pointer} for pointer in pointers]
        try:
            return await self._request(
                "PATCH",
                resource,
                resource.path(key),
                body=patch,
                content_type=_JSON_PATCH,
                params={"fieldManager": FIELD_MANAGER},
            )
        except ApiError as error:
            if error.status == 422 and not error.details:
                # A field is not there any more, so the patch could not be tried: the object is newer than what we read.
                raise ApiError(409, "Conflict", f"{resource.kind} {key.name} has changed since it was read") from error
            raise

    async def delete(self, resource: Resource, live: KubeObject) -> None:
        """See KubernetesApi."""
        metadata = live["metadata"]
        body = {"preconditions": {"uid": metadata["uid"]}, "propagationPolicy": "Background"}
        try:
            path = resource.path(Key(metadata["namespace"], metadata["name"]))
            await self._request("DELETE", resource, path, body=body)
        except ApiError as error:
            if error.status not in (404, 409):  # gone already, or another object has taken the name since
                raise

    async def create(self, resource: Resource, body: KubeObject) -> KubeObject:
        """See KubernetesApi."""
        return await self._request("POST", resource, resource.path(namespace=body["metadata"]["namespace"]), body=body)

    async def _apply(self, resource: Resource, path: str, body: KubeObject, *, force: bool) -> KubeObject:
        params = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        return await self._request("PATCH", resource, path, body=body, content_type=_APPLY, params=params)

    async def _request(
        self,
        method: str,
        resource: Resource,
        path: str,
        *,
        body: Any = None,
        content_type: str = "application/json",
        params: dict[str, str] | None = None,
    ) -> KubeObject:
        headers = await self._connection.authorization()
        data = None
        if body is not None:
            data = encode(body)
            headers["Content-Type"] = content_type
        for patience in range(_PATIENCE, -1, -1):
            status, retry_after, payload = await self._exchange(method, resource, path, data, params, headers)
            if status != 429 or not patience:
                break
            # Too many requests, or a kind's storage that is just being set up: the apiserver says when to come again.
            await asyncio.sleep(min(retry_after, _LONGEST_WAIT))
        if status >= 400:
            raise _error(status, payload)
        try:
            answer: KubeObject = json.loads(payload)
        except ValueError:
            raise _error(status, payload) from None  # a proxy's page, a captive portal: nobody we know
        return answer

    async def _exchange(
        self,
        method: str,
        resource: Resource,
        path: str,
        data: bytes | None,
        params: dict[str, str] | None,
        headers: dict[str, str],
    ) -> tuple[int, float, bytes]:
        """One request: its HTTP status, the seconds after which to come again (Retry-After), and the body."""
        code = "none"
        try:
            async with self._session.request(
                method, f"{self._connection.host}{path}", data=data, params=params, headers=headers
            ) as response:
                code = str(response.status)
                wait = response.headers.get("Retry-After", "1")
                return response.status, float(wait) if wait.isdigit() else 1.0, await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ApiUnreachable(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            self._metrics.api_requests.labels(method, resource.plural, code).inc()


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The stream's lines, however long: the reader's own limit is less than an object may have."""
    pieces: list[bytes] = []
    async for chunk in content.iter_any():
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*pieces, line])
            pieces = []
        pieces.append(rest)


def _error(status: int, payload: bytes) -> ApiError:
    """The apiserver's Status object as an exception. A path that nothing serves answers in plain text instead."""
    try:
        answer = json.loads(payload)
    except ValueError:
        reason = "UnknownPath" if status == 404 else "NotAStatus"
        return ApiError(status, reason, payload[:200].decode(errors="replace").strip())
    if not isinstance(answer, dict):
        return ApiError(status, "NotAStatus", str(answer)[:200])
    return ApiError(status, answer.get("reason") or "", answer.get("message") or "", answer.get("details"))
