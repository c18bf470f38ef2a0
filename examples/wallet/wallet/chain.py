"""The chain this wallet follows, which is SIMULATED: there is no chain, no peer and no money behind it.

The simulated chain makes one block every `block_time` seconds of real time, so heights and block times behave as a
wallet's view of a real chain would, and the RPC calls to it go through the same instrumentation as real ones. Put an
RPC client in the place of `SimulatedRpc` and the rest of the service stays as it is.
"""

import asyncio
import time
from typing import Protocol

from wallet.switches import Controls
from walletmon.instrument import WalletMetrics

ENDPOINT = "primary"
"""Name of the RPC endpoint in the metrics: configured, never its URL."""

METHODS = ("eth_blockNumber", "eth_getBlockByNumber")
"""The RPC methods this wallet calls."""


class RpcUnavailableError(ConnectionError):
    """The RPC endpoint cannot be reached."""


class Rpc(Protocol):
    """What following a chain needs of an RPC endpoint."""

    async def block_number(self) -> int:
        """Height of the newest block. Raises RpcUnavailableError."""

    async def block_time(self, height: int) -> float:
        """Unix time of the block at `height`. Raises RpcUnavailableError."""


class SimulatedRpc:
    """An RPC endpoint of the simulated chain; see the top of this module."""

    def __init__(self, metrics: WalletMetrics, controls: Controls, block_time: float) -> None:
        """`block_time` is the time between blocks, in seconds."""
        self._metrics = metrics
        self._controls = controls
        self._block_time = block_time

    async def block_number(self) -> int:
        """Height of the newest block: block 0 was at Unix time 0."""
        with self._metrics.rpc(ENDPOINT, "eth_blockNumber"):
            await self._travel()
            return int(time.time() / self._block_time)

    async def block_time(self, height: int) -> float:
        """Unix time of the block at `height`."""
        with self._metrics.rpc(ENDPOINT, "eth_getBlockByNumber"):
            await self._travel()
            return height * self._block_time

    async def _travel(self) -> None:
        await asyncio.sleep(0)  # where a real client would wait for the network
        if self._controls.state.rpc_down:
            raise RpcUnavailableError("the simulated RPC endpoint is switched off")


class Follower:
    """Processes the chain's blocks and says how far it is."""

    def __init__(self, metrics: WalletMetrics, controls: Controls, rpc: Rpc) -> None:
        """Nothing is known before the first `step`."""
        self._metrics = metrics
        self._controls = controls
        self._rpc = rpc
        self._height: int | None = None
        self._time = 0.0

    async def step(self) -> None:
        """Catch up with the network's head, as far as it can be reached and processed, and report height and lag."""
        try:
            network_height = await self._rpc.block_number()
            network_time = await self._rpc.block_time(network_height)
        except RpcUnavailableError:
            self._metrics.sync(height=self._height)
            return
        if self._height is None or not self._controls.state.sync_stuck:
            self._height, self._time = network_height, network_time
        self._metrics.sync(
            height=self._height, network_height=network_height, lag_seconds=max(0.0, network_time - self._time)
        )
