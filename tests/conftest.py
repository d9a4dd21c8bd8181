"""A need that is missing is skipped aloud, and fails where every need is required."""

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("TOCSIN_REQUIRE_ALL"):
        report.outcome = "failed"
        report.longrepr = f"left out where every need is required: {report.longrepr}"
    return report
