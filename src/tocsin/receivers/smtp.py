"""One message -> one SMTP server: a conversation that ends in time and in little memory, whatever the server does.

smtplib knows the commands; what is read and how long it may take is decided here, because smtplib's own
limit starts anew with every byte that comes.
"""

import ipaddress
import os
import queue
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import Any

from tocsin.errors import DeliveryError
from tocsin.model import Outcome
from tocsin.receivers.plain import plain

STEP = 10.0  # seconds that a look-up, a connection, a handshake or a reply may take
FAREWELL = 2.0  # seconds that the answer to QUIT may take
REPLY = 65_536  # bytes of one reply, all its lines together
_PIECE = 16_384  # bytes sent under one limit
_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")

Addresses = Sequence[tuple[Any, ...]]  # as getaddrinfo gives them


@dataclass(frozen=True, slots=True)
class Server:
    """Where to send."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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


class Clock:
    """So many seconds in all."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self, limit: float = float("inf")) -> float:
        """The seconds that a step may take, `limit` at most. Raises TimeoutError if none are left."""
        seconds = min(limit, self._end - monotonic())
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def share(self, among: int) -> "Clock":
        """The clock of one of so many that have yet to be tried."""
        return Clock((self._end - monotonic()) / among)


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


def addresses(server: Server, seconds: float, look_up: Callable[[str, int], Addresses] | None = None) -> Addresses:
    """Every address of the server. Raises OSError or UnicodeError, and gaierror if there is no answer in time.

    A resolver cannot be stopped: its thread stays behind until it gives up; RES_OPTIONS makes glibc's do so soon.
    """
    os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:2")
    answers: queue.SimpleQueue[Addresses | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((look_up or _look_up)(ascii_domain(server.host), server.port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise socket.gaierror(socket.EAI_AGAIN, f"no answer from the DNS within {seconds:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _look_up(host: str, port: int) -> Addresses:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def ascii_domain(domain: str) -> str:
    """The domain as it goes over the wire (IDNA 2003). Raises UnicodeError."""
    return domain if domain.isascii() else domain.encode("idna").decode("ascii")


def mailbox(address: str) -> str:
    """The address as it goes into an envelope: its domain in ASCII. Raises UnicodeError."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


@contextmanager
def _opened(server: Server, way: Way, clock: Clock) -> Iterator["_Talk"]:
    """A conversation up to where mail can be offered, with the first address that gets that far."""
    with _step(f"connecting to {server}"):
        found = addresses(server, clock.left(STEP))
    for place, address in enumerate(found, 1):
        talk = _Talk(server, way, clock.share(len(found) - place + 1))
        try:
            talk.open(address)
        except DeliveryError:
            talk.part()
            if place == len(found):
                raise
            continue
        break
    talk.clock = clock
    try:
        if way.login:
            talk.log_in(*way.login)
        yield talk
    finally:
        talk.part()


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Whatever the network, the server or smtplib does within becomes one line that begins with the step's name."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DeliveryError(f"{name}: {plain(_why(error), 150)}", hint=_hint(error)) from error


def _why(error: Exception) -> str:
    match error:
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=bytes(text)):
            why = f"{code} {text.decode(errors='replace')}"
        case ssl.SSLCertVerificationError():
            why = error.verify_message
        case ConnectionRefusedError():
            why = "refused"
        case TimeoutError():
            why = "no answer in time"
        case ConnectionError() | ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            why = "the server hung up"
        case ssl.SSLError(reason=str(reason)):
            why = reason.replace("_", " ").lower()
        case _:
            why = str(getattr(error, "strerror", None) or error)
    return why


def _hint(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in {18, 19, 20, 21}:
        return "name the certificate of its CA in ca_file"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "the server does not begin with TLS: is it security: starttls?"
    return ""


class _Talk(smtplib.SMTP):
    """A conversation: everything sent or read goes by the clock, every reply has a bound."""

    def __init__(self, server: Server, way: Way, clock: Clock) -> None:
        super().__init__(local_hostname=way.name)
        self.clock = clock
        self._server, self._way = server, way
        self._limit = STEP
        self._unread = bytearray()
        self.sock: Any = None  # a socket, or TLS around it

    def open(self, address: tuple[Any, ...]) -> None:
        """Connection, greeting, TLS and EHLO."""
        with _step(f"connecting to {self._server}"):
            self.sock = socket.socket(*address[:3])
            self.sock.settimeout(self.clock.left(STEP))
            self.sock.connect(address[4])
        if self._way.security == "tls":
            self._encrypt()
        with _step("greeting"):
            _expect(2, self.getreply())
        self._greet()
        if self._way.security == "starttls":
            self._start_tls()
            self._greet()

    def log_in(self, username: str, password: str) -> None:
        """AUTH with the first mechanism that the server knows and does not take back; never in the clear."""
        with _step("AUTH"):
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
        with _step("DATA"):
            _expect(3, self.docmd("DATA"))
        with _step("sending the message"):
            self.send(re.sub(rb"(?m)^\.", b"..", message) + b".\r\n")
        with _step("after the message"):
            self._limit = float("inf")
            _expect(2, self.getreply())

    def part(self) -> None:
        """QUIT, where there is somebody left to hear it; nothing depends on the answer."""
        self._limit = FAREWELL
        with suppress(OSError, ValueError):
            if self.sock:
                self.docmd("QUIT")
        self.close()

    def _begin(self, post: Post, *, wide: bool) -> None:
        options = f" SIZE={len(post.message)}" if self.has_extn("size") else ""
        if wide:
            self.command_encoding = "utf-8"
            options += " SMTPUTF8"
        with _step("MAIL"):
            _expect(2, self.docmd(f"MAIL FROM:<{mailbox(post.sender)}>{options}"))

    def _recipient(self, name: str) -> Outcome | None:
        try:
            command = f"RCPT TO:<{mailbox(name)}>"
        except UnicodeError:
            return Outcome(name, "RCPT: what stands behind the @ is no domain name")
        with _step("RCPT"):
            code, text = self.docmd(command)
            if code == 421:  # the server is about to hang up
                raise smtplib.SMTPResponseException(code, text)
        if code // 100 == 2:
            return None
        permanent = code // 100 == 5 and code != 552
        return Outcome(name, plain(f"RCPT: {code} {text.decode(errors='replace')}"), permanent)

    def _greet(self) -> None:
        with _step("EHLO"):
            code, text = self.ehlo()
            if code // 100 == 5:
                code, text = self.helo()
            _expect(2, (code, text))

    def _start_tls(self) -> None:
        with _step("STARTTLS"):
            if not self.has_extn("starttls"):
                raise ValueError("not offered")
            _expect(2, self.docmd("STARTTLS"))
            if self._unread:  # would be taken for what came over TLS
                self.close()
                raise ValueError("the server went on before TLS began")
        self._encrypt()

    def _encrypt(self) -> None:
        with _step(f"ca_file {self._way.ca_file}" if self._way.ca_file else "TLS"):
            context = ssl.create_default_context(cafile=self._way.ca_file)
        with _step("TLS"):
            self.sock.settimeout(self.clock.left(STEP))
            try:
                self.sock = context.wrap_socket(self.sock, server_hostname=ascii_domain(self._server.host))
            except (OSError, ValueError):
                self.close()
                raise
        self.esmtp_features, self.does_esmtp = {}, False

    # what smtplib does with the socket, done by the clock

    def send(self, s: Any) -> None:  # noqa: ANN401 (smtplib's own signature)
        octets = s.encode(self.command_encoding) if isinstance(s, str) else s
        try:
            for start in range(0, len(octets), _PIECE):
                self.sock.settimeout(self.clock.left(STEP))
                self.sock.sendall(octets[start : start + _PIECE])
        except OSError:
            self.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        try:
            return self._reply(Clock(self.clock.left(self._limit)))
        except (OSError, ValueError):
            self.close()
            raise

    def _reply(self, clock: Clock) -> tuple[int, bytes]:
        lines: list[bytes] = []
        room = REPLY
        while room > 0:
            line = self._line(clock)
            room -= len(line) + 2
            if self._way.heard:
                self._way.heard(plain(line.decode(errors="replace")))
            if not re.match(rb"[2-5]\d\d(?:[ -]|$)", line):
                raise ValueError(f"no SMTP answer: {line[:80].decode(errors='replace')}")
            lines.append(line[4:])
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise ValueError("the answer does not end")

    def _line(self, clock: Clock) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) > REPLY:
                raise ValueError("a line of the answer does not end")
            self.sock.settimeout(clock.left())
            piece = self.sock.recv(4096)
            if not piece:
                raise ConnectionError
            self._unread += piece
        line = bytes(self._unread[:end]).rstrip()
        del self._unread[: end + 1]
        return line


def _expect(kind: int, reply: tuple[int, bytes]) -> None:
    if reply[0] // 100 != kind:
        raise smtplib.SMTPResponseException(*reply)


def _is_loopback(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback
