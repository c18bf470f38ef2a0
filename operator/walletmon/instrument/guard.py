"""The guard between what a running wallet passes and what becomes a label value.

A label value is a category. An address, a transaction hash, an id or a recovery phrase is none: each would make a new
time series (in the end the scrape exceeds its sample limit and the wallet is no longer watched at all), and some of
them should never leave the process. So a value is admitted or *folded* into `OVERFLOW`; at run time nothing raises,
because a wallet must not fail for the sake of its metrics. Values declared at set-up are held to the same rules but
there a bad one raises: the programmer is present.

Bounds, per metric: `limit` values for each label, and `SETS_PER_VALUE * limit` combinations of values.
"""

import re
import threading
from collections.abc import Callable, Mapping

OVERFLOW = "overflow"
"""What a refused label value is replaced by."""

MAX_LENGTH = 128
"""Longest label value admitted, in characters."""

MAX_EXEMPLAR_LENGTH = 128
"""Longest exemplar, in characters of its label names and values together (OpenMetrics 1.0, "Exemplars")."""

SETS_PER_VALUE = 3
"""Combinations of label values admitted per metric, as a multiple of the limit of one label: with the default of 100
values, `WalletMetrics` stays below 20,000 samples even if every label is attacked at once."""

# Categories that are never a label value. A run of 32 hex digits covers bare UUIDs, trace ids, addresses (40),
# hashes and private keys (64), with or without 0x; twelve words are the shortest BIP-39 phrase.
_IDENTIFIERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("looks like an address, a hash or an id", re.compile(r"[0-9a-fA-F]{32}")),
    ("looks like an address", re.compile(r"\b(?:bc|tb)1[02-9ac-hj-np-z]{25,}", re.IGNORECASE)),
    ("looks like a UUID", re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")),
    ("looks like an e-mail address", re.compile(r"[^@\s]@[^@\s.]+\.[^@\s]")),
    ("is a URL, which may hold a key", re.compile(r"://")),
    ("has twelve words or more, as a recovery phrase has", re.compile(r"(?:\S+\s+){11}\S")),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EXEMPLAR_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


def exact(value: object) -> str | None:
    """The plain `str` of a string or string enum, None of anything else. Runs no code of the value's own class."""
    return str.__str__(value) if issubclass(type(value), str) else None


def objection(value: object) -> str | None:
    """Why `value` may not be a label value, as the end of a sentence, or None if it may."""
    text = exact(value)
    if text is None:
        return f"is of type {type(value).__name__}, not str"
    if not text:
        return "is empty, which to Prometheus is no label at all"
    if len(text) > MAX_LENGTH:
        return f"has {len(text)} characters, more than {MAX_LENGTH}"
    if not _encodable(text):
        return "is not valid Unicode text"
    if _CONTROL.search(text):
        return "contains a control character"
    return next((reason for reason, pattern in _IDENTIFIERS if pattern.search(text)), None)


def exemplar_objection(labels: Mapping[str, str]) -> str | None:
    """Why `labels` may not be an exemplar, as the end of a sentence, or None if it may.

    Exemplars exist to carry ids, and one bucket keeps one exemplar: only what OpenMetrics cannot carry is refused.
    """
    length = 0
    for name, value in labels.items():
        if type(name) is not str or not _EXEMPLAR_NAME.fullmatch(name):
            return "has a label name that is not one"
        if type(value) is not str or not _encodable(value) or _CONTROL.search(value):
            return f"has a value for {name} that is not printable text"
        length += len(name) + len(value)
    if length > MAX_EXEMPLAR_LENGTH:
        return f"has {length} characters, more than {MAX_EXEMPLAR_LENGTH}"
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates
        return False
    return True


class LabelGuard:
    """Admits or folds the label values of one metric. Thread-safe."""

    def __init__(self, metric: str, labels: tuple[str, ...], limit: int, refused: Callable[[str, str], None]) -> None:
        """`limit`: distinct values per label. `refused(metric, label)` is called for each value folded."""
        self._metric = metric
        self._labels = labels
        self._limit = limit
        self._refused = refused
        self._lock = threading.Lock()
        self._values: dict[str, set[str]] = {label: set() for label in labels}
        self._sets: set[tuple[str | None, ...]] = set()

    def declare(self, *values: str) -> tuple[str, ...]:
        """Admit values known at set-up.

        Raises:
            ValueError: a value is not fit for a label, or there are more than the limit.
        """
        for label, value in zip(self._labels, values, strict=True):
            if reason := objection(value):
                raise ValueError(f"{value!r} cannot be a value of label {label!r} of {self._metric}: it {reason}")
        before = tuple(exact(value) for value in values)
        after = self._admit(before, lambda label: None)
        if after != before:
            raise ValueError(
                f"{self._metric} has more label values than max_label_values={self._limit} allows: no room for {values}"
            )
        return after

    def fold(self, *values: object) -> tuple[str, ...]:
        """Label values to use for `values`: as given if admitted, `OVERFLOW` in place of each one that is not."""
        plain = tuple(exact(value) for value in values)
        if plain in self._sets:
            return plain  # type: ignore[return-value]  # only whole tuples of str are ever added
        return self._admit(plain, lambda label: self._refused(self._metric, label))

    def _admit(self, values: tuple[str | None, ...], refused: Callable[[str], None]) -> tuple[str, ...]:
        with self._lock:
            folded = tuple(
                self._admit_one(label, value, refused) for label, value in zip(self._labels, values, strict=True)
            )
            if folded in self._sets or all(value == OVERFLOW for value in folded):
                return folded
            if len(self._sets) < SETS_PER_VALUE * self._limit:
                self._sets.add(folded)
                return folded
        for label, value in zip(self._labels, folded, strict=True):
            if value != OVERFLOW:
                refused(label)
        return (OVERFLOW,) * len(self._labels)

    def _admit_one(self, label: str, value: str | None, refused: Callable[[str], None]) -> str:
        known = self._values[label]
        if value == OVERFLOW:
            return OVERFLOW
        if value is not None and value not in known and len(known) < self._limit and objection(value) is None:
            known.add(value)
        if value is None or value not in known:
            refused(label)
            return OVERFLOW
        return value
