"""Logs: one line a fact, as JSON for machines or as text for people. Facts stand in fields, not in sentences."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

_OWN = frozenset(vars(logging.makeLogRecord({})))


class _TextFormatter(logging.Formatter):
    """The message, then the fields as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            name: value
            for name, value in vars(record).items()
            if name not in _OWN and name not in ("message", "asctime")
        }
        line = super().format(record)
        return " ".join([line, *(f"{name}={value}" for name, value in fields.items())])


def configure_logging(form: str, level: str) -> None:
    """Log to stderr; `form` is json or text, `level` a name of the standard library's."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(
            JsonFormatter(
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
                datefmt="%Y-%m-%dT%H:%M:%S%z",
            )
        )
    else:
        handler.setFormatter(_TextFormatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # kopf tells of every event it hands over; ours are the lines that matter.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    logging.getLogger("kopf.activities").setLevel(logging.WARNING)
