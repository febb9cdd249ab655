"""A pytest plugin for CI: a skipped test is a failed one, for CI has everything that a test may look for.

On somebody's laptop a test without its browser or database is skipped, and says so.  On CI the same skip would let a
whole feature go untested without anybody seeing it.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure; an expected failure, which pytest also reports as skipped, stays one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow.  {reason}"
    return report
