"""smtplib over a wire that goes by the clock: whatever the server does, every step ends in time and in little memory.

smtplib's own time limit starts anew with every byte that comes, and it reads whatever a server likes to send.
"""

import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from tocsin.errors import DeliveryError
from tocsin.receivers.names import ascii_domain
from tocsin.receivers.plain import plain

STEP = 10.0  # seconds that a look-up, a connection, a handshake or a reply may take
ALL = float("inf")  # the limit of a step that may take all the time there is
REPLY = 65_536  # bytes of one reply, all its lines together


class Clock:
    """So many seconds in all, and for each step."""

    def __init__(self, seconds: float, step: float = STEP) -> None:
        self.step = step
        self._end = monotonic() + seconds

    def left(self, limit: float | None = None) -> float:
        """The seconds that a step may take, or `limit` if it has another one. Raises TimeoutError if none are left."""
        seconds = min(self.step if limit is None else limit, self._end - monotonic())
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def share(self, among: int) -> "Clock":
        """The clock of one of so many that have yet to be tried."""
        return Clock((self._end - monotonic()) / among, self.step)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Whatever the network, the server or smtplib does within becomes one line that begins with the step's name."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise DeliveryError(f"{name}: {_why(error)}", hint=_hint(error)) from error


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


class Wire(smtplib.SMTP):
    """smtplib's commands; `sock` is a socket, or TLS around it, and None once the connection is no good."""

    def __init__(self, clock: Clock, *, name: str, heard: Callable[[str], None] | None) -> None:
        super().__init__(local_hostname=name)
        self.clock = clock
        self.limit: float | None = None  # for a reply, if it is not a step's
        self.sock: Any = None
        self._heard = heard
        self._unread = bytearray()

    def encrypt(self, host: str, ca_file: str | None) -> None:
        """TLS from here on, with a certificate for that host. Raises DeliveryError."""
        with step(f"ca_file {ca_file}" if ca_file else "TLS"):
            context = ssl.create_default_context(cafile=ca_file)
        with step("TLS"):
            name = ascii_domain(host).partition("%")[0].rstrip(".")  # a certificate knows no zone and no last dot
            if self._unread:  # would be taken for what came over TLS
                self.close()
                raise ValueError("the server went on before TLS began")
            try:
                self.sock.settimeout(self.clock.left())
                self.sock = context.wrap_socket(self.sock, server_hostname=name)
            except (OSError, ValueError):
                self.close()
                raise

    def send(self, s: Any) -> None:  # noqa: ANN401 (smtplib's own signature)
        octets = s.encode(self.command_encoding) if isinstance(s, str) else s
        try:
            self.sock.settimeout(self.clock.left(ALL))
            self.sock.sendall(octets)
        except OSError:
            self.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        try:
            return self._reply(Clock(self.clock.left(self.limit)))
        except (OSError, ValueError):
            self.close()
            raise

    def _reply(self, clock: Clock) -> tuple[int, bytes]:
        lines: list[bytes] = []
        room = REPLY
        while room > 0:
            line = self._line(clock)
            room -= len(line) + 2
            if self._heard:
                self._heard(plain(line.decode(errors="replace")))
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
            self.sock.settimeout(clock.left(ALL))
            piece = self.sock.recv(4096)
            if not piece:
                raise ConnectionError
            self._unread += piece
        line = bytes(self._unread[:end]).rstrip()
        del self._unread[: end + 1]
        return line


def expect(kind: int, reply: tuple[int, bytes]) -> None:
    """Raises SMTPResponseException unless the code of the reply begins with this digit."""
    if reply[0] // 100 != kind:
        raise smtplib.SMTPResponseException(*reply)
