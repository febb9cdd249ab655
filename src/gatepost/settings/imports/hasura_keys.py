"""Hasura's JWT configuration: how a token is verified, and where its roles stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gatepost.settings.imports.addresses import issuer_of_keys
from gatepost.settings.imports.algorithms import is_shared_key, set_algorithms
from gatepost.settings.imports.draft import Table
from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Keys, Leaf, refusal
from gatepost.settings.kinds import say_duration

NAMESPACE = "https://hasura.io/jwt/claims"
ROLES, DEFAULT_ROLE = "x-hasura-allowed-roles", "x-hasura-default-role"
ADMIN = frozenset({"admin"})
NAMES = {ROLES: "roles", DEFAULT_ROLE: "default_role"}
NOWHERE = "$.iss[0]"  # `iss` is a text, never a list, so that nothing stands there and the default holds
LONGEST_LEEWAY = 120  # seconds


@dataclass(frozen=True, slots=True)
class Verified:
    """What is known of the issuer.  `audience` is the key that the audiences stand in, None if it is not there."""

    issuer: str
    audiences: tuple[str, ...]
    audience: Leaf | None


def add_verification(table: Table, keys: Keys) -> Verified:
    """Write algorithms, keys, issuer and leeway.  Raises `ConfigurationError` if there is neither key nor jwk_url."""
    kind, url, key = keys.leaf("type"), keys.leaf("jwk_url"), keys.leaf("key")
    if url is None and key is None:
        keys.needed("jwk_url", "key or jwk_url")
    if kind is not None and is_shared_key(kind.text()):
        table.note(
            f"{table.short(kind)} = {shown(kind.text())} has no equivalent: it verifies with the key that also signs"
        )
        if key is not None:
            table.note(f"{table.short(key)} is left out: it is a secret that whoever verifies would have to know")
            key = None
    elif kind is not None:
        set_algorithms(table, [kind.text()], kind)
    if url is not None:
        table.set("jwks_uri", url.text(), url)
        if key is not None:
            table.note(f"{table.short(key)} is left out: the keys come from jwk_url")
    elif key is not None:
        table.set("public_keys", [key.text()], key)
    issuer = add_issuer(table, keys.leaf("issuer"), url)
    add_leeway(table, keys.leaf("allowed_skew"))
    found = keys.words("audience")
    return Verified(issuer, tuple(found[0]) if found else (), found[1] if found else None)


def is_verifiable(table: Table) -> bool:
    return "jwks_uri" in table.values or "public_keys" in table.values


def add_issuer(table: Table, leaf: Leaf | None, url: Leaf | None) -> str:
    if leaf is not None:
        table.set("issuer", leaf.text(), leaf)
        return leaf.text()
    guessed = issuer_of_keys(url.text()) if url is not None else None
    issuer = guessed or f"the iss of the tokens of {table.values['name']}"
    table.set("issuer", issuer)
    if guessed:
        table.note(
            "safer now: Hasura let `iss` go unchecked; issuer is taken from where the keys are: compare it with a token"
        )
    else:
        table.note("safer now: Hasura let `iss` go unchecked; put it into issuer, for before that no token is accepted")
    return issuer


def add_leeway(table: Table, leaf: Leaf | None) -> None:
    if leaf is None:
        return
    seconds = leaf.number()
    table.set("leeway", say_duration(timedelta(seconds=min(seconds, LONGEST_LEEWAY))), leaf)
    if seconds > LONGEST_LEEWAY:
        table.note(f"{table.short(leaf)} = {seconds}: more than two minutes would revive tokens that have ended")


def add_claims(table: Table, keys: Keys, admins: frozenset[str] = ADMIN) -> None:
    """Write where the roles stand: claims_map, else a namespace, which is Hasura's own if none is given.

    `admins` are the roles that mean admin: nobody is given one of them for want of a claim.
    """
    namespace, path = keys.leaf("claims_namespace"), keys.leaf("claims_namespace_path")
    form = keys.leaf("claims_format")
    if form is not None and form.text() not in {"json", "stringified_json"}:
        raise form.refuse('must be "json" or "stringified_json"')
    if namespace is not None and path is not None:
        raise path.refuse("stands beside claims_namespace, and only one of them can hold")
    mapped = keys.below("claims_map")
    if mapped.nodes:
        add_claims_map(table, mapped, admins)
        for ignored in (namespace, path, form):
            if ignored is not None:
                table.note(f"{table.short(ignored)} is left out: beside claims_map it meant nothing")
        return
    if path is not None:
        table.set("claims_namespace_path", path.text(), path)
    else:
        table.set("claims_namespace", namespace.text() if namespace is not None else NAMESPACE, namespace)
    if form is not None:
        table.note(f"{table.short(form)} needs no key: claims are read as JSON, and as JSON in a text")


def add_claims_map(table: Table, mapped: Keys, admins: frozenset[str]) -> None:
    rules: dict[str, object] = {}
    for name, node in mapped.nodes.items():
        target = NAMES.get(name.lower(), name.lower())
        if target in rules:
            raise refusal(f"{shown(node.label)} stands twice")
        if isinstance(node, Keys):
            rule = path_rule(table, node, admins if target in NAMES.values() else frozenset())
        else:
            rule = literal_rule(table, mapped, name, admins if target in NAMES.values() else frozenset())
        if rule is not None:
            table.fits("claims_map", {target: rule}, Leaf(node.label, None))
        rules[target] = rule
    if None in (rules.get("roles", ""), rules.get("default_role", "")):  # one without the other would refuse everybody
        rules = {name: rule for name, rule in rules.items() if name not in NAMES.values()}
    kept = {name: rule for name, rule in rules.items() if rule is not None}
    if kept:
        why = ", ".join(f"{ours} was {theirs}" for theirs, ours in NAMES.items() if ours in kept)
        table.set("claims_map", kept, Leaf(mapped.label, None), why=why)


def path_rule(table: Table, keys: Keys, admins: frozenset[str]) -> object:
    path, default = keys.needed("path", "path"), keys.leaf("default")
    if path.text().endswith("[0]"):
        table.note(f"{table.short(path)}: which one stands first is the provider's whim; a claim of its own is safer")
    for extra in keys.rest():
        table.note(f"{extra} has no equivalent")
    if default is None:
        return path.text()
    if admins.intersection(as_list(default.value)):
        table.note(f"{table.short(default)} is left out: whoever had no such claim became an admin by it")
        return path.text()
    return {"path": path.text(), "default": default.value}


def literal_rule(table: Table, mapped: Keys, name: str, admins: frozenset[str]) -> object | None:
    """Return the rule for a value that holds for everybody, None if it would make everybody an admin."""
    leaf = mapped.leaf(name)
    if leaf is None:
        return None
    value = leaf.words() if name.lower() == ROLES else leaf.text()
    if admins.intersection(as_list(value)):
        table.note(
            f"{table.short(leaf)} is left out: it made everybody who signs in an admin; say in role_map or admin_roles "
            "which role or group there means admin"
        )
        return None
    table.note(f"{table.short(leaf)} holds for everybody: nothing ever stands at {NOWHERE}, so the default is taken")
    return {"path": NOWHERE, "default": value}


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
