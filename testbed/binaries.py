"""Building the programs of the test bed that are missing, and saying where they are.

Each source (`sources`) has a folder of its own in the cache, named by the hash of everything that decides its content.
So a changed pin rebuilds that source alone, and different checkouts share what they agree on. A program appears there
whole (built under another name, then renamed) or not at all.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import BuildError
from testbed.process import run_to_end
from testbed.progress import Progress, progress_for
from testbed.sources import BED, JUDGES, PROMETHEUS_OPERATOR, Program, Source
from testbed.toolchain import Toolchain, environment

_CACHE_VARIABLE = "WALLETMON_TESTBED_CACHE"
_ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"


@dataclass(frozen=True)
class Binaries:
    """Paths of the programs by name, and the folder with prometheus-operator's CRDs (JSON).

    `crds` is None when their source was not asked for.
    """

    programs: Mapping[str, Path]
    crds: Path | None

    def __getitem__(self, name: str) -> Path:
        """The path of one program."""
        return self.programs[name]


def cache_root() -> Path:
    """Where programs are kept: `$WALLETMON_TESTBED_CACHE`, else `walletmon/testbed` in the user's cache folder."""
    if chosen := os.environ.get(_CACHE_VARIABLE):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "walletmon/testbed"


def ensure(sources: Sequence[Source] = BED, progress: Progress | None = None) -> Binaries:
    """Build what is missing of `sources` and say where everything is.

    It takes about ten minutes on two cores with nothing cached. etcd, kube-apiserver and others that lie in
    `$KUBEBUILDER_ASSETS` are taken from there. Two processes that call this at once do not build twice: the second
    waits for the first.

    Raises:
        BuildError: naming the program and its log.
    """
    root = cache_root()
    toolchain = Toolchain.find()
    assets = _assets()
    folders = {source: root / f"{source.name}-{source.key(toolchain.version)}" for source in sources}
    if not all(_is_complete(source, folder, assets) for source, folder in folders.items()):
        display = progress or progress_for()
        with _lock(root, display):
            count = sum(len(_missing(source, folder, assets)) for source, folder in folders.items())
            build = _Build(root, toolchain, display, assets, count)
            for source, folder in folders.items():
                build.complete(source, folder)
    built = {
        program.name: folder / "bin" / program.name for source, folder in folders.items() for program in source.programs
    }
    crds = next((folder / "crds" for source, folder in folders.items() if source.has_crds), None)
    return Binaries({**built, **assets}, crds)


def _assets() -> dict[str, Path]:
    folder = os.environ.get(_ASSETS_VARIABLE)
    ours = {program.name for source in (*BED, *JUDGES) for program in source.programs}
    return {path.name: path for path in Path(folder).iterdir() if path.name in ours} if folder else {}


def _missing(source: Source, folder: Path, assets: Mapping[str, Path]) -> list[Program]:
    return [
        program
        for program in source.programs
        if program.name not in assets and not (folder / "bin" / program.name).exists()
    ]


def _is_complete(source: Source, folder: Path, assets: Mapping[str, Path]) -> bool:
    return not _missing(source, folder, assets) and (not source.has_crds or (folder / "crds").exists())


@contextlib.contextmanager
def _lock(root: Path, progress: Progress) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        if not _try_lock(lock.fileno()):
            progress.begin("waiting for another process that builds the test bed")
            while not _try_lock(lock.fileno()):
                time.sleep(1.0)
                progress.still()
            progress.done()
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Build:
    """One run of the compiler over what is missing; used under the lock."""

    def __init__(
        self, root: Path, toolchain: Toolchain, progress: Progress, assets: Mapping[str, Path], count: int
    ) -> None:
        self._count = count
        self._number = 0
        self._root = root
        self._toolchain = toolchain
        self._progress = progress
        self._assets = assets
        self._go: Path | None = None

    def complete(self, source: Source, folder: Path) -> None:
        """Build the missing programs of `source` into `folder` and put its CRDs beside them."""
        for part in ("bin", "log"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for abandoned in folder.glob("*/.building"):
            shutil.rmtree(abandoned)
        for program in _missing(source, folder, self._assets):
            self._compile(source, program, folder)
        if source.has_crds and not (folder / "crds").exists():
            self._copy_crds(source, folder)

    def _compile(self, source: Source, program: Program, folder: Path) -> None:
        go = self._installed_go()
        log = folder / f"log/{program.name}.log"
        log.unlink(missing_ok=True)
        fresh = folder / "bin/.building"
        fresh.mkdir()
        env = environment(go)
        if source.version:
            command = [str(go), "install", *program.flags, f"{program.package}@{source.version}"]
            # `go install` names the program after the last element of its package, as we do.
            run = (command, log, {**env, "GOBIN": str(fresh)}, folder)
        else:
            command = [str(go), "build", *program.flags, "-o", str(fresh / program.name), program.package]
            run = (command, log, env, source.module)
        self._number += 1
        self._progress.begin(f"building {program.name} ({self._number} of {self._count})")
        try:
            if run_to_end(*run, still=self._progress.still) != 0:
                self._progress.done("failed")
                raise BuildError(program.name, log)
            (fresh / program.name).rename(folder / "bin" / program.name)
        finally:
            shutil.rmtree(fresh)
        self._progress.done()

    def _copy_crds(self, source: Source, folder: Path) -> None:
        go = self._installed_go()
        where = subprocess.run(
            [str(go), "list", "-m", "-f", "{{.Dir}}", PROMETHEUS_OPERATOR],
            cwd=source.module,
            env={**os.environ, **environment(go)},
            capture_output=True,
            text=True,
            check=True,
        )
        fresh = folder / "bin/.building"
        fresh.mkdir()
        for crd in Path(where.stdout.strip(), "jsonnet/prometheus-operator").glob("*-crd.json"):
            (fresh / crd.name).write_bytes(crd.read_bytes())
        fresh.rename(folder / "crds")

    def _installed_go(self) -> Path:
        if self._go is None:
            self._go = self._toolchain.install(self._root, self._progress)
        return self._go
