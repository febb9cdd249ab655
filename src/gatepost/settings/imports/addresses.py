"""What the addresses of a provider tell: which product it is, its issuer, and whether TLS is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from gatepost.settings.imports.draft import EXAMPLE, Table
from gatepost.settings.imports.toml import comment
from gatepost.settings.imports.tree import Leaf
from gatepost.settings.rules import is_url
from gatepost.settings.tenants import is_multi_tenant
from gatepost.settings.urls import is_private

WELL_KNOWN = "/.well-known/openid-configuration"
ADDRESSES = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint", "jwks_uri")
MICROSOFT = "login.microsoftonline.com"
NO_TENANT = "the-id-of-your-tenant"  # no `tid` is like it, so nobody is let in before it is replaced

# Host (a leading dot: any host below it), then path, then the preset.  The first that fits counts.
PRODUCTS: tuple[tuple[str, str, str], ...] = (
    (MICROSOFT, "", "entra"),
    ("sts.windows.net", "", "entra"),
    ("accounts.google.com", "", "google"),
    ("oauth2.googleapis.com", "", "google"),
    (".okta.com", "", "okta"),
    (".oktapreview.com", "", "okta"),
    (".zitadel.cloud", "", "zitadel"),
    ("github.com", "", "github"),
    ("gitlab.com", "", "gitlab"),
    ("", r"/realms/", "keycloak"),
    ("", r"/dex(/|$)", "dex"),
    ("", r"^/oauth2/auth$", "hydra"),
)

# Where the keys are, and the issuer that publishes them there.
KEYS_OF_ISSUERS: tuple[tuple[str, str], ...] = (
    (r"https://www\.googleapis\.com/oauth2/v3/certs", r"https://accounts.google.com"),
    (r"(https://login\.microsoftonline\.com/[^/]+)/discovery/v2\.0/keys", r"\1/v2.0"),
    (r"(https?://.+/realms/[^/]+)/protocol/openid-connect/certs", r"\1"),
    (r"(https://[^/]+\.auth0\.com/)\.well-known/jwks\.json", r"\1"),
    (r"(https://cognito-idp\.[^/]+/[^/]+)/\.well-known/jwks\.json", r"\1"),
    (r"(https://[^/]+\.okta\.com(?:/oauth2/[^/]+)?)(?:/oauth2)?/v1/keys", r"\1"),
    (r"(https?://.+/dex)/keys", r"\1"),
)


def recognise(*addresses: str | None) -> str | None:
    """Return the preset of the product that has these addresses, if it is known."""
    for host, path, preset in PRODUCTS:
        for address in addresses:
            if not is_url(address):
                continue
            parts = urlsplit(address or "")
            name = parts.hostname or ""
            at_host = name.endswith(host) if host.startswith(".") else name == host
            if (not host or at_host) and re.search(path, parts.path):
                return preset
    return None


def issuer_of_keys(jwks_uri: str) -> str | None:
    """Return the issuer that is known to publish its keys at this address."""
    for pattern, issuer in KEYS_OF_ISSUERS:
        match = re.fullmatch(pattern, jwks_uri)
        if match is not None:
            return match.expand(issuer)
    return None


def issuer_of_discovery(leaf: Leaf) -> str:
    """Return the issuer whose discovery document an address is.  Raises `ConfigurationError`."""
    address = leaf.text()
    if not address.endswith(WELL_KNOWN):
        raise leaf.refuse(f"must end in {WELL_KNOWN}, for that is where Gatepost looks below the issuer")
    return address.removesuffix(WELL_KNOWN)


def complete(table: Table, old_redirect: str = "") -> None:
    """Add to a provider's or issuer's table what follows from its addresses, and what to register where."""
    values = table.values
    needs_discovery = not (values.get("jwks_uri") or values.get("public_keys"))
    if table.header == "[[sso.providers]]":
        if values.get("protocol") == "oauth2":
            needs_discovery = not values.get("userinfo_endpoint")
        needs_discovery |= not (values.get("authorization_endpoint") and values.get("token_endpoint"))
        table.before.extend(registering(table, old_redirect))
        if is_multi_tenant(str(values.get("issuer", ""))):
            table.set("allowed_tenants", [NO_TENANT])
            table.note(
                "this issuer lets in the people of every company: replace the text in allowed_tenants by the id of "
                "your tenant; before that nobody is let in"
            )
        if not needs_discovery and values.get("protocol") != "oauth2" and not values.get("end_session_endpoint"):
            table.note(
                "with these addresses given, no discovery document is read: userinfo and signing out at the provider need "
                "userinfo_endpoint and end_session_endpoint, or the issuer alone in place of all of them"
            )
    keys = (*ADDRESSES, "issuer") if needs_discovery else ADDRESSES
    open_ones = [key for key in keys if is_url(values.get(key)) and not is_private(values[key])]
    if open_ones:
        table.set("allow_insecure", value=True)
        table.note(
            f"WARNING: {', '.join(open_ones)} without TLS: whoever is on the way can sign in as anybody; make it "
            "https and delete allow_insecure"
        )


def registering(table: Table, old_redirect: str) -> Iterator[str]:
    """Yield the comment that says which addresses the provider has to know."""
    here = f"{EXAMPLE}/oauth/{table.values['name']}"
    yield from comment("Register at the provider, with your public_url for the example's:")
    was = f", in place of {old_redirect}" if old_redirect else ""
    yield from comment(f"redirect URI: {here}/callback{was}", indent="  ")
    if table.values.get("protocol") == "oauth2":
        return
    yield from comment(f"post-logout redirect URI: {here}/signed-out", indent="  ")
    if table.values.get("front_channel_logout", True):
        yield from comment(f"front-channel logout URI: {here}/logout (session required)", indent="  ")
    if table.values.get("back_channel_logout", True):
        yield from comment(f"back-channel logout URI: {here}/logout (session required)", indent="  ")
