"""Packs as data: what a file may say, and what the shipped ones hold to."""

from __future__ import annotations

import re
from typing import Any

import promql_parser as promql
import pytest
import yaml
from pydantic import ValidationError

from walletmon.api.alerting import Priority
from walletmon.api.base import METRIC_LABELS, RESERVED_LABELS
from walletmon.language.template import FUNCTIONS
from walletmon.packs.catalogue import default_packs, packs
from walletmon.packs.schema import Pack

every_pack = pytest.mark.parametrize("pack", packs().values(), ids=list(packs()))


def small(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": "small",
        "title": "Small",
        "description": "A pack of one alert.",
        "thresholds": {
            "most": {
                "unit": "seconds",
                "default": "5m",
                "min": "1s",
                "max": "1d",
                "source": "nowhere",
                "description": "The most.",
            }
        },
        "recordings": [{"record": "wallet:x:max", "expr": "max by (wallet) (x)", "why": "for the test"}],
        "alerts": [
            {
                "name": "TooMuch",
                "expr": "wallet:x:max > walletmon:threshold:small_most",
                "for": "1m",
                "priority": "P1",
                "summary": "Too much",
                "description": "It is {{ $value }}.",
            }
        ],
    }
    return document | changes


def preset(**changes: Any) -> dict[str, Any]:
    return {"software": "Other", "source": "its page", "recordings": {"wallet:x:max": "max by (wallet) (y)"}} | changes


def changed(part: str, **changes: Any) -> dict[str, Any]:
    document = small()
    if part == "thresholds":
        document["thresholds"]["most"] |= changes
    else:
        document[part][0] |= changes
    return document


def test_a_pack_is_what_its_file_says() -> None:
    pack = Pack.model_validate(small())
    assert pack.alerts[0].for_ == "1m"
    assert pack.alerts[0].priority is Priority.P1
    assert pack.thresholds["most"].read("2m").value == 120


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (small(name="Not A Name"), "name"),
        (small(alerts=[]), "at least 1"),
        (small(extra=1), "Extra inputs are not permitted"),
        (small(alerts=small()["alerts"] * 2), "alert TooMuch is there twice"),
        (small(recordings=small()["recordings"] * 2), "recording wallet:x:max is there twice"),
        (small(thresholds={}), "walletmon:threshold:small_most is used and not among the thresholds"),
        (small(thresholds={"Bad-Name": small()["thresholds"]["most"]}), "thresholds.Bad-Name"),
        (changed("alerts", expr="wallet:x:max > 1"), "threshold most is not used by any alert"),
        (changed("alerts", expr="x > walletmon:threshold:small_most >"), "TooMuch: this is not PromQL"),
        (
            changed("alerts", expr='x{namespace="a"} > walletmon:threshold:small_most'),
            "leave the matcher on namespace out",
        ),
        (changed("alerts", priority="P3"), "P0"),
        (changed("alerts", **{"for": "soon"}), "for"),
        (changed("alerts", **{"for": 5}), "valid string"),
        (changed("alerts", keepFiringFor="later"), "keepFiringFor"),
        (changed("alerts", labels={"a": "b"}), "Extra inputs"),
        (changed("recordings", record="x"), "record"),
        (changed("recordings", expr="sum(x"), "wallet:x:max: this is not PromQL"),
        (changed("thresholds", unit="parsecs"), "unit"),
        (changed("thresholds", default="5"), "5 has no unit"),
        (changed("thresholds", default="2d"), "the default 2d is not between 1s and 1d"),
        (changed("thresholds", source=""), "source"),
        (changed("thresholds", below="least"), "below least, which is none of its unit"),
        (
            changed("thresholds", unit="coin", default="1 ETH", min="0 ETH", max="9 ETH"),
            "bitcoin is for figures in coin",
        ),
        (changed("thresholds", bitcoin={"default": "1 BTC", "min": "0 BTC", "max": "9 BTC"}), "bitcoin is for figures"),
        (
            changed(
                "thresholds",
                unit="coin",
                default="1 BTC",
                min="0 BTC",
                max="9 BTC",
                bitcoin={"default": "1 BTC", "min": "0 BTC", "max": "9 BTC"},
            ),
            "amounts of ETH here",
        ),
        (changed("alerts", description='{{ query "up" }}'), "uses query"),
        (changed("alerts", action="Restart It"), "action"),
        (changed("recordings", expr='max by (wallet) ({job="x"})'), "does not say which metrics"),
        (small(presets={"other": preset(recordings={"wallet:y:max": "y"})}), "the pack has no recording wallet:y:max"),
        (small(presets={"other": preset(without={"TooLittle": "no"})}), "the pack has no alert TooLittle"),
        (small(presets={"other": preset(without={"TooMuch": "no"})}), "preset other serves no alert"),
        (small(presets={"other": preset(recordings={})}), "at least 1"),
        (small(presets={"other": preset(recordings={"wallet:x:max": "y >"})}), "wallet:x:max (other): this is not"),
    ],
)
def test_a_wrong_file_is_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        Pack.model_validate(document)


def test_a_preset_replaces_recordings_and_inherits_what_is_made_of_them() -> None:
    document = small(presets={"other": preset(without={"RawAlert": "it has no z"})})
    document["recordings"] += [
        {"record": "wallet:x:double", "expr": "2 * wallet:x:max", "why": "for the test"},
        {"record": "wallet:z:sum", "expr": "sum by (wallet) (z)", "why": "for the test"},
    ]
    document["alerts"] += [
        {**document["alerts"][0], "name": "DoubleMuch", "expr": "wallet:x:double > 1 and on (wallet) up == 1"},
        {**document["alerts"][0], "name": "RawAlert", "expr": "z > 1 or wallet:z:sum > 3"},
    ]
    pack = Pack.model_validate(document)
    assert {each.record: each.expr for each in pack.recorded("other")} == {
        "wallet:x:max": "max by (wallet) (y)",
        "wallet:x:double": "2 * wallet:x:max",
    }
    assert [alert.name for alert in pack.served("other")] == ["TooMuch", "DoubleMuch"]
    assert [alert.name for alert in pack.served(None)] == ["TooMuch", "DoubleMuch", "RawAlert"]


def test_a_preset_says_which_alerts_it_cannot_serve() -> None:
    document = small(presets={"other": preset()})
    document["alerts"].append({**document["alerts"][0], "name": "RawAlert", "expr": "z > 1"})
    with pytest.raises(ValidationError, match="preset other cannot serve RawAlert: say why under without"):
        Pack.model_validate(document)


def test_a_lower_threshold_is_below_its_upper_one() -> None:
    document = small()
    document["thresholds"]["more"] = {**document["thresholds"]["most"], "default": "2m", "below": "most"}
    document["alerts"][0]["expr"] += " or wallet:x:max > walletmon:threshold:small_more"
    assert Pack.model_validate(document).thresholds["more"].below == "most"
    document["thresholds"]["more"]["default"] = "5m"
    with pytest.raises(ValidationError, match=re.escape("threshold more (5m) is not below most (5m)")):
        Pack.model_validate(document)


def test_the_thresholds_of_an_alert_are_also_those_of_what_it_reads() -> None:
    document = small()
    document["recordings"][0]["expr"] = "max by (wallet) (x) > walletmon:threshold:small_most"
    document["alerts"][0]["expr"] = "wallet:x:max > 1"
    pack = Pack.model_validate(document)
    assert pack.thresholds_of(pack.alerts[0]) == ("most",)


def test_packs_cannot_be_changed_by_who_reads_them() -> None:
    with pytest.raises(TypeError):
        packs()["other"] = packs()["golden-signals"]  # type: ignore[index]
    with pytest.raises(ValidationError):
        packs()["golden-signals"].alerts[0].name = "Other"  # type: ignore[misc]


def test_the_default_set_is_made_of_packs_that_exist() -> None:
    assert default_packs()
    assert set(default_packs()) <= packs().keys()


def test_no_two_packs_share_an_alert_or_a_recording() -> None:
    names = [alert.name for pack in packs().values() for alert in pack.alerts]
    names += [recording.record for pack in packs().values() for recording in pack.recordings]
    assert len(names) == len(set(names))


def test_no_pack_takes_the_name_of_a_monitors_own_groups() -> None:
    assert not packs().keys() & {"rules", "walletmon"}


@every_pack
def test_what_is_silenced_exists(pack: Pack) -> None:
    names = {alert.name for each in packs().values() for alert in each.alerts}
    for alert in pack.alerts:
        assert {silenced.alert for silenced in alert.silenced} <= names - {alert.name}, alert.name


@every_pack
def test_no_preset_repeats_what_it_inherits(pack: Pack) -> None:
    for name, content in pack.presets.items():
        for recording in pack.recordings:
            if content.recordings.get(recording.record) == recording.expr:
                rest = {record: expr for record, expr in content.recordings.items() if record != recording.record}
                without = pack.model_copy(update={"presets": {name: content.model_copy(update={"recordings": rest})}})
                assert recording not in without.recorded(name), f"{name}: {recording.record}"


@every_pack
def test_every_alert_says_where_and_how_much(pack: Pack) -> None:
    for alert in pack.alerts:
        assert "$labels.wallet" in alert.summary or "$labels.target" in alert.summary or "$labels.host" in alert.summary
        called = set(re.findall(r"\{\{-?\s*(\w+)|\|\s*(\w+)", f"{alert.summary} {alert.description}"))
        words = {word for pair in called for word in pair if word}
        assert words <= set(FUNCTIONS) | {"with", "end"}, alert.name


@every_pack
def test_every_quantile_is_over_buckets_summed_by_le(pack: Pack) -> None:
    for expr in [alert.expr for alert in pack.alerts] + [recording.expr for recording in pack.recordings]:
        for quantile in re.findall(r"histogram_quantile\((.*)", expr, re.DOTALL):
            assert re.match(r"[0-9.]+, sum by \([a-z_, ]*\ble\b[a-z_, ]*\) \(rate\(", quantile), expr


def test_shipped_files_hold_no_key_twice() -> None:
    # YAML readers keep the last of two silently, and with it half of what somebody wrote.
    from importlib import resources

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), node.start_mark
        return loader.construct_mapping(node, deep=True)

    # What a ConfigMap cannot use, a shipped pack does not either: it is the example that people copy.
    for file in resources.files("walletmon.packs").iterdir():
        if file.name.endswith(".yaml"):
            events = yaml.parse(file.read_text(encoding="utf-8"), yaml.SafeLoader)
            assert not any(isinstance(event, yaml.AliasEvent) for event in events), file.name
    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    for file in resources.files("walletmon.packs").iterdir():
        if file.name.endswith(".yaml"):
            yaml.load(file.read_text(encoding="utf-8"), Loader)


def labels_read(expression: str) -> set[str]:
    """The labels by which an expression selects, matches, groups, or writes."""
    found: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, promql.VectorSelector):
            found.update(each.name for each in node.matchers.matchers)
        elif isinstance(node, promql.MatrixSelector):
            look(node.vector_selector)
        elif isinstance(node, promql.AggregateExpr):
            found.update(node.modifier.labels if node.modifier else ())
            look(node.expr)
        elif isinstance(node, promql.BinaryExpr):
            matching = None if node.modifier is None else node.modifier.matching
            found.update(() if matching is None else matching.labels)
            look(node.lhs)
            look(node.rhs)
        elif isinstance(node, promql.Call):
            if node.func.name == "label_replace":
                found.update((node.args[1].val, node.args[3].val))
            for each in node.args:
                look(each)
        elif hasattr(node, "expr"):
            look(node.expr)

    look(promql.parse(expression))
    return found - {"", "__name__"}


def test_no_label_of_a_wallet_or_class_can_hide_one_that_a_pack_goes_by() -> None:
    """Prometheus would rename the metric's own, and what goes by it would see nothing."""
    read = {
        f"{pack.name}: {label}"
        for pack in packs().values()
        for _, expression in pack.expressions()
        for label in labels_read(expression)
        if label not in METRIC_LABELS and label not in RESERVED_LABELS
    }
    assert read == set()
