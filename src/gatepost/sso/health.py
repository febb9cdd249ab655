"""How a provider or an issuer is doing, as this process has seen it: what failed, what worked, and whose clock is off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gatepost.errors import ProviderFailed
from gatepost.sso.http import Answer, Http

DOCUMENTS = ("discovery document", "key set")  # whoever reads these judges them, too
REVOCATION = "revocation"  # nobody's sign-in hangs on it, so it says nothing of how a provider is doing
ANSWER = "answer"  # what came back at the end of a sign-in


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """How a provider or an issuer is doing, for people.  `up` is None until somebody asked it for something.

    `failures` and `key_fetches` count since this process started.  `skew` is how far its clock is ahead of ours.
    """

    name: str
    display_name: str
    issuer: str
    up: bool | None
    last_error: str
    last_error_at: datetime | None
    last_success_at: datetime | None
    failures: int = 0
    keys_known: int = 0
    key_fetches: int = 0
    skew: timedelta | None = None


class Health:
    """What works and what does not, part by part: a key set that fails is not mended by a token that was issued."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._down: dict[str, str] = {}
        self.error = ""
        self.failed_at: datetime | None = None
        self.worked_at: datetime | None = None
        self.failures = 0
        self.skew: timedelta | None = None

    @property
    def up(self) -> bool | None:
        if self._down:
            return False
        return None if self.worked_at is None else True

    def worked(self, part: str) -> None:
        with self._lock:
            self._down.pop(part, None)
            if part not in DOCUMENTS:
                self._down.pop(ANSWER, None)
            self.worked_at = self._now()

    def failed(self, part: str, sentence: str) -> None:
        with self._lock:
            self._down[part] = self.error = sentence
            self.failed_at = self._now()
            self.failures += 1

    def answered_wrongly(self, sentence: str) -> None:
        """Note how a sign-in ended, unless the reason is on record already as that of a part."""
        asked = any(part not in (*DOCUMENTS, ANSWER) for part in self._down)
        if asked or (self._down and sentence == self.error):
            return
        self.failed(ANSWER, sentence)

    def told(self, part: str) -> Callable[[ProviderFailed | None], None]:
        """A function for whoever fetches and judges a document: it takes the failure, or None."""

        def tell(failure: ProviderFailed | None) -> None:
            if failure is None:
                self.worked(part)
            else:
                self.failed(part, str(failure))

        return tell

    def state(self, name: str, display_name: str, issuer: str, *, keys: int, fetches: int) -> ProviderState:
        return ProviderState(
            name=name,
            display_name=display_name,
            issuer=issuer,
            up=self.up,
            last_error=self.error,
            last_error_at=self.failed_at,
            last_success_at=self.worked_at,
            failures=self.failures,
            keys_known=keys,
            key_fetches=fetches,
            skew=self.skew,
        )


class Watched:
    """A door that notes whether the provider answers, and what time it has.  A status below 500 is an answer."""

    def __init__(self, name: str, door: Http, health: Health, now: Callable[[], datetime]) -> None:
        self._name = name
        self._door = door
        self._health = health
        self._now = now

    def get(self, url: str, what: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self._noted(what, lambda: self._door.get(url, what, headers))

    def post(self, url: str, what: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        return self._noted(what, lambda: self._door.post(url, what, form, headers))

    def _noted(self, what: str, ask: Callable[[], Answer]) -> Answer:
        try:
            answer = ask()
        except ProviderFailed as failure:
            if what not in (*DOCUMENTS, REVOCATION):
                self._health.failed(what, str(failure))
            raise
        self._health.skew = clock_difference(answer.date, self._now())
        if what in (*DOCUMENTS, REVOCATION):
            return answer
        if answer.status >= 500:
            self._health.failed(what, f"{self._name}: the {what} answered {answer.status}")
        else:
            self._health.worked(what)
        return answer


def clock_difference(date: str, now: datetime) -> timedelta | None:
    """Return how far another clock is ahead of `now`, from a `Date` header, which counts in whole seconds."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        return None
    return theirs.astimezone(UTC) - now
