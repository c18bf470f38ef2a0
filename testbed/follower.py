"""Local processes that run on what prometheus-operator generates: each follows one object of the cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.bridge import Bridge
from testbed.errors import BedError
from testbed.generated import CONFIG, Files
from testbed.process import Component, Health, free_port


@dataclass(frozen=True)
class Follower:
    """A Prometheus or an Alertmanager that runs as the first replica of the object `namespace`/`name`."""

    namespace: str
    name: str
    component: str
    """Its name among the bed's components, for `Testbed.restart`, `Testbed.log` and the like."""
    address: str
    """Where it listens, host:port."""
    folder: Path
    """Its files: configuration, rules, certificates, data."""

    @property
    def url(self) -> str:
        """Its URL, without a path."""
        return f"http://{self.address}"

    @property
    def config(self) -> Path:
        """The configuration file that it runs on, for promtool and amtool."""
        return self.folder / CONFIG


class Followers:
    """Those of one program, in the order they were started.

    The first one is the component that has the program's name, and the one meant where none is named.
    """

    def __init__(self, program: str, root: Path, add: Callable[[Component], None]) -> None:
        """`root` takes their folders, `add` starts a component and keeps it."""
        self._program = program
        self._root = root
        self._add = add
        self._followers: dict[tuple[str, str], Follower] = {}
        self._bridges: list[Bridge] = []

    def prepare(self, namespace: str, name: str) -> Follower:
        """The one for an object, with its folder; `run` has it run.

        Raises:
            BedError: one has been started for this object before.
        """
        if (namespace, name) in self._followers:
            raise BedError(f"{self._program} {namespace}/{name} has been started before")
        component = f"{self._program}.{namespace}.{name}" if self._followers else self._program
        folder = self._root / component
        folder.mkdir(exist_ok=True)  # it is there when an earlier attempt failed
        return Follower(namespace, name, component, f"127.0.0.1:{free_port()}", folder)

    def run(self, follower: Follower, read: Callable[[], Files | None], command: Sequence[str]) -> None:
        """Start `command` as `follower` once `read` gives its files, and have it follow them from then on.

        Raises:
            WaitTimeoutError: `read` gives nothing within a minute.
            ComponentDiedError: the process did not get ready.
        """
        what = f"{self._program} {follower.namespace}/{follower.name}"
        bridge = Bridge(what, read, follower.folder, f"{follower.url}/-/reload")
        bridge.fetch()
        self._add(
            Component(
                name=follower.component,
                command=command,
                log=self._root / f"log/{follower.component}.log",
                health=Health(f"{follower.url}/-/ready"),
            )
        )
        self._followers[follower.namespace, follower.name] = follower
        self._bridges.append(bridge)
        bridge.start()

    def get(self, namespace: str, name: str) -> Follower:
        """The one for this object.

        Raises:
            BedError: none has been started for it.
        """
        if (namespace, name) not in self._followers:
            raise BedError(f"{self._program} {namespace}/{name} has not been started")
        return self._followers[namespace, name]

    @property
    def first(self) -> Follower:
        """The one that was started first.

        Raises:
            BedError: none has been started.
        """
        for follower in self.all():
            return follower
        raise BedError(f"{self._program} has not been started")

    def all(self) -> list[Follower]:
        """All, in the order they were started. Bridges ask this from their threads."""
        return list(self._followers.values())

    def check(self) -> None:
        """Raise what a bridge has to tell."""
        for bridge in self._bridges:
            bridge.check()

    def close(self) -> None:
        """Have none follow any longer; the components belong to the bed."""
        for bridge in self._bridges:
            bridge.stop()
