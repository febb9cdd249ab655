"""Infrahub: its `INFRAHUB_` variables, or `infrahub.toml`."""

from __future__ import annotations

import tomllib
from datetime import timedelta

from gatepost.settings.imports.draft import Draft
from gatepost.settings.imports.imported import Imported
from gatepost.settings.imports.infrahub_slots import PROTOCOLS, SLOTS, add_provider
from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Keys, Leaf, Planter, refusal
from gatepost.settings.imports.variables import read_variables
from gatepost.settings.kinds import parse_duration, say_duration

PREFIX = "INFRAHUB_"
MAIN = (
    "allow_anonymous_access",
    "anonymous_access_role",
    "public_url",
    "initial_admin_password",
    "initial_admin_token",
    "permission_backends",
)
# What is written where, its longest value, and what holds in Infrahub and here if it is not set.
LIFETIMES = (
    ("access_token_lifetime", "access_token_ttl", "24h", "an hour in Infrahub, 30 minutes here"),
    ("refresh_token_lifetime", "refresh_token_ttl", "366d", "30 days in Infrahub, 7 here"),
)


def from_infrahub(text: str) -> Imported:
    """Turn each provider that is active into a provider, and keep what is said of anonymous access and lifetimes.

    Raises:
        ConfigurationError: if there is nothing to take over, or something that cannot be read or kept.
    """
    draft = Draft("Infrahub")
    root = read_infrahub(text, draft)
    security = root.below("security")
    made: set[tuple[str, str]] = set()
    for protocol in PROTOCOLS:
        active = security.words(f"{protocol}_providers")
        if active is not None:
            draft.note(f"{shown(active[1].label)}: {shown(', '.join(active[0]))} became the providers below")
        for slot in dict.fromkeys(active[0]) if active else ():
            if slot not in SLOTS:
                raise active_slot(active, slot)
            add_provider(draft, security.below(f"{protocol}_provider_settings").below(slot), protocol, slot, security)
            made.add((protocol, slot))
    add_main(draft, root.below("main"))
    add_lifetimes(draft, security)
    say_accounts(draft, security)
    if draft.providers:
        draft.note("safer now: a nonce goes with each sign-in, and its state belongs to one browser, for minutes")
    if not draft.providers and not [table for table in draft.tables() if table.values]:
        raise refusal("has nothing that is taken over: no active provider, no lifetime, no anonymous access")
    say_inactive(draft, security, made)
    draft.left_out.extend(root.rest())
    return draft.imported()


def active_slot(active: tuple[list[str], Leaf] | None, slot: str) -> Exception:
    sentence = f"names {shown(slot)[:40]}, and must name only {', '.join(SLOTS)}"
    return active[1].refuse(sentence) if active else refusal(sentence)


def read_infrahub(text: str, draft: Draft) -> Keys:
    """Read TOML if the text has a section, else variables."""
    if not text.lstrip().startswith("{") and any(
        line.lstrip().startswith("[") and not line.lstrip().startswith("[{") for line in text.splitlines()
    ):
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise refusal(f"is not TOML: {str(error)[:120]}") from None
        except (ValueError, RecursionError):
            raise refusal("is not TOML that can be read") from None
        planted = Planter().plant(document, "")
        return planted if isinstance(planted, Keys) else Keys()
    return from_variables(read_variables(text), draft)


def from_variables(variables: dict[str, Leaf], draft: Draft) -> Keys:
    """Make the tree that `infrahub.toml` would have."""
    root = Keys()
    for name, leaf in variables.items():
        path = path_of(name)
        if path is None:
            draft.left_out.append(shown(name))
            continue
        table = root
        for index, part in enumerate(path[:-1]):
            table = table.table(part, ".".join(path[: index + 1]))
        table.put(path[-1], leaf)
    return root


def path_of(name: str) -> tuple[str, ...] | None:
    """Return the path in `infrahub.toml` of a variable, None for one that is not about signing in."""
    if not name.upper().startswith(PREFIX):
        return None
    key = name[len(PREFIX) :].lower()
    for protocol in PROTOCOLS:
        for slot in SLOTS:
            start = f"{protocol}_{slot}_"
            if key.startswith(start) and len(key) > len(start):
                return ("security", f"{protocol}_provider_settings", slot, key.removeprefix(start))
    if key.startswith("security_") and key != "security_":
        return ("security", key.removeprefix("security_"))
    return ("main", key) if key in MAIN else None


def add_main(draft: Draft, keys: Keys) -> None:
    table = draft.sections["main"]
    if (anonymous := keys.leaf("allow_anonymous_access")) is not None:
        table.set("allow_anonymous_access", anonymous.flag(), anonymous)
    if anonymous is None or anonymous.flag():
        table.note(
            "safer now: who has no credential sees only what is shared with anonymous:*; as in Infrahub everything can be "
            "read after: gatepost role assign reader 'anonymous:*'"
        )
    if (role := keys.leaf("anonymous_access_role")) is not None:
        table.note(
            f"{shown(role.label)} has no equivalent: give anonymous:* a role that can only view, or share with it"
        )
    if (url := keys.leaf("public_url")) is not None:
        table.note(f"{shown(url.label)} was the address of Infrahub: public_url is that of Gatepost")
    for name in ("initial_admin_password", "initial_admin_token"):
        if (leaf := keys.leaf(name)) is not None:
            table.note(
                f"{shown(leaf.label)} is left out: choose a new one and set GATEPOST_{name.upper()} before the first start"
                + ("; a token is gp_ and 29 or more URL-safe characters" if name.endswith("token") else "")
            )
    if (backends := keys.leaf("permission_backends")) is not None:
        table.note(f"{shown(backends.label)} has no equivalent: one engine answers, from roles and shares")


def add_lifetimes(draft: Draft, security: Keys) -> None:
    for name, key, longest, defaults in LIFETIMES:
        leaf = security.leaf(name)
        if leaf is None:
            if draft.providers:
                draft.note(f"{name} is not set: that is {defaults}; {key} below [tokens] changes it")
            continue
        span = min(timedelta(seconds=min(leaf.number(), 10**9)), parse_duration(longest))
        draft.section("tokens").set(key, say_duration(span), leaf)
        if span < timedelta(seconds=min(leaf.number(), 10**9)):
            draft.note(f"{shown(leaf.label)} is cut to {longest}, the longest there is")


def say_accounts(draft: Draft, security: Keys) -> None:
    if (key := security.leaf("secret_key")) is not None:
        draft.note(
            f"{shown(key.label)} has no equivalent: Gatepost makes its signing keys, and rotates them, by itself"
        )
    fallback = security.leaf("sso_account_name_fallback")
    if fallback is not None and not fallback.flag():
        draft.note(f"{shown(fallback.label)}: as it was, a name from outside never opens an account that exists")
    elif fallback is not None or draft.providers:
        label = shown(fallback.label) if fallback is not None else "sso_account_name_fallback"
        draft.note(
            f"safer now, {label} has no equivalent: a name from outside never opens an account that exists; make it with "
            "`gatepost user create NAME --external PROVIDER`, or its owner links the sign-in"
        )
    if (group := security.leaf("sso_user_default_group")) is not None:
        draft.note(
            f"{shown(group.label)} = {shown(group.text())} has no equivalent: default_roles below [main] is what everybody "
            "is given at the first sign-in"
        )


def say_inactive(draft: Draft, security: Keys, made: set[tuple[str, str]]) -> None:
    for protocol in PROTOCOLS:
        settings = security.below(f"{protocol}_provider_settings")
        for slot in SLOTS:
            if slot in settings.nodes and (protocol, slot) not in made:
                draft.note(
                    f"{protocol} {slot} is left out: {protocol}_providers does not name it, so it was not active"
                )
