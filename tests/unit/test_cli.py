"""The commands, offline: what they print, where they point, and how they end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.documents import hubless, maximal, minimal, rule
from walletmon.api.diagnostic import Code
from walletmon.cli import main


def call(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], input=stdin)


def linted(text: str | bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call("lint", "--output", "json", "-", stdin=text).stdout)
    return [each for each in found if each["severity"] == "error"]


HEAD = "apiVersion: walletmon.dev/v1alpha1\nkind: WalletMonitor\nmetadata: {name: a, namespace: ns}\n"
GOOD = HEAD + "spec:\n  wallets: [{name: hot-1}]\n"


def test_a_good_monitor_gives_no_finding_and_exit_code_zero(repository: Path) -> None:
    done = call("lint", *sorted(repository.glob("examples/*.yaml")))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "2 monitors, 1 class: 0 errors, 0 warnings"


def test_what_a_monitor_costs_is_said_and_is_no_finding() -> None:
    done = call("lint", "-", stdin=GOOD)
    cost, looked_at = done.stderr.splitlines()
    assert re.fullmatch(r"ns/a: about \d+ series \(.*\d+ recorded.*\)", cost)
    assert looked_at == "1 monitor: 0 errors, 1 warning"
    assert "series" not in call("lint", "--output", "json", "-", stdin=GOOD).stdout
    report = json.loads(call("lint", "--output", "report", "-", stdin=GOOD).stdout)
    assert [each["code"] for each in report["findings"]] == [Code.UNWATCHED_WALLET]
    (monitor,) = report["monitors"]
    assert (monitor["file"], monitor["monitor"], monitor["class"], monitor["environment"]) == (
        "<stdin>",
        "ns/a",
        None,
        None,
    )
    series = monitor["series"]
    assert series["total"] == sum(
        series[part] for part in ("scraped", "recorded", "alerts", "expectations", "thresholds")
    )


def test_findings_are_at_the_line_and_column_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "monitors.yaml"
    text = GOOD + "---\nkind: Deployment\napiVersion: apps/v1\nspec: [1, {a: b}]\n---\n# a comment\n"
    text += HEAD.replace("name: a", "name: b")
    text += "spec:\n  wallets: [{name: hot-1}, {name: hot-2, type: hot}]\n  suspended: true\n"
    file.write_text(text)
    done = call("lint", file)
    assert done.exit_code == 1
    lines = text.splitlines()
    type_line = next(number for number, line in enumerate(lines, 1) if "type: hot" in line)
    column = lines[type_line - 1].index("hot}") + 1
    first, second, *_ = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert first.startswith(f"{file}:{type_line}:{column}: error: InvalidField: spec.wallets[1].type: ")
    assert second.startswith(f"{file}:{type_line + 1}:14: error: InvalidField: spec.suspended: ")
    assert done.stderr.splitlines()[-1].startswith("2 monitors: 2 errors, ")


@pytest.mark.parametrize(
    ("spec", "path", "line", "column"),
    [
        ("spec:\n  wallets: []\n", "spec.wallets", 5, 3),
        ("spec:\n  wallets:\n    - name: hot-1\n      labels:\n        pod: x\n", "spec.wallets[0].labels.pod", 8, 14),
        ("spec: {}\n", "spec.wallets", 4, 1),
        ("", "spec", 1, 1),
        (
            "spec:\n  wallets:\n  - name: hot-1\n    thresholds:\n      golden-signals.syncLag: 1 parsec\n",
            "spec.wallets[0].thresholds.golden-signals.syncLag",
            8,
            31,
        ),
        (
            "spec:\n  wallets: [{name: hot-1}]\n  packs:\n  - name: golden-signal\n",
            "spec.packs[0].name",
            7,
            11,
        ),
        (
            "spec:\n  wallets: [{name: hot-1}]\n  rules:\n  - name: A\n    expr: |\n      x +\n    summary: s\n",
            "spec.rules[0].expr",
            8,
            11,
        ),
    ],
)
def test_a_path_is_found_in_any_style_of_yaml(spec: str, path: str, line: int, column: int) -> None:
    (found,) = linted(HEAD + spec)
    assert (found["path"], found["line"], found["column"]) == (path, line, column)


def test_lists_and_json_are_read_too() -> None:
    (found,) = linted(
        json.dumps({"kind": "List", "apiVersion": "v1", "items": [minimal(), minimal(name="b", wallets=[])]})
    )
    assert found["path"] == "spec.wallets"
    assert [each["code"] for each in linted(json.dumps({"kind": "List", "items": [minimal(), minimal()]}))] == [
        Code.DUPLICATE_MONITOR
    ]


def test_github_annotations_escape_what_would_end_them(tmp_path: Path) -> None:
    file = tmp_path / "a,b:c%.yaml"
    file.write_text(HEAD + 'spec: {wallets: [{name: "x\\n::error::y"}]}\n')
    (line,) = call("lint", "--output", "github", file).stdout.splitlines()
    head, _, said = line.partition(",title=InvalidField::")
    assert head.startswith("::error file=")
    assert head.endswith("a%2Cb%3Ac%25.yaml,line=4,col=25")
    assert said.startswith("spec.wallets[0].name: ")


def test_the_compilers_findings_and_the_apiservers_come_once_each() -> None:
    twice = minimal(
        rules=[{"name": "A", "expr": "x > 1", "summary": "s"}, {"name": "A", "expr": "x > 2", "summary": "s"}]
    )
    (found,) = linted(json.dumps(twice))
    assert (found["code"], found["path"], found["message"]) == (
        Code.INVALID_FIELD,
        "spec.rules[1]",
        'Duplicate value: {"name":"A"}',
    )


def test_warnings_alone_are_told_and_pass() -> None:
    slow = minimal(targets=[{"name": "api", "wallet": "hot-1", "static": ["a:1"], "interval": "4m", "timeout": "10s"}])
    done = call("lint", "-", stdin=json.dumps(slow))
    assert done.exit_code == 0
    assert "warning: SparseSamples: spec.targets[0].interval" in done.stdout


DEEP_PARENTHESES = "(" * 5_000 + "x" + ")" * 5_000 + " > 1"
UNREADABLE = {
    "no YAML": (b"kind: [", Code.UNREADABLE),
    "a tab": (b"kind:\n\t- a", Code.UNREADABLE),
    "no UTF-8": (b"kind: \xff\xfe", Code.UNREADABLE),
    "a NUL": (GOOD.encode() + b"\x00", Code.UNREADABLE),
    "a text": (b"WHEN x > 1", Code.UNREADABLE),
    "a list": (b"[1, 2]", Code.UNREADABLE),
    "deep nesting": (b"a: " + b"[" * 10_000 + b"]" * 10_000, Code.TOO_LARGE),
    "an endless alias": (b"a: &a [*a]", Code.TOO_LARGE),
    "multiplying aliases": (
        "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]).encode(),
        Code.TOO_LARGE,
    ),
    "an unknown tag": (b"a: !!python/object/apply:os.system [id]", Code.UNREADABLE),
    "an unknown alias": (b"a: *b", Code.UNREADABLE),
    "an endless number": (b"a: " + b"1" * 5_000, Code.UNREADABLE),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_a_finding(what: str) -> None:
    data, code = UNREADABLE[what]
    (found,) = linted(data)
    assert found["code"] == code
    assert found["line"] >= 1
    assert found["message"]
    assert found["cure"]


BAD_RULES = {
    "no PromQL": ("x >", Code.INVALID_PROMQL),
    "an unknown function": ("rates(x[5m]) > 1", Code.INVALID_PROMQL),
    "an unknown unit": ("rate(x[5q]) > 1", Code.INVALID_PROMQL),
    "an unknown metric": ("wallet_sync_lag_second > 1", Code.UNKNOWN_METRIC),
    "newer syntax": ("rate(x[5m] smoothed) > 1", Code.UNSUPPORTED_PROMQL),
    "deep nesting": (DEEP_PARENTHESES, Code.TOO_LARGE),
    "a chain of operators": ("+".join(["x"] * 4_000) + " > 1", Code.TOO_LARGE),
    "a MiB": ("x > " + "1" * 1_048_576, Code.INVALID_FIELD),
    "a NUL": ("x > 1 \x00", Code.INVALID_FIELD),
    "a right-to-left mark": ("x\u202e > 1", Code.INVALID_PROMQL),
    "a quote that does not end": ('x{a="b\\"} > 1', Code.INVALID_PROMQL),
}


@pytest.mark.parametrize("what", BAD_RULES)
def test_a_bad_rule_is_a_finding_with_code_path_and_cure(what: str) -> None:
    expr, code = BAD_RULES[what]
    (found,) = linted(json.dumps(rule(expr=expr, summary="s")))
    assert (found["code"], found["path"]) == (code, "spec.rules[0].expr")
    assert found["cure"]
    assert len(found["message"]) < 1_000


def test_a_label_value_with_quotes_and_backslashes_is_taken_as_it_is() -> None:
    value = "a\"b\\c'd`e"
    done = call("render", "-", stdin=json.dumps(rule(expr="x > 1", summary="s", labels={"note": value})))
    objects = list(yaml.safe_load_all(done.stdout))
    rules = [each for o in objects if o["kind"] == "PrometheusRule" for g in o["spec"]["groups"] for each in g["rules"]]
    assert next(each for each in rules if each.get("alert") == "Mine")["labels"]["note"] == value


def test_render_prints_every_object_without_anchors() -> None:
    document = hubless(maximal())
    del document["spec"]["className"]
    document["spec"]["packs"] = [{"name": "golden-signals"}]
    document["spec"]["rules"] = document["spec"]["rules"][:1]
    done = call("render", "-", stdin=json.dumps(document))
    assert done.exit_code == 0, done.stderr
    kinds = [each["kind"] for each in yaml.safe_load_all(done.stdout)]
    assert {"ServiceMonitor", "PodMonitor", "PrometheusRule", "AlertmanagerConfig", "ConfigMap"} <= set(kinds)
    assert "&id0" not in done.stdout


def test_render_prints_nothing_when_one_monitor_has_an_error() -> None:
    done = call("render", "-", stdin=GOOD + "---\n" + json.dumps(rule(expr="absent(x) == 0", summary="s")))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "NeverFires" in done.stderr


def test_render_wants_to_know_the_namespace() -> None:
    nowhere = GOOD.replace(", namespace: ns", "")
    refused = call("render", "-", stdin=nowhere)
    assert refused.exit_code == 1
    assert "--namespace" in refused.stderr
    done = call("render", "--namespace", "prod", "-", stdin=nowhere)
    assert {each["metadata"]["namespace"] for each in yaml.safe_load_all(done.stdout)} == {"prod"}
    assert 'wallet_sync_lag_seconds{namespace="prod",walletmon="a"}' in done.stdout


def test_explain_says_what_an_alert_means_and_goes_by() -> None:
    done = call("explain", "WalletSyncLagging")
    for words in ("P0", "behind its chain", "min by (wallet, target)", "syncLag = 5m", "runbooks/WalletSyncLagging"):
        assert words in done.stdout
    assert "{{" not in done.stdout


def test_explain_has_the_figures_in_force_for_a_monitor() -> None:
    document = minimal(wallets=[{"name": "hot-1", "thresholds": {"golden-signals.syncLag": "10m"}}, {"name": "hot-2"}])
    done = call("explain", "WalletSyncLagging", "--monitor", "-", stdin=json.dumps(document))
    assert "wallet hot-1: 600 seconds" in done.stdout
    assert "syncLag = 300 seconds" in done.stdout
    assert 'walletmon="treasury"' in done.stdout


def test_explain_knows_a_monitors_own_rules_and_near_names() -> None:
    own = json.dumps(rule(expr="x > 5", summary="x is high"))
    assert "x is high" in call("explain", "Mine", "--monitor", "-", stdin=own).stdout
    assert "did you mean WalletDown?" in call("explain", "WaletDown").stderr
    assert call("explain", "WaletDown").exit_code == 1
    disabled = minimal(packs=[{"name": "golden-signals", "disable": ["WalletDown"]}])
    assert "not in force" in call("explain", "WalletDown", "--monitor", "-", stdin=json.dumps(disabled)).stdout


def test_packs_lists_alerts_and_thresholds() -> None:
    assert "golden-signals (default)" in call("packs").stdout
    verbose = call("packs", "--verbose").stdout
    assert "WalletSyncLagging" in verbose
    assert "5m (1s to 7d)" in verbose


@pytest.mark.parametrize("arguments", [["--help"], ["packs"], ["explain", "WalletDown"], ["lint", "-"]])
def test_offline_commands_load_no_cluster_client(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom walletmon.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "print([name for name in ('kopf', 'kubernetes', 'aiohttp') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], input="", capture_output=True, text=True, check=False)
    assert done.stderr.endswith("[]\n") or arguments == ["--help"], done.stderr


PACK = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: packs, namespace: ns, labels: {walletmon.dev/pack: ""}}
data:
  cold-storage.yaml: |
    name: cold-storage
    title: Cold storage
    description: Whether the vault is shut.
    alerts:
      - name: VaultOpen
        expr: vault_open > 0
        for: 1m
        priority: P0
        summary: The vault of {{ $labels.wallet }} is open
        description: Shut it.
"""
USING_PACK = GOOD + "  packs: [{name: cold-storage}]\n"


def test_packs_in_the_files_are_there_for_their_monitors() -> None:
    assert linted(f"{USING_PACK}---\n{PACK}") == []
    (missing,) = linted(USING_PACK)
    assert (missing["code"], missing["path"]) == (Code.UNKNOWN_PACK, "spec.packs[0].name")
    rendered = call("render", "-", stdin=f"{PACK}---\n{USING_PACK}").stdout
    assert "alert: VaultOpen" in rendered
    told = call("explain", "VaultOpen", "--monitor", "-", stdin=f"{PACK}---\n{USING_PACK}")
    assert "priority P0" in told.stdout


def test_a_wrong_pack_in_the_files_is_a_finding_where_it_stands() -> None:
    broken = PACK.replace("alerts:", "alarms:")
    in_pack, in_monitor = linted(f"{broken}---\n{USING_PACK}")
    assert (in_pack["code"], in_pack["path"], in_pack["line"]) == (Code.INVALID_PACK, "data.cold-storage.yaml", 5)
    assert "alarms" in in_pack["message"]
    assert (in_monitor["code"], in_monitor["path"]) == (Code.INVALID_PACK, "spec.packs[0].name")


def test_other_config_maps_are_passed_over() -> None:
    assert linted(PACK.replace("walletmon.dev/pack", "app")) == []
    assert linted("kind: ConfigMap\nmetadata: {name: 1, labels: {walletmon.dev/pack: ''}}\n") == []
