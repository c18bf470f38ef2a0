"""Whoever Alertmanager tells: chats, telephones, mailboxes, plain HTTP; on loopback, each as its notifier expects it.

Every receiver has a name and an address of its own, so that who was told what can be asked. What another service would
refuse is refused here too, by its status or in its answer, and not kept.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from testbed.process import free_port

CHANNELS = ("webhook", "slack", "wecom", "pagerduty", "opsgenie", "telegram", "msteams")
EMAIL = "email"
_TIMEOUT_S = 10.0
_ADMITTED = "wecom-access-token-"
_STATE = re.compile(r"\b(firing|resolved)\b", re.IGNORECASE)
_PAGERDUTY_STATES = {"trigger": True, "resolve": False}


@dataclass(frozen=True)
class Message:
    """One message, as it arrived."""

    channel: str
    """One of `CHANNELS`, or `EMAIL`."""
    receiver: str
    """To whom: the name that was given to `Sinks.url`; of a mail the recipients, joined with a comma."""
    path: str
    """What the notifier asked for below the receiver's address, with the query; empty for a mail."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: Any
    """The decoded JSON; of a mail `sender`, `recipients`, `subject`, `text`, and `username` and `password` if it came
    with a login."""

    @property
    def text(self) -> str:
        """All that it says, one string of the body a line."""
        return "\n".join(_strings(self.body))

    @property
    def firing(self) -> bool | None:
        """Whether it tells that something fires, and not that all is over; None where it does not tell."""
        if self.channel == "webhook":
            return bool(self.body["status"] == "firing")
        if self.channel == "pagerduty":
            return _PAGERDUTY_STATES.get(self.body["event_action"])
        if self.channel == "opsgenie":
            return "/close?" not in self.path
        # Alertmanager's own templates say it first of all.
        found = _STATE.search(self.text)
        return found[1].lower() == "firing" if found else None

    def values(self, label: str) -> set[str]:
        """The values of a label that it names: in its fields, or in a line like `- label = value` of its text.

        Slack's default text names values alone, without labels: look for them in `text`.
        """
        found = {str(labels[label]) for labels in self._labels() if label in labels}
        line = re.compile(rf"^[\s*•-]*{re.escape(label)}\**\s*[=:]\**\s*(\S.*?)\s*$", re.MULTILINE)
        return found | set(line.findall(self.text))

    @property
    def alertnames(self) -> set[str]:
        """Names of the alerts that it speaks of, where the format tells."""
        return self.values("alertname")

    @property
    def wallets(self) -> set[str]:
        """Wallets that it speaks of, where the format tells."""
        return self.values("wallet")

    def _labels(self) -> Iterator[Mapping[str, str]]:
        if self.channel == "webhook":
            yield from (alert["labels"] for alert in self.body["alerts"])
        if self.channel == "opsgenie":
            yield self.body.get("details", {})


def _strings(body: Any) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    elif isinstance(body, Mapping):
        for value in body.values():
            yield from _strings(value)
    elif isinstance(body, list):
        for value in body:
            yield from _strings(value)


class Sinks:
    """An HTTP server and a mail server. A context manager: both listen inside."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", free_port()), _handler(self._take))
        self._thread = threading.Thread(target=self._http.serve_forever, name="sinks")
        self.smarthost = f"127.0.0.1:{free_port()}"
        """The mail server (host:port). It speaks no TLS, and takes every login."""
        host, _, port = self.smarthost.partition(":")
        self._mail = Controller(
            _MailHandler(self._take),
            hostname=host,
            port=int(port),
            ready_timeout=60.0,
            server_hostname="sinks.test",
            ident="sinks",
            auth_require_tls=False,
            authenticator=_admit,
            auth_exclude_mechanism=["LOGIN"],  # Alertmanager does not know this server's words for it
        )

    def __enter__(self) -> Self:
        self._mail.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._mail.stop()

    def url(self, channel: str, receiver: str) -> str:
        """The address of a receiver, as the channel's field wants it.

        The one to post to for webhook, slack, pagerduty and msteams; the root of the interface for wecom, opsgenie
        (both with a slash at the end) and telegram.
        """
        assert channel in CHANNELS, channel
        slash = "/" if channel in ("wecom", "opsgenie") else ""
        return f"http://127.0.0.1:{self._http.server_port}/{channel}/{receiver}{slash}"

    def messages(
        self,
        channel: str | None = None,
        receiver: str | None = None,
        *,
        firing: bool | None = None,
        says: str = "",
        **labels: str,
    ) -> list[Message]:
        """Messages that arrived so far, oldest first: all, or those of that channel, receiver and state that match.

        They match when `says` is in their text and they name those values of `labels`.
        """
        with self._lock:
            arrived = list(self._messages)
        return [
            message
            for message in arrived
            if channel in (None, message.channel)
            and receiver in (None, message.receiver)
            and (firing is None or message.firing is firing)
            and says in message.text
            and all(value in message.values(label) for label, value in labels.items())
        ]

    def clear(self) -> None:
        """Forget what arrived so far."""
        with self._lock:
            self._messages.clear()

    def _take(self, message: Message) -> None:
        with self._lock:
            self._messages.append(message)


# -- HTTP -------------------------------------------------------------------------------------------------------------


class _Answer(NamedTuple):
    """What a service answers; `kept` when it took a message."""

    kept: bool
    status: int
    body: Any
    """Text as it is, anything else as JSON."""


_NOT_FOUND = _Answer(False, 404, "no such interface")


def _answer(channel: str, path: str, body: Any) -> _Answer:
    """What the service `channel` answers to `body`, sent to `path` below the receiver's address."""
    rest, _, asked = path.partition("?")
    query = parse_qs(asked)
    match channel, rest:
        case "webhook", _ if not rest or rest.startswith("relay/"):  # what is below it is asked of a hub
            return _Answer(True, 200, "")
        case "slack", "":
            return _Answer(True, 200, "ok")  # Alertmanager takes any other text for an error
        case "msteams", "":
            return _Answer(True, 200, "1")
        case "pagerduty", "" if isinstance(body, dict):
            done = {"status": "success", "message": "Event processed", "dedup_key": body.get("dedup_key")}
            return _Answer(True, 202, done)
        case "wecom", "gettoken":
            # The token says whose it is, so that a message's path tells with which credentials it was sent.
            token = f"{_ADMITTED}{query['corpid'][0]}-{query['corpsecret'][0]}"
            return _Answer(False, 200, {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200})
        case "wecom", "message/send":
            admitted = query.get("access_token", [""])[0].startswith(_ADMITTED)
            error = {"errcode": 0, "errmsg": "ok"} if admitted else {"errcode": 40014, "errmsg": "invalid access_token"}
            return _Answer(admitted, 200, error)
        case "opsgenie", _ if rest.startswith("v2/alerts"):
            return _Answer(True, 202, {"result": "Request will be processed", "took": 0.1, "requestId": "1"})
        case "telegram", _ if re.fullmatch(r"bot[^/]+/sendMessage", rest):
            chat = {"id": int(body["chat_id"]), "type": "private"}
            sent = {"message_id": 1, "date": 1, "chat": chat, "text": body["text"]}
            return _Answer(True, 200, {"ok": True, "result": sent})
        case _:
            return _NOT_FOUND


class _Server(ThreadingHTTPServer):
    # Closing waits for the requests, so that no thread is left behind.
    daemon_threads = False


def _handler(take: Callable[[Message], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def _handle(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            _, channel, receiver, path = (*self.path.split("/", 3), "", "")[:4]
            receiver, mark, query = receiver.partition("?")
            path = path or mark + query
            try:
                body = json.loads(sent) if sent else None
                answer = _answer(channel, path, body)
            except (ValueError, KeyError, TypeError) as error:
                answer = _Answer(False, 400, f"{error!r}")
            if answer.kept:
                headers = {name.lower(): value for name, value in self.headers.items()}
                take(Message(channel, receiver, path, headers, body))
            text = isinstance(answer.body, str)
            content = (answer.body if text else json.dumps(answer.body)).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/plain" if text else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _handle  # noqa: N815 (as the base class wants them)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Keep quiet."""

    return Handler


# -- mail -------------------------------------------------------------------------------------------------------------


class _MailHandler:
    def __init__(self, take: Callable[[Message], None]) -> None:
        self._take = take

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        mail = message_from_bytes(envelope.original_content or b"", EmailMessage, policy=policy.default)
        body = {
            "sender": envelope.mail_from,
            "recipients": list(envelope.rcpt_tos),
            "subject": mail["Subject"],
            "text": _text_of(mail),
        }
        if isinstance(session.auth_data, LoginPassword):
            body["username"] = session.auth_data.login.decode()
            body["password"] = session.auth_data.password.decode()
        headers = {name.lower(): str(value) for name, value in mail.items()}
        self._take(Message(EMAIL, ",".join(envelope.rcpt_tos), "", headers, body))
        return "250 OK"


def _admit(server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: Any) -> AuthResult:
    return AuthResult(success=True, auth_data=auth_data)


def _text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    content = str(part.get_content())
    if part.get_content_subtype() != "html":
        return content
    content = re.sub(r"(?s)<(style|head)\b.*?</\1>", "", content)
    lines = html.unescape(re.sub(r"<[^>]+>", "\n", content)).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())
