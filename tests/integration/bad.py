"""A document that the apiserver refuses, and what it says."""

from __future__ import annotations

from dataclasses import dataclass

from tests.documents import Document


@dataclass(frozen=True)
class Bad:
    """A document that is refused: at `field`, with a message that has `says` in it."""

    what: str
    document: Document
    field: str
    says: str


NOT_A_NAME = "should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'"
SELECTOR = "spec.targets[0].service.selector"
RESERVED = (
    "this label is set by walletmon, Prometheus or the wallet's metrics; reserved are: wallet, instance, namespace"
)
ONE_SOURCE = "exactly one of service, pods, static and probe says where the metrics are"
LABEL_NAME = "a label name has letters, digits and underscores only, no digit first, no double underscore first"
