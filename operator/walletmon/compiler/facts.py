"""What the compiler has to know of the cluster, besides the monitor and its class.

Facts are data: whoever compiles has gathered them. None says that something is not known (offline, or the right to look
is missing), which is another statement than that nothing is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from walletmon.compiler.bundle import Manifest
from walletmon.packs.catalogue import Catalogue

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What others in the cluster have said, as far as it concerns one monitor or one class."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    """The packs that the monitor can use."""

    namespaces: Mapping[str, Labels] | None = None
    """The labels of every namespace."""

    prometheuses: tuple[Manifest, ...] | None = None
    """All Prometheus objects."""

    alertmanagers: tuple[Manifest, ...] | None = None
    """All Alertmanager objects."""

    secrets: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Keys of Secrets that were looked at, by namespace and name; no keys if there is no such Secret. A Secret that is
    not in here is not known."""

    services: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """Whether there is a Service, by namespace and name, of those that were looked at."""

    year: int | None = None
    """The present year (UTC), for time zones whose clocks are changed; None leaves such an interval to its year."""

    ambiguous_default: tuple[str, ...] = ()
    """Names of the classes that are marked as default, where there are several; the first counts."""

    def namespace_labels(self, namespace: str) -> Labels | None:
        """The labels of a namespace; None if they are not known."""
        if self.namespaces is None:
            return None
        return self.namespaces.get(namespace)

    def lacks(self, namespace: str, secret: str, key: str) -> bool:
        """Whether that key of a Secret is known not to be there."""
        keys = self.secrets.get((namespace, secret))
        return keys is not None and key not in keys
