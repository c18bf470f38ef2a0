"""What labels and how many series the platform team lets teams have."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StrictInt

from walletmon.api.base import METRIC_LABELS, RESERVED_LABELS, LabelName, Model, rule
from walletmon.api.targets import Limits

DENIED_BY_DEFAULT = (
    "address",
    "wallet_address",
    "from_address",
    "to_address",
    "contract_address",
    "tx",
    "txid",
    "tx_id",
    "tx_hash",
    "transaction_hash",
    "transaction_id",
    "block_hash",
    "user",
    "user_id",
    "userid",
    "customer_id",
    "account_id",
    "email",
    "client_ip",
    "user_agent",
    "request_id",
    "session",
    "session_id",
    "trace_id",
    "span_id",
    "correlation_id",
    "timestamp",
    "ts",
    "snapshot_ts",
)
"""Labels that tell single addresses, transactions, people, requests or moments apart: there is no end to their values,
and many of them are nobody's business but the customer's."""

UNDENIABLE = (*RESERVED_LABELS, *METRIC_LABELS)
"""Labels that walletmon's own series have: who denied one would have nothing left to look at."""

_SET = {"x-kubernetes-list-type": "set"}


def spelled_alike(name: str) -> str:
    """What all spellings of a label's name have in common: `user_id`, `userId` and `UserID` say the same."""
    return name.replace("_", "").lower()


class Governance(Model):
    """Rules for labels and sizes. What breaks them is left out and told; what slips through is dropped when scraped."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.deniedLabels) || self.deniedLabels.all(l, !(l in ["
                    + ", ".join(f"'{name}'" for name in UNDENIABLE)
                    + "]))",
                    "series of walletmon have this label, and all of them would be dropped; not to be denied are: "
                    + ", ".join(UNDENIABLE),
                    path=".deniedLabels",
                ),
                *(
                    rule(
                        f"!has(self.deniedLabels) || !has(self.{wanted}) || "
                        f"self.{wanted}.all(l, !(l in self.deniedLabels))",
                        f"a label is in {wanted} and in deniedLabels: take it out of one of them",
                        path=f".{wanted}",
                    )
                    for wanted in ("allowedLabels", "requiredLabels")
                ),
            ]
        }
    )

    allowed_labels: Annotated[
        list[LabelName] | None,
        Field(
            description="The only labels that wallets and rules may add; any that are not denied if left out. "
            "Those in requiredLabels are allowed as well; neither are denied by default.",
            max_length=64,
            json_schema_extra=_SET,
        ),
    ] = None
    required_labels: Annotated[
        list[LabelName] | None,
        Field(description="Labels that every wallet must have.", max_length=16, json_schema_extra=_SET),
    ] = None
    denied_labels: Annotated[
        list[LabelName] | None,
        Field(
            description="Labels that nobody may have, besides those denied by default (addresses, transaction hashes, "
            "users, requests, sessions, traces, timestamps). Series that have one are dropped when scraped.",
            max_length=64,
            json_schema_extra=_SET,
        ),
    ] = None
    label_value_length: Annotated[
        StrictInt | None, Field(description="Longest value of a label, in characters.", ge=1, le=128)
    ] = None
    limits: Annotated[
        Limits | None,
        Field(description="Bounds of every scrape; a target may set lower ones for itself, not higher ones."),
    ] = None

    @property
    def denied(self) -> tuple[str, ...]:
        """All labels that are denied, in a fixed order."""
        wanted = (*(self.allowed_labels or ()), *(self.required_labels or ()))
        excepted = {spelled_alike(name) for name in wanted}
        default = [name for name in DENIED_BY_DEFAULT if spelled_alike(name) not in excepted]
        return tuple(dict.fromkeys((*default, *(self.denied_labels or ()))))
