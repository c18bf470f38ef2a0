"""Keeps a local process on what prometheus-operator generates for it, as the config reloader does in a pod."""

import threading
from collections.abc import Callable
from pathlib import Path

import urllib3

from testbed.api import ApiError
from testbed.errors import BedError
from testbed.generated import Files
from testbed.waiting import wait_for

_INTERVAL_S = 0.5
_FIRST_S = 60.0
_RELOAD_S = 30.0


class Bridge:
    """Looks twice a second for new files, writes them below a folder and has the process read them.

    A configuration that the process refuses is a finding, not a nuisance: `check` tells it, until a later one is
    accepted.
    """

    def __init__(self, name: str, read: Callable[[], Files | None], folder: Path, reload_url: str) -> None:
        """`read` gives the files as of now, None while there are none; `name` is for messages."""
        self._name = name
        self._read = read
        self._folder = folder
        self._reload_url = reload_url
        self._current: Files = {}
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"bridge-{name}", daemon=True)

    def fetch(self) -> None:
        """Wait for the first files and write them, before the process starts.

        Raises:
            WaitTimeoutError: there are none within a minute.
        """
        self._write(wait_for(f"prometheus-operator to configure {self._name}", self._read, _FIRST_S))

    def start(self) -> None:
        """Follow from now on; the process runs."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following. Harmless when not started."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Nothing when all is well.

        Raises:
            BedError: following broke, or the process refused what was generated.
        """
        if self._problem:
            raise BedError(f"{self._name}: {self._problem}")

    def _follow(self) -> None:
        while not self._stopping.wait(_INTERVAL_S):
            try:
                files = self._read()
                if files is not None and files != self._current:
                    self._write(files)
                    self._problem = self._reload()
            except (ApiError, urllib3.exceptions.HTTPError):
                continue  # the apiserver or the process is stopped, as tests do; the next look finds what changed
            except Exception as error:  # noqa: BLE001 (a thread has no caller: `check` tells it)
                self._problem = f"following the generated configuration failed: {error!r}"

    def _write(self, files: Files) -> None:
        for path in self._current.keys() - files.keys():
            (self._folder / path).unlink(missing_ok=True)
        for path, content in files.items():
            if self._current.get(path) != content:
                target = self._folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                fresh = target.with_name(f".{target.name}.fresh")
                fresh.write_bytes(content)
                fresh.rename(target)
        self._current = files

    def _reload(self) -> str:
        with urllib3.PoolManager(retries=False, timeout=_RELOAD_S) as http:
            answer = http.request("POST", self._reload_url)
        if answer.status == 200:
            return ""
        return f"refused the generated configuration in {self._folder}: {answer.data.decode(errors='replace').strip()}"
