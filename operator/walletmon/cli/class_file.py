"""The platform team's decisions (`MonitorClass`) from a file, for commands that have no operator to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from walletmon.api.base import Model
from walletmon.api.monitor_class import RUNBOOKS, MonitorClass

_URL = "^https?://[!-~]+$"


class ClassFileError(ValueError):
    """A file that says no MonitorClass; the message names the place."""


class _ClassFile(Model):
    object_labels: Annotated[dict[str, str], Field(default_factory=dict)]
    runbook_base_url: Annotated[str, Field(pattern=_URL)] = RUNBOOKS
    grafana_url: Annotated[str | None, Field(pattern=_URL)] = None


def read_class(path: Path | None) -> MonitorClass:
    """The class in the YAML file `path` (keys objectLabels, runbookBaseUrl, grafanaUrl); the built-in one for None.

    Raises ClassFileError.
    """
    if path is None:
        return MonitorClass()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        said = _ClassFile.model_validate({} if content is None else content)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in detail["loc"]) or "the file"
        raise ClassFileError(f"{path}: {where}: {detail['msg']}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ClassFileError(f"{path}: this is not YAML: {error}") from None
    return MonitorClass(
        object_labels=said.object_labels,
        runbook_base_url=said.runbook_base_url.rstrip("/"),
        grafana_url=said.grafana_url.rstrip("/") if said.grafana_url else None,
    )
