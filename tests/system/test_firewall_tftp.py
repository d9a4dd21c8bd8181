"""A real client and a real server, with the rules between them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.lab import NODE, KernelLog, Lab


@pytest.fixture
def server(lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """A folder that tftpd-hpa serves on the node."""
    folder = tmp_path / "tftp"
    folder.mkdir()
    (folder / "test.txt").write_text("served\n")
    words = ["in.tftpd", "--foreground", "--user", "root", "--address", f"{NODE}:69", "--secure", str(folder)]
    with subprocess.Popen(["ip", "netns", "exec", f"{lab.name}-node", *words]) as running:
        yield folder
        running.terminate()


@pytest.mark.parametrize("backend", ["nft", "iptables"])
def test_gets_beyond_the_limit_are_rejected_logged_and_late(
    lab: Lab, server: Path, kernel_log: KernelLog, backend: str
) -> None:
    lab.done("apply", "--backend", backend)
    for number in range(11):
        lab.out("tftp", NODE, "-c", "get", "test.txt", str(server.parent / f"got{number}"))
    assert all((server.parent / f"got{number}").read_text() == "served\n" for number in range(11))
    counts = lab.counters()
    assert counts["accepted"] == 11
    assert 1 <= counts["rejected"] == len(kernel_log.lines(lab.prefix)) <= 4
