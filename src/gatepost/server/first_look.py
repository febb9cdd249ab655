"""The first look at each provider and issuer, when the server starts.

What is wrong with one is in the log then, and not first in front of whoever signs in; and nobody waits for its keys.
The start does not wait for it and is not stopped by it: a provider may well come up after us.
"""

from __future__ import annotations

import logging
import threading

from gatepost.gate import Gatepost
from gatepost.sso.states import providers_of

log = logging.getLogger("gatepost.server")


def look_at_providers(gate: Gatepost) -> None:
    """Ask each for its document and keys, one after the other in a thread of its own, and log what fails."""
    if providers_of(gate).sources():
        threading.Thread(target=_look, args=(gate,), name="first look at providers", daemon=True).start()


def _look(gate: Gatepost) -> None:
    for source in providers_of(gate).sources():
        state = source.look()
        if state.up is False:
            log.warning(
                "%s does not answer as it should, and is asked again when needed: %s", state.name, state.last_error
            )
