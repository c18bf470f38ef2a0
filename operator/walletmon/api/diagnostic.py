"""What is wrong with a monitor, in one shape for all layers: models, rule language, packs, compiler, admission, status.

A diagnostic is written for the person who has to change the document: which code to look up, where to go, what is the
matter, and what would be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether something is missing from what was asked for (error), or only looks wrong (warning)."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """Every kind of finding; the words are part of the interface (status, lint output, documentation)."""

    INVALID_FIELD = "InvalidField"
    """A value that the schema does not take."""
    DUPLICATE_INSTANCE = "DuplicateInstance"
    """Two wallets with one `instance`: their series could not be told apart."""
    UNKNOWN_WALLET = "UnknownWallet"
    """A reference to a wallet that the monitor does not have."""
    UNWATCHED_WALLET = "UnwatchedWallet"
    """A wallet that no target's metrics tell about."""
    UNKNOWN_RECEIVER = "UnknownReceiver"
    """A route to a receiver that the monitor does not have."""
    UNKNOWN_MUTE_INTERVAL = "UnknownMuteInterval"
    """A mute interval that the monitor does not have."""
    UNKNOWN_PACK = "UnknownPack"
    """A pack that does not exist."""
    UNKNOWN_PRESET = "UnknownPreset"
    """A preset that the pack does not have."""
    UNKNOWN_ALERT = "UnknownAlert"
    """An alert that the pack does not have."""
    UNKNOWN_THRESHOLD = "UnknownThreshold"
    """A threshold that the pack does not have."""
    INVALID_QUANTITY = "InvalidQuantity"
    """A figure that cannot be read, or whose unit does not fit."""
    OUT_OF_BOUNDS = "OutOfBounds"
    """A figure outside what makes sense for its threshold."""
    INVALID_PROMQL = "InvalidPromql"
    """An expression that cannot be parsed."""
    UNSUPPORTED_PROMQL = "UnsupportedPromql"
    """An expression that Prometheus may know but walletmon cannot read, so cannot keep within the monitor's series."""
    FOREIGN_SCOPE = "ForeignScope"
    """An expression that asks for a namespace or monitor by itself."""
    INVALID_RULE = "InvalidRule"
    """A sentence of the rule language that cannot be read, or that can be read in two ways."""
    UNKNOWN_FUNCTION = "UnknownFunction"
    """A function that the rule language does not have."""
    UNKNOWN_METRIC = "UnknownMetric"
    """A metric that nothing known exposes, with a name close to one that is."""
    WRONG_METRIC_KIND = "WrongMetricKind"
    """A function of a metric for which it means nothing: the rate of a gauge, a percentile of a counter."""
    CONFLICTING_FIELDS = "ConflictingFields"
    """The same thing said twice, and differently."""
    DUPLICATE_ALERT = "DuplicateAlert"
    """Two alerts of one name in one monitor."""
    INVALID_TEMPLATE = "InvalidTemplate"
    """A template in an annotation or label that could read foreign series, or that Prometheus would not take."""
    SPARSE_SAMPLES = "SparseSamples"
    """Scrapes too far apart for the packs' alerts to see anything."""
    TOO_LARGE = "TooLarge"
    """More than an object can hold."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: `path` is where in the document (`spec.rules[2].expr`), `cure` what would be right.

    Where the field is a text with an inside (`when`), `line` and `column` (from 1) say where in it, and `excerpt` is
    that line with a caret below.
    """

    code: Code
    path: str
    message: str
    cure: str
    severity: Severity = Severity.ERROR
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None

    def __str__(self) -> str:
        place = "" if self.line is None else f":{self.line}:{self.column}"
        return f"{self.code}: {self.path}{place}: {self.message}; {self.cure}"
