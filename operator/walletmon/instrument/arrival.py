"""What a client's request headers tell of it, read with care: they are the client's own words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, cast

from walletmon.instrument.guard import exact

STAMP_HEADER = "x-reconnect-timestamp"
"""Header in which a client says when it began to reconnect: Unix time in milliseconds, as `Date.now()` gives it."""

_MOST_HEADERS = 256
_LONGEST_VALUE = 1024
_MILLISECONDS = re.compile(r"\s*([0-9]{1,16})(?:\.[0-9]{0,9})?\s*", re.ASCII)


class Headers(Protocol):
    """Request headers as frameworks have them: mappings, and what is nearly one."""

    def items(self) -> Iterable[tuple[str, object]]:
        """Names and values."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A client that came. `user_agent` is "" if it named none, and None if its headers are not known; `stamp` is its
    reconnect stamp as given; `returns` says that it was here before."""

    user_agent: str | None
    stamp: object
    returns: bool


def read(headers: object, reconnect_stamp: object) -> Arrival | None:
    """The client whose request has these headers; a `reconnect_stamp` that is given goes before the header.

    Returns None if `headers` are not None and cannot be read.
    """
    if headers is None:
        return Arrival(None, reconnect_stamp, reconnect_stamp is not None)
    found: dict[str, str] = {}
    try:
        for name, value in islice(cast(Headers, headers).items(), _MOST_HEADERS):
            plain_name, plain_value = exact(name), exact(value)
            if plain_name is not None and plain_value is not None:
                found[plain_name.lower()] = plain_value[:_LONGEST_VALUE]
    except Exception:  # noqa: BLE001  # the framework's own code: whatever it raises, the connection goes on
        return None
    stamp = found.get(STAMP_HEADER) or None if reconnect_stamp is None else reconnect_stamp
    return Arrival(found.get("user-agent", ""), stamp, stamp is not None or bool(found.get("last-event-id")))


def stamp_seconds(stamp: object) -> float | None:
    """A reconnect stamp (Unix time in milliseconds, number or text) as Unix time in seconds; None if it is none."""
    text = exact(stamp)
    if text is None:
        if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not 0 <= stamp < 1e16:
            return None
        return stamp / 1000
    digits = _MILLISECONDS.fullmatch(text)
    return None if digits is None else int(digits[1]) / 1000
