"""Whether the clients of a stream look like people's: figures over the connections that ended lately.

Of a client only keyed hashes are kept, with a key that no other process knows and that ends with this one, and only
for five minutes. Nothing of them is exposed but the figures. What is kept is bounded by the number of connections.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from secrets import token_bytes

WINDOW = 300.0
"""Seconds that a connection stays in the sample after its end."""

MOST_CONNECTIONS = 8192
"""Connections in the sample at most; the latest stay."""

BUCKETS = 256
"""Buckets that user agents are hashed to, so the entropy is at most 8 bits."""

_SUCCESSIVE = 3


@dataclass(frozen=True, slots=True)
class Client:
    """One client as far as it is known: the bucket of its user agent, and the hash of that and its network."""

    bucket: int
    fingerprint: int


@dataclass(frozen=True, slots=True)
class _Ended:
    at: float
    client: Client
    seconds: float


class ClientSample:
    """The connections that ended in the last `WINDOW` seconds. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._key = token_bytes(16)
        self._lock = threading.Lock()
        self._ended: deque[_Ended] = deque(maxlen=MOST_CONNECTIONS)

    def client(self, user_agent: str, network: int | None) -> Client:
        """The client with this user agent, in this source network (a hash) if that is known."""
        agent = self._hash(user_agent.encode(errors="replace"))
        return Client(agent % BUCKETS, self._hash(f"{agent} {network}".encode()))

    def ended(self, client: Client, seconds: float) -> None:
        """A connection of `client` has ended after `seconds`."""
        now = self._clock()
        with self._lock:
            self._ended.append(_Ended(now, client, seconds))
            self._forget(now)

    def size(self) -> int:
        """Connections in the sample."""
        return len(self._sample())

    def entropy(self) -> float | None:
        """Shannon entropy of the user agents in bits, None if the sample is empty."""
        counts = Counter(each.client.bucket for each in self._sample())
        return entropy(list(counts.values()))

    def skewness(self) -> float | None:
        """Skewness of the durations, None where there is none."""
        return skewness([each.seconds for each in self._sample()])

    def consistency(self) -> float | None:
        """Mean over the clients of how much their last three durations differ, 0 to 1; None if no client has three."""
        latest: dict[int, deque[float]] = {}
        for each in self._sample():
            latest.setdefault(each.client.fingerprint, deque(maxlen=_SUCCESSIVE)).append(each.seconds)
        spreads = [spread(durations) for durations in latest.values() if len(durations) == _SUCCESSIVE]
        return math.fsum(spreads) / len(spreads) if spreads else None

    def _sample(self) -> list[_Ended]:
        with self._lock:
            self._forget(self._clock())
            return list(self._ended)

    def _forget(self, now: float) -> None:
        while self._ended and self._ended[0].at < now - WINDOW:
            self._ended.popleft()

    def _hash(self, text: bytes) -> int:
        return int.from_bytes(blake2b(text, key=self._key, digest_size=8).digest())


def entropy(counts: Sequence[int]) -> float | None:
    """Shannon entropy in bits of a distribution given by positive counts, None if there are none."""
    total = sum(counts)
    if not total:
        return None
    return math.fsum(count / total * math.log2(total / count) for count in counts)


def skewness(values: Sequence[float]) -> float | None:
    """Skewness (third standardised moment) of values of at least 0; None below three of them, or if all are equal."""
    if len(values) < 3 or min(values) == max(values):
        return None
    largest = max(values)
    scaled = [value / largest for value in values]  # the cube of a very long or very short time is no float any more
    mean = math.fsum(scaled) / len(scaled)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / len(scaled))
    if deviation**3 == 0.0:
        return None
    return math.fsum((value - mean) ** 3 for value in scaled) / len(scaled) / deviation**3


def spread(values: Iterable[float]) -> float:
    """Standard deviation over mean of at least two values of at least 0, divided by the most it can be: 0 to 1."""
    numbers = list(values)
    largest = max(numbers)
    if largest == 0.0:
        return 0.0
    scaled = [value / largest for value in numbers]
    mean = math.fsum(scaled) / len(scaled)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / len(scaled))
    return min(1.0, deviation / mean / math.sqrt(len(scaled) - 1))
