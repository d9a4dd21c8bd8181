"""A long backlog, under the chart's limit of memory and its deadline: each line once, whatever ends a run."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.release import JSON, Release, Run, cronjob

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually

GENERATE = str(Path(__file__).parents[1] / "bench" / "generate.py")
NODE = "node1"
AGO = "30"  # seconds
COUNT = "grep --count 'minikube-node-1 kernel: .*IPTables-TFTP-Rejected: '"
MOST = 8  # runs
OFFSET = """
import json, sqlite3, sys
state = sqlite3.connect(f"file:{sys.argv[1]}/state.db?mode=ro", uri=True)
print(json.loads(state.execute("SELECT cursor FROM cursors").fetchone()[0])["offset"])
"""


@dataclass(frozen=True)
class Backlog:
    """What the log holds."""

    release: Release
    size: int  # in bytes
    lines: int
    packets: int

    def offset(self) -> int:
        """How far the log has been read for good."""
        return int(self.release.cluster.on(NODE, "python3", "-c", OFFSET, self.release.folders.state))

    def runs(self) -> Iterator[Run]:
        """Runs until the log has been read to its end."""
        for _ in range(MOST):
            if self.offset() == self.size:
                return
            before = self.offset()
            yield self.release.run(seconds=300)
            assert self.offset() > before
        pytest.fail(f"not read to its end in {MOST} runs")


@pytest.fixture
def watching(release: Release) -> Release:
    """A cronjob whose first run read an empty log."""
    logs = {"hostPath": release.folders.logs, "timezone": "Etc/UTC"}  # the generated stamps name no zone
    release.install(JSON, **cronjob(NODE), logs=logs)
    assert release.run().statuses == [0]
    return release


def grown(release: Release, percent: int, sources: int, times: int = 1) -> Backlog:
    """The log grows by 200 MB, so many times."""
    cluster, log = release.cluster, release.folders.log
    block = f"{release.folders.logs}/block"
    cluster.on(NODE, "nice", sys.executable, GENERATE, block, "200", str(percent), str(sources), AGO)
    lines, packets = (int(cluster.on(NODE, "sh", "-c", f"{how} {block}").split()[0]) for how in ("wc --lines", COUNT))
    cluster.on(NODE, "sh", "-c", f"for _ in $(seq {times}); do cat {block} >>{log}; done; rm {block}", seconds=300)
    size = int(cluster.on(NODE, "stat", "--format=%s", log))
    return Backlog(release, size, times * lines, times * packets)


def said(runs: list[Run], key: str) -> int:
    return sum(told[key] for run in runs for told in run.said("attack"))


def test_200_mb_of_spoofed_sources_stay_below_the_limit_of_memory(watching: Release) -> None:
    backlog = grown(watching, percent=95, sources=600_000)
    runs = list(backlog.runs())
    assert {(run.end, *run.statuses) for run in runs} == {("Complete", 0)}
    assert (said(runs, "lines"), said(runs, "packets")) == (backlog.lines, backlog.packets)
    assert watching.inbox.mails[0].message["X-Tocsin-Reason"] == "first"


def test_2_gb_are_read_to_their_end_from_where_a_killed_run_left_them(
    watching: Release, eventually: "Eventually"
) -> None:
    backlog = grown(watching, percent=20, sources=40, times=10)
    job = watching.start()
    reached = eventually(backlog.offset, 120)
    assert reached < backlog.size
    pods = [pod["metadata"]["name"] for pod in watching.pods(job)]
    watching.namespace.kubectl("delete", "pod", *pods, "--force", "--grace-period=0")
    runs = [watching.ended(job, 300), *backlog.runs()]
    assert {run.end for run in runs} == {"Complete"}
    assert 0 < said(runs, "lines") <= 1.01 * backlog.lines * (1 - reached / backlog.size)
    status: dict[str, Any] = watching.ask("status", "--json")
    assert sum(count["events"] for count in status["counts"]) == backlog.packets
    assert status["gaps"] == []
