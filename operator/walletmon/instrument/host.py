"""What the machine grants the process: memory and disk, read anew at each scrape so that no figure goes stale.

A figure that cannot be read is None, never 0: a free space of 0 would page someone, a limit of 0 would divide by it.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger("walletmon.instrument")


class Reading:
    """One kind of figure read from the machine; says once when it becomes unreadable and once when it is back."""

    def __init__(self, what: str) -> None:
        """`what` names it in the log."""
        self._what = what
        self._failing = False

    def failed(self, error: Exception) -> None:
        """Note that reading it raised `error`; logs a warning the first time in a row."""
        if not self._failing:
            logger.warning("%s cannot be read and is left out of the metrics: %s", self._what, error)
        self._failing = True

    def succeeded(self) -> None:
        """Note that reading it worked."""
        if self._failing:
            logger.info("%s can be read again", self._what)
        self._failing = False


class MemoryLimit:
    """The memory this process may use."""

    def __init__(self, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        """`proc` and `cgroups` are where the kernel's file systems are mounted."""
        self._proc = proc
        self._cgroups = cgroups
        self._reading = Reading("the memory limit")

    def read(self) -> float | None:
        """Bytes: the least of the machine's memory and the limits of the process's cgroup and the groups above it
        (cgroup v2 `memory.max`, v1 `memory.limit_in_bytes`). None if that cannot be found out."""
        try:
            machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
            limit = min([machine, *self._cgroup_limits()])
        except (OSError, ValueError) as error:
            self._reading.failed(error)
            return None
        self._reading.succeeded()
        return float(limit)

    def _cgroup_limits(self) -> Iterator[int]:
        for file in self._limit_files():
            try:
                text = file.read_text().strip()
            except (FileNotFoundError, NotADirectoryError):
                continue  # the root group has no limit file, and a container does not see the groups above its own
            if text != "max":
                yield int(text)

    def _limit_files(self) -> Iterator[Path]:
        try:
            lines = (self._proc / "self/cgroup").read_text().splitlines()
        except FileNotFoundError:  # not Linux
            return
        for line in lines:
            hierarchy, controllers, path = line.split(":", 2)
            if hierarchy == "0" and not controllers:
                root, name = self._cgroups, "memory.max"
            elif "memory" in controllers.split(","):
                root, name = self._cgroups / "memory", "memory.limit_in_bytes"
            else:
                continue
            group = Path(path.lstrip("/"))
            for ancestor in (group, *group.parents):
                yield root / ancestor / name


class Disk:
    """The file system that holds one volume of the wallet's data."""

    def __init__(self, volume: str, path: Path) -> None:
        """`volume` is the label value; `path` is any file or directory on the file system."""
        self.volume = volume
        self._path = path
        self._reading = Reading(f"the disk of volume {volume!r}")

    def read(self) -> tuple[float, float] | None:
        """(bytes free to an unprivileged process, size in bytes), or None if the path cannot be read."""
        try:
            usage = shutil.disk_usage(self._path)
        except OSError as error:
            self._reading.failed(error)
            return None
        self._reading.succeeded()
        return float(usage.free), float(usage.total)
