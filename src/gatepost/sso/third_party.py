"""A sign-in that another site asks for (OpenID Connect Core 4): which provider, who, and where to go on here."""

from __future__ import annotations

from collections.abc import Mapping

from gatepost.errors import InvalidRequest
from gatepost.sso.addresses import safe_next
from gatepost.sso.login import Wish

THIRD_PARTY = ("iss", "login_hint", "target_link_uri")
OF_OUR_OWN = ("link", "try")


def is_third_party(asked: Mapping[str, str]) -> bool:
    return "iss" in asked or "target_link_uri" in asked


def third_party_wish(asked: Mapping[str, str], issuer: str, public_url: str) -> Wish:
    """Read the request.  Raises `InvalidRequest` unless it is for this provider, and for nothing but a sign-in.

    Args:
        asked: the parameters, each once.
        issuer: the provider's; empty where it has none, and then nobody can ask.
        public_url: ours; a target anywhere else becomes the home page.
    """
    if not issuer or asked.get("iss") != issuer:
        raise InvalidRequest("iss is not the issuer of this provider")
    if any(name in asked for name in OF_OUR_OWN):
        raise InvalidRequest(f"{' and '.join(OF_OUR_OWN)} are for pages of our own")
    return Wish(next=path_of(asked.get("target_link_uri", ""), public_url), login_hint=asked.get("login_hint"))


def path_of(address: str, public_url: str) -> str:
    """Return the path of an address below `public_url`, or `/` for every other one.

    The address has to begin with ours to the letter: nothing is parsed, so no two parsers can differ about it.
    """
    if not address.startswith(f"{public_url}/"):
        return "/"
    return safe_next(address.removeprefix(public_url))
