"""What is opened as a log, what is refused, and how the refusal helps."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.errors import LogError, LogMissing, NotPermitted
from tocsin.sources.opening import opened

_NOBODY = 65534
_AS_ROOT = os.geteuid() == 0


def refused(path: Path) -> str:
    """The refusal that somebody without rights gets."""
    script = f"""
import os
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid({_NOBODY}, {_NOBODY}, {_NOBODY}); os.setresuid({_NOBODY}, {_NOBODY}, {_NOBODY})
from tocsin.errors import TocsinError
from tocsin.sources.opening import opened
try:
    opened({str(path)!r})
except TocsinError as error:
    print(error.status, error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_regular_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"four")
    with opened(str(tmp_path / "log")) as file:
        assert (file.size, file.inode) == (4, (tmp_path / "log").stat().st_ino)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LogMissing, match=r"log is not there$"):
        opened(str(tmp_path / "log"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="not a log but a folder; hint: name the log file itself"):
        opened(str(tmp_path))


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(LogError, match="not a log but a pipe"):
        opened(str(tmp_path / "log"))


def test_a_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "log"))
        with pytest.raises(LogError, match="not a log but a socket"):
            opened(str(tmp_path / "log"))


def test_a_device_is_refused() -> None:
    with pytest.raises(LogError, match="not a log but a device"):
        opened("/dev/null")


def test_a_symlink_of_ones_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"four")
    (tmp_path / "log").symlink_to("real")
    with opened(str(tmp_path / "log")) as file:
        assert file.size == 4


def test_a_dangling_symlink_is_missing(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("real")
    with pytest.raises(LogMissing):
        opened(str(tmp_path / "log"))


if _AS_ROOT:  # nobody else can make what belongs to others

    def test_a_symlink_of_somebody_else_is_refused(tmp_path: Path) -> None:
        (tmp_path / "real").write_bytes(b"four")
        (tmp_path / "log").symlink_to("real")
        os.lchown(tmp_path / "log", _NOBODY, _NOBODY)
        with pytest.raises(LogError, match=f"a symlink that uid {_NOBODY} owns"):
            opened(str(tmp_path / "log"))

    def test_the_group_that_may_read_it_is_named(outside: Path) -> None:
        (outside / "log").write_bytes(b"")
        os.chown(outside / "log", 0, 4)
        (outside / "log").chmod(0o640)
        text = refused(outside / "log")
        assert text.startswith("77 ")
        assert text.endswith("log is root:adm, mode 0640; hint: run with the group adm (4), or as root")

    def test_a_group_without_a_name_is_a_number(outside: Path) -> None:
        (outside / "log").write_bytes(b"")
        os.chown(outside / "log", 54321, 54321)
        (outside / "log").chmod(0o600)
        assert "is 54321:54321, mode 0600; hint: run as root" in refused(outside / "log")

    def test_the_folder_that_bars_the_way_is_named(outside: Path) -> None:
        (outside / "closed").mkdir(mode=0o700)
        (outside / "closed/log").write_bytes(b"")
        text = refused(outside / "closed/log")
        assert re.search(r"closed is root:root, mode 0700; hint: run as root$", text)


def test_a_file_that_nobody_may_read_is_not_permitted(outside: Path) -> None:
    (outside / "log").write_bytes(b"")
    (outside / "log").chmod(0)
    assert refused(outside / "log").startswith(f"{NotPermitted.status} {outside}/log may not be read by uid ")
