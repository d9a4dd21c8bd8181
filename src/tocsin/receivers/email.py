"""Notifications -> an SMTP server."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.errors import SettingsError
from tocsin.model import Notification, Outcome
from tocsin.receivers.plain import plain

if TYPE_CHECKING:
    from tocsin.receivers import smtp

_DOMAIN = 78 - len("In-Reply-To: <@>") - 32  # a longer Message-ID is folded or even encoded: that breaks the thread


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Who is told by mail, and by which servers, tried in turn ("host:port" or "[v6]:port")."""

    server: tuple[str, ...]
    to: tuple[str, ...]
    name: str = "email"
    security: str = "starttls"  # or "tls", or "none"
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    sender: str | None = None  # `from` in the settings


class Email:
    """The receiver that writes mails: one message for all its recipients."""

    def __init__(self, settings: EmailSettings, *, node: str) -> None:
        """Reads no secret yet. Raises SettingsError for a sender that no mail can come from."""
        self.name = settings.name
        self.recipients = settings.to
        self._settings = settings
        self._node = _domain(node)
        self._sender = settings.sender or f"tocsin@{self._node}"
        if not self._sender.isascii():
            self._sender = _ascii(self._sender)
            if not self._sender:
                raise SettingsError(f"from: {settings.sender} cannot be written in ASCII", hint="use an ASCII address")

    def render(self, notification: Notification) -> bytes:
        """The whole message with CRLF, 7-bit whatever it holds; the same for the same notification and settings."""
        from email.message import EmailMessage
        from email.policy import SMTP

        from tocsin.receivers import render

        message = EmailMessage(policy=SMTP.clone(max_line_length=76))  # of quoted-printable (RFC 2045, 6.7)
        for header, value in self._headers(notification, render.subject(notification)).items():
            message[header] = value
        text = render.text(notification)
        readable = text.isascii() and max(map(len, text.split("\n"))) < 990  # RFC 5322, 2.1.1
        message.set_content(text, cte="7bit" if readable else "quoted-printable")
        message.add_alternative(render.html(notification), subtype="html", cte="quoted-printable")
        message.set_boundary(f"=_{notification.id}")  # by itself it would be random
        return message.as_bytes(policy=SMTP)

    def deliver(
        self,
        message: bytes,
        recipients: Sequence[str],
        *,
        seconds: float = 30.0,
        heard: Callable[[str], None] | None = None,
    ) -> tuple[Outcome, ...]:
        """What became of each recipient within `seconds`; `heard` gets each line that a server answers.

        Servers are asked in turn, the next one only for those whom nobody has taken or refused for good. One whose
        connection broke after the message may have it: it is asked again, the message's id is the same.
        """
        from tocsin.receivers import smtp
        from tocsin.receivers.names import Server
        from tocsin.receivers.wire import Clock

        try:
            way = self._way(heard)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            return tuple(
                Outcome(each, plain(f"password_file {self._settings.password_file}: {why}")) for each in recipients
            )
        clock = Clock(seconds)
        settled: dict[str, Outcome] = {}
        errors: dict[str, list[str]] = {each: [] for each in recipients}
        for place, written in enumerate(self._settings.server):
            waiting = tuple(each for each in errors if each not in settled)
            if not waiting:
                break
            host, _, port = written.rpartition(":")
            server = Server(host.strip("[]"), int(port))
            post = smtp.Post(self._sender, waiting, message)
            for outcome in smtp.send(server, post, way, clock.share(len(self._settings.server) - place)):
                if outcome.permanent or not outcome.error:
                    settled[outcome.recipient] = outcome
                errors[outcome.recipient].append(outcome.error)
        return tuple(settled.get(each) or Outcome(each, plain("; ".join(errors[each]))) for each in recipients)

    def _way(self, heard: Callable[[str], None] | None) -> "smtp.Way":
        from tocsin.receivers import smtp

        settings, login = self._settings, None
        if settings.username and settings.password_file:
            with open(settings.password_file, encoding="utf-8") as file:
                login = (settings.username, file.read(4096).rstrip("\r\n"))
        return smtp.Way(settings.security, self._node, settings.ca_file, login, heard)

    def _headers(self, notification: Notification, subject: str) -> dict[str, object]:
        from email.headerregistry import Address

        def shown(address: str) -> Address:
            local, _, domain = address.rpartition("@")
            return Address(username=local, domain=domain)

        headers: dict[str, object] = {
            "From": shown(self._sender),
            "To": [shown(each) for each in map(_ascii, self.recipients) if each] or "undisclosed-recipients:;",
            "Date": notification.at,
            "Message-ID": self._message_id(notification.id),
            "Subject": subject,
            "Auto-Submitted": "auto-generated",
            "X-Tocsin-Rule": plain(notification.rule or "-", 100),
            "X-Tocsin-Reason": notification.reason,
            "X-Tocsin-Node": plain(notification.node, 100),
        }
        if notification.thread:
            headers["In-Reply-To"] = self._message_id(notification.thread[-1])
            headers["References"] = " ".join(map(self._message_id, notification.thread))
        return headers

    def _message_id(self, notification_id: str) -> str:
        return f"<{notification_id}@{_domain(self._sender.rpartition('@')[2], _DOMAIN)}>"


def _ascii(address: str) -> str:
    """The address with its domain in ASCII; empty if it is still not ASCII."""
    from tocsin.receivers.names import mailbox

    try:
        found = mailbox(address)
    except UnicodeError:
        return ""
    return found if found.isascii() else ""


def _domain(name: str, limit: int = 253) -> str:
    """A domain made of the name: its last labels where it is longer than the limit."""
    labels = [label.strip("-") for label in re.sub(r"[^A-Za-z0-9.-]", "-", name).split(".")]
    kept = [label for label in labels if label] or ["localhost"]
    while len(kept) > 1 and len(".".join(kept)) > limit:
        del kept[0]
    return ".".join(kept)[:limit].strip("-") or "localhost"
