"""Waiting for something that another thread or process does: up to a deadline, and not a moment longer than needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.005
A_BUSY_SECOND = 15.0  # what is promised within a second: a machine that is busy with something else decides no test


def eventually(condition: Callable[[], T], within: float, what: str = "") -> T:
    """Return the first true answer of `condition`.  Raises `AssertionError` if there is none within that many seconds."""
    pause, deadline = threading.Event(), time.monotonic() + within
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition}")
        pause.wait(LOOK_SECONDS)
    return answer
