"""Conduktor Console: `sso.oauth2[]` and `sso.jwt-auth`, in YAML or as `CDK_` variables."""

from __future__ import annotations

import re
from datetime import timedelta

from gatepost.errors import ConfigurationError
from gatepost.settings.imports.addresses import complete, recognise
from gatepost.settings.imports.algorithms import set_algorithms
from gatepost.settings.imports.draft import Draft, Table, unlike
from gatepost.settings.imports.imported import Imported
from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Keys, Leaf, refusal
from gatepost.settings.imports.variables import ASSIGNMENT, read_variables
from gatepost.settings.imports.yaml import read_yaml
from gatepost.settings.kinds import say_duration

PREFIX = "CDK_"
OUR_AUDIENCE = "gatepost"
CERTIFICATES = ("trustedcertificates", "ignoreuntrustedcertificate")


def from_conduktor(text: str) -> Imported:
    """Turn each OAuth2 connection into a provider, and `jwt-auth` into a delegated issuer.

    Raises:
        ConfigurationError: if there is none of them, or one that cannot be read or kept.
    """
    draft = Draft("Conduktor Console")
    root = read_conduktor(text, draft)
    sso = root.below("sso")
    for keys in sorted(sso.each("oauth2"), key=comes_later):
        add_provider(draft, keys)
    issuer = sso.below("jwtauth")
    if issuer.nodes:
        add_issuer(draft, issuer)
    if not draft.providers and not draft.issuers:
        raise refusal("has neither sso.oauth2 nor sso.jwt-auth, so there is no single sign-on to take over")
    draft.sections["main"].set(
        "allow_anonymous_access", value=False, why="the Console answers nobody who is not signed in"
    )
    if draft.providers:
        draft.note(
            "safer now: PKCE and a nonce go with each sign-in; issuer, audience, expiry and nonce of each ID token are "
            "always checked (pkce = false is for a provider that cannot)"
        )
    add_sessions(draft, root.below("auth"))
    say_the_rest(draft, sso)
    draft.left_out.extend(re.sub(r"\[[0-9]+\]", "[]", label) for label in root.rest())
    return draft.imported()


def fold(name: str) -> str:
    """Take `clientId`, `client-id` and `CLIENTID` for one, as the Console does."""
    return re.sub(r"[-_]", "", name).lower()


def read_conduktor(text: str, draft: Draft) -> Keys:
    """Read the YAML of the Console, or the variables of an env file or a Compose file."""
    first = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if not first.lstrip().startswith(("{", "[")) and not ASSIGNMENT.match(first):
        root = read_yaml(text, fold)
        if isinstance(root, Keys) and not {"services", "environment"} & set(root.nodes) and not has_variables(root):
            return root
    return from_variables(read_variables(text), draft)


def has_variables(root: Keys) -> bool:
    return any(leaf.label.startswith(PREFIX) for leaf in root.nodes.values())


def from_variables(variables: dict[str, Leaf], draft: Draft) -> Keys:
    """Make the tree that the variables stand for: `CDK_SSO_OAUTH2_0_NAME` is `sso.oauth2[0].name`."""
    root = Keys("", fold)
    for name, leaf in variables.items():
        if not name.startswith(PREFIX):
            draft.left_out.append(shown(name))
            continue
        *path, last = name.removeprefix(PREFIX).split("_")
        table = root
        for index, part in enumerate(path):
            table = table.table(part, PREFIX + "_".join(path[: index + 1]))
        table.put(last, leaf)
    return root


def comes_later(keys: Keys) -> bool:
    """Tell whether a connection is not the default one, whose button stands first."""
    leaf = keys.nodes.get("default")
    return not (isinstance(leaf, Leaf) and not leaf.is_empty and leaf.flag())


def add_provider(draft: Draft, keys: Keys) -> None:
    name, client = keys.needed("name", "name"), keys.needed("clientid", "client-id")
    given = keys.below("openid").needed("issuer", "issuer")
    table = draft.provider(name.text(), keys.label)
    table.set("display_name", name.text(), name)
    issuer = given.text() if "//" in given.text() else f"https://{given.text()}"
    if re.fullmatch(r"https://[^/]+\.auth0\.com", issuer):
        issuer += "/"
    if issuer != given.text():
        table.note(f"{table.short(given)} is completed: issuer has to be the `iss` of the ID tokens to the letter")
    preset = recognise(issuer)
    if preset is not None and preset != "github":
        table.set("preset", preset)
    table.set("issuer", issuer, given)
    table.set("client_id", client.text(), client)
    if (secret := keys.leaf("clientsecret")) is not None:
        draft.secret(table, secret)
    scopes = keys.words("scopes")
    table.set("scopes", *(scopes or (["openid", "profile", "email"], None)))
    if (username := keys.leaf("usernameclaim")) is not None:
        table.set("username_claim", username.text(), username)
    else:
        table.set("username_claim", "email")
    add_groups(table, keys)
    add_signatures(table, keys)
    if (default := keys.leaf("default")) is not None:
        table.note(f"{table.short(default)}: every provider has its button, in the order of this file")
    complete(table, f"/oauth/callback/{shown(name.text())}")


def add_groups(table: Table, keys: Keys) -> None:
    leaf = keys.leaf("groupsclaim")
    if leaf is None:
        return
    table.set("groups_claim", leaf.text(), leaf)
    table.set("group_sync", "mirror", None, why="as in the Console, a membership ends with the one at the provider")
    table.note(
        "the external groups of the Console's groups are in its database: a group there means the group of its name here, "
        "or the one that group_map names"
    )


def add_signatures(table: Table, keys: Keys) -> None:
    if (algorithm := keys.leaf("preferredjwsalgorithm")) is not None:
        set_algorithms(table, [algorithm.text()], algorithm)
    unsigned = keys.leaf("allowunsignedidtokens")
    if unsigned is not None and unsigned.flag():
        table.note(f"{table.short(unsigned)} has no equivalent: an ID token without a signature is refused")
    elif unsigned is not None:
        table.note(f"{table.short(unsigned)}: as it was, an ID token without a signature is refused")


def add_issuer(draft: Draft, keys: Keys) -> None:
    issuer = keys.needed("issuer", "issuer")
    table = draft.issuer("gateway", keys.label)
    table.set("issuer", issuer.text(), issuer)
    clients = [provider.values["client_id"] for provider in draft.providers]
    table.set("audience", [unlike(OUR_AUDIENCE, clients, "-")])
    table.note(
        "safer now: the Console took any token of the issuer, also one for another application; put the `aud` of the "
        "gateway's tokens into audience (allow_any_audience = true in its place is as before)"
    )
    for name, key, default in (
        ("usernameclaim", "username_claim", "email"),
        ("groupsclaim", "groups_claim", "groups"),
        ("apikeyclaim", "api_key_claim", "apikey"),
    ):
        leaf = keys.leaf(name)
        table.set(key, leaf.text() if leaf is not None else default, leaf)
    table.set(
        "api_key_strict", value=False, why="as in the Console, a bad key falls through to the person; true refuses it"
    )
    table.set("auto_create_users", value=True)
    table.note(
        'an account that exists is not taken over by a token that names its e-mail address; link = "email" allows it'
    )
    complete(table)


def add_sessions(draft: Draft, auth: Keys) -> None:
    """Write how long a session lasts.  Without an idle time-out the Console knew only one end."""
    lifetime, idle = auth.leaf("sessionlifetime"), auth.leaf("idletimeout")
    if lifetime is not None:
        table = draft.section("sessions")
        table.set("absolute_timeout", duration(lifetime), lifetime)
        if idle is None:
            table.set("idle_timeout", duration(lifetime), None, why="no idle time-out was set")
    if idle is not None:
        draft.section("sessions").set("idle_timeout", duration(idle), idle)


def duration(leaf: Leaf) -> str:
    try:
        return say_duration(timedelta(seconds=leaf.number()))
    except OverflowError:
        raise too_long(leaf) from None


def too_long(leaf: Leaf) -> ConfigurationError:
    return leaf.refuse("must be a number of seconds, of a year at most")


def say_the_rest(draft: Draft, sso: Keys) -> None:
    if (logout := sso.leaf("oauth2logout")) is not None:
        said = "" if logout.flag() else " has no equivalent"
        draft.note(f"{shown(logout.label)}{said}: signing out here signs out at the provider too, if that says where")
    for name in CERTIFICATES:
        if (leaf := sso.leaf(name)) is not None:
            draft.note(
                f"{shown(leaf.label)} has no equivalent: TLS is always verified, with the certificates of the machine "
                "(SSL_CERT_FILE adds your own)"
            )
    directories = sso.below("ldap")
    if directories.nodes:
        draft.note(
            "sso.ldap has no equivalent: put a provider in front of the directory, such as Dex with its LDAP connector"
        )
