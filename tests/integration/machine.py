"""tocsin as a process, on a folder that stands for a machine."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from tests.integration.mail import Inbox


class Beside(subprocess.Popen[str]):
    """A process that is killed where a test leaves it behind: a Popen would wait for it."""

    def __exit__(self, *_: object) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(None, None, None)


@dataclass
class Machine:
    """A folder that stands for a machine: its log, its settings, its state, and tocsin as a process on it."""

    folder: Path
    port: int = 1  # of the mail server: nobody listens on 1
    environment: dict[str, str] = field(default_factory=dict)
    serial: int = 0
    program: tuple[str, ...] = (sys.executable, "-m", "tocsin.cli")

    @property
    def log(self) -> Path:
        return self.folder / "syslog"

    def settle(self, **settings: str) -> Path:
        """Writes the settings: one source, the mail server, and what is given instead or besides."""
        keys = {
            "state": str(self.folder / "state"),
            "sources": self.files(self.log),
            "receivers": f'[{{email: {{server: "127.0.0.1:{self.port}", security: none, to: [admin@example.org]}}}}]',
        } | settings
        file = self.folder / "tocsin.yaml"
        file.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
        return file

    @staticmethod
    def files(*paths: Path) -> str:
        """The setting `sources` for these logs."""
        return "[" + ", ".join(f"{{file: {{path: {path}}}}}" for path in paths) + "]"

    def write(self, *sources: str, ago: float = 0, log: Path | None = None, zone: tzinfo | None = None) -> None:
        """One rejected packet of each source, so many seconds ago; with a zone by stamps of RFC 3164 in it."""
        time = datetime.now(zone or UTC) - timedelta(seconds=ago)  # noqa: TID251 (the process has the real clock)
        stamp = f"{time:%b} {time.day:2} {time:%H:%M:%S}" if zone else time.isoformat()
        with (log or self.log).open("a") as file:
            for src in sources:
                self.serial += 1
                file.write(
                    f"{stamp} node1 kernel: [  705.905357] IPTables-TFTP-Rejected: IN=eth0 OUT= MAC= SRC={src} "
                    f"DST=192.0.2.1 LEN=48 TOS=0x00 PREC=0x00 TTL=64 ID={self.serial} DF PROTO=UDP SPT=55526 "
                    "DPT=69 LEN=28 \n"
                )

    def run(self, *words: str, stdin: str | None = None, **options: Any) -> "subprocess.CompletedProcess[str]":  # noqa: ANN401 (subprocess's)
        """The verb with these words, to its end. What another user covers cannot be written down."""
        variables = self.uncovered() if "user" in options else self.variables()
        return subprocess.run(
            self.command(*words), env=variables, input=stdin, capture_output=True, text=True, timeout=60, check=False,
            **options,
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        read: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return read

    def stranger(self) -> dict[str, Any]:
        """Lets a user without rights in, gives him the state folder, and returns what `run` needs to be him."""
        for path in (self.folder, self.folder.parent, self.folder.parent.parent):
            path.chmod(0o755)
        state = self.folder / "state"
        state.mkdir()
        os.chown(state, 65534, 65534)
        return {"user": 65534, "group": 65534, "extra_groups": []}

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """The same, going on beside a test's `with`, and no longer."""
        return Beside(
            self.command(*words), env=self.variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def on_a_terminal(self, *words: str, **environment: str) -> str:
        """What the verb writes on a terminal, standard error included."""
        here, there = pty.openpty()
        variables = {"TERM": "xterm", "COLUMNS": "100"} | self.variables() | environment
        with subprocess.Popen(self.command(*words), env=variables, stdin=there, stdout=there, stderr=there):
            os.close(there)
            said = b""
            with suppress(OSError):  # the other end is closed
                while piece := os.read(here, 65_536):
                    said += piece
        os.close(here)
        return said.decode()

    @staticmethod
    def names(output: str) -> list[str]:
        """The events that the lines of a run begin with."""
        return [line.partition("Z ")[2].partition(":")[0] for line in output.splitlines()]

    def uncovered(self) -> dict[str, str]:
        """The same without what makes a process write down what it covered."""
        return {name: text for name, text in self.variables().items() if "COV" not in name}

    def command(self, *words: str) -> list[str]:
        return [*self.program, *words]

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "PATH"))}
        return {**kept, "NODE_NAME": "node1", "TOCSIN_CONFIG": str(self.folder / "tocsin.yaml"), **self.environment}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with an empty log and with settings; its mail server is down."""
    made = Machine(tmp_path)
    made.log.touch()
    made.settle()
    return made


@pytest.fixture
def root() -> None:
    """For what only root can set up: another user, a mount, a folder of the machine's own."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


@dataclass(frozen=True)
class Disk:
    """A very small disk."""

    folder: Path

    def fill(self) -> None:
        room = os.statvfs(self.folder)
        (self.folder / "filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize))

    def empty(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(root: None, tmp_path: Path) -> Iterator[Disk]:
    del root
    made = Disk(tmp_path / "disk")
    made.folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tocsin-test", made.folder], check=True)
    yield made
    subprocess.run(["umount", made.folder], check=True)


_POD = """
for each in /*; do
  if [ -L "$each" ]; then cp -P "$each" "$0$each"
  elif [ -d "$each" ] && [ "$each" != /etc ] && [ "$each" != /host_logs ]; then
    mkdir -p "$0$each" && mount --rbind "$each" "$0$each"
  fi || exit
done
exec chroot "$0" "$@"
"""


class Pod(Machine):
    """A machine whose root folder is its own, as the shell script's pod had it: /host_logs, and no settings."""

    @property
    def log(self) -> Path:
        return self.folder / "root/host_logs/syslog"

    def command(self, *words: str) -> list[str]:
        return ["unshare", "--mount", "sh", "-c", _POD, str(self.folder / "root"), *super().command(*words)]


@pytest.fixture
def pod(root: None, tmp_path: Path) -> Pod:
    del root
    made = Pod(tmp_path, environment={"TOCSIN_CONFIG": "", "TOCSIN_STATE": str(tmp_path / "state")})
    made.log.parent.mkdir(parents=True)
    (tmp_path / "root/etc").mkdir()
    return made


@pytest.fixture
def mailing(
    machine: Machine, mail_server: Callable[..., AbstractContextManager[Inbox]]
) -> Iterator[tuple[Machine, Inbox]]:
    """A machine whose mail server is up, and that server's inbox."""
    with mail_server() as inbox:
        machine.port = inbox.port
        machine.settle()
        yield machine, inbox
