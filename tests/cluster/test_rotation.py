"""The kernel's lines over logrotate as Debian sets it up for rsyslog: none is lost, none counts twice.

The test has its own rsyslogd on the node and its own packets, which the kernel logs each: so their number is known.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import JSON, Release, cronjob

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually

BURST = 20  # packets
SEND = """
import socket, sys
talk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[3])):
    talk.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
"""
STOP = 'pid=$(cat "$1/pid"); kill "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done; rm -rf "$1"'


@dataclass
class Syslog:
    """What writes and rotates the release's log on a node, and what is logged there."""

    release: Release
    node: str
    prefix: str
    port: int
    sent: int = 0
    rotations: int = 0

    def on(self, *command: str, stdin: str | None = None) -> str:
        return self.release.cluster.on(self.node, *command, stdin=stdin)

    @property
    def place(self) -> str:
        return f"{self.release.folders.state}-rsyslog"

    @property
    def rule(self) -> list[str]:
        words = f"INPUT -p udp --dport {self.port} -j LOG --log-level 4 --log-prefix"
        return [*words.split(), self.prefix]

    def start(self) -> None:
        folders = self.release.folders
        conf = f"""
            global(workDirectory="{self.place}" localHostname="{self.node}")
            module(load="imkmsg")
            if not ($msg contains "{self.prefix}") then stop
            action(type="omfile" file="{folders.log}" fileOwner="root" fileGroup="adm" fileCreateMode="0640")
        """
        start = 'mkdir "$1" && cat >"$1/rsyslog.conf" && rsyslogd -f "$1/rsyslog.conf" -i "$1/pid" >"$1/log" 2>&1'
        self.on("sh", "-c", start, "-", self.place, stdin=conf)
        self.on("iptables", "-w", "-I", *self.rule)
        pid = self.on("cat", f"{self.place}/pid").strip()
        debian = Path("/etc/logrotate.d/rsyslog").read_text(encoding="utf-8")
        rotated = debian.replace("/var/log/", f"{folders.logs}/").replace("rotate 4", "rotate 99")
        rotated, asked = re.subn("/usr/lib/rsyslog/rsyslog-rotate", f"kill -s HUP {pid}", rotated)
        assert asked == 1
        self.on("sh", "-c", 'cat >"$1/logrotate.conf"', "-", self.place, stdin=f"create\n{rotated}")

    def stop(self) -> None:
        self.on("iptables", "-w", "-D", *self.rule)
        self.on("sh", "-c", STOP, "-", self.place)

    def burst(self) -> None:
        cluster = self.release.cluster
        address = cluster.address(self.node)
        cluster.on("outside", "python3", "-c", SEND, address, str(self.port), str(BURST))
        self.sent += BURST

    def rotate(self) -> None:
        words = ("--force", "--state", f"{self.place}/status", f"{self.place}/logrotate.conf")
        self.on("logrotate", *words)
        self.rotations += 1

    def written(self) -> int:
        """Lines about our packets in the log and all that was rotated away."""
        return int(
            self.on("sh", "-c", 'zcat --force "$1"* | grep --count "$2"', "-", self.release.folders.log, self.prefix)
        )

    @contextmanager
    def rotating(self) -> Iterator[None]:
        """Packets and rotations in turn, as fast as they go."""
        enough = Event()

        def go_on() -> None:
            while not enough.is_set():
                self.burst()
                self.rotate()

        thread = Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()


@pytest.fixture
def syslog(release: Release) -> Iterator[Syslog]:
    node, name = release.cluster.nodes[-1], release.namespace.name
    made = Syslog(release, node, f"{name}: ", 20_000 + int(name[-4:], 16) // 2)
    made.start()
    release.install({**JSON, "rules": [{"name": "ours", "prefix": made.prefix}]}, **cronjob(node))
    yield made
    made.stop()


def test_no_line_is_lost_or_counts_twice_over_rotations_between_runs_and_during_them(
    syslog: Syslog, eventually: "Eventually"
) -> None:
    syslog.burst()
    eventually(lambda: syslog.written() == syslog.sent, 20)
    assert syslog.release.run().statuses == [0]
    for _ in range(3):  # what was left half read is compressed by now
        syslog.burst()
        syslog.rotate()
    assert syslog.release.run().statuses == [0]
    for _ in range(2):
        with syslog.rotating():
            before = syslog.rotations
            run = syslog.release.run()
            assert syslog.rotations > before + 3
        assert (run.end, {*run.statuses} - {0, 66}) == ("Complete", set())
    eventually(lambda: syslog.written() == syslog.sent, 20)
    assert syslog.release.run().statuses == [0]
    status = syslog.release.ask("status", "--json")
    assert [alert["events"] for alert in status["alerts"]] == [syslog.sent]
    assert sum(count["events"] for count in status["counts"]) == syslog.sent
    assert (status["gaps"], len(syslog.release.inbox.mails)) == ([], 1)
