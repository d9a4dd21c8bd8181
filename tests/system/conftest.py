"""Left out in one line without root; nothing outside the network namespaces of these tests changes."""

import os

import pytest
from tests.system.lab import hearing, kernel_log, lab, outside_unchanged

__all__ = ["hearing", "kernel_log", "lab", "outside_unchanged"]

ROOT = os.geteuid() == 0
collect_ignore_glob = [] if ROOT or os.environ.get("TOCSIN_REQUIRE_ALL") else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROOT:
        terminalreporter.write_line("tests/system: left out, it needs root")
