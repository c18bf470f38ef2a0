"""Bad documents: what is wrong is the monitor as a whole, or a wallet."""

from __future__ import annotations

from tests.documents import chain, minimal, wallet
from tests.integration.bad import LABEL_NAME, NOT_A_NAME, RESERVED, Bad
from walletmon.api.base import METRIC_LABELS, RESERVED_LABELS

BAD_MONITORS = (
    Bad(
        "monitor name with a dot",
        minimal(name="a.b"),
        "<nil>",
        "the monitor's name must be a DNS label of at most 63 characters (no dots)",
    ),
    Bad(
        "monitor name of 64",
        minimal(name="a" * 64),
        "<nil>",
        "the monitor's name must be a DNS label of at most 63 characters (no dots)",
    ),
    Bad("no spec", {k: v for k, v in minimal().items() if k != "spec"}, "spec", "Required value"),
    Bad("no wallets", minimal(wallets=[]), "spec.wallets", "should have at least 1 items"),
    Bad("wallets null", minimal(wallets=None), "spec.wallets", "Required value"),
    Bad(
        "too many wallets",
        minimal(wallets=[{"name": f"w{n}"} for n in range(1001)]),
        "spec.wallets",
        "Too many: 1001: must have at most 1000 items",
    ),
    Bad("suspend as text", minimal(suspend="yes"), "spec.suspend", 'must be of type boolean: "string"'),
    Bad("environment with a space", minimal(environment="pre prod"), "spec.environment", NOT_A_NAME),
    Bad("environment in emoji", minimal(environment="🏦"), "spec.environment", NOT_A_NAME),
    Bad(
        "evaluation interval without unit",
        minimal(evaluationInterval="30"),
        "spec.evaluationInterval",
        "should match '^([0-9]{1,2}y)?",
    ),
    Bad(
        "evaluation interval as a number",
        minimal(evaluationInterval=30),
        "spec.evaluationInterval",
        'must be of type string: "integer"',
    ),
    Bad(
        "evaluation interval of zero",
        minimal(evaluationInterval="0s"),
        "spec.evaluationInterval",
        "must be longer than zero",
    ),
    Bad(
        "evaluation interval empty",
        minimal(evaluationInterval=""),
        "spec.evaluationInterval",
        "should be at least 2 chars long",
    ),
    Bad("wallet name in capitals", minimal(wallets=[{"name": "Hot-1"}]), "spec.wallets[0].name", NOT_A_NAME),
    Bad("wallet name ending in a dash", minimal(wallets=[{"name": "hot-"}]), "spec.wallets[0].name", NOT_A_NAME),
    Bad("wallet name with a regex", minimal(wallets=[{"name": ".*"}]), "spec.wallets[0].name", NOT_A_NAME),
    Bad(
        "wallet name of 64",
        minimal(wallets=[{"name": "w" * 64}]),
        "spec.wallets[0].name",
        "Too long: may not be more than 63 bytes",
    ),
    Bad("wallet without a name", minimal(wallets=[{}]), "spec.wallets[0].name", "Required value"),
    Bad(
        "two wallets of one name",
        minimal(wallets=[{"name": "a"}, {"name": "a"}]),
        "spec.wallets[1]",
        'Duplicate value: {"name":"a"}',
    ),
    Bad(
        "instance with a line break", wallet(instance="a\nb"), "spec.wallets[0].instance", "should match '^[A-Za-z0-9]"
    ),
    Bad(
        "instance with a dollar sign",
        wallet(instance="$(POD_NAME)"),
        "spec.wallets[0].instance",
        "should match '^[A-Za-z0-9]",
    ),
    Bad(
        "unknown wallet type",
        wallet(type="hot"),
        "spec.wallets[0].type",
        'Unsupported value: "hot": supported values: "external", "contract", "custodial"',
    ),
    Bad(
        "unknown chain family",
        chain(family="solana"),
        "spec.wallets[0].chain.family",
        'Unsupported value: "solana": supported values: "evm", "bitcoin", "other"',
    ),
    Bad(
        "evm without id",
        chain(family="evm"),
        "spec.wallets[0].chain",
        "a chain of family evm needs its EIP-155 id, for example 1 for Ethereum",
    ),
    Bad(
        "chain id as text", chain(family="evm", id="1"), "spec.wallets[0].chain.id", 'must be of type integer: "string"'
    ),
    Bad(
        "chain id of zero",
        chain(family="evm", id=0),
        "spec.wallets[0].chain.id",
        "should be greater than or equal to 1",
    ),
    Bad(
        "bad evm address",
        wallet(chain={"family": "evm", "id": 1}, addresses=["0x" + "g" * 40]),
        "spec.wallets[0].addresses",
        "an address on an evm chain is 0x and 40 hexadecimal digits",
    ),
    Bad(
        "evm address one digit short",
        wallet(chain={"family": "evm", "id": 1}, addresses=["0x" + "a" * 39]),
        "spec.wallets[0].addresses",
        "an address on an evm chain is 0x and 40 hexadecimal digits",
    ),
    Bad("one address twice", wallet(addresses=["a", "a"]), "spec.wallets[0].addresses[1]", 'Duplicate value: "a"'),
    Bad("address with NUL", wallet(addresses=["a\x00"]), "spec.wallets[0].addresses[0]", "should match '^[!-~]+$'"),
    Bad(
        "bad token address",
        wallet(chain={"family": "evm", "id": 1}, tokens=[{"symbol": "USDC", "address": "USDC"}]),
        "spec.wallets[0].tokens",
        "the address of a token on an evm chain is 0x and 40 hexadecimal digits",
    ),
    Bad(
        "one token twice",
        wallet(tokens=[{"symbol": "A", "address": "a"}, {"symbol": "B", "address": "a"}]),
        "spec.wallets[0].tokens[1]",
        'Duplicate value: {"address":"a"}',
    ),
    Bad(
        "token symbol in emoji",
        wallet(tokens=[{"symbol": "🪙", "address": "a"}]),
        "spec.wallets[0].tokens[0].symbol",
        "should match '^[A-Za-z0-9._-]+$'",
    ),
    Bad(
        "token with too many decimals",
        wallet(tokens=[{"symbol": "A", "address": "a", "decimals": 78}]),
        "spec.wallets[0].tokens[0].decimals",
        "should be less than or equal to 77",
    ),
    *(
        Bad(f"wallet label {name}", wallet(labels={name: "x"}), "spec.wallets[0].labels", RESERVED)
        for name in (*RESERVED_LABELS, *METRIC_LABELS, "alertname")
    ),
    Bad("wallet label __name__", wallet(labels={"__name__": "x"}), "spec.wallets[0].labels", LABEL_NAME),
    Bad("wallet label with a dash", wallet(labels={"cost-center": "x"}), "spec.wallets[0].labels", LABEL_NAME),
    Bad("wallet label in emoji", wallet(labels={"🏦": "x"}), "spec.wallets[0].labels", LABEL_NAME),
    Bad("wallet label without a name", wallet(labels={"": "x"}), "spec.wallets[0].labels", LABEL_NAME),
    Bad("wallet label name of 65", wallet(labels={"a" * 65: "x"}), "spec.wallets[0].labels", LABEL_NAME),
    Bad(
        "wallet label value with a dollar sign",
        wallet(labels={"team": "$(POD_NAME)"}),
        "spec.wallets[0].labels.team",
        r"should match '^[^$",
    ),
    Bad(
        "wallet label value with NUL",
        wallet(labels={"team": "a\x00"}),
        "spec.wallets[0].labels.team",
        r"should match '^[^$",
    ),
    Bad(
        "wallet label value with a control character of Latin-1",
        wallet(labels={"team": "a\x85"}),
        "spec.wallets[0].labels.team",
        r"should match '^[^$",
    ),
    Bad(
        "wallet label value empty",
        wallet(labels={"team": ""}),
        "spec.wallets[0].labels.team",
        "should be at least 1 chars long",
    ),
    Bad(
        "wallet label value of 129",
        wallet(labels={"team": "a" * 129}),
        "spec.wallets[0].labels.team",
        "Too long: may not be more than 128 bytes",
    ),
    Bad(
        "17 wallet labels",
        wallet(labels={f"l{n}": "x" for n in range(17)}),
        "spec.wallets[0].labels",
        "Too many: 17: must have at most 16 items",
    ),
    Bad(
        "threshold as a number",
        wallet(thresholds={"balance.low": 1}),
        "spec.wallets[0].thresholds.balance.low",
        'must be of type string: "integer"',
    ),
    Bad(
        "threshold of control characters",
        wallet(thresholds={"balance.low": "1\x1b"}),
        "spec.wallets[0].thresholds.balance.low",
        "should match '^[!-~]([ -~]*[!-~])?$'",
    ),
)
