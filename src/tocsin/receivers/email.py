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

PORTS = {"starttls": 587, "tls": 465, "none": 25}
_DOMAIN = 78 - len("In-Reply-To: <@>") - 32  # a longer Message-ID is folded or even encoded: that breaks the thread
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@]+@[^\s<>()\[\],;:\\\"@]+")
_SERVER = re.compile(
    r"(?:\[([^\]\s]+)\]|([^\[\]:\s]+))(?::([0-9]{1,5}))?|([0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)"
)


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Who is told by mail, and by which servers, tried in turn ("host", "host:port" or "[v6]:port")."""

    server: tuple[str, ...]
    to: tuple[str, ...]
    name: str = "email"
    security: str = "starttls"  # or "tls", or "none"
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    sender: str | None = None  # `from` in the settings


def address(written: str) -> str:
    """A mail address that can stand in an envelope. Raises ValueError."""
    if not _ADDRESS.fullmatch(written) or not written.isprintable():
        raise ValueError(f"{written!r} is no mail address such as admin@example.org")
    return written


def host_and_port(written: str) -> tuple[str, int | None]:
    """What "host", "host:port", "[v6]:port" or "v6" means. Raises ValueError."""
    found = _SERVER.fullmatch(written)
    if not found or not 0 < int(found[3] or 1) < 65_536:
        raise ValueError(f"{written!r} is no server such as mail.example.org:587 or [2001:db8::25]:587")
    return found[1] or found[2] or found[4], int(found[3]) if found[3] else None


class Email:
    """The receiver that writes mails: one message for all its recipients."""

    def __init__(self, settings: EmailSettings, *, node: str) -> None:
        """Reads no secret yet. Raises SettingsError for addresses and servers that cannot be."""
        self.name = settings.name
        self.recipients = settings.to
        self._settings = settings
        self._node = _domain(node)
        self._sender = settings.sender or f"tocsin@{self._node}"
        try:
            self._servers = [host_and_port(server) for server in settings.server]
            for each in (self._sender, *settings.to):
                address(each)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        if not self._sender.rpartition("@")[0].isascii():
            raise SettingsError(f"from: {self._sender!r} must be ASCII before the @")

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
        return message.as_bytes(policy=SMTP.clone(cte_type="7bit"))

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
        for place, (host, port) in enumerate(self._servers):
            waiting = tuple(each for each in errors if each not in settled)
            if not waiting:
                break
            server = Server(host, port or PORTS[self._settings.security])
            post = smtp.Post(self._sender, waiting, message)
            for outcome in smtp.send(server, post, way, clock.share(len(self._servers) - place)):
                if outcome.permanent or not outcome.error:
                    settled[outcome.recipient] = outcome
                errors[outcome.recipient].append(outcome.error)
        return tuple(settled.get(each) or Outcome(each, plain("; ".join(errors[each]))) for each in recipients)

    def _way(self, heard: Callable[[str], None] | None) -> "smtp.Way":
        from tocsin.receivers import smtp

        settings, login = self._settings, None
        if settings.username:
            password = ""
            if settings.password_file:
                with open(settings.password_file, encoding="utf-8") as file:
                    password = file.read(4096).rstrip("\r\n")
            login = (settings.username, password)
        return smtp.Way(settings.security, self._node, settings.ca_file, login, heard)

    def _headers(self, notification: Notification, subject: str) -> dict[str, object]:
        headers: dict[str, object] = {
            "From": self._shown(self._sender),
            "To": ", ".join(filter(None, map(self._shown, self.recipients))) or "undisclosed-recipients:;",
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

    @staticmethod
    def _shown(written: str) -> str:
        """The address as a header can hold it in ASCII: empty where only SMTPUTF8 could."""
        local, _, domain = written.rpartition("@")
        try:
            domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
        return f"{local}@{domain}" if local.isascii() else ""


def _domain(name: str, limit: int = 253) -> str:
    """A domain made of the name: its last labels where it is longer than the limit."""
    labels = [label.strip("-") for label in re.sub(r"[^A-Za-z0-9.-]", "-", name).split(".")]
    kept = [label for label in labels if label] or ["localhost"]
    while len(kept) > 1 and len(".".join(kept)) > limit:
        del kept[0]
    return ".".join(kept)[:limit].strip("-") or "localhost"
