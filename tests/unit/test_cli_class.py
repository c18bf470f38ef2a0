"""Classes on the command line: linted, in force, rendered; and what else in the files tells of the cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documents import Document, minimal, one, promql, target
from tests.unit.test_cli import call
from walletmon.api.diagnostic import Code

RELEASE = {"release": "stack"}


def class_document(name: str = "strict", default: bool = False, **spec: Any) -> Document:
    metadata: Document = {"name": name}
    if default:
        metadata["annotations"] = {"walletmon.dev/is-default-class": "true"}
    return {"apiVersion": "walletmon.dev/v1alpha1", "kind": "WalletMonitorClass", "metadata": metadata, "spec": spec}


def core(kind: str, name: str, **fields: Any) -> Document:
    metadata: Document = {"name": name, **fields.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def stream(*documents: Document) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False)


def findings(*documents: Document, options: tuple[str | Path, ...] = ()) -> list[dict[str, Any]]:
    done = call("lint", "--output", "json", *options, "-", stdin=stream(*documents))
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def codes(*documents: Document, options: tuple[str | Path, ...] = ()) -> list[tuple[str, str, str]]:
    return [(each["code"], each["path"], each["severity"]) for each in findings(*documents, options=options)]


def rendered(*documents: Document, options: tuple[str | Path, ...] = ()) -> list[Document]:
    done = call("render", *options, "-", stdin=stream(*documents))
    assert done.exit_code == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def releases(objects: list[Document]) -> set[str | None]:
    return {each["metadata"]["labels"].get("release") for each in objects}


def test_a_class_is_linted_with_line_and_column() -> None:
    text = stream(class_document(objectLabels=RELEASE, receiver=[], governance={"labelValueLength": 0}))
    done = call("lint", "-", stdin=text)
    assert done.exit_code == 1
    lines = text.splitlines()
    for field, path in (("receiver:", "spec.receiver"), ("labelValueLength:", "spec.governance.labelValueLength")):
        number = next(number for number, line in enumerate(lines, 1) if field in line)
        assert any(line.startswith(f"<stdin>:{number}:") and path in line for line in done.stdout.splitlines()), path
    assert done.stderr == "0 monitors, 1 class: 2 errors, 0 warnings\n"


def test_what_the_apiserver_refuses_of_a_class_is_told_with_the_classs_name() -> None:
    receiver = {"name": "desk", "slack": {"urlSecret": {"name": "s", "key": "k"}}}
    (found,) = [each for each in findings(class_document(receivers=[receiver])) if each["severity"] == "error"]
    assert (found["class"], found["monitor"], found["path"]) == ("strict", "", "spec.receivers")
    assert found["message"] == "receivers need alertmanager: it says in which namespace their Secrets are"


def test_a_class_in_the_files_is_in_force_for_the_monitors_that_name_it() -> None:
    strict = class_document(objectLabels=RELEASE, runbookBaseUrl="https://r/", grafanaUrl="https://g")
    objects = rendered(strict, minimal(className="strict"))
    assert releases(objects) == {"stack"}
    text = yaml.safe_dump(objects)
    assert "https://r/WalletDown" in text
    assert "https://g/d/" in text
    assert releases(rendered(strict, minimal())) == {None}


def test_the_default_class_is_in_force_for_monitors_that_name_none() -> None:
    usual = class_document("usual", default=True, objectLabels=RELEASE)
    assert releases(rendered(minimal(), usual, class_document())) == {"stack"}


def test_governance_of_a_class_in_the_files_is_linted() -> None:
    strict = class_document(governance={"allowedLabels": ["team"], "limits": {"samples": 10}})
    document = one(limits={"samples": 20})
    document["spec"] |= {"className": "strict", "rules": promql(labels={"desk": "a"})["spec"]["rules"]}
    assert codes(strict, document) == [
        (Code.EXCESSIVE_LIMIT, "spec.targets[0].limits.samples", "error"),
        (Code.DENIED_LABEL, "spec.rules[0].labels.desk", "error"),
    ]


def test_several_defaults_are_told_of_the_classes_and_of_the_monitors_without_a_name() -> None:
    found = findings(
        class_document("b", default=True), class_document("a", default=True), one(), {**one(), "kind": "Deployment"}
    )
    assert [(each["code"], each["class"], each["monitor"]) for each in found] == [
        (Code.AMBIGUOUS_CLASS, "b", ""),
        (Code.AMBIGUOUS_CLASS, "a", ""),
        (Code.AMBIGUOUS_CLASS, "", "wallets/treasury"),
    ]


def test_two_classes_of_one_name_are_an_error() -> None:
    (found,) = findings(class_document(), class_document())
    assert (found["code"], found["path"], found["severity"]) == (Code.DUPLICATE_CLASS, "metadata.name", "error")
    assert "<stdin>:4 has a class strict too" in found["message"]


def test_a_class_that_is_in_none_of_the_files_may_be_on_the_cluster() -> None:
    """So lint warns, and render cannot go on."""
    document = one()
    document["spec"]["className"] = "stritc"
    (found,) = findings(document)
    assert (found["code"], found["path"], found["severity"]) == (Code.UNKNOWN_CLASS, "spec.className", "warning")
    assert "what it decides is not known here" in found["message"]
    assert found["cure"] == "give its file as well, or name it with --class"
    assert findings(class_document(), document)[0]["cure"] == "did you mean strict?"
    done = call("render", "-", stdin=stream(document))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error: UnknownClass: spec.className" in done.stderr


def test_a_class_that_cannot_be_understood_is_told_once() -> None:
    document = one()
    document["spec"]["className"] = "strict"
    assert codes(class_document(hub="x"), document) == [(Code.INVALID_FIELD, "spec.hub", "error")]


def test_the_class_of_the_option_is_for_monitors_that_name_none(tmp_path: Path) -> None:
    file = tmp_path / "class.yaml"
    file.write_text(stream(core("Namespace", "x"), class_document("platform", objectLabels=RELEASE)))
    other = class_document("other", default=True, objectLabels={"release": "other"})
    objects = rendered(other, minimal(), minimal(name="b", className="other"), options=("--class", file))
    by_monitor = {
        name: releases([each for each in objects if each["metadata"]["labels"].get("walletmon.dev/monitor") == name])
        for name in ("treasury", "b")
    }
    assert by_monitor == {"treasury": {"stack"}, "b": {"other"}}
    assert codes(minimal(className="platform", targets=[target()]), options=("--class", file)) == []


def test_the_class_of_the_option_may_be_among_the_files_too(tmp_path: Path) -> None:
    file = tmp_path / "class.yaml"
    file.write_text(stream(class_document(), one()))
    done = call("lint", "--class", file, file)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "1 monitor, 1 class: 0 errors, 0 warnings"


def test_findings_of_the_class_of_the_option_are_told(tmp_path: Path) -> None:
    file = tmp_path / "class.yaml"
    file.write_text(stream(class_document(hub="x")))
    (found,) = findings(one(), options=("--class", file))
    assert (found["file"], found["path"]) == (str(file), "spec.hub")


@pytest.mark.parametrize(
    "text",
    ["a: [", "objectLabels: {release: stack}\n", "[1]", stream(class_document("a"), class_document("b")), ""],
    ids=["no YAML", "the form of old", "no object", "two classes", "nothing"],
)
@pytest.mark.parametrize("command", ["lint", "render", "explain"])
def test_a_file_that_names_no_class_is_refused(tmp_path: Path, text: str, command: str) -> None:
    file = tmp_path / "class.yaml"
    file.write_text(text)
    monitors = ["--monitor", "-"] if command == "explain" else ["-"]
    done = call(command, "--class", file, *monitors, stdin=stream(minimal()))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {file}")
    assert "Traceback" not in done.output


def test_render_prints_what_is_made_for_the_class_itself(repository: Path) -> None:
    example = repository / "examples" / "class.yaml"
    alone = call("render", example)
    assert alone.exit_code == 0, alone.stderr
    kinds = [each["kind"] for each in yaml.safe_load_all(alone.stdout)]
    assert {"AlertmanagerConfig", "Prometheus", "ScrapeConfig"} <= set(kinds)
    with_monitors = call("render", example, repository / "examples" / "treasury.yaml").stdout
    assert with_monitors.startswith(alone.stdout)
    decided = call("render", "--class", example, repository / "examples" / "treasury.yaml").stdout
    assert decided == with_monitors.removeprefix(alone.stdout)


def test_render_says_what_a_prometheus_that_others_keep_has_to_have(repository: Path) -> None:
    text = call("render", repository / "examples" / "class.yaml").stdout
    assert "# Environment staging wants this of Prometheus monitoring/k8s, which walletmon does not write:\n" in text
    assert "#     retention: 14d\n" in text


def test_a_folder_has_a_file_for_each_class_and_each_monitor(tmp_path: Path, repository: Path) -> None:
    examples = [repository / "examples" / f"{name}.yaml" for name in ("class", "treasury")]
    assert call("render", "--output", tmp_path / "out", *examples).exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "WalletMonitorClass.default.yaml",
        "wallets-prod.treasury.yaml",
    }
    done = call("render", "--format", "prometheus", "--output", tmp_path / "plain", *examples)
    assert done.exit_code == 0, done.stderr
    assert "class default: what is made for it alone needs prometheus-operator; left out" in done.stderr
    assert (tmp_path / "plain" / "rules" / "wallets-prod.treasury.yaml").is_file()


def test_the_example_is_a_class_that_its_neighbours_keep_to(repository: Path) -> None:
    done = call("lint", *sorted((repository / "examples").glob("*.yaml")))
    assert (done.exit_code, done.stdout) == (0, "")
    (document,) = yaml.safe_load_all((repository / "examples" / "class.yaml").read_text(encoding="utf-8"))
    assert len(document["spec"]["environments"]) == 2
    means = {key for receiver in document["spec"]["receivers"] for key in receiver} - {"name"}
    assert len(means) >= 5


ENVIRONMENTS = [
    {"name": "prod", "namespaceSelector": {"matchLabels": {"env": "prod"}}, "labels": {"tier": "gold"}},
    {"name": "one", "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "wallets"}}},
]


def test_namespaces_in_the_files_choose_the_environment() -> None:
    usual = class_document("usual", default=True, environments=ENVIRONMENTS)
    prod = core("Namespace", "wallets", metadata={"labels": {"env": "prod"}})
    assert codes(usual, one()) == []
    assert codes(usual, prod, one()) == [(Code.AMBIGUOUS_ENVIRONMENT, "spec.environment", "warning")]
    objects = rendered(usual, core("Namespace", "wallets"), one())
    assert {each["metadata"]["labels"].get("walletmon.dev/environment") for each in objects} == {"one"}
    assert codes(usual, core("Namespace", "other"), one()) == []


def test_a_key_that_a_secret_in_the_files_lacks_is_told_and_other_secrets_are_not_known() -> None:
    hook = {"name": "a", "webhook": {"urlSecret": {"name": "on-call", "key": "url"}}}
    document = {**one(), "spec": {**one()["spec"], "routing": {"receivers": [hook]}}}
    here = {"metadata": {"namespace": "wallets"}}
    assert codes(document) == []
    assert codes(document, core("Secret", "on-call", stringData={"url": "https://x"}, **here)) == []
    assert codes(document, core("Secret", "on-call", data={"url": "aHR0cHM6Ly94"}, **here)) == []
    assert codes(document, core("Secret", "on-call")) == []
    told = codes(document, core("Secret", "on-call", data={"uri": "aHR0cHM6Ly94"}, **here))
    assert Code.MISSING_SECRET in [code for code, _, _ in told]


@pytest.mark.parametrize(
    "strange",
    [
        core("Namespace", "x", metadata={"labels": [1]}),
        core("Namespace", "x", metadata={"labels": {"a": 1, 2: "b"}}),
        core("Secret", "x", data="none", stringData={"a": None}),
        core("Service", "x", metadata={"namespace": 7}),
        {"apiVersion": "v1", "kind": "Secret", "metadata": None},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": {}}},
        {"apiVersion": "v1", "kind": ["Secret"], "metadata": {"name": "x"}},
    ],
    ids=repr,
)
def test_what_tells_nothing_of_the_cluster_is_passed_over(strange: Document) -> None:
    assert codes(strange, one()) == []


MUTED = {
    "receivers": [{"name": "a", "webhook": {"urlSecret": {"name": "s", "key": "k"}}}],
    "P2": {"receivers": ["a"], "muteTimeIntervals": ["nights"]},
    "muteTimeIntervals": [{"name": "nights", "timeZone": "Europe/Berlin", "times": [{"from": "20:00", "to": "24:00"}]}],
}


def test_the_same_year_gives_the_same_bytes() -> None:
    document = minimal(routing=MUTED)
    first = call("render", "--year", "2027", "-", stdin=stream(document))
    assert first.exit_code == 0, first.stderr
    assert first.stdout == call("render", "--year", "2027", "-", stdin=stream(document)).stdout
    assert call("render", "--year", "none", "-", stdin=stream(document)).exit_code == 2


def test_explain_says_what_is_in_force_and_what_it_costs(repository: Path) -> None:
    monitor, class_ = (repository / "examples" / f"{name}.yaml" for name in ("treasury", "class"))
    text = call("explain", "--file", monitor, "--class", class_).stdout
    for words in (
        "Monitor wallets-prod/treasury: class default, environment prod",
        "scraped",
        "target api: 2 processes of ",
        "if all alerts fire",
        "This is an estimate. It assumes that:",
    ):
        assert words in text
    assert "the built-in class, environment prod" in call("explain", "--monitor", monitor).stdout
    unknown = call("explain", "--monitor", "-", stdin=stream(minimal(className="strict"))).stdout
    assert "the built-in class, as class strict is not known here, no environment" in unknown


def test_explain_wants_an_alert_or_monitors() -> None:
    done = call("explain")
    assert done.exit_code == 2
    assert "name an ALERT, or monitors with --monitor FILE" in done.stderr


def test_thousands_are_written_so_that_they_can_be_read() -> None:
    document = one(static=[f"node-{n}:1" for n in range(3)], service=None, role="node")
    del document["spec"]["targets"][0]["service"]
    assert "4,215 target api: 3 processes of 1,405" in call("explain", "--file", "-", stdin=stream(document)).stdout
