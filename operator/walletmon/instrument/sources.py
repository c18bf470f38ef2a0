"""From how many networks connections come, and how evenly.

An address is cut to its network (/24, or /48 of IPv6) and that is hashed with a key of this process: no address is
kept, and none can be told from what is. Counts are kept in slices of ten seconds for five minutes, for a bounded number
of networks.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from secrets import token_bytes

from walletmon.instrument.guard import exact

WINDOW = 300.0
"""Seconds that an opened connection counts."""

SLICE = 10.0
"""Seconds by which the window moves on."""

MOST_NETWORKS = 8192
"""Networks told apart at a time; connections from further ones are not counted."""

_LONGEST_ADDRESS = 64


class SourceNetworks:
    """The connections opened in the last `WINDOW` seconds by source network. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._key = token_bytes(16)
        self._lock = threading.Lock()
        self._counts: Counter[int] = Counter()
        self._slices: deque[tuple[int, Counter[int]]] = deque()
        self._told = False

    def network(self, address: object) -> int | None:
        """The network of an IP address (text) as a hash, None if it is no address."""
        text = exact(address)
        if text is None or len(text) > _LONGEST_ADDRESS:
            return None
        try:
            found = ip_address(text.partition("%")[0])
        except ValueError:
            return None
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        network = ip_network((found, 24 if found.version == 4 else 48), strict=False)
        digest = blake2b(f"{network}".encode(), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest)

    def opened(self, network: int) -> bool:
        """Count a connection from `network`; False if that would be a network too many, and it is not counted."""
        with self._lock:
            self._told = True
            current = self._move()
            if network not in self._counts and len(self._counts) >= MOST_NETWORKS:
                return False
            if not self._slices or self._slices[-1][0] != current:
                self._slices.append((current, Counter()))
            self._slices[-1][1][network] += 1
            self._counts[network] += 1
            return True

    def distinct(self) -> int | None:
        """Networks that connections came from, None if no source was ever told."""
        with self._lock:
            self._move()
            return len(self._counts) if self._told else None

    def dispersion(self) -> float | None:
        """Standard deviation over mean of connections by network, None if there were none."""
        with self._lock:
            self._move()
            counts = list(self._counts.values())
        if not counts:
            return None
        mean = sum(counts) / len(counts)
        return math.sqrt(math.fsum((count - mean) ** 2 for count in counts) / len(counts)) / mean

    def _move(self) -> int:
        current = int(self._clock() // SLICE)
        while self._slices and self._slices[0][0] <= current - WINDOW / SLICE:
            for network, count in self._slices.popleft()[1].items():
                self._counts[network] -= count
                if not self._counts[network]:
                    del self._counts[network]
        return current
