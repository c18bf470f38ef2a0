"""The estimate of series: what it counts, what bounds it, and that it is not far from a real wallet."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.documents import Document, found_by, maximal, minimal, target, targets
from tests.unit.test_example_wallet import Wallet, running
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClassSpec
from walletmon.api.parse import parse_monitor
from walletmon.api.targets import TargetRole
from walletmon.compiler.cardinality import FOREIGN, PER_PROBE, PER_SCRAPE, VALUES, Cardinality, estimate, series_of
from walletmon.compiler.compile import compile
from walletmon.instrument.families import FAMILIES, REQUESTS, SIGN_LATENCY


def estimated(document: Document, class_: MonitorClass | None = None) -> Cardinality:
    return estimate(parse_monitor(document), class_ or MonitorClass())


def served(number: int, **spec: Any) -> Document:
    """A monitor of so many wallets, all found by one Service."""
    each = {**target(), "walletFrom": {"label": "walletmon.dev/wallet"}}
    del each["wallet"]
    wallets = [{"name": f"w{n}"} for n in range(number)]
    return minimal(wallets=wallets, targets=[each], **spec)


@pytest.fixture(scope="module")
def exposed() -> int:
    """How many series the example wallet really exposes once it has worked."""
    with running("--interval", "0.02", "--block-time", "0.1") as wallet:
        return _worked(wallet)


def _worked(wallet: Wallet) -> int:
    wallet.sign()
    text = wallet.get("/metrics")[1]
    return sum(len(family.samples) for family in text_string_to_metric_families(text))


def test_it_is_within_a_factor_of_two_of_a_real_wallet(exposed: int) -> None:
    (found,) = estimated(targets(target())).targets
    assert exposed / 2 < found.each - PER_SCRAPE < exposed * 2


def test_a_family_has_its_labels_values_times_its_buckets() -> None:
    assert series_of(REQUESTS) == VALUES["route"][0] * 2
    assert series_of(SIGN_LATENCY) == len(SIGN_LATENCY.buckets) + 3


def test_there_is_an_assumption_for_every_label_of_the_library_and_a_reason_for_each() -> None:
    assert {label for family in FAMILIES for label in family.labels} <= VALUES.keys()
    assert all(reason for _, reason in [*VALUES.values(), *FOREIGN.values()])


def test_the_parts_are_the_total() -> None:
    found = estimated(maximal())
    parts = (found.scraped, found.recorded, found.alerts, found.expectations, found.thresholds)
    assert all(part > 0 for part in parts)
    assert sum(parts) == found.total
    assert found.scraped == sum(each.total for each in found.targets) + found.foreign


def test_ten_times_the_wallets_are_ten_times_the_series() -> None:
    few, many = estimated(served(10)), estimated(served(100))
    assert (many.scraped, many.recorded, many.alerts) == (10 * few.scraped, 10 * few.recorded, 10 * few.alerts)
    assert (few.expectations, many.expectations) == (11, 101)


@pytest.mark.parametrize(
    ("document", "processes", "each"),
    [
        (found_by(static=["a:1", "b:1", "c:1"], role="node"), 3, FOREIGN[TargetRole.NODE][0] + PER_SCRAPE),
        (found_by(probe={"prober": "b:1", "urls": ["https://a", "https://b"]}), 2, PER_PROBE + PER_SCRAPE),
        (found_by(static=["a:1"], role="db", limits={"samples": 40}), 1, 40 + PER_SCRAPE),
    ],
    ids=["addresses", "probes", "bounded"],
)
def test_each_target_counts_as_what_it_is(document: Document, processes: int, each: int) -> None:
    (found,) = estimated(document).targets
    assert (found.processes, found.each, found.bounded) == (processes, each, each == 40 + PER_SCRAPE)
    assert estimated(document).assumptions


def test_the_classs_limit_bounds_it_too() -> None:
    spec = WalletMonitorClassSpec.model_validate({"governance": {"limits": {"samples": 100}}})
    (found,) = estimated(served(3, packs=[]), MonitorClass(name="a", spec=spec)).targets
    assert (found.each, found.bounded, found.total) == (105, True, 315)


def test_streams_count_where_they_are_served() -> None:
    """By the wallet's own process if a pack is about them, else by the target whose role it is."""
    without = estimated(served(1, packs=[])).scraped
    within = estimated(served(1, packs=[{"name": "sse-connections"}]))
    assert within.targets[0].total > without
    apart = served(1, packs=[{"name": "sse-connections"}])
    apart["spec"]["targets"].append({"name": "hub", "role": "sse", "static": ["hub:1"]})
    wallet, hub = estimated(apart).targets
    assert wallet.total == without
    assert hub.total > 100


def test_thresholds_and_expectations_are_counted_by_the_rules_that_make_them() -> None:
    document = served(3)
    document["spec"]["wallets"][0]["thresholds"] = {"golden-signals.errorRatio": "3%", "balance.low": "2 ETH"}
    found = estimated(document)
    objects = compile(parse_monitor(document), MonitorClass()).objects or ()
    records = [
        rule["record"]
        for obj in objects
        if obj["kind"] == "PrometheusRule"
        for group in obj["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("record", "").startswith("walletmon:")
    ]
    assert found.thresholds == sum(1 for record in records if ":threshold:" in record) == 6
    assert found.expectations == sum(1 for record in records if record.endswith(":expected")) == 4


def test_a_suspended_monitor_and_disabled_alerts_have_no_alerts() -> None:
    assert estimated(served(2, suspend=True)).alerts == 0
    pack = {"name": "golden-signals"}
    all_of_them = estimated(served(2, packs=[pack])).alerts
    fewer = estimated(served(2, packs=[{**pack, "disable": ["WalletDown"]}])).alerts
    assert 0 < fewer < all_of_them


def test_what_cannot_be_read_does_not_count_and_does_not_raise() -> None:
    document = served(2, rules=[{"name": "Mine", "expr": "up >", "summary": "s"}])
    assert estimated(document).alerts > 0
