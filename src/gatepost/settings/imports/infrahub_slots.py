"""One of Infrahub's six slots for providers, and what Infrahub does with the groups of whoever comes from there."""

from __future__ import annotations

import re

from gatepost.settings.imports.addresses import WELL_KNOWN, complete, issuer_of_discovery, recognise
from gatepost.settings.imports.draft import Draft, Table
from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Keys, Leaf, refusal

PROTOCOLS = ("oidc", "oauth2")
# What these name as `iss` in their answers (RFC 9207), which has to be the configured issuer.
ISSUERS = {"github": "https://github.com/login/oauth", "google": "https://accounts.google.com"}
SLOTS = ("provider1", "provider2", "google")
ENDPOINTS = (
    ("authorization_url", "authorization_endpoint"),
    ("token_url", "token_endpoint"),
    ("userinfo_url", "userinfo_endpoint"),
)
GOOGLE = {
    "discovery_url": "https://accounts.google.com" + WELL_KNOWN,
    "authorization_url": "https://accounts.google.com/o/oauth2/auth",
    "token_url": "https://oauth2.googleapis.com/token",
    "userinfo_url": "https://www.googleapis.com/oauth2/v3/userinfo",
}
LABELS = {"google": "Google", "provider1": "Single Sign on", "provider2": "Single Sign on"}
ENTRA_V1 = re.compile(r"https://login\.microsoftonline\.com/[^/]+")
WITHOUT_EQUIVALENT = {
    "icon": "a button has its text alone",
    "userinfo_method": "userinfo is asked for by GET",
    "fetch_groups": "groups come from claims, not from Google's Cloud Identity",
    "cloudidentity_url": "groups come from claims, not from Google's Cloud Identity",
}


def add_provider(draft: Draft, keys: Keys, protocol: str, slot: str, security: Keys) -> None:
    client = wanted(keys, "client_id", protocol, slot)
    label = keys.leaf("display_label")
    table = draft.provider(label.text() if label is not None else slot, keys.label)
    table.set("display_name", label.text() if label is not None else LABELS[slot], label)
    preset = add_addresses(table, keys, protocol, slot)
    table.set("client_id", client.text(), client)
    if (secret := keys.leaf("client_secret")) is not None:
        draft.secret(table, secret)
        table.set("token_endpoint_auth_method", "client_secret_post", None, why="Infrahub sent it in the form")
    add_scopes(table, keys, protocol)
    table.set("username_claim", username_claim(protocol, preset))
    table.note(
        "Infrahub names accounts after the display name; here it is only shown, for a username has no spaces: "
        "username_claim says where that comes from"
    )
    add_groups(table, keys, security)
    add_checks(table, keys)
    table.set("auto_create_users", value=True)
    complete(table, f"/auth/{protocol}/{slot}/callback")


def wanted(keys: Keys, name: str, protocol: str, slot: str) -> Leaf:
    leaf = keys.leaf(name)
    if leaf is None:
        variable = f"INFRAHUB_{protocol}_{slot}_{name}".upper()
        raise refusal(f"{variable} is missing (in TOML: security.{protocol}_provider_settings.{slot}.{name})")
    return leaf


def username_claim(protocol: str, preset: str | None) -> str:
    if preset == "github":
        return "login"
    return "email" if protocol == "oauth2" or preset == "google" else "preferred_username"


def add_addresses(table: Table, keys: Keys, protocol: str, slot: str) -> str | None:
    known = GOOGLE if slot == "google" else {}

    def address(name: str) -> Leaf:
        leaf = keys.leaf(name)
        return (
            leaf
            if leaf is not None
            else Leaf(name, known[name])
            if name in known
            else wanted(keys, name, protocol, slot)
        )

    if protocol == "oidc":
        discovery = address("discovery_url")
        issuer = issuer_of_discovery(discovery)
        if ENTRA_V1.fullmatch(issuer):
            issuer += "/v2.0"
            table.note(f"{table.short(discovery)} was that of Entra's version 1; issuer is that of version 2")
        preset = recognise(issuer)
        set_preset(table, preset, protocol)
        table.set("issuer", issuer, discovery)
        return preset
    table.set("protocol", "oauth2")
    leaves = [(key, address(name)) for name, key in ENDPOINTS]
    preset = recognise(*(leaf.text() for _, leaf in leaves))
    set_preset(table, preset, protocol)
    issuer = ISSUERS.get(preset or "") or leaves[0][1].text().partition("?")[0]
    table.set("issuer", issuer, why="what people of this provider are known by; any text of your own")
    for key, leaf in leaves:
        table.set(key, leaf.text(), leaf)
    return preset


def set_preset(table: Table, preset: str | None, protocol: str) -> None:
    if preset is not None and (protocol == "oauth2" or preset != "github"):
        table.set("preset", preset)


def add_scopes(table: Table, keys: Keys, protocol: str) -> None:
    scopes, leaf = keys.words("scopes") or (["openid", "profile", "email"], None)
    if protocol == "oidc" and "openid" not in scopes:
        scopes = ["openid", *scopes]
        table.note("the scope openid is added: without it no ID token comes back")
    table.set("scopes", scopes, leaf)


def add_groups(table: Table, keys: Keys, security: Keys) -> None:
    claim = keys.leaf("groups_claim")
    table.set("groups_claim", claim.text() if claim is not None else "groups", claim)
    table.set(
        "group_sync",
        "add",
        None,
        why="as in Infrahub, nothing is taken away; with mirror a membership ends with the provider's",
    )
    patterns = security.words("auto_create_groups_filter") if is_list(security) else one_pattern(security)
    if patterns is None:
        return
    texts, leaf = patterns
    for text in texts:
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise leaf.refuse(f"is not a regular expression: {error}") from None
    named = [text for text in texts if "(?P<" in text]
    bare = [re.sub(r"\(\?P<[^>]*>", "(", text) for text in texts]
    table.set("group_filter", bare[0] if len(bare) == 1 else "|".join(f"(?:{text})" for text in bare), leaf)
    table.set("auto_create_groups", value=True)
    if named:
        table.note(
            f"{shown(leaf.label)}: the group (?P<name>…) has no equivalent: a group keeps the name it has "
            "at the provider, or has the one that group_map gives it"
        )
    if (most := security.leaf("auto_create_groups_max_per_login")) is not None:
        table.note(
            f"{shown(most.label)} = {most.number()} has no equivalent: it bounds the groups that one sign-in makes; "
            "group_limit bounds those that are read"
        )


def is_list(security: Keys) -> bool:
    node = security.nodes.get("auto_create_groups_filter")
    if isinstance(node, Keys):
        return True
    return node is not None and (isinstance(node.value, list) or str(node.value).lstrip().startswith('["'))


def one_pattern(security: Keys) -> tuple[list[str], Leaf] | None:
    """Take the filter as one pattern: it may hold spaces and commas, and begin with a bracket of its own."""
    leaf = security.leaf("auto_create_groups_filter")
    return None if leaf is None else ([leaf.text()], leaf)


def add_checks(table: Table, keys: Keys) -> None:
    if (pkce := keys.leaf("pkce_enabled")) is not None:
        if pkce.flag() or "client_secret" not in table.values:
            table.set("pkce", value=True, leaf=pkce, why="" if pkce.flag() else "a public client is never without it")
        else:
            table.set(
                "pkce",
                value=False,
                leaf=pkce,
                why="as it was; delete this line if the provider knows PKCE, as nearly all do",
            )
    verify = keys.leaf("id_token_verify_signature")
    if verify is not None and not verify.flag():
        table.note(
            f"safer now, {table.short(verify)} has no equivalent: signature, issuer, audience and nonce of an ID token are "
            "always checked"
        )
    elif verify is not None:
        table.note(f"{table.short(verify)}: as it was, and always")
    for name, why in WITHOUT_EQUIVALENT.items():
        if (leaf := keys.leaf(name)) is not None:
            table.note(f"{table.short(leaf)} has no equivalent: {why}")
