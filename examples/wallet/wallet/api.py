"""The HTTP side: the wallet's API with its metrics, and the control port.

Requests are counted by route in one place, the middleware. A client's mistake is answered with 4xx and counts as
success: the service did its part. Whatever the service fails at is 5xx and counts as error.
"""

import asyncio
import json
import logging
import os
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from aiohttp import web

from wallet.keys import InvalidTransactionError, Keyring, RecoveryError, parse_transaction, recover
from wallet.switches import Controls, InvalidSwitchError
from walletmon.instrument import WalletMetrics

logger = logging.getLogger("wallet")

MAX_BODY = 16 * 1024
"""Largest request body accepted, in bytes."""

ROUTES = ("/v1/sign", "/v1/recover", "unmatched")
"""Values of the label `route`; "unmatched" is every path or method the API does not have."""

SOURCES = ("api", "cli", "import_ui")
"""Where a recovery phrase can have been entered; the front end says so in its request."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class SignerUnavailableError(Exception):
    """The signer gave no signature, through no fault of the client."""


class BadRequestError(ValueError):
    """A request that makes no sense. The text says what would be right and repeats nothing of the request."""


class WalletApi:
    """The wallet's API: sign, recover, health and metrics."""

    def __init__(self, metrics: WalletMetrics, keyring: Keyring, controls: Controls, chain_id: int) -> None:
        """`chain_id` is the only chain that is signed for."""
        self._metrics = metrics
        self._keyring = keyring
        self._controls = controls
        self._chain_id = chain_id

    def application(self) -> web.Application:
        """The routes, ready to be served."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[self._measured])
        app.add_routes(
            [
                web.post("/v1/sign", self._sign),
                web.post("/v1/recover", self._recover),
                web.get("/healthz", self._healthz),
                web.get("/metrics", self._expose),
            ]
        )
        return app

    async def _sign(self, request: web.Request) -> web.Response:
        body = await _json_object(request, {"account", "transaction"})
        account = body.get("account", 0)
        if type(account) is not int or not 0 <= account < len(self._keyring.addresses):
            raise BadRequestError(f"account must be a whole number from 0 to {len(self._keyring.addresses) - 1}")
        transaction = parse_transaction(body.get("transaction"), self._chain_id)
        with self._metrics.signing("ecdsa", exemplar=_trace(request)):
            await asyncio.sleep(self._controls.state.slow)
            if random.random() < self._controls.state.fail_rate:  # noqa: S311  # chance for a demo, not a secret
                raise SignerUnavailableError
            signed = await asyncio.to_thread(self._keyring.sign, account, transaction)
        return web.json_response(
            {
                "from": self._keyring.addresses[account],
                "hash": signed.hash.to_0x_hex(),
                "rawTransaction": signed.raw_transaction.to_0x_hex(),
            }
        )

    async def _recover(self, request: web.Request) -> web.Response:
        body = await _json_object(request, {"mnemonic", "address", "source"})
        phrase, address, source = body.get("mnemonic"), body.get("address"), body.get("source", "api")
        if not isinstance(phrase, str) or not phrase.strip():
            raise BadRequestError("mnemonic must be a text of words")
        if address is not None and not (isinstance(address, str) and _ADDRESS.fullmatch(address)):
            raise BadRequestError("address must be 0x and 40 hex digits")
        if source not in SOURCES:
            raise BadRequestError(f"source must be one of {', '.join(SOURCES)}")
        try:
            recovered = await asyncio.to_thread(recover, phrase, address)
        except RecoveryError as failure:
            self._metrics.recovery_failed(reason=failure.reason, source=source)
            return _error(422, failure.reason, str(failure))
        return web.json_response({"address": recovered})

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _expose(self, request: web.Request) -> web.Response:
        body, content_type = self._metrics.exposition(",".join(request.headers.getall("Accept", [])))
        return web.Response(body=body, headers={"Content-Type": content_type})

    @web.middleware
    async def _measured(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unmatched"
        if route not in ROUTES:
            return await _answered(request, handler)
        with self._metrics.request(route, exemplar=_trace(request)) as call:
            response = await _answered(request, handler)
            if response.status >= 500:
                call.failed()
            return response


def control(controls: Controls) -> web.Application:
    """The control port: shows and turns the switches. It may only ever listen on a loopback address."""

    async def show(request: web.Request) -> web.Response:
        return web.json_response(asdict(controls.state))

    async def change(request: web.Request) -> web.Response:
        body = await _json_object(request)
        die = body.pop("die", False)
        if not isinstance(die, bool):
            raise InvalidSwitchError("die must be true or false")
        controls.state = controls.state.changed(body)
        logger.warning("switches are now %s", controls.state)
        if die:
            logger.warning("told to die")
            asyncio.get_running_loop().call_later(0.1, os._exit, 1)  # time for the answer to leave
        return web.json_response(asdict(controls.state))

    app = web.Application(client_max_size=MAX_BODY, middlewares=[_answered])
    app.add_routes([web.get("/control", show), web.post("/control", change)])
    return app


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The response of `handler`, or one that tells as JSON what went wrong."""
    try:
        return await handler(request)
    except InvalidTransactionError as error:
        return _error(400, "invalid_transaction", str(error))
    except (BadRequestError, InvalidSwitchError) as error:
        return _error(400, "bad_request", str(error))
    except SignerUnavailableError:
        return _error(503, "signer_unavailable", "the signer gave no signature; try again")
    except web.HTTPException as error:  # aiohttp's own: no such path, wrong method, body too large
        return _error(error.status, HTTPStatus(error.status).name.lower(), error.reason)
    except Exception as error:  # noqa: BLE001  # the service goes on; the text of an unknown error may hold a secret
        logger.error("%s %s failed with %s", request.method, request.path, type(error).__name__)
        return _error(500, "internal", "the service failed; its log says more")


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


async def _json_object(request: web.Request, known: set[str] | None = None) -> dict[str, Any]:
    """The request's body, whose members must be among `known`, if that is given."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="Content-Type must be application/json")
    try:
        body = json.loads(await request.read())
    except (web.RequestPayloadError, ConnectionError):  # nobody waits for this answer, but it must not count as ours
        raise BadRequestError("the body could not be read to its end") from None
    except (ValueError, RecursionError):
        raise BadRequestError("the body must be valid JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise BadRequestError("the body must be a JSON object")
    if known is not None and not body.keys() <= known:
        raise BadRequestError(f"unknown field; known are {', '.join(sorted(known))}")
    return body


def _trace(request: web.Request) -> dict[str, str] | None:
    """The trace the request belongs to, from its W3C traceparent header."""
    match = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return {"trace_id": match[1]} if match else None
