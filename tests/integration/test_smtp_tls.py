"""TLS and passwords: whom we believe, and whom we tell a secret."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from tocsin.model import Outcome
from tocsin.receivers import names
from tocsin.receivers.email import Email, EmailSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from tests.integration.mail import Authority, Script

    Start = Callable[..., Script]

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"
ADMIN = "admin@example.org"


def told(port: int, host: str = "localhost", seconds: float = 5, /, **more: str) -> Outcome:
    """What becomes of one recipient."""
    settings = EmailSettings((f"{host}:{port}",), (ADMIN,))
    email = Email(replace(settings, **more), node="node1")  # type: ignore[arg-type]  # only strings here
    (outcome,) = email.deliver(MESSAGE, (ADMIN,), seconds=seconds)
    assert not outcome.permanent
    return outcome


# certificates


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_an_unknown_ca_is_refused(script: "Start", authority: "Authority", security: str) -> None:
    server = script(context=authority.context(), tls=security == "tls")
    error = told(server.port, security=security).error
    assert error.startswith("TLS: unable to get local issuer certificate")
    assert error.endswith("; hint: name the certificate of its CA in ca_file")
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_expired_certificate_is_refused(script: "Start", authority: "Authority", security: str) -> None:
    context = authority.context(not_after=datetime(2020, 1, 1, tzinfo=UTC))
    server = script(context=context, tls=security == "tls")
    assert told(server.port, security=security, ca_file=authority.file).error == "TLS: certificate has expired"


def test_a_certificate_for_another_name_is_refused(script: "Start", authority: "Authority") -> None:
    server = script(context=authority.context("other.example.org"))
    error = told(server.port, ca_file=authority.file).error
    assert error.startswith("TLS: Hostname mismatch, certificate is not valid for 'localhost'")


def test_a_ca_file_that_is_not_there_is_said(script: "Start", authority: "Authority") -> None:
    server = script(context=authority.context())
    assert told(server.port, ca_file="/nowhere/ca.pem").error == "ca_file /nowhere/ca.pem: No such file or directory"


def test_a_ca_file_that_is_none_is_said(script: "Start", authority: "Authority", tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("hello")
    server = script(context=authority.context())
    assert told(server.port, ca_file=str(wrong)).error.startswith(f"ca_file {wrong}: no certificate")


# the handshake


def test_a_server_that_does_not_offer_starttls_gets_nothing(script: "Start") -> None:
    server = script({"EHLO": b"250 mail.example.org"})
    assert told(server.port).error == "STARTTLS: not offered"
    assert server.verbs() == ["EHLO", "QUIT"]


@pytest.mark.parametrize("reply", [b"454 not now", b"502 what?"])
def test_a_server_that_refuses_starttls_gets_nothing(script: "Start", reply: bytes) -> None:
    server = script({"STARTTLS": [reply]})
    assert told(server.port).error == f"STARTTLS: {reply.decode()}"


def test_what_a_server_says_ahead_of_tls_is_never_taken_for_tls(script: "Start", authority: "Authority") -> None:
    server = script({"STARTTLS": b"220 go ahead\r\n250 injected"}, authority.context())
    assert told(server.port, ca_file=authority.file).error == "TLS: the server went on before TLS began"


def test_a_server_that_hangs_up_instead_of_tls_is_said(script: "Start") -> None:
    assert told(script({"STARTTLS": None}).port).error == "STARTTLS: the server hung up"


def test_a_server_that_does_not_begin_with_tls_is_said_with_a_hint(script: "Start") -> None:
    error = told(script().port, security="tls").error
    assert error == "TLS: wrong version number; hint: the server does not begin with TLS: is it security: starttls?"


def test_a_silent_handshake_ends_in_time(script: "Start") -> None:
    started = monotonic()
    assert told(script(tls=True).port, "localhost", 0.4, security="tls").error == "TLS: no answer in time"
    assert monotonic() - started < 1


def test_a_dribbled_handshake_ends_in_time(script: "Start") -> None:
    def record(over: "Event") -> "Iterator[bytes]":
        yield b"\x16\x03\x03\x40\x00"  # a handshake record of 16 KiB
        while not over.wait(0.02):
            yield b"\x02"

    started = monotonic()
    assert told(script({"greeting": record}).port, "localhost", 0.4, security="tls").error == "TLS: no answer in time"
    assert monotonic() - started < 1


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "."])
def test_an_answer_over_tls_that_never_ends_is_left_in_time(script: "Start", authority: "Authority", step: str) -> None:
    def dribble(over: "Event") -> "Iterator[bytes]":
        while not over.wait(0.02):
            yield b"2"

    server = script({step: dribble}, authority.context(), tls=True)
    started = monotonic()
    assert told(server.port, "localhost", 0.5, security="tls", ca_file=authority.file).error.endswith(
        "no answer in time"
    )
    assert monotonic() - started < 1


@pytest.mark.parametrize("step", ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."])
def test_a_server_that_hangs_up_within_tls_is_said(
    script: "Start", authority: "Authority", password_file: str, step: str
) -> None:
    server = script({step: None}, authority.context(), tls=True)
    login = {"username": "lab", "password_file": password_file, "ca_file": authority.file, "security": "tls"}
    assert told(server.port, **login).error.endswith(": the server hung up")


def test_a_server_that_reads_slowly_over_tls_is_left_in_time(script: "Start", authority: "Authority") -> None:
    server = script(context=authority.context(), tls=True, slow=True)
    settings = EmailSettings((f"localhost:{server.port}",), (ADMIN,), security="tls", ca_file=authority.file)
    started = monotonic()
    (outcome,) = Email(settings, node="node1").deliver(b"x" * 20_000_000, (ADMIN,), seconds=0.8)
    assert outcome.error == "sending the message: no answer in time"
    assert monotonic() - started < 1.5


# passwords


@pytest.mark.parametrize("reply", [b"535 5.7.8 authentication failed", b"454 not now", b"530 no", b"421 closing"])
def test_a_refused_password_waits_and_is_tried_once(script: "Start", password_file: str, reply: bytes) -> None:
    server = script({"AUTH": reply})
    outcome = told(server.port, "127.0.0.1", security="none", username="lab", password_file=password_file)
    assert outcome.error == f"AUTH: {reply.decode()}"
    assert server.verbs().count("AUTH") == 1
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize(
    ("offer", "error"),
    [
        (b"250 x", "AUTH: not offered"),
        (b"250-x\r\n250 AUTH GSSAPI XOAUTH2", "AUTH: only GSSAPI XOAUTH2 offered"),
    ],
)
def test_a_server_that_takes_no_password_of_ours_is_said(
    script: "Start", password_file: str, offer: bytes, error: str
) -> None:
    server = script({"EHLO": offer})
    login = {"username": "lab", "password_file": password_file, "security": "none"}
    assert told(server.port, "127.0.0.1", **login).error == error


@pytest.mark.parametrize("challenge", [b"334 !", b"334 " + b"QUJD" * 100, b"334"])
def test_challenges_that_never_end_do(script: "Start", password_file: str, challenge: bytes) -> None:
    server = script({"EHLO": b"250-x\r\n250 AUTH CRAM-MD5", "AUTH": challenge, "BGXHYIA=": challenge})
    login = {"username": "lab", "password_file": password_file, "security": "none"}
    assert told(server.port, "127.0.0.1", **login).error.startswith("AUTH: ")


def test_a_password_file_that_is_not_there_waits() -> None:
    error = told(1, username="lab", password_file="/nowhere/password").error  # noqa: S106 (a file's name)
    assert error == "password_file /nowhere/password: No such file or directory"


@pytest.mark.parametrize(("password", "error"), [(b"\xff\xfe", "is not text"), ("schlüssel".encode(), "must be ASCII")])
def test_a_password_that_cannot_be_sent_is_said_and_not_shown(
    script: "Start", tmp_path: Path, password: bytes, error: str
) -> None:
    file = tmp_path / "password"
    file.write_bytes(password)
    outcome = told(script().port, "127.0.0.1", security="none", username="lab", password_file=str(file))
    assert error in outcome.error
    assert "schl" not in outcome.error


# look-ups


def test_a_look_up_that_never_ends_is_left_in_time() -> None:
    from threading import Event

    over = Event()

    def look_up(_host: str, _port: int) -> names.Addresses:
        over.wait(10)
        return []

    started = monotonic()
    with pytest.raises(OSError, match="no answer from the DNS within 0 s"):
        names.addresses(names.Server("mail.example.org", 25), 0.2, look_up)
    assert monotonic() - started < 0.7
    over.set()


def test_the_resolver_is_told_to_hurry() -> None:
    names.addresses(names.Server("127.0.0.1", 25), 1)
    assert os.environ["RES_OPTIONS"] == "timeout:2 attempts:2"


# a machine of its own: its own resolv.conf, DNS server and addresses

MACHINE = """
import json, socket, sys, threading, time
from tocsin.receivers.email import Email, EmailSettings

def answer(dns, kind):
    while True:
        query, peer = dns.recvfrom(512)
        if kind == "denies":  # NXDOMAIN
            dns.sendto(query[:2] + b"\\x81\\x83" + query[4:], peer)
        if kind.isdigit():  # addresses to A, none to AAAA
            hosts = tuple(map(int, kind)) if query[-3] == 1 else ()
            records = b"".join(b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4" + bytes([192, 0, 2, host]) for host in hosts)
            counts = b"\\0\\1\\0" + bytes([len(hosts)]) + b"\\0\\0\\0\\0"
            dns.sendto(query[:2] + b"\\x81\\x80" + counts + query[12:] + records, peer)

def serve(server):
    while True:
        talk, _ = server.accept()
        asked.append(talk.getsockname()[0])
        if asked[-1] == "192.0.2.3":
            talk.close()
        if asked[-1] != "192.0.2.1":  # 192.0.2.4 says nothing, and 192.0.2.2 is nobody's
            kept.append(talk)
            continue
        talk.sendall(b"220 x\\r\\n")
        for line in talk.makefile("rb"):
            commands.append(line.decode())
            time.sleep(0.7 if line.startswith(b"MAIL") else 0)
            talk.sendall(b"250-x\\r\\n250 AUTH PLAIN\\r\\n")

asked, commands, kept = [], [], []
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.1", 53))
threading.Thread(target=answer, args=(dns, sys.argv[1]), daemon=True).start()
server = socket.create_server(("0.0.0.0", 25))
threading.Thread(target=serve, args=(server,), daemon=True).start()
login = {"username": sys.argv[3] or None, "password_file": sys.argv[4]}
settings = EmailSettings((sys.argv[2],), ("a@b",), security="none", **login)
started = time.monotonic()
(outcome,) = Email(settings, node="node1").deliver(b"x", ("a@b",), seconds=float(sys.argv[5]))
print(json.dumps({"error": outcome.error, "seconds": time.monotonic() - started, "asked": asked, "commands": commands}))
"""


@pytest.fixture
def machine(tmp_path: Path) -> "Callable[..., dict[str, object]]":
    """Delivers one mail from a network namespace where the DNS is silent or denies all, and 192.0.2.1 is a server."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    prepare = (
        "ip link set lo up && for host in 1 3 4; do ip address add 192.0.2.$host/32 dev lo; done && "
        f"mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec "
    )
    enter = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c"]
    if (
        not shutil.which("ip")
        or subprocess.run([*enter, f"{prepare} true"], check=False, capture_output=True).returncode
    ):
        reason = "a network namespace of its own is not allowed here, or unshare or ip is missing"
        if os.environ.get("TOCSIN_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)

    def deliver(
        dns: str, server: str, *, username: str = "", password_file: str = "", seconds: float = 5
    ) -> dict[str, object]:
        script = [sys.executable, "-c", MACHINE, dns, server, username, password_file, str(seconds)]
        done = subprocess.run([*enter, f'{prepare} "$@"', "sh", *script], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    return deliver


def test_a_name_that_does_not_exist_is_said(machine: "Callable[..., dict[str, object]]") -> None:
    found = machine("denies", "mail.example.org:25")
    assert found["error"] == "connecting to mail.example.org:25: Name or service not known"


def test_every_address_of_a_name_is_tried_until_one_talks(machine: "Callable[..., dict[str, object]]") -> None:
    found = machine("4321", "mail.example.org:25", seconds=2)
    assert found["asked"] == ["192.0.2.4", "192.0.2.3", "192.0.2.1"]
    assert found["error"] == "DATA: 250 x AUTH PLAIN"  # which is how far 192.0.2.1 goes


def test_the_address_that_talks_has_the_time_of_the_others(machine: "Callable[..., dict[str, object]]") -> None:
    found = machine("1432", "mail.example.org:25", seconds=2)
    assert found["asked"] == ["192.0.2.1"]
    assert found["error"] == "DATA: 250 x AUTH PLAIN"


def test_a_dns_that_never_answers_ends_in_time(machine: "Callable[..., dict[str, object]]") -> None:
    found = machine("silent", "mail.example.org:25", seconds=1)
    assert found["error"] == "connecting to mail.example.org:25: no answer from the DNS within 1 s"
    assert isinstance(found["seconds"], float)
    assert found["seconds"] < 2


def test_no_password_goes_without_tls_to_another_machine(
    machine: "Callable[..., dict[str, object]]", password_file: str
) -> None:
    found = machine("silent", "192.0.2.1:25", username="lab", password_file=password_file)
    assert found["error"] == "AUTH: a password goes without TLS only to this machine itself"
    assert found["commands"] == ["ehlo node1\r\n", "QUIT\r\n"]
