"""Times that other machines tell: how long ago they were, as far as that can be believed."""

import math

CLOCK_DIFFERENCE = 1.0
"""Seconds by which another machine's clock may be ahead of this one's; what it calls now then counts as just now."""


def seconds_since(moment: object, now: float, longest: float) -> float | None:
    """Seconds from `moment` to `now`, both Unix times in seconds; None if `moment` is no number, lies in the future by
    more than `CLOCK_DIFFERENCE` (milliseconds taken for seconds do), or is more than `longest` seconds ago."""
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    try:
        elapsed = now - float(moment)
    except OverflowError:
        return None
    if not math.isfinite(elapsed) or not -CLOCK_DIFFERENCE <= elapsed <= longest:
        return None
    return max(0.0, elapsed)
