"""One message -> one SMTP server: the steps of the conversation, and what became of each recipient."""

import ipaddress
import re
import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tocsin.errors import DeliveryError
from tocsin.model import Outcome
from tocsin.receivers.names import Server, addresses, mailbox
from tocsin.receivers.plain import plain
from tocsin.receivers.wire import ALL, Clock, Wire, expect, step

FAREWELL = 2.0  # seconds that the answer to QUIT may take
_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")


@dataclass(frozen=True, slots=True)
class Way:
    """How to speak with every server."""

    security: str  # starttls, tls or none
    name: str  # ours, for EHLO: smtplib would look it up
    ca_file: str | None = None
    login: tuple[str, str] | None = None
    heard: Callable[[str], None] | None = None  # gets each line that a server answers


@dataclass(frozen=True, slots=True)
class Post:
    """A message of 7-bit lines that end in CRLF, and its envelope, with addresses as the settings have them."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes


def send(server: Server, post: Post, way: Way, clock: Clock) -> tuple[Outcome, ...]:
    """What became of each recipient. Only a 5xx to its own RCPT is permanent; 552 is not: a full mailbox empties."""
    refused: dict[str, Outcome] = {}
    try:
        with _opened(server, way, clock) as talk:
            if talk.offer(post, refused):
                talk.hand_over(post.message)
    except DeliveryError as error:
        return tuple(refused.get(name) or Outcome(name, plain(str(error))) for name in post.recipients)
    return tuple(refused.get(name) or Outcome(name) for name in post.recipients)


@contextmanager
def _opened(server: Server, way: Way, clock: Clock) -> Iterator["_Talk"]:
    """A conversation up to where mail can be offered."""
    talk = _reached(server, way, clock)
    talk.clock = clock
    try:
        if way.login:
            talk.log_in(*way.login)
        yield talk
    finally:
        talk.part()


def _reached(server: Server, way: Way, clock: Clock) -> "_Talk":
    """The conversation with the first address that gets as far as EHLO, over TLS if it must be."""
    error = DeliveryError(f"connecting to {server}: it has no address")
    with step(f"connecting to {server}"):
        found = addresses(server, clock.left())
    for place, address in enumerate(found):
        talk = _Talk(server, way, clock.share(len(found) - place))
        try:
            talk.open(address)
        except DeliveryError as why:
            error = why
            talk.part()
        else:
            return talk
    raise error


class _Talk(Wire):
    """A conversation."""

    def __init__(self, server: Server, way: Way, clock: Clock) -> None:
        super().__init__(clock, name=way.name, heard=way.heard)
        self._server, self._way = server, way

    def open(self, address: tuple[Any, ...]) -> None:
        """Connection, greeting, TLS and EHLO."""
        with step(f"connecting to {self._server}"):
            self.sock = socket.socket(*address[:3])
            self.sock.settimeout(self.clock.left())
            self.sock.connect(address[4])
        if self._way.security == "tls":
            self.encrypt(self._server.host, self._way.ca_file)
        with step("greeting"):
            expect(2, self.getreply())
        self._greet()
        if self._way.security == "starttls":
            self._start_tls()
            self._greet()

    def log_in(self, username: str, password: str) -> None:
        """AUTH with the first mechanism that the server knows and does not take back; never in the clear."""
        with step("AUTH"):
            if self._way.security == "none" and not _is_loopback(self.sock.getpeername()[0]):
                raise ValueError("a password goes without TLS only to this machine itself")
            if not (username + password).isascii():
                raise ValueError("username and password must be ASCII")
            offered = self.esmtp_features.get("auth", "").upper().split()
            self.user, self.password = username, password
            for mechanism in [each for each in _MECHANISMS if each in offered]:
                try:
                    self.auth(mechanism, getattr(self, "auth_" + mechanism.lower().replace("-", "_")))
                except smtplib.SMTPAuthenticationError as error:
                    if error.smtp_code != 504:  # 504: offered, but not for now
                        raise
                else:
                    return
            raise ValueError(f"only {' '.join(offered)} offered" if offered else "not offered")

    def offer(self, post: Post, refused: dict[str, Outcome]) -> list[str]:
        """The recipients that the server takes; each of the others goes to `refused` as soon as it is known."""
        wide = [name for name in post.recipients if not name.rpartition("@")[0].isascii()]
        if wide and not self.has_extn("smtputf8"):
            refused |= {name: Outcome(name, "RCPT: the address needs SMTPUTF8, which is not offered") for name in wide}
            wide = []
        offered = [name for name in post.recipients if name not in refused]
        if offered:
            self._begin(post, wide=bool(wide))
        for name in offered:
            if outcome := self._recipient(name):
                refused[name] = outcome
        return [name for name in offered if name not in refused]

    def hand_over(self, message: bytes) -> None:
        """The message, once for all recipients; the last answer may take all the time that is left."""
        with step("DATA"):
            expect(3, self.docmd("DATA"))
        with step("sending the message"):
            self.send(re.sub(rb"(?m)^\.", b"..", message) + b".\r\n")
        with step("after the message"):
            self.limit = ALL
            expect(2, self.getreply())

    def part(self) -> None:
        """QUIT, where there is somebody left to hear it; nothing depends on the answer."""
        self.limit = min(FAREWELL, self.clock.step)
        with suppress(OSError, ValueError):
            if self.sock:
                self.docmd("QUIT")
        self.close()

    def _begin(self, post: Post, *, wide: bool) -> None:
        options = f" SIZE={len(post.message)}" if self.has_extn("size") else ""
        if wide:
            self.command_encoding = "utf-8"
            options += " SMTPUTF8"
        with step("MAIL"):
            expect(2, self.docmd(f"MAIL FROM:<{mailbox(post.sender)}>{options}"))

    def _recipient(self, name: str) -> Outcome | None:
        try:
            command = f"RCPT TO:<{mailbox(name)}>"
        except UnicodeError:
            return Outcome(name, "RCPT: what stands behind the @ is no domain name")
        with step("RCPT"):
            code, text = self.docmd(command)
            if code == 421:  # the server is about to hang up
                raise smtplib.SMTPResponseException(code, text)
        if code // 100 == 2:
            return None
        permanent = code // 100 == 5 and code != 552
        return Outcome(name, plain(f"RCPT: {code} {text.decode(errors='replace')}"), permanent)

    def _greet(self) -> None:
        with step("EHLO"):
            code, text = self.ehlo()
            if code // 100 == 5:
                code, text = self.helo()
            expect(2, (code, text))

    def _start_tls(self) -> None:
        with step("STARTTLS"):
            if not self.has_extn("starttls"):
                raise ValueError("not offered")
            expect(2, self.docmd("STARTTLS"))
        self.encrypt(self._server.host, self._way.ca_file)


def _is_loopback(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
