"""Bad documents: what is wrong is a target."""

from __future__ import annotations

from tests.documents import SERVICE, basic, bearer, found_by, one, selecting, target, targets
from tests.integration.bad import NOT_A_NAME, ONE_SOURCE, SELECTOR, Bad

BAD_TARGETS = (
    Bad(
        "51 targets",
        targets(*(target(name=f"t{n}") for n in range(51))),
        "spec.targets",
        "Too many: 51: must have at most 50 items",
    ),
    Bad("two targets of one name", targets(target(), target()), "spec.targets[1]", 'Duplicate value: {"name":"api"}'),
    Bad("target name with a dot", one(name="api.v1"), "spec.targets[0].name", NOT_A_NAME),
    Bad("target without a source", found_by(), "spec.targets[0]", ONE_SOURCE),
    Bad("target with service and pods", found_by(service=SERVICE, pods=SERVICE), "spec.targets[0]", ONE_SOURCE),
    Bad(
        "target with static and probe",
        found_by(static=["a:1"], probe={"prober": "b:1", "urls": ["c"]}),
        "spec.targets[0]",
        ONE_SOURCE,
    ),
    Bad(
        "wallet and walletFrom",
        one(walletFrom={"label": "wallet"}),
        "spec.targets[0]",
        "wallet and walletFrom both name the wallet: give one of them",
    ),
    Bad(
        "role wallet without a wallet",
        found_by(service=SERVICE, wallet=None),
        "spec.targets[0]",
        "a target of role wallet says whose metrics these are: give wallet or walletFrom",
    ),
    Bad(
        "walletFrom on static",
        found_by(static=["a:1"], wallet=None, walletFrom={"label": "wallet"}),
        "spec.targets[0].walletFrom",
        "walletFrom reads a Pod's label, so it goes with service or pods; give wallet instead",
    ),
    Bad(
        "walletFrom on probe",
        found_by(probe={"prober": "b:1", "urls": ["c"]}, wallet=None, walletFrom={"label": "wallet"}),
        "spec.targets[0].walletFrom",
        "walletFrom reads a Pod's label, so it goes with service or pods; give wallet instead",
    ),
    Bad(
        "walletFrom no label",
        found_by(service=SERVICE, wallet=None, walletFrom={"label": "a b"}),
        "spec.targets[0].walletFrom.label",
        "should match '^([a-z0-9]",
    ),
    Bad(
        "target of an unknown wallet",
        one(wallet="cold-1"),
        "spec.targets",
        "a target names a wallet that is not in wallets",
    ),
    Bad(
        "unknown role",
        one(role="exporter"),
        "spec.targets[0].role",
        'Unsupported value: "exporter": supported values: "wallet", "rpc", "node", "db", "sse"',
    ),
    Bad(
        "port as a number",
        one(service={**SERVICE, "port": 9090}),
        "spec.targets[0].service.port",
        'must be of type string: "integer"',
    ),
    Bad(
        "port name in capitals", one(service={**SERVICE, "port": "Metrics"}), "spec.targets[0].service.port", NOT_A_NAME
    ),
    Bad(
        "empty selector",
        selecting(),
        SELECTOR,
        "an empty selector would select every workload of the namespace: give matchLabels or matchExpressions",
    ),
    Bad(
        "selector with empty matchLabels",
        selecting(matchLabels={}),
        SELECTOR,
        "an empty selector would select every workload of the namespace",
    ),
    Bad(
        "selector value that is a regex",
        selecting(matchLabels={"app": ".*"}),
        f"{SELECTOR}.matchLabels.app",
        "should match '^([A-Za-z0-9]",
    ),
    Bad(
        "selector value with a dollar sign",
        selecting(matchLabels={"app": "$(POD_NAME)"}),
        f"{SELECTOR}.matchLabels.app",
        "should match '^([A-Za-z0-9]",
    ),
    Bad(
        "selector key whose prefix is no DNS name",
        selecting(matchLabels={"a-.example/app": "x"}),
        f"{SELECTOR}.matchLabels",
        "a label key is a name of letters, digits, '-', '_' and '.', with or without a DNS prefix and '/'",
    ),
    Bad(
        "selector key that is none",
        selecting(matchLabels={"$(POD_NAME)": "x"}),
        f"{SELECTOR}.matchLabels",
        "a label key is a name of letters, digits, '-', '_' and '.', with or without a DNS prefix and '/'",
    ),
    Bad(
        "expression key that is none",
        selecting(matchExpressions=[{"key": "a b", "operator": "Exists"}]),
        f"{SELECTOR}.matchExpressions[0].key",
        "should match '^([a-z0-9]",
    ),
    Bad(
        "expression value that is a regex",
        selecting(matchExpressions=[{"key": "a", "operator": "In", "values": [".*"]}]),
        f"{SELECTOR}.matchExpressions[0].values[0]",
        "should match '^([A-Za-z0-9]",
    ),
    Bad(
        "In without values",
        selecting(matchExpressions=[{"key": "a", "operator": "In"}]),
        f"{SELECTOR}.matchExpressions[0]",
        "operators In and NotIn need values; Exists and DoesNotExist take none",
    ),
    Bad(
        "In with empty values",
        selecting(matchExpressions=[{"key": "a", "operator": "In", "values": []}]),
        f"{SELECTOR}.matchExpressions[0]",
        "operators In and NotIn need values; Exists and DoesNotExist take none",
    ),
    Bad(
        "Exists with values",
        selecting(matchExpressions=[{"key": "a", "operator": "Exists", "values": ["b"]}]),
        f"{SELECTOR}.matchExpressions[0]",
        "operators In and NotIn need values; Exists and DoesNotExist take none",
    ),
    Bad(
        "unknown operator",
        selecting(matchExpressions=[{"key": "a", "operator": "Equals"}]),
        f"{SELECTOR}.matchExpressions[0].operator",
        'Unsupported value: "Equals"',
    ),
    Bad("static without addresses", found_by(static=[]), "spec.targets[0].static", "should have at least 1 items"),
    Bad(
        "static with a URL",
        found_by(static=["http://node:9100/metrics"]),
        "spec.targets[0].static[0]",
        "should match '^([A-Za-z0-9]",
    ),
    Bad("static without port", found_by(static=["node"]), "spec.targets[0].static[0]", "should match '^([A-Za-z0-9]"),
    Bad(
        "static with port 65536",
        found_by(static=["node:65536"]),
        "spec.targets[0].static[0]",
        "should match '^([A-Za-z0-9]",
    ),
    Bad("static with port 0", found_by(static=["node:0"]), "spec.targets[0].static[0]", "should match '^([A-Za-z0-9]"),
    Bad(
        "one static address twice",
        found_by(static=["node:1", "node:1"]),
        "spec.targets[0].static[1]",
        'Duplicate value: "node:1"',
    ),
    Bad(
        "probe without URLs",
        found_by(probe={"prober": "b:1", "urls": []}),
        "spec.targets[0].probe.urls",
        "should have at least 1 items",
    ),
    Bad(
        "probe URL with a dollar sign",
        found_by(probe={"prober": "b:1", "urls": ["http://a/$(POD_NAME)"]}),
        "spec.targets[0].probe.urls[0]",
        "should match '^[!-#%-~]+$'",
    ),
    Bad(
        "prober in IPv6",
        found_by(probe={"prober": "[::1]:9115", "urls": ["a"]}),
        "spec.targets[0].probe.prober",
        "should match '^[A-Za-z0-9]",
    ),
    Bad("path without a slash", one(path="metrics"), "spec.targets[0].path", """should match '^/[!"%->@-~]*$'"""),
    Bad(
        "path with a query",
        one(path="/metrics?format=prometheus"),
        "spec.targets[0].path",
        """should match '^/[!"%->@-~]*$'""",
    ),
    Bad(
        "path with a dollar sign", one(path="/$(POD_NAME)"), "spec.targets[0].path", """should match '^/[!"%->@-~]*$'"""
    ),
    Bad(
        "unknown scheme",
        one(scheme="HTTPS"),
        "spec.targets[0].scheme",
        'Unsupported value: "HTTPS": supported values: "http", "https"',
    ),
    Bad("interval without unit", one(interval="30"), "spec.targets[0].interval", "should match '^([0-9]{1,5}h)?"),
    Bad("interval in days", one(interval="1d"), "spec.targets[0].interval", "should match '^([0-9]{1,5}h)?"),
    Bad("interval of zero", one(interval="0s"), "spec.targets[0].interval", "must be longer than zero"),
    Bad(
        "interval past all counting",
        one(interval="9" * 31 + "h"),
        "spec.targets[0].interval",
        "should match '^([0-9]{1,5}h)?",
    ),
    Bad("interval that is negative", one(interval="-30s"), "spec.targets[0].interval", "should match '^([0-9]{1,5}h)?"),
    Bad(
        "timeout longer than interval",
        one(interval="10s", timeout="11s"),
        "spec.targets[0].timeout",
        "a scrape cannot take longer than the interval: make timeout at most interval",
    ),
    Bad(
        "timeout longer than the default interval",
        one(timeout="1m"),
        "spec.targets[0].timeout",
        "a scrape cannot take longer than the interval: make timeout at most interval",
    ),
    Bad(
        "limit of zero",
        one(limits={"samples": 0}),
        "spec.targets[0].limits.samples",
        "should be greater than or equal to 1",
    ),
    Bad(
        "basicAuth and authorization",
        one(auth={"basicAuth": basic(), "authorization": bearer()}),
        "spec.targets[0].auth",
        "both basicAuth and authorization would set the Authorization header: give one of them",
    ),
    Bad(
        "basicAuth without password",
        one(auth={"basicAuth": {"username": basic()["username"]}}),
        "spec.targets[0].auth.basicAuth.password",
        "Required value",
    ),
    Bad(
        "cert without key",
        one(auth={"tls": {"cert": {"name": "tls", "key": "tls.crt"}}}),
        "spec.targets[0].auth.tls",
        "a client certificate needs both cert and key",
    ),
    Bad(
        "key without cert",
        one(auth={"tls": {"key": {"name": "tls", "key": "tls.key"}}}),
        "spec.targets[0].auth.tls",
        "a client certificate needs both cert and key",
    ),
    Bad(
        "authorization for which there is basicAuth",
        one(auth={"authorization": bearer(type="BASIC")}),
        "spec.targets[0].auth.authorization.type",
        "user name and password go in basicAuth",
    ),
    Bad(
        "authorization type with a space",
        one(auth={"authorization": bearer(type="Bearer x")}),
        "spec.targets[0].auth.authorization.type",
        "should match '^[A-Za-z][A-Za-z0-9-]*$'",
    ),
    Bad(
        "secret name that is none",
        one(auth={"authorization": {"credentials": {"name": "My Secret", "key": "k"}}}),
        "spec.targets[0].auth.authorization.credentials.name",
        "should match '^[a-z0-9]",
    ),
    Bad(
        "secret key ..",
        one(auth={"authorization": {"credentials": {"name": "s", "key": ".."}}}),
        "spec.targets[0].auth.authorization.credentials.key",
        "should match '^(",
    ),
)
