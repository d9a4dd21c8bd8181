"""demo: a real attack's log, an SMTP server of its own, the mail on the screen."""

import os
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pkgutil import get_data
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import click

from tocsin import app, telemetry
from tocsin.commands import options
from tocsin.config import load
from tocsin.errors import TocsinError
from tocsin.receivers.email import EmailSettings
from tocsin.sources.file import FileSettings

_SEEN = timedelta(seconds=30)  # the demo's run looks at the log so long after its last line


class _Mailbox(ThreadingTCPServer):
    """As much of RFC 5321 as one client needs, on loopback; keeps the messages that it took."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.messages: list[bytes] = []


class _Talk(StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Mailbox)  # noqa: S101 (for the types: no other server starts it)
        self._say("220 demo ESMTP")
        while line := self.rfile.readline(1000):
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 go on")
                self.server.messages.append(self._message())
            self._say("221 bye" if verb == b"QUIT" else "250 ok")

    def _message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, reply: str) -> None:
        self.wfile.write(reply.encode() + b"\r\n")


@click.command("demo", short_help="A real attack's log, an SMTP server of its own, the mail on the screen.")
@options.settings
def command(file: str | None) -> int:
    """Plays the log of a real attack on a TFTP server through one tick and shows the mail that arrives.

    Needs no root and no network, and leaves nothing behind. It has settings of its own: no others play a part.
    """
    del file
    with tempfile.TemporaryDirectory() as folder, _Mailbox() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            _play(folder, server)
        finally:
            server.shutdown()
        if not server.messages:
            raise TocsinError("the demo's mail did not arrive", hint="the lines above say why")
        for message in server.messages:
            _show(message)
    return 0


def _play(folder: str, server: _Mailbox) -> None:
    log = os.path.join(folder, "syslog")
    lines = get_data(__package__ or "tocsin.commands", "demo.log") or b""
    with open(log, "wb") as file:
        file.write(lines)
    last = datetime.fromisoformat(lines.rstrip().rpartition(b"\n")[2].split(b" ")[0].decode())
    os.utime(log, (last.timestamp(), last.timestamp()))
    settings = EmailSettings((f"127.0.0.1:{server.server_address[1]}",), ("admin@example.org",), security="none")
    settings_file = os.path.join(folder, "tocsin.yaml")  # so that this machine's own settings play no part
    with open(settings_file, "w", encoding="utf-8") as own:
        own.write(f"state: {folder}/state\n")
    config = load(settings_file, {"NODE_NAME": "node1", "NODE_IP": "192.168.99.1"})
    config = replace(config, sources=(FileSettings(log),), receivers=(settings,))
    now = last + _SEEN
    with app.owner(config, now) as owner:
        for line in telemetry.lines(owner.tick(now)):
            click.echo(telemetry.plain(line, now))


def _show(message: bytes) -> None:
    from email import message_from_bytes
    from email.policy import default

    mail = message_from_bytes(message, policy=default)
    click.echo()
    for name in ("From", "To", "Date", "Subject", "Message-ID"):
        click.echo(f"{name}: {mail[name]}")
    body = mail.get_body(("plain",))
    click.echo(f"\n{body.get_content() if body else ''}")
    click.echo("The same mail has an HTML part: tocsin preview --format html shows one.")
