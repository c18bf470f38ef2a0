"""Whether anything keeps an environment's series for as long as the class says, and what to do if nothing does.

Prometheus alone can enforce a retention, and it has one for all its series. So either walletmon makes a Prometheus for
the environment, or the environment is watched by one that exists: that object belongs to somebody else, so it is
compared and never written. What a remote storage keeps is set there and cannot be seen from here; that series are sent
to it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import promql_parser as promql
import yaml

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.environments import Environment, ManagedPrometheus, ObjectRef
from walletmon.api.monitor_class import WalletMonitorClass
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.discovery import is_ours, managed_name, managed_name_problem, named_prometheus
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.remote_write import Entry, remote_write_entries, remote_write_entry

DEFAULT_RETENTION = "24h"
"""What prometheus-operator sets where an object says neither `retention` nor `retentionSize`."""

_CURE_AT_MOST = 1024

_SHORT = timedelta(hours=3)
"""Prometheus deletes whole blocks, and the newest one never (its `BeyondTimeRetention`). A block has two hours or more,
and the latest one to three hours are not in a block yet: that much is there however short the retention is."""


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Whether what an environment says about keeping series is so."""

    environment: str
    """The environment's name."""

    path: str
    """Where it stands in the class, for example `spec.environments[0]`."""

    enforced: bool | None
    """None: that is not known."""

    message: str
    cure: str = ""
    """What would be right; empty if nothing is known to be wrong."""


def retention_findings(resource: WalletMonitorClass, facts: ClusterFacts) -> tuple[Enforcement, ...]:
    """One for each environment that says `retention` or `remoteWrite`, in the order of the class."""
    return tuple(
        _judge(resource, environment, f"spec.environments[{index}]", facts)
        for index, environment in enumerate(resource.spec.environments or ())
        if environment.retention is not None or environment.remote_write
    )


def retention_diagnostics(resource: WalletMonitorClass, facts: ClusterFacts) -> Iterator[Diagnostic]:
    """The same as findings, of what is known not to be enforced."""
    for found in retention_findings(resource, facts):
        if found.enforced is False:
            yield Diagnostic(Code.UNENFORCED_RETENTION, found.path, found.message, found.cure, Severity.WARNING)


def existing_settings(environment: Environment) -> str:
    """What a Prometheus that others keep has to say for this environment, as the YAML of its `spec`."""
    fields = _retention_field(environment) | _remote_write_field(environment)
    return _yaml(fields) if fields else ""


def _retention_field(environment: Environment) -> dict[str, Any]:
    return {} if environment.retention is None else {"retention": environment.retention}


def _remote_write_field(environment: Environment) -> dict[str, Any]:
    writes = [remote_write_entry(each) for each in environment.remote_write or ()]
    return {"remoteWrite": writes} if writes else {}


def _yaml(fields: Mapping[str, Any]) -> str:
    return yaml.safe_dump({"spec": dict(fields)}, sort_keys=False, allow_unicode=True, width=4096)


def _judge(resource: WalletMonitorClass, environment: Environment, path: str, facts: ClusterFacts) -> Enforcement:
    if environment.prometheus is not None:
        return _managed(resource, environment, environment.prometheus, path, facts)
    ref = environment.prometheus_ref or resource.spec.prometheus_ref
    if ref is not None:
        return _existing(resource, environment, ref, path, facts)
    return Enforcement(
        environment.name,
        path,
        False,
        f"nothing {_wish(environment)}: no Prometheus is made for it, and none is named",
        "give the environment prometheus, and walletmon makes one; or name the one that watches it in prometheusRef, "
        "and it is compared",
    )


def _managed(
    resource: WalletMonitorClass,
    environment: Environment,
    managed: ManagedPrometheus,
    path: str,
    facts: ClusterFacts,
) -> Enforcement:
    class_name = resource.metadata.name
    ref = ObjectRef(namespace=managed.namespace, name=managed_name(class_name, environment.name))
    unnamed = managed_name_problem(class_name, environment.name)
    if unnamed is not None:
        return Enforcement(environment.name, path, False, *unnamed)
    _, problems = remote_write_entries(environment, path, managed.namespace, facts)
    if problems:
        return Enforcement(environment.name, path, False, problems[0].message, problems[0].cure)
    found = named_prometheus(ref, facts)
    if found is None:
        waited = "is not there yet" if facts.prometheuses is not None else "may or may not be there: nobody could look"
        return Enforcement(
            environment.name, path, None, f"Prometheus {_say(ref)}, which {_wish(environment)}, {waited}"
        )
    if not is_ours(found, class_name):
        return Enforcement(
            environment.name,
            path,
            False,
            f"there is a Prometheus {_say(ref)} that walletmon has not made, so nothing {_wish(environment)}",
            "rename that Prometheus, the environment or the class",
        )
    refused = _refusal(found)
    if refused is not None:
        return Enforcement(
            environment.name,
            path,
            False,
            f"prometheus-operator cannot make Prometheus {_say(ref)} as it is wanted: {refused}",
            "put right what it says",
        )
    idle = _idle(found, ref)
    if idle is not None:
        return Enforcement(environment.name, path, None, f"{idle}, which {_wish(environment)}", _why_idle(ref))
    volume = "" if managed.storage is not None else "; without storage, a new Pod of it starts with nothing"
    message = f"Prometheus {_say(ref)} {_wish(environment)}{volume}{_remark(environment)}"
    return Enforcement(environment.name, path, True, message)


def _existing(
    resource: WalletMonitorClass, environment: Environment, ref: ObjectRef, path: str, facts: ClusterFacts
) -> Enforcement:
    if facts.prometheuses is None:
        unseen = f"whether Prometheus {_say(ref)} {_wish(environment)} is not known: nobody could look"
        return Enforcement(environment.name, path, None, unseen)
    found = named_prometheus(ref, facts)
    if found is None:
        return Enforcement(
            environment.name,
            path,
            False,
            f"there is no Prometheus {_say(ref)}, so nothing {_wish(environment)}",
            "name one that exists in prometheusRef",
        )
    rival = _rival(resource, environment, ref)
    if rival is not None:
        return Enforcement(
            environment.name,
            path,
            False,
            f"Prometheus {_say(ref)} has one retention for all its series; environment {rival.name}, which it watches "
            f"too, wants {rival.retention}, and environment {environment.name} wants {environment.retention}",
            f"give environment {environment.name} a Prometheus of its own",
        )
    spec = found.get("spec") or {}
    differences = [*_retention_differs(environment, spec), *_remote_write_differs(environment, spec)]
    if differences:
        wanted = {field: value for each in differences for field, value in each.wanted.items()}
        said = "; ".join(each.message for each in differences)
        return Enforcement(environment.name, path, False, f"in Prometheus {_say(ref)} {said}", _set(wanted, ref))
    idle = _idle(found, ref)
    if idle is not None:
        return Enforcement(environment.name, path, None, f"{idle}, which {_wish(environment)}", _why_idle(ref))
    size = spec.get("retentionSize")
    earlier = "" if size is None else f", unless its retentionSize {size} ends that earlier"
    message = f"Prometheus {_say(ref)} {_wish(environment)}{earlier}{_remark(environment)}"
    return Enforcement(environment.name, path, True, message)


def _rival(resource: WalletMonitorClass, environment: Environment, ref: ObjectRef) -> Environment | None:
    """The first environment that wants another retention of the same Prometheus; the first one of all has its way."""
    if environment.retention is None:
        return None
    for each in resource.spec.environments or ():
        if each.name == environment.name:
            return None
        asked = None if each.prometheus is not None else each.prometheus_ref or resource.spec.prometheus_ref
        if asked == ref and each.retention is not None and not _same_length(each.retention, environment.retention):
            return each
    return None


@dataclass(frozen=True, slots=True)
class _Difference:
    message: str
    wanted: dict[str, Any]
    """Fields of the spec with their right values."""


def _retention_differs(environment: Environment, spec: Mapping[str, Any]) -> Iterator[_Difference]:
    wanted, said, size = environment.retention, spec.get("retention"), spec.get("retentionSize")
    if wanted is None:
        return
    if said is None and size is not None:
        message = f"spec.retention is not set, so series are kept as long as they fit {size}, and not for {wanted}"
        yield _Difference(message, _retention_field(environment))
    elif not _same_length(said or DEFAULT_RETENTION, wanted):
        is_set = f"is {said}" if said else f"is not set, which means {DEFAULT_RETENTION}"
        yield _Difference(f"spec.retention {is_set}, and should be {wanted}", _retention_field(environment))


def _remote_write_differs(environment: Environment, spec: Mapping[str, Any]) -> Iterator[_Difference]:
    there: list[Entry] = spec.get("remoteWrite") or []
    wanted = [remote_write_entry(each) for each in environment.remote_write or ()]
    absent = [each for each in wanted if all(entry.get("url") != each["url"] for entry in there)]
    if absent:
        urls = ", ".join(each["url"] for each in absent)
        yield _Difference(f"spec.remoteWrite does not send to {urls}", _remote_write_field(environment))
    for each in wanted:
        if each not in absent and not any(_sends(entry, each) for entry in there):
            message = f"spec.remoteWrite sends to {each['url']}, but with other headers or writeRelabelConfigs"
            yield _Difference(message, _remote_write_field(environment))


def _sends(entry: Mapping[str, Any], wanted: Entry) -> bool:
    """Whether an entry of others sends what is wanted where it is wanted. Who it says it is can be said in more ways
    than we know, and is not compared."""
    headers = {name.lower(): value for name, value in (entry.get("headers") or {}).items()}
    return (
        entry.get("url") == wanted["url"]
        and all(headers.get(name.lower()) == value for name, value in wanted.get("headers", {}).items())
        and [_plain(step) for step in entry.get("writeRelabelConfigs") or ()]
        == [_plain(step) for step in wanted.get("writeRelabelConfigs", ())]
    )


_RELABEL_DEFAULTS = {"action": "replace", "separator": ";", "regex": "(.*)", "replacement": "$1"}


def _plain(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step of relabeling without what it says only because that is the default."""
    said = {**step, "action": str(step.get("action", "replace")).lower()}
    return {name: value for name, value in said.items() if value != _RELABEL_DEFAULTS.get(name)}


def _set(wanted: Mapping[str, Any], ref: ObjectRef) -> str:
    text = f"set in Prometheus {_say(ref)}:\n{_yaml(wanted)}"
    if len(text) <= _CURE_AT_MOST:
        return text
    short = {name: value for name, value in wanted.items() if name != "remoteWrite"}
    rest = f"set in Prometheus {_say(ref)} spec.remoteWrite as the environment's remoteWrite says it"
    return f"{rest}, and:\n{_yaml(short)}" if short else rest


def _wish(environment: Environment) -> str:
    """What something has to do: `keeps series of environment prod for 90d and sends them to ...`."""
    series = f"series of environment {environment.name}"
    keeps = [] if environment.retention is None else [f"keeps {series} for {environment.retention}"]
    urls = ", ".join(each.url for each in environment.remote_write or ())
    sends = [f"sends {'them' if keeps else series} to {urls}"] if urls else []
    return " and ".join([*keeps, *sends])


def _remark(environment: Environment) -> str:
    """What a short retention does not mean."""
    length = None if environment.retention is None else _length(environment.retention)
    if not isinstance(length, timedelta) or length >= _SHORT:
        return ""
    return "; the last three to five hours are always there, since Prometheus deletes whole blocks"


def _idle(prometheus: Manifest, ref: ObjectRef) -> str | None:
    """That no Pod of a Prometheus works, as far as prometheus-operator has said; an object alone keeps nothing."""
    conditions: Iterable[Mapping[str, Any]] = (prometheus.get("status") or {}).get("conditions") or ()
    said = next((each.get("status") for each in conditions if each.get("type") == "Available"), None)
    if said in ("True", "Degraded"):
        return None
    return f"no Pod is ready of Prometheus {_say(ref)}" if said else f"nothing runs Prometheus {_say(ref)} yet"


def _why_idle(ref: ObjectRef) -> str:
    return f"`kubectl -n {ref.namespace} describe prometheus {ref.name}` and its Pods say why"


def _refusal(prometheus: Manifest) -> str | None:
    """What prometheus-operator says against an object that it could not make a Prometheus of."""
    conditions: Iterable[Mapping[str, Any]] = (prometheus.get("status") or {}).get("conditions") or ()
    for each in conditions:
        if each.get("type") == "Reconciled" and each.get("status") == "False":
            return str(each.get("message") or each.get("reason") or "it does not say why")
    return None


def _same_length(one: str, other: str) -> bool:
    return _length(one) == _length(other)


def _length(duration: str) -> timedelta | str:
    """How long a duration is; what cannot be read equals itself alone."""
    try:
        length: timedelta = promql.parse_duration(duration)
    except ValueError:
        return duration
    return length


def _say(ref: ObjectRef) -> str:
    return f"{ref.namespace}/{ref.name}"
