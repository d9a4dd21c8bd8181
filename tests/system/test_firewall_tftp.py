"""A real client and a real server, with the rules between them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.lab import NODE, KernelLog, Lab, sh


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


@pytest.mark.parametrize("backend", ["nft", "iptables", "iptables-legacy"])
def test_what_the_rules_log_is_what_the_watcher_counts(lab: Lab, kernel_log: KernelLog, backend: str) -> None:
    lab.done("apply", "--backend", backend)
    lab.send({"192.0.2.2": 14, "2001:db8:0:2::2": 12})
    stamped = [
        f"2026-11-23T14:00:00+00:00 node1 kernel: [  705.905357] {line}\n" for line in kernel_log.lines(lab.prefix)
    ]
    words = [sys.executable, "-m", "tocsin.cli", "scan", "--json", "--config", str(lab.folder / "tocsin.yaml"), "-"]
    counted = json.loads(sh(*words, stdin="".join(stamped)))
    assert [(one["src"], one["events"]) for one in counted["sources"]] == [("192.0.2.2", 4), ("2001:db8:0:2::2", 2)]
