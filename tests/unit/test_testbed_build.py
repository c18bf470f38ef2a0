"""What decides whether a program is built again, by which Go, and what a person sees meanwhile."""

import io
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from testbed import binaries, sources, toolchain
from testbed.errors import BuildError
from testbed.progress import PlainProgress
from testbed.sources import BED, JUDGES, Program, Source

GO = "go1.26.8 linux/amd64"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sources, "_GO", tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (folder / name).write_text(name)
    return folder


MINE = Source("mine", (Program("it", "."),))


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go"])
def test_a_changed_file_of_the_module_changes_the_key(module: Path, name: str) -> None:
    before = MINE.key(GO)
    (module / name).write_text("changed")
    assert MINE.key(GO) != before


def test_files_that_are_not_compiled_do_not_change_the_key(module: Path) -> None:
    before = MINE.key(GO)
    (module / "README.md").write_text("changed")
    assert MINE.key(GO) == before


@pytest.mark.parametrize(
    "other",
    [
        replace(MINE, programs=(Program("it", ".", ldflags=("-X a.b=c",)),)),
        replace(MINE, programs=(Program("it", ".", tags="t"),)),
        replace(MINE, programs=(Program("it", "./cmd"),)),
        replace(MINE, version="v1.0.0"),
    ],
)
@pytest.mark.usefixtures("module")
def test_flags_packages_and_versions_change_the_key(other: Source) -> None:
    assert other.key(GO) != MINE.key(GO)


@pytest.mark.usefixtures("module")
def test_another_go_changes_the_key() -> None:
    assert MINE.key("go1.27.0 linux/amd64") != MINE.key(GO)


def test_programs_have_one_source_each_and_modules_pin_their_sums() -> None:
    names = [program.name for source in (*BED, *JUDGES) for program in source.programs]
    assert len(names) == len(set(names))
    for source in (*BED, *JUDGES):
        assert source.version or (source.module / "go.sum").is_file()


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("go1.26.0 linux/amd64", True),
        ("go1.27.3 linux/amd64", True),
        ("go2.0 linux/amd64", True),
        ("go1.25.9 linux/amd64", False),
        ("go1.9 linux/amd64", False),
        ("unusable", False),
    ],
)
def test_go_must_be_as_new_as_the_modules_ask(version: str, *, enough: bool) -> None:
    assert toolchain.is_new_enough(version) is enough


def fake_go(folder: Path, script: str) -> None:
    folder.mkdir()
    go = folder / "go"
    go.write_text(f"#!/bin/sh\n{script}\n")
    go.chmod(go.stat().st_mode | stat.S_IXUSR)


def test_an_old_go_is_named_as_the_reason_for_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "bin", 'echo "go version go1.19.8 linux/amd64"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = toolchain.Toolchain.find()
    assert found.go is None
    assert "go1.19.8" in found.why_wheel
    assert "1.26" in found.why_wheel


@pytest.mark.usefixtures("module")
def test_a_failed_build_names_program_and_log_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = 'case $1 in version) echo "go version go1.26.8 linux/amd64";; *) echo "no such package"; exit 1;; esac'
    fake_go(tmp_path / "bin", compiler)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("WALLETMON_TESTBED_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BuildError, match=r"(?s)building it failed.*no such package") as failed:
        binaries.ensure((MINE,), PlainProgress(io.StringIO()))
    assert failed.value.log.read_text() == "no such package\n"
    assert list((tmp_path / "cache").glob("mine-*/bin/*")) == []


@pytest.mark.usefixtures("module")
def test_what_is_built_is_found_again_without_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Stands in for `go build FLAGS -o OUT PACKAGE`.
    compiler = 'case $1 in version) echo "go version go1.26.8 linux/amd64";; *) echo ran >> "$LOG"; touch "$6";; esac'
    fake_go(tmp_path / "bin", compiler)
    monkeypatch.setenv("LOG", str(tmp_path / "runs"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("WALLETMON_TESTBED_CACHE", str(tmp_path / "cache"))
    first = binaries.ensure((MINE,), PlainProgress(io.StringIO()))
    assert first["it"].exists()
    assert binaries.ensure((MINE,), PlainProgress(io.StringIO()))["it"] == first["it"]
    assert (tmp_path / "runs").read_text() == "ran\n"


@pytest.mark.usefixtures("module")
def test_programs_in_kubebuilder_assets_are_taken_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "etcd").touch()
    (assets / "unknown").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    monkeypatch.setenv("WALLETMON_TESTBED_CACHE", str(tmp_path / "cache"))
    found = binaries.ensure((replace(MINE, programs=(Program("etcd", "."),)),), PlainProgress(io.StringIO()))
    assert dict(found.programs) == {"etcd": assets / "etcd"}
    assert not (tmp_path / "cache").exists()


def test_plain_progress_says_a_line_at_least_every_twenty_seconds() -> None:
    now = 0.0
    out = io.StringIO()
    progress = PlainProgress(out, clock=lambda: now)
    progress.begin("building it")
    for _ in range(65):
        now += 1.0
        progress.still()
    progress.done()
    assert out.getvalue().splitlines() == [
        "[   0 s] building it: ...",
        "[  20 s] building it: ...",
        "[  40 s] building it: ...",
        "[  60 s] building it: ...",
        "[  65 s] building it: done",
    ]
