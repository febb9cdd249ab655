"""Hasura: `HASURA_GRAPHQL_SSO_PROVIDERS`, `HASURA_GRAPHQL_JWT_SECRET` and `HASURA_GRAPHQL_JWT_SECRETS`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from gatepost.settings.imports.addresses import complete, recognise
from gatepost.settings.imports.draft import Draft, Table, unlike
from gatepost.settings.imports.hasura_keys import ADMIN, Verified, add_claims, add_verification, is_verifiable
from gatepost.settings.imports.imported import Imported
from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Keys, Leaf, Planter, parse_json, refusal
from gatepost.settings.imports.variables import read_variables
from gatepost.settings.rules import is_url

PREFIX = "HASURA_GRAPHQL_"
PROVIDERS, ONE_SECRET, SECRETS = PREFIX + "SSO_PROVIDERS", PREFIX + "JWT_SECRET", PREFIX + "JWT_SECRETS"
ADMIN_SECRETS = (PREFIX + "ADMIN_SECRET", PREFIX + "ADMIN_SECRETS", PREFIX + "ACCESS_KEY")
UNAUTHORIZED = PREFIX + "UNAUTHORIZED_ROLE"
HOOKS = (PREFIX + "AUTH_HOOK", PREFIX + "AUTH_HOOK_MODE", PREFIX + "AUTH_HOOK_SEND_REQUEST_BODY")
OUR_AUDIENCE = "gatepost"


def from_hasura(text: str) -> Imported:
    """Turn each provider of the console into a provider, and each JWT secret into a delegated issuer.

    Raises:
        ConfigurationError: if there is none of them, or one that cannot be read or kept.
    """
    variables = read_hasura(text)
    draft = Draft("Hasura")
    providers = tables(variables.pop(PROVIDERS, None))
    single, several = variables.pop(ONE_SECRET, None), variables.pop(SECRETS, None)
    if several is not None and single is not None:
        draft.note(f"{ONE_SECRET} is left out: {SECRETS} stands beside it, and Hasura looked at that one alone")
    secrets = tables(several) if several is not None else tables(single, alone=True)
    if not providers and not secrets:
        raise refusal(f"has neither {PROVIDERS} nor {ONE_SECRET}, so there is nothing to take over")
    for keys in providers:
        add_provider(draft, keys)
    for keys in secrets:
        add_issuer(draft, keys)
    add_unauthorized(draft, variables.pop(UNAUTHORIZED, None))
    say_the_rest(draft, variables)
    return draft.imported()


def read_hasura(text: str) -> dict[str, Leaf]:
    """Read variables; also the bare JSON of the providers' list, or of one JWT secret."""
    stripped = text.strip()
    if stripped.startswith("["):
        return {PROVIDERS: Leaf(PROVIDERS, text)}
    if stripped.startswith("{"):
        document = parse_json(text, refusal)
        if isinstance(document, dict) and {"type", "jwk_url"} & set(document):
            return {ONE_SECRET: Leaf(ONE_SECRET, text)}
    return read_variables(text)


def tables(leaf: Leaf | None, *, alone: bool = False) -> list[Keys]:
    """Read the JSON of a variable: a list of objects, or one object where it is `alone`."""
    if leaf is None or leaf.is_empty:
        return []
    document = leaf.json()
    documents = [document] if alone and isinstance(document, Mapping) else document
    if not isinstance(documents, list) or not all(isinstance(each, Mapping) and each for each in documents):
        raise leaf.refuse("must be a JSON object" if alone else "must be a JSON list of objects")
    found = []
    for index, each in enumerate(documents):
        planted = Planter().plant(each, leaf.label if alone else f"{leaf.label}[{index}]", leaf.line)
        if isinstance(planted, Keys):
            found.append(planted)
    return found


def add_provider(draft: Draft, keys: Keys) -> None:
    name, client = keys.needed("name", "name"), keys.needed("client_id", "client_id")
    authorization = keys.needed("authorization_url", "authorization_url")
    token = keys.needed("request_token_url", "request_token_url")
    secret = keys.below("jwt_secret")
    if not secret.nodes:
        raise refusal(f"{shown(keys.label)}.jwt_secret is missing")
    table = draft.provider(name.text(), keys.label)
    table.set("display_name", name.text(), name)
    jwks = secret.nodes.get("jwk_url")
    preset = recognise(authorization.text(), token.text(), jwks.text() if isinstance(jwks, Leaf) else None)
    if preset is not None and preset != "github":
        table.set("preset", preset)
    table.set("client_id", client.text(), client)
    table.set("authorization_endpoint", authorization.text(), authorization)
    table.set("token_endpoint", token.text(), token)
    add_scopes(table, keys, preset)
    verified = add_verification(table, secret)
    if not is_verifiable(table):
        say_shared_key(table, verified)
    if verified.audiences and client.text() not in verified.audiences:
        table.note("jwt_secret.audience is left out: the audience of an ID token is always the client_id")
    roles, leaf = keys.words("admin_roles") or (["admin"], None)
    add_claims(table, secret, ADMIN | frozenset(roles))
    table.set("admin_roles", roles, leaf)
    table.note(
        "Hasura's console was a public client, and the browser redeemed the code; now the server does, with PKCE, and "
        'needs no CORS at the provider; if it gives you a secret, add client_secret = { env = "NAME" }'
    )
    table.note(
        "who has no role of admin_roles could not open the console; here the roles of each count: allowed_groups, "
        "allowed_domains and auto_create_users say who may enter at all"
    )
    complete(table, "/console/oauth2/callback")
    draft.left_out.extend(keys.rest())


def add_scopes(table: Table, keys: Keys, preset: str | None) -> None:
    """Write the scopes, and the claim for the username, of which Hasura knew nothing."""
    leaf = keys.needed("scope", "scope")
    scopes = leaf.words()
    if "openid" not in scopes:
        raise leaf.refuse("must contain openid: without it no ID token comes back")
    scope, claim = ("email", "email") if preset in {"dex", "google"} else ("profile", "preferred_username")
    if scope not in scopes:
        scopes.append(scope)
        table.note(f"the scope {scope} is added, for a person here has a username")
    table.set("scopes", scopes, leaf)
    table.set("username_claim", claim, None, why="Hasura knew roles only; each person has a username here")


def say_shared_key(table: Table, verified: Verified) -> None:
    why = "no public key is left to verify the ID tokens with"
    if not is_url(verified.issuer):
        table.set("jwks_uri", "https://keys.invalid/to-be-set")
        table.note(f"{why}: put the address of the provider's keys into jwks_uri; before that nobody gets in")
    else:
        table.note(
            f"{why}: they come from the issuer's discovery document; the provider has to sign with RS256 or ES256"
        )


def add_issuer(draft: Draft, keys: Keys) -> None:
    kind = keys.nodes.get("type")
    if isinstance(kind, Leaf) and str(kind.value).upper().startswith("HS"):
        draft.note(
            f"{shown(keys.label)} has no equivalent: {shown(str(kind.value))} verifies with the key that also signs, so "
            "whoever can check a token can make one; have it signed with RS256, ES256 or EdDSA, or let Gatepost issue it"
        )
        draft.left_out.extend(keys.rest())
        return
    issuer = keys.nodes.get("issuer")
    address = str(issuer.value) if isinstance(issuer, Leaf) else ""
    table = draft.issuer(host_of(address) or "hasura", keys.label)
    verified = add_verification(table, keys)
    if not add_audience(draft, table, verified):
        draft.issuers.remove(table)
        draft.left_out.extend(keys.rest())
        return
    table.set(
        "username_claim", username_claim(keys), None, why="Hasura knew roles only; here the token speaks for a user"
    )
    table.set("groups_claim", "", why="Hasura knew neither groups nor keys of ours in a token")
    table.set("api_key_claim", "")
    add_claims(table, keys)
    table.note("the role admin is given by admin_roles or role_map only, whatever the token says")
    if keys.nodes.get("header") is not None:
        add_header(table, keys)
    complete(table)
    draft.left_out.extend(keys.rest())


def add_audience(draft: Draft, table: Table, verified: Verified) -> bool:
    """Write the audience; False where the tokens are the ID tokens of a provider that is in the file already."""
    clients = {
        str(each.values["client_id"]) for each in draft.providers if each.values.get("issuer") == verified.issuer
    }
    audiences = [audience for audience in verified.audiences if audience not in clients]
    if verified.audiences and not audiences:
        draft.note(
            f"{shown(table.origin)} is left out: its tokens are the ID tokens of a provider below, which "
            "are accepted as Bearer"
        )
        return False
    if len(audiences) < len(verified.audiences):
        table.note(
            "the audience that is the client_id of a provider is left out: ID tokens are accepted as Bearer anyway"
        )
    if audiences:
        table.set("audience", audiences, verified.audience)
    else:
        table.set("audience", [unlike(OUR_AUDIENCE, clients, "-")])
        table.note(
            "safer now: Hasura took a token for any audience, which with keys that others share is an open door; put the "
            "`aud` of your tokens into audience (allow_any_audience = true in its place is as before)"
        )
    return True


def add_header(table: Table, keys: Keys) -> None:
    header = keys.below("header")
    kind = header.needed("type", "type")
    if kind.text() == "Authorization":
        table.note(f"{table.short(kind)} = Authorization: as it was, a token comes as Bearer")
    else:
        table.note(
            f"{table.short(kind)} = {shown(kind.text())} has no equivalent: a token comes as Bearer in "
            "the header Authorization"
        )


def username_claim(keys: Keys) -> str:
    """Return the claim that Hasura took its user id from, if it is one by a simple path."""
    mapped = keys.nodes.get("claims_map")
    rule = mapped.nodes.get("x-hasura-user-id") if isinstance(mapped, Keys) else None
    path = rule.nodes.get("path") if isinstance(rule, Keys) else None
    match = re.fullmatch(r"\$\.([A-Za-z_][A-Za-z0-9_-]*)", str(path.value)) if isinstance(path, Leaf) else None
    return match[1] if match else "sub"


def add_unauthorized(draft: Draft, leaf: Leaf | None) -> None:
    main = draft.sections["main"]
    if leaf is None or leaf.is_empty:
        main.set("allow_anonymous_access", value=False, why=f"there is no {UNAUTHORIZED}: no token, no answer")
        return
    main.set("allow_anonymous_access", value=True, leaf=leaf)
    main.note(
        f"{UNAUTHORIZED} = {shown(leaf.text())}: give what it may see to anonymous:*, by a share or by the role reader "
        "(gatepost role assign reader 'anonymous:*'); nobody without a token can change anything"
    )


def say_the_rest(draft: Draft, variables: Mapping[str, Leaf]) -> None:
    if found := [name for name in ADMIN_SECRETS if name in variables]:
        draft.note(
            f"{', '.join(found)} has no equivalent: nothing that all admins share; each signs in, and a script has an API "
            "token or a service token of its own"
        )
    if found := [name for name in HOOKS if name in variables]:
        draft.note(f"{', '.join(found)} has no equivalent: Gatepost answers such questions and asks none")
    said = {*ADMIN_SECRETS, *HOOKS}
    draft.left_out.extend(shown(name) for name in variables if name not in said)


def host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
