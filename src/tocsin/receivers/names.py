"""A server's name -> its addresses, in time; and names as they go over the wire."""

import os
import queue
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any

Addresses = Sequence[tuple[Any, ...]]  # as getaddrinfo gives them


@dataclass(frozen=True, slots=True)
class Server:
    """Where to send."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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
