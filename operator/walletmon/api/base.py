"""The vocabulary of the resources: the base model and the string types that several of them share.

Every type carries the limits that the apiserver enforces (the CRDs are generated from these models), so a document that
parses here is accepted there and the other way round. Patterns are written in the common part of RE2 (apiserver) and
Rust's regex (pydantic), always anchored.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

GROUP: Final = "walletmon.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "walletmon.dev/v1alpha1"

DNS_LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
LABEL_NAME_PATTERN = r"^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$"
LABEL_NAME_RULE = "a label name has letters, digits and underscores only, no digit first, no double underscore first"
# prometheus-operator's own pattern for durations, without its alternative "0" and the empty string that it lets
# through, and with few enough digits that the sum fits the 292 years that Prometheus and Go can count.
_HOURS_AND_LESS = "([0-9]{1,5}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?"
DURATION_PATTERN = rf"^([0-9]{{1,2}}y)?([0-9]{{1,3}}w)?([0-9]{{1,4}}d)?{_HOURS_AND_LESS}$"


def rule(expression: str, message: str, *, reason: str = "FieldValueInvalid", path: str | None = None) -> JsonDict:
    """One CEL rule for `x-kubernetes-validations`.

    `expression` sees the value as `self`; `message` says what would be right; `path` (relative JSON path such as
    `.wallet`) makes the apiserver name that field in its error.
    """
    found: JsonDict = {"rule": expression, "message": message, "reason": reason}
    if path is not None:
        found["fieldPath"] = path
    return found


_POSITIVE = "must be longer than zero"


def _positive(duration: str) -> str:
    if re.search("[1-9]", duration) is None:
        raise ValueError(_POSITIVE)
    return duration


_MUST_BE_POSITIVE = (
    AfterValidator(_positive),
    Field(json_schema_extra={"x-kubernetes-validations": [rule("self.matches('[1-9]')", _POSITIVE)]}),
)

DnsLabel = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=DNS_LABEL_PATTERN)]
"""A DNS label (RFC 1123): it may become part of an object's name and stand in PromQL without any escaping."""

LabelName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=LABEL_NAME_PATTERN)]
"""A Prometheus label name of the legacy alphabet, which every Prometheus and every remote storage takes."""

Duration = Annotated[str, StringConstraints(min_length=2, max_length=32, pattern=DURATION_PATTERN)]
"""A Prometheus duration such as `30s`, `5m`, `1h30m`; zero for "at once"."""

PositiveDuration = Annotated[Duration, *_MUST_BE_POSITIVE]
"""A duration where zero would mean something else (Prometheus: its own default) or be refused (Alertmanager)."""

ScrapeDuration = Annotated[
    str, StringConstraints(min_length=2, max_length=32, pattern=f"^{_HOURS_AND_LESS}$"), *_MUST_BE_POSITIVE
]
"""A positive duration of hours and less: also a Go duration, so that CEL can compare two of them."""

# Two code points that are no characters: go-yaml refuses them, and so prometheus-operator a whole file of rules.
NOT_YAML = r"\x{fffe}\x{ffff}"
_BLANKS = rf"\x00-\x20\x7f-\x9f{NOT_YAML}"
_CONTROLS = rf"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{NOT_YAML}"
TEXT_PATTERN = rf"^[^{_CONTROLS}]*[^{_BLANKS}][^{_CONTROLS}]*$"

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=TEXT_PATTERN)]
"""A sentence for people (alert summaries, descriptions): not blank, no control characters but line breaks and tabs."""

PRINTABLE_PATTERN = "^[!-~]+$"
"""Visible ASCII: URLs, addresses."""

_HOST = "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
URL_PATTERN = rf"^https?://{_HOST}(:[0-9]{{1,5}})?([/?#]([!#&-;=?-Z\[\]_a-z|~]|%[0-9A-Fa-f]{{2}})*)?$"
"""A URL without a dollar sign (see `NO_DOLLAR`), without braces, which Alertmanager would expand as a template, and
without what no URL may have anyway: over a quotation mark prometheus-operator refuses the whole AlertmanagerConfig.

Over one that Go cannot read, Alertmanager and Prometheus refuse their whole configuration: so there is a name or an
IPv4 address, a port of digits, and behind a percent sign two hexadecimal digits. Credentials belong into Secrets."""

BASE_URL_PATTERN = rf"^https?://{_HOST}(:[0-9]{{1,5}})?(/([!&-;=@-Z\[\]_a-z|~]|%[0-9A-Fa-f]{{2}})*)?$"
"""The same without a query and a fragment, for what gets a path behind it: that would land in them."""

SUBDOMAIN_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""A DNS subdomain (RFC 1123): the name of a Secret."""

NO_DOLLAR = rf"[^$\x00-\x1f\x7f-\x9f{NOT_YAML}]"
# prometheus-operator's config-reloader replaces `$(NAME)` all over Prometheus' configuration and gives up on a name it
# does not know: one such text in one monitor would stop configuration reloads for the whole cluster.

LabelValue = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=rf"^{NO_DOLLAR}+$")]
"""A label's value; the length bounds what one series costs."""

Quantity = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]([ -~]*[!-~])?$")]
"""A figure with its unit, such as `0.5 ETH`, `1.2s`, `85%`. The pack says which units fit; the compiler checks them."""

RESERVED_LABELS = (
    "wallet",
    "instance",
    "namespace",
    "walletmon",
    "environment",
    "cluster",
    "walletmon_class",
    "wallet_type",
    "chain_id",
    "target",
    "role",
    "pod",
    "service",
    "container",
    "endpoint",
    "host",
    "job",
    "severity",
    "priority",
    "pack",
    "action",
    "le",
    "quantile",
    "alertstate",
    "prometheus",
    "prometheus_replica",
)
"""Label names that walletmon, Prometheus or prometheus-operator set; a wallet's own labels and a rule's have others."""

METRIC_LABELS = (
    "account",
    "algorithm",
    "asset",
    "biz_code",
    "category",
    "cause",
    "chain",
    "chainFamily",
    "chainID",
    "chainId",
    "channel",
    "channel_type",
    "code",
    "decision_type",
    "evmChainID",
    "execution",
    "gc",
    "implementation",
    "label",
    "major",
    "method",
    "metric",
    "minor",
    "name",
    "network",
    "node",
    "nodeName",
    "of",
    "outcome",
    "patchlevel",
    "path",
    "pool",
    "reason",
    "region",
    "route",
    "scene",
    "since",
    "source",
    "stage",
    "state",
    "status",
    "transport",
    "type",
    "upstream",
    "version",
    "volume",
    "window",
)
"""Label names by which packs and their presets read metrics (`docs/metrics.md`). A wallet's labels cannot be called so:
Prometheus would rename the metric's label, and no alert on `outcome="error"` could fire for that wallet any more."""


class Model(BaseModel):
    """Base of all models: camelCase in documents, unknown fields refused, instances immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=False,
    )

    def document(self) -> dict[str, Any]:
        """The model as a plain document: camelCase keys, unset fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class SecretKey(Model):
    """One key of a Secret, in the namespace of the object that uses it: a monitor's own, or that of the class's
    Alertmanager or Prometheus. Secrets are never copied between namespaces."""

    name: Annotated[
        str,
        Field(
            description="Name of the Secret, in the namespace of the object that uses it.",
            min_length=1,
            max_length=253,
            pattern=SUBDOMAIN_PATTERN,
        ),
    ]
    key: Annotated[
        str,
        Field(
            description="Key within the Secret.",
            min_length=1,
            max_length=253,
            pattern=r"^(\.?[-_a-zA-Z0-9])[-._a-zA-Z0-9]*$",
        ),
    ]
