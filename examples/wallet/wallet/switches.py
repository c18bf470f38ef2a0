"""The switches that make this wallet misbehave on purpose, for demos and tests of alerts."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

MAX_SLOW = 60.0
"""Longest delay that can be asked for, in seconds."""


class InvalidSwitchError(ValueError):
    """A switch that does not exist or a value it cannot have. The text says what would be right."""


@dataclass(frozen=True, slots=True)
class Switches:
    """One state of all switches; everything off by default."""

    slow: float = 0.0
    """Seconds added to every signing."""
    fail_rate: float = 0.0
    """Share of signings that fail, 0 to 1."""
    rpc_down: bool = False
    """Every RPC call fails."""
    sync_stuck: bool = False
    """No further block is processed."""
    freeze_heartbeat: bool = False
    """The main loop no longer beats."""

    def changed(self, changes: Mapping[str, object]) -> "Switches":
        """This state with `changes` made.

        Raises:
            InvalidSwitchError: an unknown switch, or a value of the wrong type or range.
        """
        bounds = {"slow": MAX_SLOW, "fail_rate": 1.0}
        values: dict[str, float | bool] = {}
        for name, value in changes.items():
            if name in bounds:
                values[name] = _number(name, value, bounds[name])
            elif name in self.__slots__:
                values[name] = _flag(name, value)
            else:
                raise InvalidSwitchError(f"unknown switch; known are {', '.join(self.__slots__)} and die")
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]  # each name got a value of its type


class Controls:
    """Holds the present state of the switches, which the running service reads and the control port replaces."""

    def __init__(self, state: Switches) -> None:
        """`state` is the one to start with."""
        self.state = state


def _number(name: str, value: object, bound: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidSwitchError(f"{name} must be a number")
    if not 0 <= value <= bound:  # neither is NaN
        raise InvalidSwitchError(f"{name} must be from 0 to {bound:g}")
    return float(value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidSwitchError(f"{name} must be true or false")
    return value
