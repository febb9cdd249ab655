"""An answer that came as another site's form, kept until this browser asks for it (OAuth 2.0 Form Post Response Mode).

To such a post a browser sends no cookie that is `SameSite=Lax`, so nothing can be said yet of whose answer it is.  It is
sealed into a handle, which the browser brings back by itself: nobody can fill the memory or the database by posting.
The handle shows nothing of what it holds, is good for a minute, and is worth something only beside the cookie of the
attempt, which serves once (`gatepost.sso.attempts`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from gatepost.errors import InvalidRequest, Unavailable
from gatepost.gate import Gatepost

PARKED_FOR = timedelta(minutes=1)
MOST_BYTES = 5000  # sealed, that is an address of less than the 8 KiB that a proxy in front lets through
MOST_SAID = 300  # characters of a provider's own words, which are for the log alone
# What the answer is judged by.  The rest (`session_state`, `error_uri`) would only make the address longer.
KEPT = ("state", "code", "iss", "error", "error_description")


def park(gate: Gatepost, provider: str, params: Mapping[str, str]) -> str:
    """Return the handle of an answer.  Raises `InvalidRequest` for what is no answer, or a longer one than any is."""
    if not params.get("state") or not (params.get("code") or params.get("error")):
        raise InvalidRequest("this is not the answer of a provider: begin again")
    kept = {name: params[name] for name in KEPT if name in params}
    if "error_description" in kept:
        kept["error_description"] = kept["error_description"][:MOST_SAID]
    until = (gate.now() + PARKED_FOR).timestamp()
    text = json.dumps({"params": kept, "until": until}, separators=(",", ":")).encode()
    if len(text) > MOST_BYTES:
        raise InvalidRequest("the provider's answer is too long")
    return gate.sealer.seal(text, _place(provider))


def unpark(gate: Gatepost, provider: str, handle: str) -> dict[str, str]:
    """Return the answer that was parked.  Raises `InvalidRequest` for any other handle, and for one that is too old."""
    try:
        parked = json.loads(gate.sealer.open(handle, _place(provider)))
    except (ValueError, Unavailable) as error:
        raise InvalidRequest("this answer was not kept here: begin again") from error
    if parked["until"] <= gate.now().timestamp():
        raise InvalidRequest("this answer came too long ago: begin again")
    params: dict[str, str] = parked["params"]
    return params


def _place(provider: str) -> str:
    """A handle is bound to its provider, so that one provider's answer is never taken for another's."""
    return f"sso/parked/{provider}"
