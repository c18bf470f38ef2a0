"""Alertmanagers: each the real one, on the configuration of an `Alertmanager` object."""

from collections.abc import Mapping
from typing import Any

from testbed.api import Api, Json
from testbed.binaries import Binaries
from testbed.follower import Follower, Followers
from testbed.generated import alertmanager_files
from testbed.objects import everything, namespace_object, with_spec


class Alertmanagers:
    """Starts them; `followers` are those that run."""

    def __init__(self, api: Api, binaries: Binaries, followers: Followers) -> None:
        """`api` as admin; `followers` are empty."""
        self._api = api
        self._binaries = binaries
        self.followers = followers

    def start(self, namespace: str, name: str, matcher_strategy: str, spec: Mapping[str, Any]) -> Follower:
        """Create an `Alertmanager` object, and run the real one on its configuration."""
        follower = self.followers.prepare(namespace, name)
        self._api.apply(namespace_object(namespace))
        self._api.apply(with_spec(_object(namespace, name, matcher_strategy), spec))
        self.followers.run(
            follower,
            lambda: alertmanager_files(name, self._api.items("v1", "Secret", namespace), follower.folder),
            [
                str(self._binaries["alertmanager"]),
                f"--config.file={follower.config}",
                f"--storage.path={follower.folder / 'data'}",
                f"--web.listen-address={follower.address}",
                "--cluster.listen-address=",
            ],
        )
        return follower

    def addresses(self, namespace: str | None = None) -> list[str]:
        """Where those of a namespace listen (host:port), or all."""
        return [each.address for each in self.followers.all() if namespace in (None, each.namespace)]


def _object(namespace: str, name: str, matcher_strategy: str) -> Json:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Alertmanager",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "version": "v0.28.1",
            "alertmanagerConfigMatcherStrategy": {"type": matcher_strategy},
            **everything("alertmanagerConfig"),
        },
    }
