"""A provider's key set: fetched when needed, kept while fresh, and never a way to make us flood the provider."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from gatepost.errors import ProviderFailed
from gatepost.sso.http import Http, json_object
from gatepost.sso.keys import PublicKey, choose, import_keys

FRESH = timedelta(minutes=10)  # where the provider does not say
FLOOR = timedelta(minutes=1)
CEILING = timedelta(hours=1)
STALE = timedelta(hours=24)
RETRY = timedelta(seconds=30)
# An unknown kid is mostly a rotation, and then the very next sign-in needs the new key; or it is an attacker's.
HANDFUL = 4
COOL_DOWN = timedelta(seconds=60)
NEGATIVE = timedelta(seconds=5)
MAX_NEGATIVE = 1000

log = logging.getLogger(__name__)


class ProviderKeys:
    """The keys behind one `jwks_uri`.  Every attempt counts against the cool-down, whatever came of it."""

    def __init__(self, name: str, uri: Callable[[], str], http: Http, now: Callable[[], datetime]) -> None:
        self._name = name
        self._uri = uri
        self._http = http
        self._now = now
        self._lock = threading.Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched_at: datetime | None = None
        self._due_at: datetime | None = None
        self._round = 0
        self._extra: deque[datetime] = deque(maxlen=HANDFUL)
        self._unknown: dict[str, datetime] = {}
        self._failure: ProviderFailed | None = None
        self._asked_at: datetime | None = None
        self._when_withdrawn: Callable[[], None] = _nothing
        self._tell: Callable[[ProviderFailed | None], None] = lambda _failure: None

    @property
    def known(self) -> int:
        """How many keys verify at this moment."""
        return len(self._keys) if self._has_keys() else 0

    @property
    def fetches(self) -> int:
        """How often the set was asked for, whatever came of it."""
        return self._round

    def tell(self, then: Callable[[ProviderFailed | None], None]) -> None:
        """Call `then` after each fetch, with what was wrong or None."""
        self._tell = then

    def look(self) -> None:
        """Fetch now, whatever is known, unless somebody just did.  Never raises.

        It has a cool-down of its own: whoever looks often must not use up what a rotation of keys may need.
        """
        with self._lock:
            if self._asked_at is None or self._now() - self._asked_at >= NEGATIVE:
                self._fetch()

    def tell_withdrawn(self, then: Callable[[], None]) -> None:
        """Call `then` whenever a key is no longer in the set: what it verified before holds no longer."""
        self._when_withdrawn = then

    def candidates(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """Return the keys to try for `kid`, looking again at once if nobody knows it.  Raises `ProviderFailed`."""
        seen = self._round
        self._refresh_if_due()
        found = self._chosen(kid, algorithm)
        if found or (kid is not None and self._is_known_unknown(kid)):
            return found
        self._look_again(seen)
        found = self._chosen(kid, algorithm)
        if not found and kid is not None:
            self._note_unknown(kid)
        return found

    def reread(self, tried: Sequence[PublicKey], kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """Return keys other than those tried.  Raises `ProviderFailed`."""
        self._look_again(self._round)
        known = {id(key) for key in tried}
        return [key for key in self._chosen(kid, algorithm) if id(key) not in known]

    def _chosen(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        return choose(self._current(), kid, algorithm)

    def _refresh_if_due(self) -> None:
        """Fetch what is missing or old."""
        if not self._is_due():
            return
        # Whoever has keys to go on with does not wait for the thread that is fetching.
        if not self._lock.acquire(blocking=not self._has_keys()):
            return
        try:
            if self._is_due():
                self._fetch()
        finally:
            self._lock.release()

    def _is_due(self) -> bool:
        return self._due_at is None or self._now() >= self._due_at

    def _has_keys(self) -> bool:
        return self._fetched_at is not None and self._now() - self._fetched_at <= STALE

    def _look_again(self, seen: int) -> None:
        """Fetch out of turn, unless somebody just did or there were too many of late."""
        with self._lock:
            if self._round != seen:
                return
            now = self._now()
            if len(self._extra) == HANDFUL and now - self._extra[0] < COOL_DOWN:
                return
            self._extra.append(now)
            self._fetch()

    def _fetch(self) -> None:
        now = self._asked_at = self._now()
        due = now + RETRY
        try:
            known = self._keys
            self._keys, fresh_for = self._ask()
            if {key.thumbprint for key in known} - {key.thumbprint for key in self._keys}:
                self._when_withdrawn()
            self._failure, self._fetched_at, due = None, now, now + fresh_for
            self._unknown.clear()
        except ProviderFailed as failure:
            self._failure = failure
            log.warning("%s (%s)", failure, failure.detail)
        finally:
            # Last, or whoever comes while we ask would think that these are the newest keys already, or that there are
            # none to wait for.
            self._due_at = due
            self._round += 1

    def _ask(self) -> tuple[tuple[PublicKey, ...], timedelta]:
        uri = self._uri()  # whose failure is told where it happens
        try:
            found = self._read(uri)
        except ProviderFailed as failure:
            self._tell(failure)
            raise
        self._tell(None)
        return found

    def _read(self, uri: str) -> tuple[tuple[PublicKey, ...], timedelta]:
        what = "key set"
        answer = self._http.get(uri, what, {"Accept": "application/jwk-set+json, application/json"})
        if answer.status != 200:
            raise ProviderFailed(f"{self._name}: the {what} answered {answer.status}")
        keys = import_keys(json_object(answer, self._name, what))
        if not keys:
            # Good keys are not given up for an answer that holds none.
            raise ProviderFailed(f"{self._name}: the {what} holds no key that could verify a signature")
        return keys, lifetime(answer.cache_control)

    def _current(self) -> tuple[PublicKey, ...]:
        """Return the keys in use.  Raises `ProviderFailed` if there are none, or none that is recent enough."""
        if self._has_keys():
            return self._keys
        failure = self._failure or ProviderFailed(f"{self._name}: there is no key set")
        raise ProviderFailed(str(failure), detail=failure.detail)

    def _is_known_unknown(self, kid: str) -> bool:
        noted = self._unknown.get(kid)
        return noted is not None and self._now() - noted < NEGATIVE

    def _note_unknown(self, kid: str) -> None:
        if len(self._unknown) >= MAX_NEGATIVE:
            self._unknown.clear()
        self._unknown[kid] = self._now()


def _nothing() -> None:
    """Nobody wants to know."""


def lifetime(cache_control: str) -> timedelta:
    """Return how long a key set stays fresh: what the provider says, but neither for a moment nor for ever."""
    stated = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", cache_control.lower())
    if re.search(r"(?:^|[\s,])(?:no-store|no-cache)(?:$|[\s,=])", cache_control.lower()):
        return FLOOR
    return min(max(timedelta(seconds=int(stated[1])), FLOOR), CEILING) if stated else FRESH
