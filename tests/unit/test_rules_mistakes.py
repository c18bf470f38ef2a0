"""Mistakes in packs, thresholds and own rules: each is left out, named by its path and answered; the rest is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.test_rules import OWN, Json, alerts, compiled
from walletmon.api.diagnostic import Code, Severity
from walletmon.packs.catalogue import default_packs, packs


def use(**fields: Any) -> Json:
    return {"packs": [{"name": "golden-signals", **fields}]}


def wallet_threshold(key: str, text: str) -> Json:
    return {"wallets": [{"name": "hot-1"}, {"name": "hot-2", "thresholds": {key: text}}]}


@pytest.mark.parametrize(
    ("spec", "code", "path", "words"),
    [
        (
            {"packs": [{"name": "golden-signal"}]},
            Code.UNKNOWN_PACK,
            "spec.packs[0].name",
            "did you mean golden-signals?",
        ),
        ({"packs": [{"name": "zzz"}]}, Code.UNKNOWN_PACK, "spec.packs[0].name", "there are: abuse, balance"),
        ({"packs": [{"name": "golden-signals"}] * 2}, Code.INVALID_FIELD, "spec.packs[1].name", "used twice"),
        (
            use(preset="geth"),
            Code.UNKNOWN_PRESET,
            "spec.packs[0].preset",
            "no preset 'geth'",
        ),
        (
            {"packs": [{"name": "signing", "preset": "web3singer"}]},
            Code.UNKNOWN_PRESET,
            "spec.packs[0].preset",
            "did you mean web3signer?",
        ),
        (
            {"packs": [{"name": "signing", "thresholds": {"p95": "3s"}}]},
            Code.CONTRADICTING_THRESHOLDS,
            "spec.packs[0].thresholds.p95",
            "p95 has to be less than p99",
        ),
        (
            {"packs": [{"name": "signing", "thresholds": {"p99": "1s"}}]},
            Code.CONTRADICTING_THRESHOLDS,
            "spec.packs[0].thresholds.p99",
            "set p95 lower or p99 higher",
        ),
        (
            {
                "packs": [{"name": "signing", "thresholds": {"p99": "3s"}}],
                "wallets": [{"name": "hot-1"}, {"name": "hot-2", "thresholds": {"signing.p95": "3s"}}],
            },
            Code.CONTRADICTING_THRESHOLDS,
            "spec.wallets[1].thresholds.signing.p95",
            "p95 has to be less than p99",
        ),
        (
            {"packs": [{"name": "balance", "thresholds": {"low": "1 BTC"}}]},
            Code.INVALID_QUANTITY,
            "spec.packs[0].thresholds.low",
            "write an amount of ETH",
        ),
        (
            {
                "packs": [{"name": "balance"}],
                "wallets": [{"name": "vault", "chain": {"family": "bitcoin"}, "thresholds": {"balance.low": "1 ETH"}}],
            },
            Code.INVALID_QUANTITY,
            "spec.wallets[0].thresholds.balance.low",
            "write an amount of BTC",
        ),
        (use(disable=["WalletDwn"]), Code.UNKNOWN_ALERT, "spec.packs[0].disable[0]", "did you mean WalletDown?"),
        (
            use(overrides={"WalletUp": {"for": "1m"}}),
            Code.UNKNOWN_ALERT,
            "spec.packs[0].overrides.WalletUp",
            "WalletDown",
        ),
        (
            use(thresholds={"synclag": "1m"}),
            Code.UNKNOWN_THRESHOLD,
            "spec.packs[0].thresholds.synclag",
            "did you mean syncLag?",
        ),
        (use(thresholds={"syncLag": "300"}), Code.INVALID_QUANTITY, "spec.packs[0].thresholds.syncLag", "has no unit"),
        (
            use(thresholds={"heartbeatAge": "5 ETH"}),
            Code.INVALID_QUANTITY,
            "spec.packs[0].thresholds.heartbeatAge",
            "a duration",
        ),
        (use(thresholds={"memory": "120%"}), Code.OUT_OF_BOUNDS, "spec.packs[0].thresholds.memory", "from 1% to 99.9%"),
        (
            use(thresholds={"latencyP95": "9s"}),
            Code.OUT_OF_BOUNDS,
            "spec.packs[0].thresholds.latencyP95",
            "from 1ms to 8s",
        ),
        (
            wallet_threshold("golden-signals.heartbeatAge", "x"),
            Code.INVALID_QUANTITY,
            "spec.wallets[1].thresholds.golden-signals.heartbeatAge",
            "cannot be read",
        ),
        (
            wallet_threshold("golden-signals.heartbeat", "1m"),
            Code.UNKNOWN_THRESHOLD,
            "spec.wallets[1].thresholds.golden-signals.heartbeat",
            "did you mean heartbeatAge?",
        ),
        (
            wallet_threshold("heartbeatAge", "1m"),
            Code.UNKNOWN_PACK,
            "spec.wallets[1].thresholds.heartbeatAge",
            "<pack>.<threshold>",
        ),
        (
            wallet_threshold("balnce.low", "1 ETH"),
            Code.UNKNOWN_PACK,
            "spec.wallets[1].thresholds.balnce.low",
            "no pack 'balnce'",
        ),
        (wallet_threshold("", "1m"), Code.UNKNOWN_PACK, "spec.wallets[1].thresholds.", "<pack>.<threshold>"),
        (
            {"rules": [{"name": "Own", "when": "WHEN x > 1 THAN ALERT 'y'"}]},
            Code.INVALID_RULE,
            "spec.rules[0].when",
            "did you mean THEN?",
        ),
        ({"rules": [{**OWN, "expr": "x >"}]}, Code.INVALID_PROMQL, "spec.rules[0].expr", "not PromQL"),
        (
            {"rules": [{**OWN, "expr": 'x{namespace="a"}'}]},
            Code.FOREIGN_SCOPE,
            "spec.rules[0].expr",
            "leave the matcher",
        ),
        ({"rules": [{**OWN, "expr": "info(x)"}]}, Code.UNSUPPORTED_PROMQL, "spec.rules[0].expr", "experimental"),
        (
            {"rules": [{**OWN, "expr": "x > walletmon:threshold:golden_signals_sync"}]},
            Code.UNKNOWN_THRESHOLD,
            "spec.rules[0].expr",
            "sync_lag",
        ),
        (
            {"rules": [{**OWN, "name": "WalletDown"}]},
            Code.DUPLICATE_ALERT,
            "spec.rules[0].name",
            "overrides or disable",
        ),
        ({"rules": [OWN, OWN]}, Code.DUPLICATE_ALERT, "spec.rules[1].name", "spec.rules[0] is called Own too"),
        (
            {"rules": [{**OWN, "summary": '{{ query "up" }}'}]},
            Code.INVALID_TEMPLATE,
            "spec.rules[0].summary",
            "uses query",
        ),
        (
            {"rules": [{**OWN, "description": "{{ template `x` }}"}]},
            Code.INVALID_TEMPLATE,
            "spec.rules[0].description",
            "template",
        ),
        (
            {"rules": [{**OWN, "runbookUrl": "https://x/{{query`up`}}"}]},
            Code.INVALID_TEMPLATE,
            "spec.rules[0].runbookUrl",
            "query",
        ),
        (
            {"rules": [{**OWN, "labels": {"a": '{{ "up" | query }}'}}]},
            Code.INVALID_TEMPLATE,
            "spec.rules[0].labels.a",
            "query",
        ),
        (
            {"rules": [{**OWN, "labels": {"wallet": "hot-2"}}]},
            Code.INVALID_FIELD,
            "spec.rules[0].labels.wallet",
            "is set by walletmon",
        ),
    ],
)
def test_a_mistake_is_left_out_named_and_answered(spec: Json, code: Code, path: str, words: str) -> None:
    part = compiled(**spec)
    (found,) = part.diagnostics
    assert (found.code, found.path) == (code, path)
    assert words in f"{found.message}; {found.cure}"
    used = [use["name"] for use in spec["packs"]] if "packs" in spec else default_packs()
    expected = {alert.name for name in used if name in packs() for alert in packs()[name].alerts}
    assert set(alerts(part)) == expected | ({"Own"} if len(spec.get("rules", ())) > 1 else set())


def test_one_bad_rule_takes_no_other_one_down() -> None:
    part = compiled(rules=[{**OWN, "name": "Bad", "expr": "x >"}, OWN])
    assert "Own" in alerts(part)
    assert "Bad" not in alerts(part)


def test_a_figure_for_a_pack_that_is_not_used_is_a_warning() -> None:
    part = compiled(packs=[], **wallet_threshold("golden-signals.syncLag", "1m"))
    (found,) = part.diagnostics
    assert found.severity is Severity.WARNING
    assert "add golden-signals to spec.packs" in found.cure
