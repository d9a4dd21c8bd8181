"""The fixtures of this folder, each from beside its noun, and how its tests are collected.

KUBECONFIG says which cluster; without it this folder is left out, in one line. `make cluster` starts one of ours. On
any other (kind, minikube) the same tests run, and what needs a node's own shell is skipped aloud.
"""

import os
from pathlib import Path

import pytest
from tests.cluster.cluster import cluster, eventually, image, pyz
from tests.cluster.folders import folders
from tests.cluster.mail import authority, inbox, plain_inbox
from tests.cluster.namespace import namespace
from tests.cluster.release import release
from tests.cluster.shell import shell

__all__ = [
    "authority",
    "cluster",
    "eventually",
    "folders",
    "image",
    "inbox",
    "namespace",
    "plain_inbox",
    "pyz",
    "release",
    "shell",
]

FOLDER = Path(__file__).parent
LEFT_OUT = "tests/cluster needs KUBECONFIG (`make cluster` starts a cluster and sets it)"

collect_ignore_glob = [] if os.environ.get("KUBECONFIG") else ["*"]
if collect_ignore_glob and os.environ.get("TOCSIN_REQUIRE_ALL"):
    raise pytest.UsageError(f"left out where every need is required: {LEFT_OUT}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if collect_ignore_glob:
        terminalreporter.write_line(f"left out: {LEFT_OUT}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    grouped = [test for test in items if test.get_closest_marker("xdist_group")]
    if config.getoption("loadgroup", default=False) and not all("@" in test.nodeid for test in grouped):
        raise pytest.UsageError("this pytest-xdist forgets the groups: two tests would lay one node's rules at once")
    for test in items:
        if test.path.is_relative_to(FOLDER) and not test.get_closest_marker("timeout"):
            test.add_marker(pytest.mark.timeout(600))
