"""What the apiserver was asked: its audit log, with one event a request."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed.api import Api, Json
from testbed.waiting import wait_for

_FLUSH_S = 10.0

# Rules are tried in order. Health checks and leases come by the second and say nothing about what anybody did.
POLICY: Json = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/readyz*", "/livez*"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class AuditMark:
    """A position in the audit log: everything before it was asked before it was taken."""

    offset: int


class AuditLog:
    """Reads `log`, which the apiserver behind `api` writes."""

    def __init__(self, log: Path, api: Api) -> None:
        """`api` is used to find out what has been written."""
        self._log = log
        self._api = api

    def mark(self) -> AuditMark:
        """The position after every request answered so far."""
        self._flush()
        return AuditMark(self._log.stat().st_size)

    def events(self, since: AuditMark | None = None) -> list[Json]:
        """Events after `since` (else all), oldest first.

        Each has `verb`, `user`, `userAgent`, `requestURI`, `objectRef`, `responseStatus.code`, `stage`: a watch is
        logged when it begins (`ResponseStarted`) and when it ends (`ResponseComplete`), anything else only then.
        """
        self._flush()
        return [event for event in self._read(since.offset if since else 0) if not _is_barrier(event)]

    def _flush(self) -> None:
        # A request is logged just after it is answered. One of our own, asked now, is logged after those answered
        # before.
        barrier = f"/version?{_BARRIER}={uuid.uuid4()}"
        start = self._log.stat().st_size if self._log.exists() else 0
        self._api.request("GET", barrier)
        wait_for(
            f"a request to appear in {self._log}",
            lambda: any(event["requestURI"] == barrier for event in self._read(start)),
            _FLUSH_S,
        )

    def _read(self, offset: int) -> Iterator[Json]:
        if not self._log.exists():
            return
        with self._log.open("rb") as lines:
            lines.seek(offset)
            for line in lines:
                if line.endswith(b"\n"):  # else the apiserver is writing it at this moment
                    yield json.loads(line)


_BARRIER = "testbed-audit-barrier"


def _is_barrier(event: Json) -> bool:
    return _BARRIER in event["requestURI"]
