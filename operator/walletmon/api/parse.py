"""From a document to a monitor or a class, or to diagnostics that say what in it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import WalletMonitorClass

_SHOWN_AT_MOST = 80

_CURES = {
    "extra_forbidden": "remove it, or correct its name",
    "missing": "add it",
    "string_pattern_mismatch": "write it in the form that `kubectl explain` gives for this field",
}


class InvalidMonitor(ValueError):
    """A document that is no WalletMonitor, or no WalletMonitorClass; `diagnostics` name each place."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__("; ".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = diagnostics


def parse_monitor(document: Mapping[str, Any]) -> WalletMonitor:
    """The monitor that a document describes. `status` is not looked at: it is the operator's own.

    Raises InvalidMonitor.
    """
    return _parse(WalletMonitor, document)


def parse_class(document: Mapping[str, Any]) -> WalletMonitorClass:
    """The class that a document describes. `status` is not looked at.

    Raises InvalidMonitor.
    """
    return _parse(WalletMonitorClass, document)


_Resource = TypeVar("_Resource", WalletMonitor, WalletMonitorClass)


def _parse(model: type[_Resource], document: Mapping[str, Any]) -> _Resource:
    try:
        return model.model_validate({name: part for name, part in document.items() if name != "status"})
    except ValidationError as error:
        raise InvalidMonitor([_diagnostic(detail) for detail in error.errors(include_url=False)]) from error


def _diagnostic(detail: Any) -> Diagnostic:
    path = ""
    for step in detail["loc"]:
        if step == "[key]":
            # pydantic's word for a key that is wrong itself; the path up to it says which.
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    shown = repr(detail["input"])
    if len(shown) > _SHOWN_AT_MOST:
        shown = shown[:_SHOWN_AT_MOST] + "..."
    given = "" if detail["type"] == "missing" else f" (given: {shown})"
    cure = _CURES.get(detail["type"], "see `kubectl explain` for what this field takes")
    return Diagnostic(Code.INVALID_FIELD, path, f"{detail['msg']}{given}", cure)
