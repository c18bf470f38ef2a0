"""What nodes and regions do when they come, go and take over from each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

PACK = "multi-active"


def _node(
    pod: str,
    region: str,
    active: str,
    delivered: str = "0+1000x10",
    *,
    node: str | None = None,
    started: str = "-90000",
    draining: str = "0",
) -> dict[str, str]:
    """The series of one process on a node of its own, or on `node`."""
    own = f'pod="{pod}"'
    return {
        f"up{{{own}}}": "1",
        f"process_start_time_seconds{{{own}}}": started,
        f"sse_draining{{{own}}}": draining,
        f'sse_node_info{{{own},node="{node or pod}",region="{region}"}}': "1",
        f'sse_active_connections{{{own},path="/events"}}': active,
        f'sse_events_delivered_total{{{own},path="/events"}}': delivered,
    }


def _nodes(*made: Mapping[str, str]) -> dict[str, str]:
    return {name: values for one in made for name, values in one.items()}


def _gone(at: int, described: Mapping[str, str]) -> dict[str, str]:
    """The same series of a process that is gone from sample `at` on."""
    ended = {}
    for name, values in described.items():
        first, _, increment = values.split("x")[0].partition("+")
        ended[name] = f"{first}+{increment or 0}x{at - 1} stale _"
    return ended


def _came(at: int, described: Mapping[str, str]) -> dict[str, str]:
    """The same series of a process that starts at sample `at`."""
    return {
        name: f"_x{at - 1} {30 * at if name.startswith('process_start') else values}"
        for name, values in described.items()
    }


WELL = _nodes(
    _node("n1", "eu", "1000"), _node("n2", "eu", "1000"), _node("n3", "us", "1000"), _node("n4", "us", "1000")
)


def _prove(promtool: Path, folder: Path, life: Mapping[str, str], *expected: Json) -> None:
    tests = [
        {
            "interval": "30s",
            "input_series": series(A, life, 180) + series(B, WELL, 180),
            "promql_expr_test": list(expected),
            "alert_rule_test": [],
        }
    ]
    prove(promtool, folder, monitor(pack=PACK), tests)


def _nothing_fires(until: str) -> Json:
    return {
        "expr": f'count by (alertname) (last_over_time(ALERTS{{alertstate="firing",pack="{PACK}"}}[{until}]))',
        "eval_time": until,
        "exp_samples": [],
    }


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(WELL, id="share evenly"),
        pytest.param(
            _nodes(_node("n1", "eu", "10"), _node("n2", "eu", "10"), _node("n3", "eu", "300")),
            id="have few connections at night, most on one of them",
        ),
        pytest.param(_node("n1", "eu", "5000"), id="are one"),
        pytest.param(
            _nodes(_node("n1", "eu", "9000", "0+9000x10"), _node("n2", "us", "500", "0+500x10")),
            id="are one in each of two regions of different size",
        ),
        pytest.param(
            WELL | _came(60, _node("n5", "eu", "50 100 200 300 400 500 600 700 800+1x100 900+1x99 1000")),
            id="get one more, which fills up within the time it has",
        ),
        pytest.param(
            WELL | _node("n4", "us", "1000x59 500 100 0", "0+1000x59 60000", draining="0x59 1"),
            id="drain one of them",
        ),
        pytest.param(
            _nodes(
                _gone(60, _node("n1", "eu", "1000")),
                _gone(62, _node("n2", "eu", "1000")),
                _node("n3", "us", "1000x59 1800 2000x9 1400 1000"),
                _node("n4", "us", "1000x59 1800 2000x9 1400 1000"),
                _came(61, _node("n5", "eu", "100x9 700 1000")),
                _came(63, _node("n6", "eu", "100x9 700 1000")),
            ),
            id="are deployed anew in one region, which the other one helps out",
        ),
        pytest.param(
            WELL | _node("n5", "ap", "20", "0"),
            id="have a region with twenty connections that asked for nothing",
        ),
        pytest.param(
            _nodes(_node("n1", "eu", "1000", "0+3x10"), _node("n2", "us", "1000", "0+1x10")),
            id="deliver a few events, in one region more than in the other",
        ),
    ],
)
def test_nothing_fires_while_nodes(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _nothing_fires("3h"))


def test_a_new_node_that_stays_empty_is_skew_once_it_had_its_time(promtool: Path, tmp_path: Path) -> None:
    life = WELL | _came(60, _node("n5", "eu", "0"))
    _prove(promtool, tmp_path, life, firing("MultiActiveNodeSkew", "69m"), firing("MultiActiveNodeSkew", "71m", A))


def test_processes_of_one_node_count_as_one(promtool: Path, tmp_path: Path) -> None:
    # Three processes of a third each on one node, and one process on each of the others.
    shared = [_node(f"p{index}", "eu", "333", node="n1") for index in range(3)]
    life = _nodes(*shared, _node("n2", "eu", "1000"), _node("n3", "eu", "1000"))
    _prove(promtool, tmp_path, life, never("MultiActiveNodeSkew", "3h"))


def test_a_region_that_is_gone_is_one_alert_and_ends_when_it_is_back(promtool: Path, tmp_path: Path) -> None:
    us = _nodes(_node("n3", "us", "1000"), _node("n4", "us", "1000"))
    back = _nodes(_node("m3", "us", "1000"), _node("m4", "us", "1000"))
    life = _nodes(_node("n1", "eu", "1000"), _node("n2", "eu", "1000"), _gone(60, us), _came(200, back))
    _prove(
        promtool,
        tmp_path,
        life,
        firing("MultiActiveRegionGone", "37m", A),
        firing("MultiActiveRegionGone", "99m", A),
        firing("MultiActiveRegionGone", "101m"),
        never("MultiActiveRegionShareShifted", "3h"),
    )


def test_a_wallet_of_which_all_regions_are_gone_is_missing(promtool: Path, tmp_path: Path) -> None:
    life = _gone(60, WELL)
    _prove(promtool, tmp_path, life, firing("WalletMissing", "40m", A), never("MultiActiveRegionGone", "3h"))


def test_a_region_that_lost_its_source_is_told_by_its_name(promtool: Path, tmp_path: Path) -> None:
    cut = [_node(pod, "us", "1000", "0+1000x59 60000+10") for pod in ("n3", "n4")]
    life = _nodes(_node("n1", "eu", "1000"), _node("n2", "eu", "1000"), *cut)
    named = {
        "expr": 'count by (region) (ALERTS{alertname="MultiActiveRegionsDiverge",alertstate="firing"})',
        "eval_time": "60m",
        "exp_samples": [{"labels": '{region="us"}', "value": 1}],
    }
    _prove(promtool, tmp_path, life, named, never("MultiActiveRegionShareShifted", "3h"))
