"""Remote write and relabeling as prometheus-operator's `Prometheus` objects have them.

prometheus-operator does not check what is done to series before they are sent, and Prometheus refuses a configuration
with one wrong step as a whole. Of a wrong step in a scrape class, prometheus-operator refuses the whole object. So
steps are judged here, by Prometheus' own rules, and what has a wrong one is left out: without a step that was meant to
drop something, more would be sent than was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.environments import Environment, RemoteWrite
from walletmon.api.relabeling import LABEL_TEMPLATE_PATTERN, RelabelAction, Relabeling
from walletmon.compiler.credentials import access_fields, missing_secrets
from walletmon.compiler.facts import ClusterFacts
from walletmon.language.regex import objection

Entry = dict[str, Any]

_LABEL_TEMPLATE = re.compile(LABEL_TEMPLATE_PATTERN)


def relabeling_entries(steps: Sequence[Relabeling] | None) -> list[Entry]:
    """Steps of relabeling as prometheus-operator has them: it calls the fields as we do."""
    return [step.document() for step in steps or ()]


def relabeling_problems(steps: Sequence[Relabeling] | None, path: str, consequence: str) -> Iterator[Diagnostic]:
    """What Prometheus would refuse in `steps`, which stand at `path`; `consequence` says what is left out for it."""
    for index, step in enumerate(steps or ()):
        problem = _contradiction(step)
        if problem is None and step.regex is not None:
            problem = objection(step.regex)
        if problem is not None:
            yield Diagnostic(
                Code.INVALID_FIELD,
                f"{path}[{index}]",
                f"Prometheus would refuse this step of relabeling ({problem}), so {consequence}",
                "correct the step; see relabel_config in Prometheus' documentation",
            )


def _contradiction(step: Relabeling) -> str | None:
    """What the fields of a step lack or have too much; the CRD refuses these too, but not every document comes through
    an apiserver."""
    writes = step.action in (RelabelAction.REPLACE, RelabelAction.HASHMOD)
    if writes and step.target_label is None:
        return f"{step.action} needs targetLabel"
    if step.action is RelabelAction.HASHMOD and step.modulus is None:
        return "hashmod needs modulus"
    others = (step.source_labels, step.separator, step.modulus, step.target_label, step.replacement)
    if step.action in (RelabelAction.LABELDROP, RelabelAction.LABELKEEP) and any(each is not None for each in others):
        return f"{step.action} takes regex and nothing else"
    labels = step.replacement if step.action is RelabelAction.LABELMAP else None
    if labels is not None and _LABEL_TEMPLATE.fullmatch(labels) is None:
        return "the replacement of labelmap has to be a label's name"
    return None


def remote_write_entry(write: RemoteWrite) -> Entry:
    """One remote write, as it stands in `spec.remoteWrite`."""
    entry: Entry = {"name": write.name, "url": write.url}
    if write.headers:
        entry["headers"] = dict(sorted(write.headers.items()))
    if write.write_relabelings:
        entry["writeRelabelConfigs"] = relabeling_entries(write.write_relabelings)
    return {**entry, **access_fields(write.basic_auth, write.authorization, write.tls)}


def remote_write_entries(
    environment: Environment, path: str, namespace: str, facts: ClusterFacts
) -> tuple[list[Entry], list[Diagnostic]]:
    """The remote writes of an environment whose Prometheus is in `namespace`, and why some of them are left out.

    `path` is that of the environment. Without its credentials nothing is sent: whoever takes series without them would
    take them for somebody else's.
    """
    entries: list[Entry] = []
    problems: list[Diagnostic] = []
    for index, write in enumerate(environment.remote_write or ()):
        where = f"{path}.remoteWrite[{index}]"
        consequence = f"nothing is sent to {write.url}"
        found = [
            *missing_secrets(write, where, namespace, facts, consequence),
            *relabeling_problems(write.write_relabelings, f"{where}.writeRelabelings", consequence),
        ]
        problems += found
        if not found:
            entries.append(remote_write_entry(write))
    return entries, problems
