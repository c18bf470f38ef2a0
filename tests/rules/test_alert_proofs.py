"""Every alert on a real promtool: fires, holds back, stays silent, tells wallets apart, obeys thresholds.

What has to be tried follows from the alert itself (`walletmon.packs.proof.cases`); what was tried is printed as a table
when the tests are over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rules.proofs import (
    A,
    B,
    Json,
    Subject,
    as_input,
    firing,
    interrupted,
    later,
    minutes,
    never,
    notification,
    prove,
    relieved,
    restarted,
    seconds,
    series,
    subjects,
    written_out,
)
from walletmon.packs.catalogue import packs
from walletmon.packs.proof import Case, proofs

SUBJECTS = list(subjects())


def proves(case: Case) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test is run for every alert that has to be tried so."""
    concerned = [subject for subject in SUBJECTS if case in subject.cases]

    def marked(function: Callable[..., None]) -> Callable[..., None]:
        function.case = case  # type: ignore[attr-defined]
        return pytest.mark.parametrize("subject", concerned, ids=str)(function)

    return marked


@pytest.fixture(autouse=True)
def _told_in_the_table(request: pytest.FixtureRequest) -> None:
    case: Any = getattr(request.function, "case", None)
    if case is not None:
        subject: Subject = request.node.callspec.params["subject"]
        request.node.user_properties.append(("proof", (subject.pack.name, str(subject), case.value)))


def _expected(subject: Subject, *wallets: str) -> tuple[str | None, ...]:
    return (None,) if subject.proof.shared and wallets else wallets


def _test(inputs: list[Json], *expected: Json, alerts: list[Json] | None = None) -> Json:
    return {
        "interval": "30s",
        "input_series": inputs,
        "promql_expr_test": list(expected),
        "alert_rule_test": alerts or [],
    }


def _length(subject: Subject) -> int:
    """Minutes in which the alert has every chance to fire."""
    return max(60, minutes(subject.proof.fires) + 20)


@pytest.mark.parametrize("pack", packs())
def test_every_alert_is_described(pack: str) -> None:
    assert set(proofs(pack)) == {alert.name for alert in packs()[pack].alerts}


@pytest.mark.parametrize("pack", packs())
def test_every_alert_is_described_for_every_preset_that_serves_it(pack: str) -> None:
    served = {(preset, alert.name) for preset in packs()[pack].presets for alert in packs()[pack].served(preset)}
    assert {(preset, name) for name, proof in proofs(pack).items() for preset in proof.presets} == served


@pytest.mark.parametrize("subject", [each for each in SUBJECTS if each.preset is None], ids=str)
def test_every_threshold_of_the_alert_is_tried(subject: Subject) -> None:
    assert set(subject.proof.tolerant) == set(subject.pack.thresholds_of(subject.alert))


@proves(Case.FIRES)
def test_fires_for_the_wallet_in_trouble_and_no_other(subject: Subject, promtool: Path, tmp_path: Path) -> None:
    name, proof = subject.alert.name, subject.proof
    prove(
        promtool,
        tmp_path,
        subject.monitor(),
        [
            _test(
                subject.series([A], minutes(proof.fires) + 20),
                firing(name, proof.holds),
                firing(name, proof.fires, *_expected(subject, A)),
                firing(name, later(proof.fires, 15), *_expected(subject, A)),
                alerts=[notification(subject)],
            )
        ],
        subject.idle,
    )


@proves(Case.SILENT)
def test_is_silent_while_all_is_well(subject: Subject, promtool: Path, tmp_path: Path) -> None:
    length = _length(subject)
    prove(
        promtool,
        tmp_path,
        subject.monitor(),
        [_test(subject.series([], length), never(subject.alert.name, f"{length}m"))],
        subject.idle,
    )


@proves(Case.UNEXPOSED)
def test_is_silent_for_a_wallet_that_does_not_expose_the_signal(
    subject: Subject, promtool: Path, tmp_path: Path
) -> None:
    length = _length(subject)
    # Without the targets that only the description has: what they are missed by is no matter of the signal.
    bare = Subject(subject.pack, subject.alert, subject.preset, subject.proof.model_copy(update={"targets": []}))
    inputs = series(A, {}, length) + series(B, {}, length)
    prove(promtool, tmp_path, bare.monitor(), [_test(inputs, never(subject.alert.name, f"{length}m"))], subject.idle)


@proves(Case.VANISHES)
def test_says_who_takes_over_when_the_series_are_gone(subject: Subject, promtool: Path, tmp_path: Path) -> None:
    name, proof = subject.alert.name, subject.proof
    gone = minutes(proof.fires) + 1
    after = f"{gone + 20}m"
    expected = [firing(name, proof.fires, *_expected(subject, A))]
    if proof.gone != name:
        expected.append(firing(name, after))
    expected.append(firing(proof.gone, after, *_expected(subject, A)))
    inputs = subject.series([A], gone + 30, gone_after=gone)
    prove(promtool, tmp_path, subject.monitor(), [_test(inputs, *expected)], subject.idle)


@proves(Case.MONITOR_THRESHOLD)
def test_obeys_each_threshold_of_the_monitor(subject: Subject, promtool: Path, tmp_path: Path) -> None:
    length = _length(subject)
    for threshold, figure in subject.proof.tolerant.items():
        inputs = subject.series([A], length)
        tolerant = subject.monitor(thresholds={threshold: figure})
        prove(promtool, tmp_path, tolerant, [_test(inputs, never(subject.alert.name, f"{length}m"))], subject.idle)


@proves(Case.WALLET_THRESHOLD)
def test_obeys_each_threshold_of_the_wallet(subject: Subject, promtool: Path, tmp_path: Path) -> None:
    name, proof = subject.alert.name, subject.proof
    for threshold, figure in proof.tolerant.items():
        inputs = subject.series([A, B], minutes(proof.fires) + 5)
        tolerant = subject.monitor(hot_1={threshold: figure})
        prove(promtool, tmp_path, tolerant, [_test(inputs, firing(name, proof.fires, B))], subject.idle)


@proves(Case.RESET)
def test_takes_no_restart_for_trouble_or_for_its_end(subject: Subject, promtool: Path, tmp_path: Path) -> None:
    name, proof = subject.alert.name, subject.proof
    length = _length(subject)

    def with_resets(described: dict[str, str], *at: int) -> dict[str, list[str]]:
        written = written_out(described, length)
        for sample in at:
            written = {
                selector: restarted(samples, sample) if subject.is_counter(selector) else samples
                for selector, samples in written.items()
            }
        return written

    after = 2 * minutes(proof.fires) + 6
    well = as_input(subject.troubled, with_resets(dict(proof.healthy), 24, 60)) + subject.others(length)
    ill = as_input(subject.troubled, with_resets(dict(proof.trouble), after)) + subject.others(length)
    expected = [firing(name, f"{30 * at}s", *_expected(subject, A)) for at in range(after, after + 20, 2)]
    prove(
        promtool,
        tmp_path,
        subject.monitor(),
        [_test(well, never(name, f"{length}m")), _test(ill, *expected)],
        subject.idle,
    )


@proves(Case.GAP)
def test_a_gap_shorter_than_keep_firing_for_does_not_end_it(subject: Subject, promtool: Path, tmp_path: Path) -> None:
    name, proof = subject.alert.name, subject.proof
    keeps = seconds(subject.alert.keep_firing_for or "0s")
    start = 2 * minutes(proof.fires) + 6
    end = start + max(30, min(keeps - 120, 180)) // 30
    length = end // 2 + 10
    trouble = written_out(proof.trouble, length)
    if proof.gap == "healthy":
        healthy = written_out(proof.healthy, length)
        made = {
            selector: relieved(samples, healthy[selector], start, end, counter=subject.is_counter(selector))
            for selector, samples in trouble.items()
        }
    else:
        made = {selector: interrupted(samples, start, end) for selector, samples in trouble.items()}
    expected = [firing(name, f"{30 * at}s", *_expected(subject, A)) for at in range(start - 2, end + 10)]
    inputs = as_input(subject.troubled, made) + subject.others(length)
    prove(promtool, tmp_path, subject.monitor(), [_test(inputs, *expected)], subject.idle)
