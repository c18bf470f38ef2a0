"""`python -m wallet`: runs the wallet service until SIGTERM or Ctrl-C. See README.md beside this package."""

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence

import aiohttp
from aiohttp import web
from mnemonic import Mnemonic

from wallet.api import ROUTES, SOURCES, SignerUnavailableError, WalletApi, control
from wallet.chain import ENDPOINT, METHODS, Follower, SimulatedRpc
from wallet.keys import Keyring
from wallet.switches import MAX_SLOW, Controls, InvalidSwitchError, Switches
from walletmon.instrument import WalletMetrics

logger = logging.getLogger("wallet")

Address = tuple[str, int]

MAX_IN_FLIGHT = 64
"""Most requests the self-made traffic has under way at once; a slow wallet gets fewer a second, not ever more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service; the exit status is 0 after SIGTERM, 1 if it broke, 2 for a wrong command line."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        logger.error("%s", error)
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    metrics = WalletMetrics(
        sign_failure_reasons={SignerUnavailableError: "signer_unavailable"},
        recovery_sources=SOURCES,
        routes=ROUTES,
        rpc_calls={ENDPOINT: METHODS},
    )
    metrics.watch_disk("data", arguments.data_dir)
    controls = Controls(arguments.switches)
    keyring = Keyring(arguments.accounts)
    follower = Follower(metrics, controls, SimulatedRpc(metrics, controls, arguments.block_time))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async with contextlib.AsyncExitStack() as stack:
        address = await stack.enter_async_context(
            _listening(WalletApi(metrics, keyring, controls, arguments.chain_id).application(), arguments.listen)
        )
        logger.info("API and metrics on http://%s", _text(address))
        if arguments.admin:
            admin = await stack.enter_async_context(_listening(control(controls), arguments.admin))
            logger.info("switches on http://%s/control", _text(admin))
        if arguments.die:
            logger.warning("told to die")
            os._exit(1)
        async with asyncio.TaskGroup() as work:  # what fails in one of them ends the service, with a traceback
            tasks = [work.create_task(_main_loop(metrics, controls, follower, arguments.interval))]
            if arguments.traffic:
                tasks.append(work.create_task(_traffic(address, arguments.traffic, arguments.chain_id)))
            await stop.wait()
            logger.info("stopping")
            for task in tasks:
                task.cancel()


async def _main_loop(metrics: WalletMetrics, controls: Controls, follower: Follower, interval: float) -> None:
    while True:
        if not controls.state.freeze_heartbeat:
            metrics.heartbeat()
        await follower.step()
        await asyncio.sleep(interval)


async def _traffic(address: Address, rate: float, chain_id: int) -> None:
    """Ask the own API for `rate` things a second, mostly signatures, as clients would: over HTTP, with a trace each."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104  # a comparison
    bip39 = Mnemonic("english")
    transaction = {"nonce": 0, "gas": 21000, "maxFeePerGas": 30 * 10**9, "maxPriorityFeePerGas": 10**9, "value": 1}
    sign = {"transaction": {**transaction, "chainId": chain_id, "to": "0x" + "00" * 20}}
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(f"http://{_text((host, address[1]))}") as session, asyncio.TaskGroup() as requests:
        in_flight = 0

        async def ask(path: str, body: object) -> None:
            nonlocal in_flight
            trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
            try:
                async with session.post(path, json=body, headers={"traceparent": trace}) as response:
                    await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                logger.warning("own traffic: %s", type(error).__name__)
            finally:
                in_flight -= 1

        start = loop.time()
        number = 0
        while True:
            if in_flight < MAX_IN_FLIGHT:
                in_flight += 1
                if number % 10 == 9:
                    requests.create_task(ask("/v1/recover", {"mnemonic": bip39.generate()}))
                else:
                    requests.create_task(ask("/v1/sign", sign))
            number += 1
            await asyncio.sleep(start + number / rate - loop.time())


@contextlib.asynccontextmanager
async def _listening(app: web.Application, address: Address) -> AsyncIterator[Address]:
    """Serve `app` at `address`; gives the address really taken, which differs for port 0."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, *address).start()
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="wallet", description="A small wallet service, watched with walletmon.")
    parser.add_argument("--listen", type=_address, default="127.0.0.1:9464", metavar="HOST:PORT", help="API, metrics")
    parser.add_argument("--admin", type=_loopback, metavar="HOST:PORT", help="control port, on a loopback address")
    parser.add_argument(
        "--chain-id", type=_positive(int), default=1, help="the chain signed for (default: %(default)s)"
    )
    parser.add_argument("--accounts", type=_positive(int), default=2, help="keys made at start (default: %(default)s)")
    parser.add_argument("--data-dir", default=".", help="directory whose disk is watched (default: this one)")
    parser.add_argument("--traffic", type=_positive(float), metavar="N", help="requests a second to make to itself")
    parser.add_argument(
        "--interval", type=_positive(float), default=1.0, help="seconds between rounds of the main loop"
    )
    parser.add_argument("--block-time", type=_positive(float), default=12.0, help="seconds between simulated blocks")
    faults = parser.add_argument_group("switches", "what goes wrong from the start; the control port changes it later")
    faults.add_argument("--slow", type=float, default=0.0, help=f"seconds added to a signing, up to {MAX_SLOW:g}")
    faults.add_argument("--fail-rate", type=float, default=0.0, help="share of signings that fail, 0 to 1")
    faults.add_argument("--rpc-down", action="store_true", help="every RPC call fails")
    faults.add_argument("--sync-stuck", action="store_true", help="no block after the first is processed")
    faults.add_argument("--freeze-heartbeat", action="store_true", help="the main loop does not beat")
    faults.add_argument("--die", action="store_true", help="end with status 1 right after the start")
    arguments = parser.parse_args(argv)
    try:
        arguments.switches = Switches().changed(
            {
                name: getattr(arguments, name)
                for name in ("slow", "fail_rate", "rpc_down", "sync_stuck", "freeze_heartbeat")
            }
        )
    except InvalidSwitchError as error:
        parser.error(str(error))
    return arguments


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{host!r} is not an IP address") from None


def _loopback(text: str) -> Address:
    address = _address(text)
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise argparse.ArgumentTypeError(
            f"{address[0]} is not a loopback address: whoever reaches it can stop the wallet"
        )
    return address


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    def positive(text: str) -> float:
        number = kind(text)
        if not 0 < number < float("inf"):
            raise ValueError
        return number

    return positive


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
