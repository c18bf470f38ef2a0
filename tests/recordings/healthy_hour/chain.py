"""A real chain on loopback: anvil, JSON-RPC to it, and endpoints that can be cut off."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Self

import aiohttp
from wallet.chain import ENDPOINT, RpcUnavailableError

from testbed.process import end, free_port, spawn
from walletmon.instrument import WalletMetrics

BLOCK_S = 12
"""Seconds between blocks, as on Ethereum's main chain."""
CHAIN_ID = 31337


class RpcRefusedError(RuntimeError):
    """The endpoint answered with an error."""


class Rpc:
    """JSON-RPC over HTTP to one endpoint."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        """`port` on loopback."""
        self._session = session
        self._url = f"http://127.0.0.1:{port}"

    async def call(self, method: str, *params: object) -> Any:
        """The result. Raises RpcUnavailableError or RpcRefusedError."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            async with self._session.post(self._url, json=body) as response:
                answer = await response.json()
        except (aiohttp.ClientError, OSError) as error:
            raise RpcUnavailableError(f"{method} got no answer") from error
        if "error" in answer:
            raise RpcRefusedError(f"{method}: {answer['error']}")
        return answer["result"]

    async def quantity(self, method: str, *params: object) -> int:
        """The result as a number."""
        return int(await self.call(method, *params), 16)


class MeasuredRpc:
    """The RPC client of a wallet, in the place of the example's simulated one."""

    def __init__(self, rpc: Rpc, metrics: WalletMetrics) -> None:
        """Calls through `rpc` are counted in `metrics`."""
        self._rpc = rpc
        self._metrics = metrics

    async def block_number(self) -> int:
        """Height of the newest block. Raises RpcUnavailableError."""
        with self._metrics.rpc(ENDPOINT, "eth_blockNumber"):
            return await self._rpc.quantity("eth_blockNumber")

    async def block_time(self, height: int) -> float:
        """Unix time of the block at `height`. Raises RpcUnavailableError."""
        with self._metrics.rpc(ENDPOINT, "eth_getBlockByNumber"):
            return int((await self._rpc.call("eth_getBlockByNumber", hex(height), False))["timestamp"], 16)


class Endpoint:
    """A way to the chain of its own, which can be cut off and mended: it passes bytes on."""

    def __init__(self, chain_port: int) -> None:
        """`chain_port`: where the chain listens."""
        self.port = free_port()
        self._chain_port = chain_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Let calls through."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """End open connections and refuse new ones. Harmless when it is cut already."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chain_reader, chain_writer = await asyncio.open_connection("127.0.0.1", self._chain_port)
        self._open |= {writer, chain_writer}
        try:
            await asyncio.gather(_copy(reader, chain_writer), _copy(chain_reader, writer))
        finally:
            for each in (writer, chain_writer):
                self._open.discard(each)
                each.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


class Chain:
    """anvil without a miner of its own: blocks come when they are asked for, with the time they are to have."""

    def __init__(self, binary: Path, folder: Path, start: float) -> None:
        """`start`: Unix time of the first block."""
        self.port = free_port()
        command = [str(binary), "--port", str(self.port), "--no-mining", "--timestamp", str(int(start)), "--silent"]
        self._process = spawn(command, folder / "anvil.log")

    async def __aenter__(self) -> Self:
        """Wait until it answers."""
        self._session = aiohttp.ClientSession()
        self.rpc = Rpc(self._session, self.port)
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(RpcUnavailableError):
                    await self.rpc.call("eth_chainId")
                    return self
                await asyncio.sleep(0.05)

    async def __aexit__(self, *exc_info: object) -> None:
        """End it."""
        await self._session.close()
        await asyncio.to_thread(end, self._process)

    async def mine(self, moment: float) -> None:
        """The next block, with the pending transactions and time `moment`."""
        await self.rpc.call("evm_setNextBlockTimestamp", int(moment))
        await self.rpc.call("evm_mine")
