"""A pytest plugin for CI: a skipped test is a failed one, for CI has everything that a test may look for.

On somebody's laptop a test without its browser or database is skipped, and says so.  On CI the same skip would let a
whole feature go untested without anybody seeing it.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test into a failure; an expected failure, which pytest also reports as skipped, stays one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", refusal(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole file, as by `pytest.importorskip`, into a failure."""
    report = yield
    if report.skipped:
        report.outcome, report.longrepr = "failed", refusal(report)
    return report


def refusal(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Say why it was skipped, and that this does not count here."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return f"skipped, which CI does not allow.  {reason}"
