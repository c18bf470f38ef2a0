"""Receivers of ours to receivers of an AlertmanagerConfig.

prometheus-operator refuses an AlertmanagerConfig as a whole, or stops configuring the Alertmanager, over one receiver
that it cannot use: a Secret or key that is missing, two receivers of one name. So what is known not to work is left out
here, and said; everybody else goes on being told. A Secret that nobody has looked at counts as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from walletmon.api.base import SecretKey
from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.receivers import (
    Channel,
    Email,
    HubRobot,
    Means,
    MsTeams,
    OpsGenie,
    PagerDuty,
    Receiver,
    Slack,
    Telegram,
    Webhook,
    Wecom,
    secret_keys,
)
from walletmon.compiler import messages
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.facts import ClusterFacts

_Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receivers:
    """The receivers of a monitor or a class."""

    working: Mapping[str, Manifest] = field(default_factory=dict)
    """Those that can be told, by name, as an AlertmanagerConfig has them."""

    means: Mapping[str, Means] = field(default_factory=dict)
    """By which means each of those is told."""

    named: frozenset[str] = frozenset()
    """The names of all, also of those that are left out."""

    diagnostics: tuple[Diagnostic, ...] = ()
    """Why some are left out."""


def compiled_receivers(
    receivers: Iterable[Receiver], path: str, namespace: str, hub_url: str | None, facts: ClusterFacts
) -> Receivers:
    """What becomes of `receivers`, which stand at `path` in the document.

    `namespace` is where the AlertmanagerConfig and with it the Secrets are; `hub_url` the hub's address without a slash
    at the end.
    """
    working: dict[str, Manifest] = {}
    means: dict[str, Means] = {}
    named: set[str] = set()
    diagnostics: list[Diagnostic] = []
    for index, receiver in enumerate(receivers):
        here = f"{path}[{index}]"
        problems = list(_problems(receiver, here, namespace, hub_url, facts))
        if receiver.name in named:
            problems.append(
                Diagnostic(
                    Code.INVALID_FIELD,
                    f"{here}.name",
                    f"there is another receiver {receiver.name!r} before this one, which counts",
                    "give each receiver its own name",
                )
            )
        named.add(receiver.name)
        diagnostics += problems
        if not problems:
            ((kind, channel),) = receiver.means
            working[receiver.name] = _receiver(receiver.name, kind, channel, hub_url)
            means[receiver.name] = kind
    return Receivers(working, means, frozenset(named), tuple(diagnostics))


def _problems(
    receiver: Receiver, path: str, namespace: str, hub_url: str | None, facts: ClusterFacts
) -> Iterator[Diagnostic]:
    """Why this receiver cannot be told."""
    if len(receiver.means) != 1:
        given = " and ".join(means.value for means, _ in receiver.means)
        yield Diagnostic(
            Code.INVALID_FIELD,
            path,
            f"{given} are given" if given else f"nothing says how {receiver.name} is told",
            "give exactly one of " + ", ".join(means.value for means in Means),
        )
        return
    ((means, channel),) = receiver.means
    if isinstance(channel, HubRobot) and hub_url is None:
        yield Diagnostic(
            Code.NO_HUB,
            f"{path}.{means.value}",
            f"Alertmanager cannot speak to the robot {channel.robot} itself, and no hub is known that does; "
            f"receiver {receiver.name} is left out",
            "set hubUrl in the class, or take another kind of receiver",
        )
    if isinstance(channel, Telegram) and channel.chat_id == 0:
        yield Diagnostic(
            Code.INVALID_FIELD,
            f"{path}.telegram.chatId",
            f"no chat has the id 0; receiver {receiver.name} is left out",
            "write the id of the chat; that of a group is negative",
        )
    for where, secret in secret_keys(receiver, path):
        if facts.lacks(namespace, secret.name, secret.key):
            yield _missing(receiver.name, where, namespace, secret, facts)


def _missing(receiver: str, path: str, namespace: str, secret: SecretKey, facts: ClusterFacts) -> Diagnostic:
    keys = facts.secrets[namespace, secret.name]
    what = (
        f"has no key {secret.key!r}" if keys else f"is not there, or has nothing in it (key {secret.key!r} is wanted)"
    )
    return Diagnostic(
        Code.MISSING_SECRET,
        path,
        f"Secret {namespace}/{secret.name} {what}; receiver {receiver} is left out",
        f"create Secret {secret.name} with the key {secret.key} in namespace {namespace}; "
        "the receiver is put in by itself then",
    )


def _receiver(name: str, means: Means, channel: Channel, hub_url: str | None) -> Manifest:
    if isinstance(channel, HubRobot):
        return {"name": name, "webhookConfigs": [_hub(means, channel, hub_url)]}
    field_name, fields = _FIELDS[means]
    # Kinds that hold the alert open until it is told to be over have the same field as chat.
    return {"name": name, field_name: [{"sendResolved": channel.send_resolved, **fields(channel)}]}


def _hub(means: Means, robot: HubRobot, hub_url: str | None) -> _Fields:
    relay = "dingtalk" if means is Means.DINGTALK else "wecom"
    config: _Fields = {"sendResolved": robot.send_resolved, "url": f"{hub_url}/relay/{relay}/{robot.robot}"}
    if robot.token_secret is not None:
        config["httpConfig"] = {"authorization": {"type": "Bearer", "credentials": _key(robot.token_secret)}}
    return config


def _wecom(wecom: Wecom) -> _Fields:
    return _given(
        corpID=wecom.corp_id,
        agentID=wecom.agent_id,
        apiSecret=_key(wecom.secret),
        toUser=wecom.to_user,
        toParty=wecom.to_party,
        toTag=wecom.to_tag,
        apiURL=_slashed(wecom.api_url),
        message=messages.PLAIN_WITH_SUBJECT,
    )


def _slack(slack: Slack) -> _Fields:
    return _given(
        apiURL=_key(slack.url_secret),
        channel=slack.channel,
        color=messages.SLACK_COLOR,
        title=messages.SLACK_TITLE,
        fallback=messages.SLACK_TITLE,
        text=messages.SLACK_TEXT,
    )


def _email(email: Email) -> _Fields:
    return _given(
        to=", ".join(email.to),
        **{"from": email.from_},
        smarthost=email.smarthost,
        authUsername=email.username,
        authPassword=_key(email.password_secret),
        requireTLS=email.require_tls,
        headers=[{"key": "Subject", "value": messages.SUBJECT}],
    )


def _pagerduty(pagerduty: PagerDuty) -> _Fields:
    details = {
        "priority": "{{ .CommonLabels.priority }}",
        "wallet": "{{ .CommonLabels.wallet }}",
        "description": "{{ .CommonAnnotations.description }}",
        "runbook": "{{ .CommonAnnotations.runbook_url }}",
        "dashboard": "{{ .CommonAnnotations.dashboard_url }}",
    }
    return _given(
        routingKey=_key(pagerduty.routing_key_secret),
        url=pagerduty.url,
        description=messages.SUBJECT,
        severity=messages.by_worst("critical", "error", "warning"),
        details=[{"key": key, "value": value} for key, value in details.items()],
    )


def _opsgenie(opsgenie: OpsGenie) -> _Fields:
    tags = "".join(
        f"{{{{ with .CommonLabels.{label} }}}},{{{{ . }}}}{{{{ end }}}}"
        for label in ("priority", "namespace", "wallet")
    )
    return _given(
        apiKey=_key(opsgenie.api_key_secret),
        apiURL=_slashed(opsgenie.api_url),
        message=messages.SUBJECT,
        description=messages.PLAIN,
        priority=messages.by_worst("P1", "P2", "P3"),
        tags="walletmon" + tags,
        responders=[{"type": "team", "name": team} for team in opsgenie.teams or ()] or None,
    )


def _webhook(webhook: Webhook) -> _Fields:
    return _given(urlSecret=_key(webhook.url_secret), maxAlerts=webhook.max_alerts)


def _msteams(msteams: MsTeams) -> _Fields:
    return _given(webhookURL=_key(msteams.url_secret), title=messages.SUBJECT, text=messages.PLAIN)


def _telegram(telegram: Telegram) -> _Fields:
    return _given(
        botToken=_key(telegram.bot_token_secret),
        chatID=telegram.chat_id,
        # Alertmanager puts `/bot<token>/...` behind it.
        apiURL=None if telegram.api_url is None else telegram.api_url.rstrip("/"),
        parseMode="HTML",
        message=messages.TELEGRAM,
    )


_FIELDS: Mapping[Means, tuple[str, Callable[[Any], _Fields]]] = {
    Means.WECOM: ("wechatConfigs", _wecom),
    Means.SLACK: ("slackConfigs", _slack),
    Means.EMAIL: ("emailConfigs", _email),
    Means.PAGERDUTY: ("pagerdutyConfigs", _pagerduty),
    Means.OPSGENIE: ("opsgenieConfigs", _opsgenie),
    Means.WEBHOOK: ("webhookConfigs", _webhook),
    # Of the two kinds, the one for workflows: Microsoft has ended the connectors that `msteamsConfigs` speaks to.
    Means.MSTEAMS: ("msteamsv2Configs", _msteams),
    Means.TELEGRAM: ("telegramConfigs", _telegram),
}


def _given(**fields: Any) -> _Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _key(secret: SecretKey | None) -> dict[str, str] | None:
    return None if secret is None else {"name": secret.name, "key": secret.key}


def _slashed(url: str | None) -> str | None:
    """An address that Alertmanager puts more of a path behind."""
    return None if url is None else url.rstrip("/") + "/"
