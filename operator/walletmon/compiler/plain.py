"""A monitor's rules and routing as plain files, for a Prometheus and an Alertmanager that no operator configures.

The content is that of the objects for Kubernetes, with names of receivers that no two objects share. They ask for their
namespaces by themselves, so nothing is added to routes and inhibitions; objects of classes come out the same way.
Secrets are not read: each is expected in the file `<secrets>/<namespace>/<secret>/<key>`. Alertmanager can read every
kind of them from a file; the secret of a WeCom application only from version 0.31 on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from walletmon.compiler.bundle import Manifest

NOBODY = "nobody"

_Config = dict[str, Any]

_KINDS = {
    "emailConfigs": "email_configs",
    "msteamsv2Configs": "msteamsv2_configs",
    "opsgenieConfigs": "opsgenie_configs",
    "pagerdutyConfigs": "pagerduty_configs",
    "slackConfigs": "slack_configs",
    "telegramConfigs": "telegram_configs",
    "webhookConfigs": "webhook_configs",
    "wechatConfigs": "wechat_configs",
}
"""What Alertmanager calls the kinds of receiver."""

_FILES = {
    ("emailConfigs", "authPassword"): "auth_password_file",
    ("msteamsv2Configs", "webhookURL"): "webhook_url_file",
    ("opsgenieConfigs", "apiKey"): "api_key_file",
    ("pagerdutyConfigs", "routingKey"): "routing_key_file",
    ("slackConfigs", "apiURL"): "api_url_file",
    ("telegramConfigs", "botToken"): "bot_token_file",
    ("webhookConfigs", "urlSecret"): "url_file",
    ("wechatConfigs", "apiSecret"): "api_secret_file",
}
"""The fields that name the file with a secret, by the fields that refer to one."""


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
        "route": {"receiver": NOBODY, "routes": [_top_route(each) for each in configs if "route" in each["spec"]]},
        "receivers": [
            {"name": NOBODY},
            *(_receiver(each, receiver, secrets) for each in configs for receiver in each["spec"].get("receivers", ())),
        ],
        "inhibit_rules": [_inhibition(rule) for each in configs for rule in each["spec"].get("inhibitRules", ())],
        "time_intervals": [
            {
                "name": _own(each, interval["name"]),
                "time_intervals": [_period(period) for period in interval["timeIntervals"]],
            }
            for each in configs
            for interval in each["spec"].get("muteTimeIntervals", ())
        ],
    }


def _own(config: Manifest, name: str) -> str:
    metadata = config["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}/{name}"


def _top_route(config: Manifest) -> _Config:
    # Others may route the same alerts: what prometheus-operator does for every AlertmanagerConfig.
    return {**_route(config, config["spec"]["route"]), "continue": True}


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


def _inhibition(rule: Manifest) -> _Config:
    return {
        "source_matchers": [_matcher(each) for each in rule["sourceMatch"]],
        "target_matchers": [_matcher(each) for each in rule["targetMatch"]],
        "equal": rule["equal"],
    }


def _matcher(matcher: Manifest) -> str:
    value = matcher["value"].replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'{matcher["name"]}{matcher["matchType"]}"{value}"'


def _receiver(config: Manifest, receiver: Manifest, secrets: str) -> _Config:
    folder = f"{secrets}/{config['metadata']['namespace']}"
    made: _Config = {"name": _own(config, receiver["name"])}
    for kind, channels in receiver.items():
        if kind != "name":
            made[_KINDS[kind]] = [_channel(kind, each, folder) for each in channels]
    return made


def _channel(kind: str, channel: Manifest, folder: str) -> _Config:
    made: _Config = {}
    for name, value in channel.items():
        if (kind, name) in _FILES:
            made[_FILES[kind, name]] = _file(folder, value)
        elif name == "httpConfig":
            made["http_config"] = _http(value, folder)
        elif name in ("headers", "details"):
            made[name] = {each["key"]: each["value"] for each in value}
        else:
            made[_snake(name)] = value
    return made


def _http(http: Manifest, folder: str) -> _Config:
    authorization = http["authorization"]
    file = _file(folder, authorization["credentials"])
    return {"authorization": {"type": authorization["type"], "credentials_file": file}}


def _file(folder: str, secret: Manifest) -> str:
    return f"{folder}/{secret['name']}/{secret['key']}"


def _period(entry: Manifest) -> _Config:
    """An entry of `timeIntervals`; names and values are the same but for these two."""
    made: _Config = {}
    for name, value in entry.items():
        if name == "times":
            made[name] = [{"start_time": each["startTime"], "end_time": each["endTime"]} for each in value]
        elif name == "daysOfMonth":
            made["days_of_month"] = [f"{each['start']}:{each['end']}" for each in value]
        else:
            made[name] = value
    return made


def _snake(name: str) -> str:
    """`apiURL` as `api_url`, `maxAlerts` as `max_alerts`."""
    return re.sub("[A-Z]+", lambda found: f"_{found.group().lower()}", name)
