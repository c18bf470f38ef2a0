"""Packs as data: what a file may say, and what the shipped ones hold to."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from walletmon.api.alerting import Priority
from walletmon.instrument.families import FAMILIES
from walletmon.packs.catalogue import default_packs, packs
from walletmon.packs.schema import Pack

every_pack = pytest.mark.parametrize("pack", packs().values(), ids=list(packs()))

# What is exposed by others than our instrumentation: Prometheus itself, client libraries, the prober.
FOREIGN_METRICS = {"up", "process_resident_memory_bytes", "go_goroutines", "probe_success"}
SUFFIXES = r"(?:_bucket|_count|_sum)?"


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
    ],
)
def test_a_wrong_file_is_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        Pack.model_validate(document)


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
def test_every_alert_says_where_and_how_much(pack: Pack) -> None:
    for alert in pack.alerts:
        assert "$labels.wallet" in alert.summary or "$labels.target" in alert.summary or "$labels.host" in alert.summary
        called = set(re.findall(r"\{\{-?\s*(\w+)|\|\s*(\w+)", f"{alert.summary} {alert.description}"))
        words = {word for pair in called for word in pair if word}
        assert words <= {"with", "end", "printf", "humanizeDuration", "humanizePercentage", "humanizeTimestamp"}, (
            alert.name
        )


@every_pack
def test_every_quantile_is_over_buckets_summed_by_le(pack: Pack) -> None:
    for expr in [alert.expr for alert in pack.alerts] + [recording.expr for recording in pack.recordings]:
        for quantile in re.findall(r"histogram_quantile\((.*)", expr, re.DOTALL):
            assert re.match(r"[0-9.]+, sum by \([a-z, ]*\ble\b[a-z, ]*\) \(rate\(", quantile), expr


@every_pack
def test_nothing_is_alerted_that_nothing_exposes(pack: Pack) -> None:
    recorded = {recording.record for recording in pack.recordings}
    known = {family.name for family in FAMILIES} | FOREIGN_METRICS
    for expr in [alert.expr for alert in pack.alerts] + [recording.expr for recording in pack.recordings]:
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|(?:by|on) \([^)]*\)", " ", expr)
        for name in re.findall(r"[a-z][a-z0-9_]*(?::[a-z0-9_]+)+|[a-z]+_[a-z0-9_]+|\bup\b", bare):
            if name in ("histogram_quantile", "max_over_time") or name.startswith("walletmon:") or name in recorded:
                continue
            assert {name, re.sub(SUFFIXES + "$", "", name)} & known, f"{name} in {expr}"


def test_shipped_files_hold_no_key_twice() -> None:
    # YAML readers keep the last of two silently, and with it half of what somebody wrote.
    from importlib import resources

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), node.start_mark
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    for file in resources.files("walletmon.packs").iterdir():
        if file.name.endswith(".yaml"):
            yaml.load(file.read_text(encoding="utf-8"), Loader)
