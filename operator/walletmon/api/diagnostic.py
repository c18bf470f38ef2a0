"""What is wrong with a monitor, in one shape for all layers: models, rule language, packs, compiler, admission, status.

A diagnostic is written for the person who has to change the document: which code to look up, where to go, what is the
matter, and what would be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Severity(StrEnum):
    """Whether something is missing from what was asked for (error), or only looks wrong (warning)."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """Every kind of finding; the words are part of the interface (status, lint output, documentation).

    `docs/diagnostics.md` is made of what stands here: `meaning` says what is wrong, `remedy` what to do about it.
    """

    meaning: str
    remedy: str

    def __new__(cls, word: str, meaning: str, remedy: str) -> Self:
        """The member that equals `word`."""
        code = str.__new__(cls, word)
        code._value_ = word
        code.meaning = meaning
        code.remedy = remedy
        return code

    INVALID_FIELD = (
        "InvalidField",
        "A value that the schema does not take.",
        "Write the field in the form that `kubectl explain walletmonitor.spec...` gives.",
    )
    DUPLICATE_INSTANCE = (
        "DuplicateInstance",
        "Two wallets with one `instance`: their series could not be told apart.",
        "Give each wallet its own `instance`, or leave it out to use the wallet's name.",
    )
    UNKNOWN_WALLET = (
        "UnknownWallet",
        "A reference to a wallet that the monitor does not have.",
        "Name a wallet of `spec.wallets`, or add it there.",
    )
    UNWATCHED_WALLET = (
        "UnwatchedWallet",
        "A wallet that no target's metrics tell about.",
        "Add a target with `wallet` or `walletFrom` for it, or take the wallet out.",
    )
    UNKNOWN_RECEIVER = (
        "UnknownReceiver",
        "A route to a receiver that the monitor, or the class, does not have.",
        "Name a receiver of `spec.routing.receivers` (in a class: `spec.receivers`), or add it there.",
    )
    UNKNOWN_MUTE_INTERVAL = (
        "UnknownMuteInterval",
        "A mute interval that the monitor, or the class, does not have.",
        "Name an interval of `spec.routing.muteTimeIntervals` (in a class: `spec.muteTimeIntervals`), or add it there.",
    )
    UNKNOWN_PACK = (
        "UnknownPack",
        "A pack that does not exist.",
        "`walletmon packs` lists the packs there are.",
    )
    INVALID_PACK = (
        "InvalidPack",
        "A pack in a ConfigMap that cannot be used: no YAML, not in the form of a pack, or too large.",
        "Correct the pack where the message says; `docs/packs.md` shows how one is written.",
    )
    PACK_NAME_TAKEN = (
        "PackNameTaken",
        "A pack in a ConfigMap with a name, an alert or a recording that another pack has.",
        "Choose another name: shipped packs come first, then those of the class's namespace.",
    )
    UNKNOWN_PRESET = (
        "UnknownPreset",
        "A preset that the pack does not have.",
        "Leave `preset` out, or name one that the pack has.",
    )
    UNKNOWN_ALERT = (
        "UnknownAlert",
        "An alert that the pack does not have.",
        "`walletmon packs --verbose` lists each pack's alerts.",
    )
    UNKNOWN_THRESHOLD = (
        "UnknownThreshold",
        "A threshold that the pack does not have.",
        "`walletmon packs --verbose` lists each pack's thresholds.",
    )
    INVALID_QUANTITY = (
        "InvalidQuantity",
        "A figure that cannot be read, or whose unit does not fit.",
        "Write digits and a unit that fits: `1.2s`, `85%`, `10GiB`, `0.5 ETH`.",
    )
    OUT_OF_BOUNDS = (
        "OutOfBounds",
        "A figure outside what makes sense for its threshold.",
        "Write a figure between the bounds in the message: outside of them the alert never fires, or always.",
    )
    CONTRADICTING_THRESHOLDS = (
        "ContradictingThresholds",
        "Two thresholds in an order that makes no sense: a warning's that is not below the critical one's.",
        "Set the lower one lower or the upper one higher; until then both stay as they were.",
    )
    INVALID_PROMQL = (
        "InvalidPromql",
        "An expression that cannot be parsed.",
        "Correct the expression; `promtool promql format` (with `--experimental`) shows where Prometheus stumbles too.",
    )
    UNSUPPORTED_PROMQL = (
        "UnsupportedPromql",
        "An expression that Prometheus may know but walletmon cannot read, so cannot keep within the monitor's series.",
        "Say the same in older syntax. The fault is walletmon's: the parser it uses is behind Prometheus.",
    )
    FOREIGN_SCOPE = (
        "ForeignScope",
        "An expression that asks for a namespace or monitor by itself.",
        "Leave matchers on `namespace` and `walletmon` out: only this monitor's series are there.",
    )
    INVALID_RULE = (
        "InvalidRule",
        "A sentence of the rule language that cannot be read, or that can be read in two ways.",
        "Correct it where the caret points; `docs/rule-language.md` has every construct with an example.",
    )
    UNKNOWN_FUNCTION = (
        "UnknownFunction",
        "A function that the rule language does not have.",
        "`docs/rule-language.md` lists the functions; for others write the rule in PromQL, as `expr`.",
    )
    WRONG_METRIC_KIND = (
        "WrongMetricKind",
        "A function of a metric for which it means nothing: the rate of a gauge, a percentile of a counter.",
        "Take the function that fits; `docs/metrics.md` has each metric's type.",
    )
    CONFLICTING_FIELDS = (
        "ConflictingFields",
        "The same thing said twice, and differently.",
        "Say it in one place: in the sentence, or in the fields beside it.",
    )
    DUPLICATE_ALERT = (
        "DuplicateAlert",
        "Two alerts of one name in one monitor.",
        "Give each alert its own name; to change an alert of a pack, use the pack's `overrides`.",
    )
    INVALID_TEMPLATE = (
        "InvalidTemplate",
        "A template in an annotation or label that could read foreign series, or that Prometheus would not take.",
        "Use `{{ $labels.<name> }}` and `{{ $value }}` with the formatting functions that the message lists.",
    )
    SPARSE_SAMPLES = (
        "SparseSamples",
        "Scrapes too far apart for the packs' alerts to see anything.",
        "Scrape at least every two minutes.",
    )
    TOO_LARGE = (
        "TooLarge",
        "More than an object can hold.",
        "Split it into several rules, or several monitors.",
    )
    MISSING_COMPARISON = (
        "MissingComparison",
        "A rule without a comparison: it fires whenever the series exist.",
        "Compare with a figure: `... > 5`.",
    )
    NEVER_FIRES = (
        "NeverFires",
        "A comparison that is never true, such as `absent(x) == 0`.",
        "`absent(x)` gives 1 or nothing, so it needs no comparison; `count(x)` is never 0.",
    )
    QUANTILE_WITHOUT_LE = (
        "QuantileWithoutLe",
        "`histogram_quantile` over buckets that were summed without their bounds.",
        "Keep `le` in the aggregation: `sum by (le) (rate(x_bucket[5m]))`.",
    )
    RATE_OF_GAUGE = (
        "RateOfGauge",
        "A rate of something that goes up and down: every fall would count as a restart from zero.",
        "Use `delta`, `deriv` or `changes`, or name a counter.",
    )
    DROPPED_WALLET = (
        "DroppedWallet",
        "A rule that takes the label `wallet` away or writes it: nobody could tell whose alert it is.",
        "Leave `wallet` where it is; every rule is a statement about each wallet.",
    )
    MISSING_LABEL = (
        "MissingLabel",
        "An annotation that reads a label which the expression's result does not have: it would be blank.",
        "Keep the label in the aggregation, or take it out of the text.",
    )
    UNKNOWN_METRIC = (
        "UnknownMetric",
        "A metric that looks like one of a pack, and is none: the rule would stay silent for ever.",
        "Correct its name; `docs/metrics.md` lists the metrics.",
    )
    UNKNOWN_CLASS = (
        "UnknownClass",
        "A WalletMonitorClass that does not exist, so nobody knows what is allowed and where things go.",
        "Create the class, or name another; until then the objects made before stay as they are.",
    )
    AMBIGUOUS_CLASS = (
        "AmbiguousClass",
        "Several classes are marked as default; the oldest counts.",
        "Take the annotation `walletmon.dev/is-default-class` off all but one, or set `spec.className`.",
    )
    UNKNOWN_ENVIRONMENT = (
        "UnknownEnvironment",
        "An environment that the class does not have.",
        "Name an environment of the class, or have it added there.",
    )
    AMBIGUOUS_ENVIRONMENT = (
        "AmbiguousEnvironment",
        "Several environments of the class select the monitor's namespace; the first counts.",
        "Set `spec.environment`, or make the selectors of the class exclude each other.",
    )
    NO_ENVIRONMENT = (
        "NoEnvironment",
        "The class has environments, and none of them selects the monitor's namespace.",
        "Label the namespace as one of the environments wants it, or set `spec.environment`.",
    )
    IDLE_ENVIRONMENT = (
        "IdleEnvironment",
        "An environment whose selector matches no namespace.",
        "Label the namespaces that are meant, or correct the selector.",
    )
    TAKEN_LABEL = (
        "TakenLabel",
        "A label that the class sets for all.",
        "Leave it out, or give the label another name.",
    )
    DENIED_LABEL = (
        "DeniedLabel",
        "A label that governance does not let anybody have.",
        "Leave the label out; what tells single addresses, users or requests apart belongs into logs and traces.",
    )
    REQUIRED_LABEL = (
        "RequiredLabel",
        "A wallet without a label that governance wants every wallet to have.",
        "Add it to the wallet's `labels`. The wallet is watched all the same.",
    )
    LONG_LABEL_VALUE = (
        "LongLabelValue",
        "A label's value that is longer than governance lets it be.",
        "Shorten the value.",
    )
    EXCESSIVE_LIMIT = (
        "ExcessiveLimit",
        "A limit of a target that is higher than governance lets it be.",
        "Lower it, or leave it out; until then that of the class is in force.",
    )
    MISSING_SECRET = (
        "MissingSecret",
        "A Secret, or a key in it, that is not there.",
        "Create the Secret with that key; what needs it is put in by itself then.",
    )
    NO_HUB = (
        "NoHub",
        "A robot's receiver without a hub that could speak to the robot.",
        "Set `hubUrl` in the class, or take another kind of receiver.",
    )
    TOLD_TO_NOBODY = (
        "ToldToNobody",
        "A priority for which no receiver is left, so that nobody is told of such alerts.",
        "Give the priority receivers that exist and whose Secrets are there.",
    )
    UNKNOWN_TIME_ZONE = (
        "UnknownTimeZone",
        "A time zone that the IANA data base does not have.",
        "Write a name such as `Europe/Berlin` or `Asia/Shanghai`.",
    )
    ALWAYS_MUTED = (
        "AlwaysMuted",
        "Mute intervals that together leave no minute of the week in which anything is sent.",
        "Leave some time open; to take alerts back altogether, `disable` them.",
    )
    IDLE_MUTE_INTERVAL = (
        "IdleMuteInterval",
        "A mute interval that no route names, so it never mutes anything.",
        "Name it in `muteTimeIntervals` of a priority, or take it out.",
    )
    UNKNOWN_DEPENDENCY = (
        "UnknownDependency",
        "A dependency on a job that nothing scrapes, as far as can be seen: its alerts can silence nothing.",
        "Correct the name of the job, or have it scraped.",
    )
    IMPOSSIBLE_SCOPE = (
        "ImpossibleScope",
        "A dependency's scope that cannot hold: a label in which no alert of ours can agree with anything.",
        "Name labels that alerts on both sides carry, such as namespace and cluster.",
    )
    UNENFORCED_RETENTION = (
        "UnenforcedRetention",
        "A retention that nothing enforces.",
        "Have walletmon make a Prometheus for the environment, or set it in the Prometheus that `prometheusRef` names.",
    )
    UNREADABLE = (
        "Unreadable",
        "A file or a document that is no YAML, or no Kubernetes object.",
        "Correct the text at the line that the message names.",
    )
    DUPLICATE_CLASS = (
        "DuplicateClass",
        "Two classes of one name, in what was given to the command.",
        "Give each its own name: on the cluster the second would replace the first.",
    )
    DUPLICATE_MONITOR = (
        "DuplicateMonitor",
        "Two monitors of one name in one namespace, in what was given to the command.",
        "Give each its own name: on the cluster the second would replace the first.",
    )


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
        """The finding as status conditions and `lint` say it."""
        place = "" if self.line is None else f":{self.line}:{self.column}"
        return f"{self.code}: {self.path}{place}: {self.message}; {self.cure}"
