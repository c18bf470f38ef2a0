"""Records the hour: `python -m tests.recordings.healthy_hour.record ANVIL`.

Three wallets of the example service do their work against a real chain, and a Prometheus that lives in this file
scrapes them and two chain exporters every 30 s. Time is simulated (see `clock.py`); signing, HTTP, RPC calls, blocks,
balances and nonces are real. What happens to them and when stands in `EVENTS`. The series go to `series.txt.gz`, in the
notation of promtool's unit tests.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "examples/wallet"))

from wallet.api import ROUTES, SOURCES, SignerUnavailableError, WalletApi  # noqa: E402
from wallet.chain import ENDPOINT, METHODS, Follower, RpcUnavailableError  # noqa: E402
from wallet.keys import Keyring  # noqa: E402
from wallet.switches import Controls, Switches  # noqa: E402

from tests.recordings.healthy_hour.chain import BLOCK_S, CHAIN_ID, Chain, Endpoint, MeasuredRpc, Rpc  # noqa: E402
from tests.recordings.healthy_hour.clock import Clock  # noqa: E402
from tests.recordings.healthy_hour.exporter import WEI, ChainExporter  # noqa: E402
from walletmon.instrument import WalletMetrics  # noqa: E402

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]
"""Values by the metric's name and its labels."""

START = 1_800_000_000
"""Unix time at which the hour begins."""
HOUR = 3600
SCRAPE_S = 30

TROUBLED, NEIGHBOUR, APART = "hot-1", "hot-2", "vault"
"""All events but the exporter's happen to the first; the second shares the exporter with it; the third has its own and
sends nothing."""

EVENTS: Mapping[int, str] = {
    5 * 60 + 2: "hot-1 restarts between two scrapes",
    5 * 60 + 22: "hot-1 is up again",
    9 * 60 + 50: "hot-1 restarts",
    10 * 60 + 20: "hot-1 is up again",
    14 * 60 + 10: "hot-1 is deployed: the new pod starts",
    16 * 60 + 10: "hot-1 is deployed: the old pod ends",
    22 * 60 + 5: "the RPC endpoint of hot-1 is cut off",
    28 * 60 + 5: "the RPC endpoint of hot-1 is back",
    36 * 60 + 5: "the exporter of hot-1 and hot-2 ends",
    46 * 60 + 5: "the exporter of hot-1 and hot-2 is up again",
}
"""What happens in the hour, by the second."""

PHRASES = ("abandon " * 11 + "about", "abandon " * 12)
"""A recovery phrase of the BIP-39 test vectors, and one with a wrong checksum."""

_TRANSFER = {"to": "0x" + "11" * 20, "value": WEI // 1000, "gas": 21000, "chainId": CHAIN_ID}
_FEES = {"maxFeePerGas": 30 * 10**9, "maxPriorityFeePerGas": 10**9}
_ENVIRONMENT = {"namespace": "wallets-prod", "walletmon": "treasury", "environment": "prod"}


class Pod:
    """One process of a wallet's service."""

    def __init__(self, name: str, keyring: Keyring, rpc: Rpc, born: float) -> None:
        """`born`: Unix time of its start."""
        self.name = name
        self._born = born
        self._metrics = WalletMetrics(
            registry=CollectorRegistry(),
            sign_failure_reasons={SignerUnavailableError: "signer_unavailable"},
            recovery_sources=SOURCES,
            routes=ROUTES,
            rpc_calls={ENDPOINT: METHODS},
        )
        self._metrics.watch_disk("data", HERE)
        controls = Controls(Switches())
        self._runner = web.AppRunner(
            WalletApi(self._metrics, keyring, controls, CHAIN_ID).application(), access_log=None
        )
        self._follower = Follower(self._metrics, controls, MeasuredRpc(rpc, self._metrics))
        self._cpu_before = 0.0
        self._cpu_before = self._exposed()["process_cpu_seconds_total", ()]

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def beat(self) -> None:
        """One round of the example's main loop."""
        self._metrics.heartbeat()
        await self._follower.step()

    async def ask(self, session: aiohttp.ClientSession, path: str, body: object) -> Any:
        """What the API answers to a client."""
        address, port = self._runner.addresses[0][:2]
        async with session.post(f"http://{address}:{port}{path}", json=body) as response:
            return await response.json()

    def scrape(self) -> Samples:
        """The samples of its exposition by name and labels.

        All pods live in one process of the recorder, so its start and processor time are put right for this one.
        """
        samples = self._exposed()
        samples["process_start_time_seconds", ()] = self._born
        samples["process_cpu_seconds_total", ()] -= self._cpu_before
        return samples

    def _exposed(self) -> Samples:
        body, _ = self._metrics.exposition("text/plain")
        return parsed(body.decode())


def parsed(text: str) -> Samples:
    """The samples of an exposition by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@dataclass
class Prometheus:
    """The series of the targets so far."""

    series: dict[str, list[str]] = field(default_factory=dict)
    scrapes: int = 0

    def take(self, targets: Mapping[Labels, Samples | None]) -> None:
        """One scrape of each target, by its labels: its samples, or None if it does not answer."""
        now: dict[str, float] = {}
        for labels, samples in targets.items():
            here = dict(labels)
            now[_printed("up", here)] = 0 if samples is None else 1
            now[_printed("scrape_samples_scraped", here)] = len(samples or ())
            now[_printed("scrape_samples_post_metric_relabeling", here)] = len(samples or ())
            now[_printed("scrape_duration_seconds", here)] = 0.004
            for (name, own), value in (samples or {}).items():
                now[_printed(name, {**dict(own), **here})] = value
        for name in now.keys() | self.series.keys():
            written = self.series.setdefault(name, ["_"] * self.scrapes)
            if name in now:
                written.append(f"{now[name]:.9f}".rstrip("0").rstrip("."))
            else:
                written.append("stale" if written[-1] not in ("stale", "_") else "_")
        self.scrapes += 1

    def write(self, path: Path) -> None:
        """A line for each series, compressed, the same bytes for the same series."""
        lines = "".join(f"{name}\t{' '.join(_shortened(values))}\n" for name, values in sorted(self.series.items()))
        path.write_bytes(gzip.compress(lines.encode(), mtime=0))


def _printed(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if value != "") + "}"


def _shortened(values: list[str]) -> list[str]:
    """Values with those that repeat written as promtool's `value x times`."""
    found: list[list[Any]] = []
    for value in values:
        if found and found[-1][0] == value and value != "stale":
            found[-1][1] += 1
        else:
            found.append([value, 0])
    return [value if not more else f"{value}x{more + (value == '_')}" for value, more in found]


@dataclass
class Hour:
    """The wallets, their chain and exporters, second by second."""

    clock: Clock
    chain: Chain
    session: aiohttp.ClientSession
    keyrings: dict[str, Keyring] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    starting: set[str] = field(default_factory=set)
    """Wallets whose one pod is there and does not answer."""
    exporters: dict[str, ChainExporter | None] = field(default_factory=dict)
    prometheus: Prometheus = field(default_factory=Prometheus)

    async def begin(self) -> None:
        """Everything is up, each wallet with 100 coins."""
        for wallet in (TROUBLED, NEIGHBOUR, APART):
            self.keyrings[wallet] = Keyring(1)
            await self.chain.rpc.call("anvil_setBalance", self.keyrings[wallet].addresses[0], hex(100 * WEI))
            self.endpoints[wallet] = Endpoint(self.chain.port)
            await self.endpoints[wallet].mend()
            await self._start(wallet, f"{wallet}-7d9c-a")
        self._start_exporter("chain", TROUBLED, NEIGHBOUR)
        self._start_exporter("chain-vault", APART)

    async def second(self, at: int) -> None:
        """What happens in second `at` of the hour."""
        if at % BLOCK_S == 0:
            await self.chain.mine(START + at)
        if at in EVENTS:
            await self._happens(EVENTS[at])
        await self._live(at)
        if at % 15 == 1:
            for exporter in self.exporters.values():
                if exporter is not None:
                    await exporter.read()
        if at % SCRAPE_S == 0:
            self._scrape()

    async def _live(self, at: int) -> None:
        """The main loops of all pods every 5 s, and a client of each wallet every 10 s."""
        for offset, (wallet, pods) in enumerate(sorted(self.pods.items())):
            for number, pod in enumerate(pods):
                if (at + offset + number) % 5 == 0:
                    await pod.beat()
            if pods and at % 10 == offset:
                await self._work(wallet, pods[(at // 10) % len(pods)], at)

    async def end(self) -> None:
        """Stop everything."""
        for pods in self.pods.values():
            for pod in pods:
                await pod.stop()
        for endpoint in self.endpoints.values():
            await endpoint.cut()

    async def _happens(self, event: str) -> None:
        name = f"{TROUBLED}-7d9c-a"
        actions: dict[str, Callable[[], Awaitable[None]]] = {
            "hot-1 restarts between two scrapes": self._stop_first,
            "hot-1 restarts": self._stop_first,
            "hot-1 is up again": lambda: self._start(TROUBLED, name),
            "hot-1 is deployed: the new pod starts": lambda: self._start(TROUBLED, f"{TROUBLED}-85f4-b"),
            "hot-1 is deployed: the old pod ends": self._drop_first,
            "the RPC endpoint of hot-1 is cut off": self.endpoints[TROUBLED].cut,
            "the RPC endpoint of hot-1 is back": self.endpoints[TROUBLED].mend,
            "the exporter of hot-1 and hot-2 ends": self._stop_exporter,
            "the exporter of hot-1 and hot-2 is up again": self._restart_exporter,
        }
        await actions[event]()

    async def _start(self, wallet: str, name: str) -> None:
        pod = Pod(name, self.keyrings[wallet], Rpc(self.session, self.endpoints[wallet].port), self.clock.time())
        await pod.start()
        self.pods.setdefault(wallet, []).append(pod)
        self.starting.discard(wallet)

    async def _stop_first(self) -> None:
        await self._drop_first()
        self.starting.add(TROUBLED)

    async def _drop_first(self) -> None:
        await self.pods[TROUBLED].pop(0).stop()

    def _start_exporter(self, name: str, *wallets: str) -> None:
        self.exporters[name] = ChainExporter(
            {wallet: self.keyrings[wallet].addresses[0] for wallet in wallets},
            {
                wallet: {ENDPOINT: Rpc(self.session, self.endpoints[wallet].port), "backup": self.chain.rpc}
                for wallet in wallets
            },
        )

    async def _stop_exporter(self) -> None:
        self.exporters["chain"] = None

    async def _restart_exporter(self) -> None:
        self._start_exporter("chain", TROUBLED, NEIGHBOUR)

    async def _work(self, wallet: str, pod: Pod, at: int) -> None:
        """A client signs every 10 s; every other minute what was signed is sent; now and then somebody recovers."""
        sender = self.keyrings[wallet].addresses[0]
        nonce = await self.chain.rpc.quantity("eth_getTransactionCount", sender, "pending")
        answer = await pod.ask(self.session, "/v1/sign", {"transaction": {**_TRANSFER, **_FEES, "nonce": nonce}})
        if at % 120 < 10 and wallet != APART:
            try:
                rpc = Rpc(self.session, self.endpoints[wallet].port)
                await rpc.call("eth_sendRawTransaction", answer["rawTransaction"])
            except RpcUnavailableError:
                return  # it is signed again later
        if at % 300 < 10:
            # One of the twelve is mistyped.
            await pod.ask(self.session, "/v1/recover", {"mnemonic": PHRASES[at // 300 == 6]})

    def _scrape(self) -> None:
        targets: dict[Labels, Samples | None] = {}
        for wallet, pods in self.pods.items():
            for pod in pods:
                targets[self._api(wallet, pod.name)] = pod.scrape()
            if wallet in self.starting:
                targets[self._api(wallet, f"{wallet}-7d9c-a")] = None
        for name, exporter in self.exporters.items():
            labels = {"target": name, "role": "rpc", "job": name, "instance": f"{name}:9464", "pod": f"{name}-0"}
            answer = None if exporter is None else parsed(exporter.exposition())
            targets[tuple({**_ENVIRONMENT, **labels}.items())] = answer
        self.prometheus.take(targets)

    def _api(self, wallet: str, pod: str) -> Labels:
        own = {"wallet": wallet, "instance": wallet, "target": "api", "role": "wallet", "job": "wallet-api", "pod": pod}
        return tuple({**_ENVIRONMENT, **own}.items())


async def record(anvil: Path, folder: Path) -> Prometheus:
    """Live through the hour; `folder` for the chain's log."""
    clock = Clock(START)
    async with AsyncExitStack() as stack:
        # It starts in real time and is waited for in it.
        chain = await stack.enter_async_context(Chain(anvil, folder, START - BLOCK_S))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        clock.skip_to(clock.time())
        stack.enter_context(clock.in_force())
        hour = Hour(clock, chain, session)
        stack.push_async_callback(hour.end)
        await hour.begin()
        for at in range(HOUR + 1):
            clock.skip_to(START + at)
            await hour.second(at)
        return hour.prometheus


def main() -> None:
    """Record the hour beside this file."""
    parser = argparse.ArgumentParser(prog="python -m tests.recordings.healthy_hour.record")
    parser.add_argument("anvil", type=Path, help="the program anvil 1.7.1, of npm's @foundry-rs/anvil-linux-amd64")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(record(arguments.anvil.absolute(), Path(folder))).write(HERE / "series.txt.gz")


if __name__ == "__main__":
    main()
