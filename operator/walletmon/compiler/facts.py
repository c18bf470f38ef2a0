"""What the compiler has to know of the cluster, besides the monitor and its class."""

from __future__ import annotations

from dataclasses import dataclass, field

from walletmon.packs.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What others in the cluster have said, as far as it concerns one monitor."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    """The packs that the monitor can use."""
