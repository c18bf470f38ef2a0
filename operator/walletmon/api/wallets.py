"""What a team says about its wallets: who they are, on which chain, and the figures that differ from the pack's."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StrictInt, StringConstraints

from walletmon.api.base import (
    LABEL_NAME_PATTERN,
    LABEL_NAME_RULE,
    METRIC_LABELS,
    PRINTABLE_PATTERN,
    RESERVED_LABELS,
    DnsLabel,
    LabelName,
    LabelValue,
    Model,
    Quantity,
    Text,
    rule,
)

EVM_ADDRESS_PATTERN = "^0x[0-9a-fA-F]{40}$"

_TAKEN = (*RESERVED_LABELS, "alertname", *METRIC_LABELS)
_TAKEN_RULE = "this label is set by walletmon, Prometheus or the wallet's metrics; reserved are: " + ", ".join(_TAKEN)


def _free(name: str) -> str:
    if name in _TAKEN:
        raise ValueError(_TAKEN_RULE)
    return name


class WalletType(StrEnum):
    """Who holds the key."""

    EXTERNAL = "external"
    CONTRACT = "contract"
    CUSTODIAL = "custodial"


class ChainFamily(StrEnum):
    """How a chain is spoken to."""

    EVM = "evm"
    BITCOIN = "bitcoin"
    OTHER = "other"


class Chain(Model):
    """The chain a wallet lives on."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "self.family != 'evm' || has(self.id)",
                    "a chain of family evm needs its EIP-155 id, for example 1 for Ethereum",
                    reason="FieldValueRequired",
                )
            ]
        }
    )

    family: Annotated[ChainFamily, Field(description="How the chain is spoken to: evm, bitcoin or other.")]
    id: Annotated[
        StrictInt | None,
        Field(description="EIP-155 chain id (1 is Ethereum mainnet); becomes the label chain_id.", ge=1, le=2**53),
    ] = None
    name: Annotated[
        Text | None, Field(description="The chain's name for people, for example ethereum.", max_length=63)
    ] = None


class Token(Model):
    """A token whose balance the wallet holds."""

    symbol: Annotated[
        str, Field(description="Ticker of the token, for example USDC.", pattern=r"^[A-Za-z0-9._-]+$", max_length=32)
    ]
    address: Annotated[
        str,
        Field(description="Address of the token's contract.", min_length=1, max_length=90, pattern=PRINTABLE_PATTERN),
    ]
    decimals: Annotated[
        StrictInt | None,
        Field(description="Decimal places of the token's smallest unit; read from the chain if left out.", ge=0, le=77),
    ] = None


class Wallet(Model):
    """One wallet to watch."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.chain) || self.chain.family != 'evm' || !has(self.addresses) || "
                    f"self.addresses.all(a, a.matches('{EVM_ADDRESS_PATTERN}'))",
                    "an address on an evm chain is 0x and 40 hexadecimal digits",
                    path=".addresses",
                ),
                rule(
                    "!has(self.chain) || self.chain.family != 'evm' || !has(self.tokens) || "
                    f"self.tokens.all(t, t.address.matches('{EVM_ADDRESS_PATTERN}'))",
                    "the address of a token on an evm chain is 0x and 40 hexadecimal digits",
                    path=".tokens",
                ),
                rule(
                    f"!has(self.labels) || self.labels.all(k, size(k) <= 64 && k.matches('{LABEL_NAME_PATTERN}'))",
                    LABEL_NAME_RULE,
                    path=".labels",
                ),
                rule(
                    "!has(self.labels) || self.labels.all(k, !(k in ["
                    + ", ".join(f"'{name}'" for name in _TAKEN)
                    + "]))",
                    _TAKEN_RULE,
                    path=".labels",
                ),
            ]
        }
    )

    name: Annotated[
        DnsLabel, Field(description="The wallet's name: a DNS label, unique in the monitor; the label `wallet`.")
    ]
    instance: Annotated[
        str | None,
        Field(
            description="Value of the label `instance` on this wallet's series; the wallet's name if left out.",
            min_length=1,
            max_length=128,
            pattern=r"^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$",
        ),
    ] = None
    type: Annotated[
        WalletType | None,
        Field(description="Who holds the key: external, contract or custodial; becomes the label wallet_type."),
    ] = None
    chain: Annotated[Chain | None, Field(description="The chain the wallet lives on.")] = None
    addresses: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=90, pattern=PRINTABLE_PATTERN)]] | None,
        Field(
            description="The wallet's addresses, for the balance exporter. Never a label on their own.",
            max_length=20,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    tokens: Annotated[
        list[Token] | None,
        Field(
            description="Tokens whose balance counts, besides the chain's own coin.",
            max_length=50,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["address"]},
        ),
    ] = None
    labels: Annotated[
        dict[Annotated[LabelName, AfterValidator(_free)], LabelValue] | None,
        Field(description="Labels put on every series of this wallet, for example its team.", max_length=16),
    ] = None
    thresholds: Annotated[
        dict[str, Quantity] | None,
        Field(
            description="Figures of this wallet that differ from the pack's, by `<pack>.<threshold>`, "
            "for example `balance.low: 0.5 ETH`.",
            max_length=64,
        ),
    ] = None
