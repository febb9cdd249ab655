"""Following a server's revocations: a thread with a long poll, and what it has heard so far.

While the server cannot be asked, what was heard last holds for a bounded time; after that nobody is let in.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from gatepost.errors import GatepostError, InvalidToken, Unavailable

log = logging.getLogger("gatepost.guard")

WAIT_SECONDS = 10.0  # of one long poll
FIRST_WAIT_SECONDS = 10.0  # of the first requests, for the first answer
RETRY_SECONDS = 0.3
BEGIN_ANEW_SECONDS = 3600.0  # so that what ended long ago is not kept for ever

Ask = Callable[[str, float], Mapping[str, Any]]


class Following:
    """What a server has ended.  The thread starts with the first question, and so after a fork."""

    def __init__(self, ask: Ask, *, stale_for: float, keys_changed: Callable[[], bool]) -> None:
        self._ask = ask
        self._stale_for = stale_for
        self._keys_changed = keys_changed
        self._keys_due = False
        self._after = ""
        self._begun_at = 0.0
        self._fresh_at: float | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure = ""
        self._ended: set[str] = set()
        self._disabled: set[str] = set()
        self._providers: frozenset[str] = frozenset()
        self.allows_anonymous = False

    @property
    def is_fresh(self) -> bool:
        """Whether what was heard is recent enough to answer from."""
        alive = self._thread is not None and self._thread.is_alive()
        return alive and self._fresh_at is not None and time.monotonic() - self._fresh_at <= self._stale_for

    def wait(self) -> None:
        """Wait for the first answer.  Raises `Unavailable` if there is none, or none that is recent enough."""
        self._start()
        if self._fresh_at is None:
            with self._changed:
                self._changed.wait_for(lambda: self._fresh_at is not None or self._failure, FIRST_WAIT_SECONDS)
        if not self.is_fresh:
            raise Unavailable("revocations are not known any more", detail=self._failure or "the server is silent")

    def require_not_ended(self, credential_id: str, subject: str, provider: str) -> None:
        """Raise `InvalidToken` for what was ended, whose account is disabled, or whose provider is gone."""
        if credential_id in self._ended:
            raise InvalidToken(detail="its session was ended")
        if subject in self._disabled:
            raise InvalidToken(detail="the account is disabled")
        if provider and provider not in self._providers:
            raise InvalidToken(detail=f"the provider {provider} that vouched is not configured any more")

    def close(self) -> None:
        """Stop.  A poll that is under way ends when its connection is closed; a question after this starts anew."""
        with self._changed:
            self._stopped.set()
            self._thread = None

    def _start(self) -> None:
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._failure = ""
                self._stopped = threading.Event()
                run = self._stopped  # each thread has its own: one that is ending must not be woken by the next
                self._thread = threading.Thread(target=self._run, args=(run,), name="gatepost-revocations", daemon=True)
                self._thread.start()

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self._poll()
            except GatepostError as error:
                self._failed(f"{error} ({error.detail})")
            except Exception as error:
                # A thread that dies would leave this process believing in revoked rights; it goes on, and grows stale.
                log.exception("the revocations stumbled and go on")
                self._failed(type(error).__name__)

    def _failed(self, why: str) -> None:
        if not self._failure and not self._stopped.is_set():
            log.warning("the revocations cannot be followed: %s", why)
        with self._changed:
            self._failure = why
            self._changed.notify_all()
        self._stopped.wait(RETRY_SECONDS)

    def _poll(self) -> None:
        if time.monotonic() - self._begun_at > BEGIN_ANEW_SECONDS:
            self._after = ""
        sent = time.monotonic()
        told = self._ask(self._after, 0 if self._fresh_at is None or self._failure or self._keys_due else WAIT_SECONDS)
        self._take(told)
        if self._keys_due:
            self._keys_due = not self._keys_changed()
            self._stopped.wait(RETRY_SECONDS if self._keys_due else 0)
        with self._changed:
            self._fresh_at, self._failure = sent + float(told["as_of"]), ""
            self._changed.notify_all()

    def _take(self, told: Mapping[str, Any]) -> None:
        if told["whole"]:
            self._ended, self._disabled = set(told["ended"]), set(told["disabled"])
            self._begun_at = time.monotonic()
        else:
            self._ended.update(told["ended"])
            self._disabled.update(told["disabled"])
            self._disabled.difference_update(told["enabled"])
        self._providers = frozenset(told["providers"])
        self.allows_anonymous = bool(told["anonymous"])
        self._keys_due = self._keys_due or (bool(told["keys_changed"]) and self._fresh_at is not None)
        self._after = str(told["revision"])
