"""A mail server as people run it: Exim with STARTTLS and AUTH takes our mails, and what it stored is what we wrote."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from time import monotonic

import pytest
import trustme

from tocsin.model import Alert, Notification, Outcome
from tocsin.receivers import render
from tocsin.receivers.email import Email, EmailSettings

AT = datetime(2026, 11, 23, 14, 35, 26, tzinfo=UTC)
ALERT = Alert("tftp", "192.0.2.7", None, None, AT, AT, 9, AT, over=False, named=False)
FIRST = Notification(
    "1" * 32, "tftp", "first", AT, "node1", "198.51.100.4",
    start=AT, last=AT, events=9, alerts=(ALERT,), new=1, window=timedelta(minutes=10),
)  # fmt: skip
OVER = Notification(
    "2" * 32, "tftp", "over", AT, "node1", "198.51.100.4", thread=(FIRST.id,),
    start=AT, last=AT, over=True, events=9, alerts=(ALERT,), window=timedelta(minutes=10),
)  # fmt: skip
ADMINS = ("admin@example.org", "ops@example.org")


@dataclass(frozen=True)
class Exim:
    """A running Exim and its folder."""

    folder: Path
    port: int

    def receiver(self, password: str = "s3cret", *, ca_file: bool = True) -> Email:  # noqa: S107 (the lab's)
        (self.folder / "password").write_text(f"{password}\n")
        settings = EmailSettings(
            (f"localhost:{self.port}",),
            ADMINS,
            username="lab",
            password_file=str(self.folder / "password"),
            ca_file=str(self.folder / "tls/cert.pem") if ca_file else None,
            sender="tocsin@node1.example.org",
        )
        return Email(settings, node="node1.example.org")

    def mails(self) -> list[EmailMessage]:
        """What it has stored, in the order of the Message-IDs."""
        subprocess.run([*self.command(), "-qff"], check=True)
        found = [file.read_bytes() for file in self.folder.glob("maildir/new/*")]
        read = [message_from_bytes(octets, policy=default) for octets in found]
        return sorted(read, key=lambda mail: str(mail["Message-ID"]))

    def command(self) -> list[str]:
        """Exim as the only user that it accepts."""
        user = ["setpriv", "--reuid=Debian-exim", "--regid=Debian-exim", "--clear-groups"]
        return [*user, f"{self.folder}/exim4", "-C", f"{self.folder}/exim.conf"]


def missing() -> str:
    if os.geteuid():
        return "Exim only runs as root, which makes itself Debian-exim"
    if not Path("/usr/sbin/exim4").exists() or not shutil.which("setpriv"):
        return "exim4-daemon-light or setpriv is missing"
    return ""


@pytest.fixture
def exim() -> Iterator[Exim]:
    if missing():
        if os.environ.get("TOCSIN_REQUIRE_ALL"):
            pytest.fail(missing())
        pytest.skip(missing())
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        folder = Path(name)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        prepare(folder, port)
        running = Exim(folder, port)
        process = subprocess.Popen([*running.command(), "-bdf"])
        try:
            await_port(port)
            yield running
        finally:
            process.terminate()
            process.wait(10)


def prepare(folder: Path, port: int) -> None:
    for name in ("tls", "spool", "log", "maildir"):
        (folder / name).mkdir()
    shutil.copyfile("/usr/sbin/exim4", folder / "exim4")  # without its setuid bit
    (folder / "exim4").chmod(0o755)
    template = Path(__file__).with_name("exim.conf").read_text()
    (folder / "exim.conf").write_text(template.replace("FOLDER", str(folder)).replace("PORT", str(port)))
    ca = trustme.CA()
    certificate = ca.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "tls/key.pem"))
    for part in (*certificate.cert_chain_pems, ca.cert_pem):
        part.write_to_path(str(folder / "tls/cert.pem"), append=True)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, "Debian-exim", "Debian-exim")


def await_port(port: int) -> None:
    until = monotonic() + 10
    while monotonic() < until:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 5) as talk:
            talk.recv(100)
            return
    raise TimeoutError


def deliver(receiver: Email, notification: Notification, *recipients: str) -> tuple[Outcome, ...]:
    return receiver.deliver(receiver.render(notification), recipients or ADMINS)


def test_exim_stores_the_mail_as_it_was_written(exim: Exim) -> None:
    assert deliver(exim.receiver(), FIRST) == tuple(map(Outcome, ADMINS))
    mail, copy = exim.mails()
    assert {mail["Envelope-to"], copy["Envelope-to"]} == set(ADMINS)
    assert not [part.defects for part in mail.walk() if part.defects]
    assert (mail["Subject"], mail["Message-ID"]) == (render.subject(FIRST), f"<{FIRST.id}@node1.example.org>")
    assert mail["Return-path"] == "<tocsin@node1.example.org>"
    for kind, written in (("plain", render.text(FIRST)), ("html", render.html(FIRST))):
        part = mail.get_body((kind,))
        assert isinstance(part, EmailMessage)
        assert part.get_content() == written


def test_exim_stores_an_attack_as_a_thread(exim: Exim) -> None:
    for notification in (FIRST, OVER):
        deliver(exim.receiver(), notification, ADMINS[0])
    first, over = exim.mails()
    assert over["In-Reply-To"] == over["References"] == first["Message-ID"]
    assert over["Subject"] == first["Subject"]


def test_exim_takes_a_mail_for_one_and_refuses_another_for_good(exim: Exim) -> None:
    taken, refused = deliver(exim.receiver(), FIRST, ADMINS[0], "nosuch@example.org")
    assert taken == Outcome(ADMINS[0])
    assert refused == Outcome("nosuch@example.org", "RCPT: 550 no such user here", permanent=True)
    assert [mail["Envelope-to"] for mail in exim.mails()] == [ADMINS[0]]


def test_exim_that_says_later_gets_the_same_mail_later(exim: Exim) -> None:
    (exim.folder / "TEMPFAIL").touch()
    assert deliver(exim.receiver(), FIRST, ADMINS[0]) == (Outcome(ADMINS[0], "RCPT: 451 greylisted, try later"),)
    (exim.folder / "TEMPFAIL").unlink()
    assert deliver(exim.receiver(), FIRST, ADMINS[0]) == (Outcome(ADMINS[0]),)
    assert len(exim.mails()) == 1


def test_a_wrong_password_waits(exim: Exim) -> None:
    (outcome,) = deliver(exim.receiver("wrong"), FIRST, ADMINS[0])
    assert outcome == Outcome(ADMINS[0], "AUTH: 535 Incorrect authentication data")


def test_without_its_ca_exim_gets_no_password(exim: Exim) -> None:
    (outcome,) = deliver(exim.receiver(ca_file=False), FIRST, ADMINS[0])
    assert outcome.error.startswith("TLS: self-signed certificate in certificate chain; hint: ")
    assert not outcome.permanent
