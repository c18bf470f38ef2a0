"""Keys: made at start, held in memory, used to sign; and the check of a recovery phrase.

Nothing here logs, and no error text or exception chain carries a key, a phrase or a word of one: what eth-account and
the BIP-39 library say of a bad phrase quotes it, so their messages stop here.
"""

import re
from collections.abc import Mapping
from typing import Any

from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_account.hdaccount import ETHEREUM_DEFAULT_PATH, key_from_seed
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_checksum_address, to_checksum_address
from mnemonic import Mnemonic

# Upper bounds, exclusive: EIP-2681 bounds the nonce, and gas is a 64-bit number in every client; the rest is 256 bits.
_QUANTITIES = {
    "nonce": 2**64 - 1,
    "gas": 2**64,
    "maxFeePerGas": 2**256,
    "maxPriorityFeePerGas": 2**256,
    "value": 2**256,
}
_FIELDS = {"type", "chainId", "to", "data", *_QUANTITIES}
_HEX_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_ADDRESS = re.compile(r"0x(?:[0-9a-f]{40}|[0-9A-F]{40})")  # in one case, so without a checksum
_HEX_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_PHRASE_LENGTHS = (12, 15, 18, 21, 24)  # words, BIP-39

_bip39 = Mnemonic("english")
_words = frozenset(_bip39.wordlist)


class InvalidTransactionError(ValueError):
    """A transaction that cannot be signed. The text says which field and what would be right, never the value."""


class RecoveryError(Exception):
    """A phrase that recovers nothing."""

    def __init__(self, reason: str, explanation: str) -> None:
        """`reason` is the label value of `mnemonic_recovery_failures_total`; `explanation` is for the user."""
        super().__init__(explanation)
        self.reason = reason


class Keyring:
    """The accounts of one wallet."""

    def __init__(self, accounts: int) -> None:
        """Makes `accounts` fresh random keys, which end with the process."""
        self._accounts: list[LocalAccount] = [Account.create() for _ in range(accounts)]

    @property
    def addresses(self) -> list[str]:
        """Checksummed address of each account."""
        return [account.address for account in self._accounts]

    def sign(self, account: int, transaction: dict[str, Any]) -> SignedTransaction:
        """Sign what `parse_transaction` gave with the key of the account of that index."""
        return self._accounts[account].sign_transaction(transaction)


def parse_transaction(given: object, chain_id: int) -> dict[str, Any]:
    """The EIP-1559 transaction in `given`, ready to be signed.

    Quantities are whole numbers or 0x hex strings; `type` and `chainId` may be left out, as may `data` for a plain
    transfer and `to` for the creation of a contract.

    Raises:
        InvalidTransactionError: a field is missing, unknown or out of range, or the chain is not `chain_id`.
    """
    if not isinstance(given, Mapping):
        raise InvalidTransactionError("transaction must be an object")
    if not given.keys() <= _FIELDS:
        raise InvalidTransactionError(f"transaction has an unknown field; known are {', '.join(sorted(_FIELDS))}")
    if _quantity("type", given.get("type", 2), 256) != 2:
        raise InvalidTransactionError("type must be 2: only EIP-1559 transactions are signed")
    if _quantity("chainId", given.get("chainId", chain_id), 2**256) != chain_id:
        raise InvalidTransactionError(
            f"chainId must be {chain_id}: a signature for another chain could be replayed there"
        )
    transaction: dict[str, Any] = {"type": 2, "chainId": chain_id}
    for field, bound in _QUANTITIES.items():
        transaction[field] = _quantity(field, given.get(field), bound)
    if transaction["maxPriorityFeePerGas"] > transaction["maxFeePerGas"]:
        raise InvalidTransactionError("maxPriorityFeePerGas must not exceed maxFeePerGas")
    transaction["data"] = _data(given.get("data", "0x"))
    if "to" in given:
        transaction["to"] = _recipient(given["to"])
    elif transaction["data"] == "0x":
        raise InvalidTransactionError("to is missing, and without data this creates no contract either")
    return transaction


def _data(value: object) -> str:
    if not isinstance(value, str) or not _HEX_DATA.fullmatch(value):
        raise InvalidTransactionError("data must be 0x and an even number of hex digits")
    return value


def _recipient(value: object) -> str:
    if not isinstance(value, str) or not (_ADDRESS.fullmatch(value) or is_checksum_address(value)):
        raise InvalidTransactionError("to must be 0x and 40 hex digits; in mixed case its checksum must be right")
    return to_checksum_address(value)


def _quantity(field: str, value: object, bound: int) -> int:
    if isinstance(value, str) and _HEX_QUANTITY.fullmatch(value):
        value = int(value, 16)
    if type(value) is not int:
        raise InvalidTransactionError(f"{field} must be a whole number or a 0x hex string")
    if not 0 <= value < bound:
        raise InvalidTransactionError(f"{field} must be at least 0 and below 2^{(bound + 1).bit_length() - 1}")
    return value


def recover(phrase: str, address: str | None) -> str:
    """Checksummed address of the first account of a BIP-39 phrase (English words, derivation path m/44'/60'/0'/0/0).

    `address` is the account the phrase ought to recover, if that is known.

    Raises:
        RecoveryError: with reason `invalid_word`, `invalid_checksum`, `entropy_mismatch` (not a length that BIP-39
            has, or another account than `address`) or `derivation`.
    """
    words = Mnemonic.normalize_string(phrase).lower().split()
    if not _words.issuperset(words):
        raise RecoveryError("invalid_word", "the phrase has words that are not in the English BIP-39 list")
    if len(words) not in _PHRASE_LENGTHS:
        raise RecoveryError("entropy_mismatch", "a phrase has 12, 15, 18, 21 or 24 words")
    text = " ".join(words)
    if not _bip39.check(text):
        raise RecoveryError("invalid_checksum", "the checksum of the phrase is wrong: check the words and their order")
    recovered = _derive(text)
    if address is not None and recovered.lower() != address.lower():
        raise RecoveryError("entropy_mismatch", "the phrase is valid but belongs to another account")
    return recovered


def _derive(phrase: str) -> str:
    try:
        account: LocalAccount = Account.from_key(key_from_seed(Mnemonic.to_seed(phrase), ETHEREUM_DEFAULT_PATH))
    except Exception:  # noqa: BLE001  # whatever it is, its text may hold key material
        raise RecoveryError("derivation", "no key could be derived from the phrase") from None
    return account.address
