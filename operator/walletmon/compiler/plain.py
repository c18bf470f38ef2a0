"""A monitor's rules and routing as plain files, for a Prometheus and an Alertmanager that no operator configures.

The content is that of the objects for Kubernetes, with what prometheus-operator would add to it: the matcher on the
namespace in front of each monitor's route, and names of receivers that no two monitors share. Secrets are not read: a
receiver's URL is expected in the file `<secrets>/<namespace>/<secret>/<key>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from walletmon.compiler.bundle import Manifest

NOBODY = "nobody"

_Config = dict[str, Any]


def rule_file(objects: Iterable[Manifest]) -> _Config:
    """The rules of all PrometheusRules in `objects` as one file of Prometheus."""
    return {
        "groups": [
            {**group, "name": f"{each['metadata']['namespace']}.{group['name']}"}
            for each in objects
            if each["kind"] == "PrometheusRule"
            for group in each["spec"]["groups"]
        ]
    }


def alertmanager_config(objects: Iterable[Manifest], secrets: str) -> _Config:
    """One configuration of Alertmanager with the routes of all AlertmanagerConfigs in `objects`.

    `secrets` is the folder under which the receivers' secrets lie as files.
    """
    configs = [each for each in objects if each["kind"] == "AlertmanagerConfig"]
    return {
        "route": {"receiver": NOBODY, "routes": [_top_route(each) for each in configs]},
        "receivers": [
            {"name": NOBODY},
            *(_receiver(each, receiver, secrets) for each in configs for receiver in each["spec"]["receivers"]),
        ],
        "inhibit_rules": [_inhibition(each, rule) for each in configs for rule in each["spec"].get("inhibitRules", ())],
        "time_intervals": [
            {
                "name": _own(each, interval["name"]),
                "time_intervals": [_spans(span) for span in interval["timeIntervals"]],
            }
            for each in configs
            for interval in each["spec"].get("muteTimeIntervals", ())
        ],
    }


def _own(config: Manifest, name: str) -> str:
    metadata = config["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}/{name}"


def _top_route(config: Manifest) -> _Config:
    route = _route(config, config["spec"]["route"])
    namespace = config["metadata"]["namespace"]
    # Others may route the same alerts: what prometheus-operator does for every AlertmanagerConfig.
    return {**route, "matchers": [f'namespace="{namespace}"', *route.get("matchers", ())], "continue": True}


def _route(config: Manifest, route: Manifest) -> _Config:
    made: _Config = {}
    for name, value in route.items():
        if name == "receiver":
            made[name] = _own(config, value)
        elif name == "matchers":
            made[name] = [_matcher(each) for each in value]
        elif name == "muteTimeIntervals":
            made["mute_time_intervals"] = [_own(config, each) for each in value]
        elif name == "routes":
            made[name] = [_route(config, each) for each in value]
        else:
            made[_snake(name)] = value
    return made


def _inhibition(config: Manifest, rule: Manifest) -> _Config:
    # As prometheus-operator does it: nothing outside of the object's namespace is silenced.
    own = f'namespace="{config["metadata"]["namespace"]}"'
    return {
        "source_matchers": [own, *map(_matcher, rule["sourceMatch"])],
        "target_matchers": [own, *map(_matcher, rule["targetMatch"])],
        "equal": rule["equal"],
    }


def _matcher(matcher: Manifest) -> str:
    return f'{matcher["name"]}{matcher["matchType"]}"{matcher["value"]}"'


def _receiver(config: Manifest, receiver: Manifest, secrets: str) -> _Config:
    made: _Config = {"name": _own(config, receiver["name"])}
    hooks = [_webhook(config["metadata"]["namespace"], each, secrets) for each in receiver.get("webhookConfigs", ())]
    return {**made, "webhook_configs": hooks} if hooks else made


def _webhook(namespace: str, hook: Manifest, secrets: str) -> _Config:
    secret = hook["urlSecret"]
    rest = {_snake(name): value for name, value in hook.items() if name != "urlSecret"}
    return {"url_file": f"{secrets}/{namespace}/{secret['name']}/{secret['key']}", **rest}


def _spans(span: Manifest) -> _Config:
    made: _Config = {name: value for name, value in span.items() if name != "times"}
    if "times" in span:
        made["times"] = [{"start_time": each["startTime"], "end_time": each["endTime"]} for each in span["times"]]
    return made


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found.group().lower()}", name)
