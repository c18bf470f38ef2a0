"""Who can be told, and by which means: chat, mail, phone, HTTP. Credentials are references to Secrets, always."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from walletmon.api.base import BASE_URL_PATTERN, NOT_YAML, URL_PATTERN, DnsLabel, Model, SecretKey, rule
from walletmon.api.targets import ProberAddress

# Alertmanager expands templates in most of its fields, and the config-reloader `$(NAME)`: neither is what an identifier
# is for.
_WORD = rf"^[^{{}}$\x00-\x20\x7f-\x9f{NOT_YAML}]+$"
Word = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=_WORD)]
"""An identifier of somebody else's system: no blanks, no braces, no dollar sign."""

Url = Annotated[str, StringConstraints(min_length=8, max_length=1024, pattern=URL_PATTERN)]
"""An address with http:// or https://."""

BaseUrl = Annotated[str, StringConstraints(min_length=8, max_length=1024, pattern=BASE_URL_PATTERN)]
"""An address that paths are put behind."""

_ATOM = "[A-Za-z0-9_%+'=~^&*!#-]+"
_HOST_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"

EmailAddress = Annotated[
    str,
    StringConstraints(
        min_length=3,
        max_length=254,
        pattern=rf"^{_ATOM}(\.{_ATOM})*@{_HOST_LABEL}(\.{_HOST_LABEL})*$",
    ),
]
"""A bare address, without a name beside it. Alertmanager reads it when there is something to tell, and not before."""


class Channel(Model):
    """A means by which somebody is told."""

    send_resolved: Annotated[StrictBool, Field(description="Also tell when the alert is over.")] = True


class Wecom(Channel):
    """A WeCom (WeChat Work) application, which writes to people, departments or tags."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "has(self.toUser) || has(self.toParty) || has(self.toTag)",
                    "say to whom: give toUser, toParty or toTag",
                    reason="FieldValueRequired",
                )
            ]
        }
    )

    corp_id: Annotated[Word, Field(description="The company's id in WeCom.")]
    agent_id: Annotated[Word, Field(description="The application's id in WeCom.")]
    secret: Annotated[SecretKey, Field(description="Secret key with the application's secret.")]
    to_user: Annotated[Word | None, Field(description="Users, joined with |, or @all.")] = None
    to_party: Annotated[Word | None, Field(description="Departments, joined with |.")] = None
    to_tag: Annotated[Word | None, Field(description="Tags, joined with |.")] = None
    api_url: Annotated[Url | None, Field(description="Address of WeCom's interface, if it is reached by a proxy.")] = (
        None
    )


class HubRobot(Channel):
    """A group's robot, which walletmon's hub speaks to: Alertmanager cannot sign what such robots want signed."""

    robot: Annotated[DnsLabel, Field(description="The robot's name as the hub knows it; the hub has its credentials.")]
    token_secret: Annotated[
        SecretKey | None, Field(description="Secret key with the token by which the hub knows that it is asked by us.")
    ] = None


class Slack(Channel):
    """A Slack channel, by an incoming webhook."""

    url_secret: Annotated[SecretKey, Field(description="Secret key with the webhook's URL.")]
    channel: Annotated[
        Word | None, Field(description="Channel or user; the one that the webhook was made for if left out.")
    ] = None


class Email(Channel):
    """Mail by SMTP."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.username) == has(self.passwordSecret)", "a login needs both username and passwordSecret")
            ]
        }
    )

    to: Annotated[
        list[EmailAddress],
        Field(
            description="Who gets the mail.",
            min_length=1,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    from_: Annotated[EmailAddress, Field(alias="from", description="Who the mail is from.")]
    # Alertmanager takes an IPv6 address for no address, and then refuses its whole configuration.
    smarthost: Annotated[ProberAddress, Field(description="The mail server, host:port (no IPv6 address).")]
    username: Annotated[Word | None, Field(description="User name for the mail server.")] = None
    password_secret: Annotated[SecretKey | None, Field(description="Secret key with the password.")] = None
    require_tls: Annotated[
        StrictBool, Field(description="Send only if the connection can be encrypted (STARTTLS).")
    ] = True


class PagerDuty(Channel):
    """PagerDuty, Events API v2; who is called there by phone is told by phone."""

    routing_key_secret: Annotated[SecretKey, Field(description="Secret key with the integration's routing key.")]
    url: Annotated[Url | None, Field(description="Address of the Events API; PagerDuty's own if left out.")] = None


class OpsGenie(Channel):
    """OpsGenie (Jira Service Management); who is called there by phone is told by phone."""

    api_key_secret: Annotated[SecretKey, Field(description="Secret key with the integration's API key.")]
    teams: Annotated[
        list[Word] | None,
        Field(
            description="Teams that are told; those of the integration if left out.",
            min_length=1,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    api_url: Annotated[
        Url | None, Field(description="Address of the interface, for example https://api.eu.opsgenie.com/.")
    ] = None


class Webhook(Channel):
    """An HTTP endpoint that takes Alertmanager's webhook message (version 4)."""

    url_secret: Annotated[
        SecretKey,
        Field(description="Secret key with the URL. A URL often holds a token, so it is never written in the open."),
    ]
    max_alerts: Annotated[
        StrictInt | None, Field(description="Most alerts in one message; all if left out.", ge=1, le=10_000)
    ] = None


class MsTeams(Channel):
    """A Microsoft Teams channel, by a workflow's webhook."""

    url_secret: Annotated[SecretKey, Field(description="Secret key with the webhook's URL.")]


class Telegram(Channel):
    """A Telegram chat, by a bot."""

    bot_token_secret: Annotated[SecretKey, Field(description="Secret key with the bot's token.")]
    # prometheus-operator takes 0 for an id that is missing, and then refuses the whole AlertmanagerConfig.
    chat_id: Annotated[
        StrictInt,
        Field(
            description="The chat's id; negative for groups.",
            ge=-(2**53),
            le=2**53,
            json_schema_extra={"x-kubernetes-validations": [rule("self != 0", "no chat has the id 0")]},
        ),
    ]
    api_url: Annotated[Url | None, Field(description="Address of the bot interface; Telegram's own if left out.")] = (
        None
    )


class Means(StrEnum):
    """The kinds of receiver, each the name of the field that says how."""

    WECOM = "wecom"
    WECOM_ROBOT = "wecomRobot"
    DINGTALK = "dingtalk"
    SLACK = "slack"
    EMAIL = "email"
    PAGERDUTY = "pagerduty"
    OPSGENIE = "opsgenie"
    WEBHOOK = "webhook"
    MSTEAMS = "msteams"
    TELEGRAM = "telegram"


class Receiver(Model):
    """Somebody who can be told."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    " + ".join(f"(has(self.{means.value}) ? 1 : 0)" for means in Means) + " == 1",
                    "exactly one of " + ", ".join(means.value for means in Means) + " says how the receiver is told",
                )
            ]
        }
    )

    name: Annotated[DnsLabel, Field(description="The receiver's name, unique in the list.")]
    wecom: Annotated[Wecom | None, Field(description="Tell by a WeCom application.")] = None
    wecom_robot: Annotated[HubRobot | None, Field(description="Tell by a WeCom group's robot, through the hub.")] = None
    dingtalk: Annotated[HubRobot | None, Field(description="Tell by a DingTalk group's robot, through the hub.")] = None
    slack: Annotated[Slack | None, Field(description="Tell in a Slack channel.")] = None
    email: Annotated[Email | None, Field(description="Tell by mail.")] = None
    pagerduty: Annotated[PagerDuty | None, Field(description="Tell by PagerDuty (phone).")] = None
    opsgenie: Annotated[OpsGenie | None, Field(description="Tell by OpsGenie (phone).")] = None
    webhook: Annotated[Webhook | None, Field(description="Tell by HTTP.")] = None
    msteams: Annotated[MsTeams | None, Field(description="Tell in a Microsoft Teams channel.")] = None
    telegram: Annotated[Telegram | None, Field(description="Tell in a Telegram chat.")] = None

    @property
    def means(self) -> tuple[tuple[Means, Channel], ...]:
        """How the receiver is told; exactly one in a receiver that the schema takes."""
        found = ((means, getattr(self, Receiver.field_of(means))) for means in Means)
        return tuple((means, channel) for means, channel in found if channel is not None)

    @staticmethod
    def field_of(means: Means) -> str:
        """The attribute that holds the channel of this kind."""
        return next(name for name, field in Receiver.model_fields.items() if field.alias == means.value)


def secret_keys(model: BaseModel, path: str = "") -> Iterator[tuple[str, SecretKey]]:
    """Every reference to a Secret within `model`, with its path in the document (below `path`)."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        here = f"{path}.{field.alias or name}" if path else field.alias or name
        if isinstance(value, SecretKey):
            yield here, value
        elif isinstance(value, BaseModel):
            yield from secret_keys(value, here)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, BaseModel):
                    yield from secret_keys(each, f"{here}[{index}]")
