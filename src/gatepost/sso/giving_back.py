"""Once a session is over, the refresh token that its provider gave goes back to it, and nobody waits for that.

Our own copy goes in the transaction that ends the session.  That the provider is told comes after the commit and may come
to nothing: with a provider that is down, or where this process dies in between, the token stays good there.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.records import ProviderToken
from gatepost.sso.revoking import give_back
from gatepost.tokens.sessions import open_provider_token

log = logging.getLogger(__name__)

MOST_WAITING = 1_000  # of each provider
LAST_SECONDS = 3.0  # at the end of the process


class GivingBack:
    """What waits to be given back, and a thread for each provider for as long as there is something."""

    def __init__(self, gate: Gatepost) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[ProviderToken]] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._is_over = False

    def take(self, tokens: Sequence[ProviderToken]) -> None:
        """Give these back, as far as that can be done.  It does not wait and raises nothing."""
        with self._lock:
            for token in tokens:
                waiting = self._waiting.setdefault(token.provider, deque())
                if self._is_over or len(waiting) >= MOST_WAITING:
                    log.info("a refresh token of %s was not revoked: too many wait already", token.provider)
                    continue
                waiting.append(token)
                if token.provider not in self._threads:
                    self._begin(token.provider)

    def _begin(self, provider: str) -> None:
        name = f"gatepost-giving-back-{provider}"
        thread = threading.Thread(target=self._run, args=(provider,), name=name, daemon=True)
        self._threads[provider] = thread
        thread.start()

    def _run(self, provider: str) -> None:
        while (token := self._next(provider)) is not None:
            try:
                self.give_back(token)
            except (ValueError, Unavailable) as error:
                log.info("a refresh token of %s cannot be opened any more: %s", provider, error)
            except Exception:
                log.exception("giving back a refresh token of %s stumbled", provider)

    def give_back(self, token: ProviderToken) -> None:
        """Give one back, and wait for it."""
        give_back(self._gate, token.provider, open_provider_token(self._gate, token.session, token.sealed))

    def _next(self, provider: str) -> ProviderToken | None:
        with self._lock:
            waiting = self._waiting[provider]
            if waiting:
                return waiting.popleft()
            del self._threads[provider]
            return None

    def stop(self) -> None:
        """Take nothing more, and wait a moment for what is under way."""
        with self._lock:
            self._is_over = True
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(timeout=LAST_SECONDS / len(threads))
