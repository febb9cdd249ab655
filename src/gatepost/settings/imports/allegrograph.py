"""AllegroGraph: the `OAuth` directive of `agraph.cfg`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatepost.settings.imports.addresses import complete, recognise
from gatepost.settings.imports.algorithms import set_algorithms
from gatepost.settings.imports.directives import Directive, arguments, directives
from gatepost.settings.imports.draft import Draft, Table
from gatepost.settings.imports.imported import Imported
from gatepost.settings.imports.tree import Keys, Leaf, refusal

ENDPOINTS = {
    "authorize-endpoint": "authorization_endpoint",
    "token-endpoint": "token_endpoint",
    "userinfo-endpoint": "userinfo_endpoint",
    "end-session-endpoint": "end_session_endpoint",
    "jwks-uri": "jwks_uri",
}


def from_allegrograph(text: str) -> Imported:
    """Turn each `OAuth` directive into a provider.

    Raises:
        ConfigurationError: if there is none, or one that cannot be read or kept.
    """
    draft = Draft("AllegroGraph")
    found = list(directives(text))
    for directive in found:
        if directive.name.lower() == "oauth":
            add_provider(draft, directive)
        else:
            draft.left_out.append(directive.name)
    if not draft.providers:
        raise refusal("has no OAuth directive, so there is no single sign-on to take over")
    draft.note(
        "AllegroGraph lets in only whom it knows, and so does auto_create_users = false: make each person with "
        "`gatepost user create NAME --external PROVIDER`, or set it to true"
    )
    draft.note(
        "safer now: PKCE and a nonce go with each sign-in; "
        "`iss`, `aud`, `exp` and the nonce of each ID token are always checked, and a username taken from an "
        "address has to come from one address, with one @ in it"
    )
    draft.note(
        "ID tokens go on working as Bearer, and as the password in Basic with the same user; permissions are not in this "
        "directive, nor in this file"
    )
    return draft.imported()


def add_provider(draft: Draft, directive: Directive) -> None:
    keys = arguments(directive)
    server = keys.needed("server", "server")
    base = server.text().rstrip("/")
    addresses = {
        key: (base + text if (text := leaf.text()).startswith("/") else text, leaf) for key, leaf in named(keys)
    }
    preset = recognise(*(address for address, _ in addresses.values()), base)
    table = draft.provider(preset or "sso", "OAuth")
    table.set("display_name", "SSO", None, why="the text on the button of AllegroGraph was SIGN IN WITH SSO")
    if preset is not None and preset != "github":
        table.set("preset", preset)
    table.set("issuer", server.text(), server)
    table.note(
        "issuer must be the `iss` of the ID tokens to the letter, such as with a / at its end; AllegroGraph does not say "
        "that it looks"
    )
    for key, (address, leaf) in addresses.items():
        table.set(key, address, leaf)
    table.set("client_id", (client := keys.needed("client-id", "client-id")).text(), client)
    if (secret := keys.leaf("client-secret")) is not None:
        draft.secret(table, secret)
    if (algorithms := keys.leaf("jws-algorithms")) is not None:
        set_algorithms(table, algorithms.words(), algorithms)
    add_scopes(table, keys)
    add_username(table, keys)
    add_flags(table, keys)
    table.set("auto_create_users", value=False)
    complete(table, "/oauth/login")
    draft.left_out.extend(keys.rest())


def named(keys: Keys) -> Iterator[tuple[str, Leaf]]:
    for name, key in ENDPOINTS.items():
        if (leaf := keys.leaf(name)) is not None:
            yield key, leaf


def add_scopes(table: Table, keys: Keys) -> None:
    found = keys.words("scope")
    scopes, leaf = found if found is not None else ([], None)
    if "openid" not in scopes:
        scopes = ["openid", *scopes]
        table.note("the scope openid is added: without it no ID token comes back")
    table.set("scopes", scopes, leaf)


def add_username(table: Table, keys: Keys) -> None:
    claim, regexp = keys.leaf("username-claim"), keys.leaf("username-regexp")
    table.set("username_claim", claim.text() if claim is not None else "sub", claim)
    substitution = keys.leaf("username-substitution")
    if regexp is None:
        if substitution is not None:
            table.note("username-substitution is left out: without username-regexp there is nothing to make it of")
        return
    table.set("username_regexp", regexp.text(), regexp, why="matched as a whole; what does not match is refused")
    if substitution is None:
        table.set("username_substitution", r"\g<0>", None, why="the whole match, for there is no username-substitution")
    else:
        table.set("username_substitution", in_python(substitution), substitution)


def in_python(leaf: Leaf) -> str:
    r"""Return a substitution as Python has it: `\&` and `\0` are the whole match, `\{1}` is the first group."""
    text = re.sub(r"\\(?:&|0(?![0-9]))", r"\\g<0>", leaf.text())
    text = re.sub(r"\\\{([0-9]{1,2})\}", r"\\g<\1>", text)
    if re.search(r"\\['`]", text):
        raise leaf.refuse("refers to what stands before or behind the match, which has no equivalent")
    return text


def add_flags(table: Table, keys: Keys) -> None:
    if (pkce := keys.leaf("pkce")) is None:
        table.note("PKCE with S256 is on; pkce = false turns it off")
    elif pkce.flag() or "client_secret" not in table.values:
        table.set("pkce", value=True, leaf=pkce, why="" if pkce.flag() else "a public client is never without it")
    else:
        table.set(
            "pkce",
            value=False,
            leaf=pkce,
            why="as it was; delete this line if the provider knows PKCE, as nearly all do",
        )
    for name, key in (
        ("front-channel-logout", "front_channel_logout"),
        ("back-channel-logout", "back_channel_logout"),
    ):
        leaf = keys.leaf(name)
        table.set(key, leaf.flag() if leaf is not None else True, leaf)
