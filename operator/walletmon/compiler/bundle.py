"""What the compiler gives: the objects a monitor should have, and what it found on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from walletmon.api.diagnostic import Diagnostic, Severity

Manifest = dict[str, Any]
"""A Kubernetes object as a plain document."""


@dataclass(slots=True)
class Part:
    """What one part of the compiler (scraping, rules, ...) adds."""

    objects: list[Manifest] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def __iadd__(self, other: Part) -> Part:
        self.objects += other.objects
        self.diagnostics += other.diagnostics
        return self


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that follows from one monitor.

    `objects` is None when the monitor as a whole cannot be understood: then nothing is known of what should exist, and
    what exists stays. An empty tuple is the opposite statement: nothing should exist.
    """

    objects: tuple[Manifest, ...] | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @classmethod
    def rejected(cls, diagnostics: Iterable[Diagnostic]) -> Bundle:
        """The bundle of a monitor that cannot be understood."""
        return cls(None, tuple(diagnostics))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Findings because of which something asked for is left out."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)
