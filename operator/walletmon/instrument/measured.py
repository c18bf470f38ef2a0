"""Blocks and functions that are timed and whose outcome is counted.

One `Measured` is made per use: `with metrics.request(route): ...`, in plain and in async code alike, or as a decorator
of a plain or async function, which then makes a fresh one for every call. An exception passes through unchanged and
counts as a failure. What ends a block without being an `Exception` (cancellation, `SystemExit`, `KeyboardInterrupt`)
tells neither success nor failure, so nothing is counted: a hedged call that lost the race must not look like a broken
endpoint. Hence put a deadline inside the block, where it surfaces as `TimeoutError`, not around it.
"""

import functools
import inspect
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

Settle = Callable[[float, str | None], None]
"""Records one finished block: seconds it took, and why it failed or None."""


class Measured:
    """A timed block with an outcome; see `WalletMetrics.request` and `WalletMetrics.rpc`."""

    def __init__(self, settle: Settle, reason_of: Callable[[Exception], str]) -> None:
        """`settle` records the end of the block; `reason_of` names the failure an exception stands for."""
        self._settle = settle
        self._reason_of = reason_of
        self._failure: str | None = None
        self._started = 0.0

    def failed(self) -> None:
        """Count the block as failed although no exception leaves it (an error answer, say)."""
        self._failure = self._failure or "error"

    def __enter__(self) -> Self:
        """Start the clock."""
        self._failure = None
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the clock and record the outcome, if there is one; never swallows the exception."""
        elapsed = time.perf_counter() - self._started
        if isinstance(exc, Exception):
            self._settle(elapsed, self._failure or self._reason_of(exc))
        elif exc is None:
            self._settle(elapsed, self._failure)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Measure every call of `function`.

        A plain function that returns an awaitable is measured until it returns, not until the awaitable is done.

        Raises:
            TypeError: `function` is a generator function, whose call does none of its work.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} is a generator function: use `with` inside it instead of the decorator")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def measured_async(*args: Any, **kwargs: Any) -> Any:
                with self._fresh():
                    return await function(*args, **kwargs)

            return cast(Callable[P, R], measured_async)

        @functools.wraps(function)
        def measured(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._fresh():
                return function(*args, **kwargs)

        return measured

    def _fresh(self) -> Self:
        return type(self)(self._settle, self._reason_of)


class Signing(Measured):
    """A timed signing; see `WalletMetrics.signing`."""

    def failed(self, reason: str = "error") -> None:
        """Count the signing as failed for `reason`, which also goes before the reason of an exception that follows."""
        self._failure = reason
