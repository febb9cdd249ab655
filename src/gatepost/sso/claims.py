"""From verified claims to what Gatepost calls a person.  What does not fit is refused, never bent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatepost.errors import Forbidden

if TYPE_CHECKING:
    from gatepost.settings import ProviderSettings
    from gatepost.settings.issuers import DelegatedIssuer

    MappedSettings = ProviderSettings | DelegatedIssuer

Claims = Mapping[str, object]

# The contract's rule for names: 1 to 128 printable ASCII characters without space : # * / \ quotes < > %
NAME = re.compile(r"""[!$&()+,\-.0-9;=?@A-Z\[\]^_a-z{|}~]{1,128}""")
MAX_CLAIM = 1024
MAX_EMAIL = 320


@dataclass(frozen=True, slots=True)
class ReadGroups:
    """The provider's groups in three states: names, no names, or `None` for "it did not say"."""

    names: tuple[str, ...] | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MappedGroups:
    """Groups by Gatepost's names, and those of the provider that no name here can stand for."""

    names: tuple[str, ...]
    unusable: tuple[str, ...] = ()
    beyond_limit: int = 0


def read_username(claims: Claims, settings: MappedSettings) -> str:
    """Return the username that the claims make, lower-cased.  Raises `Forbidden` with a sentence that says why not."""
    value = claims.get(settings.username_claim)
    if not isinstance(value, str) or not value or len(value) > MAX_CLAIM:
        raise Forbidden(f"{settings.name} sent no usable claim {settings.username_claim} to make a username of")
    return valid_name(_rewritten(value, settings), settings).lower()


def _rewritten(value: str, settings: MappedSettings) -> str:
    pattern = settings.username_regexp
    if pattern is None:
        return value
    # A pattern that takes an address apart has to see one address: `a@corp@evil` is none, whatever `.*` makes of it.
    if "@" in pattern.pattern and value.count("@") != 1:
        raise Forbidden(f"the username from {settings.name} is not one e-mail address")
    match = pattern.fullmatch(value)
    if match is None:
        raise Forbidden(f"the username from {settings.name} does not fit the configured pattern")
    if settings.username_substitution is None:
        return value
    try:
        return match.expand(settings.username_substitution)
    except (re.error, IndexError) as error:
        raise Forbidden(f"the username from {settings.name} cannot be rewritten", detail=str(error)) from error


def valid_name(name: str, settings: MappedSettings) -> str:
    """Return `name` if the contract allows it as a username.  Raises `Forbidden`."""
    if not NAME.fullmatch(name):
        raise Forbidden(
            f"the username from {settings.name} is not 1 to 128 printable ASCII characters "
            "without space and : # * / \\ quotes < > %",
            detail=f"username {name[:200]!r}",
        )
    return name


def read_groups(claims: Claims, groups_claim: str | None) -> ReadGroups:
    """Read the groups as they are: a list, one text, or objects with a `name`.

    An absent claim, an overage (Entra) and a claim of a wrong type are all "it did not say": only an explicit list,
    empty or not, may take memberships away.
    """
    if groups_claim is None:
        return ReadGroups(None)
    if _is_overage(claims, groups_claim):
        return ReadGroups(None, f"the provider has more groups than it sends in {groups_claim}: the known ones stay")
    value = claims.get(groups_claim)
    if value is None:
        return ReadGroups(None, f"the claim {groups_claim} is missing: the known groups stay")
    entries = [value] if isinstance(value, str) else value
    names = [_group_name(entry) for entry in entries] if isinstance(entries, list) else [None]
    if None in names:
        return ReadGroups(None, f"the claim {groups_claim} is not a list of names: the known groups stay")
    return ReadGroups(tuple(dict.fromkeys(name for name in names if name is not None)))


def _is_overage(claims: Claims, groups_claim: str) -> bool:
    elsewhere = claims.get("_claim_names")
    hinted = claims.get("hasgroups") in (True, "true") and groups_claim not in claims
    return hinted or (isinstance(elsewhere, Mapping) and groups_claim in elsewhere)


def _group_name(entry: object) -> str | None:
    name = entry.get("name") if isinstance(entry, Mapping) else entry
    return name if isinstance(name, str) and 0 < len(name) <= MAX_CLAIM else None


def map_groups(names: tuple[str, ...], settings: MappedSettings) -> MappedGroups:
    """Filter, cap and rename a provider's groups.  A name that no group here can have is reported, not bent."""
    wanted = [name for name in names if settings.group_filter is None or settings.group_filter.search(name)]
    read = wanted[: settings.group_limit]
    mapped = {name: settings.group_map.get(name, name) for name in read}
    return MappedGroups(
        names=tuple(dict.fromkeys(name for name in mapped.values() if NAME.fullmatch(name))),
        unusable=tuple(theirs for theirs, ours in mapped.items() if not NAME.fullmatch(ours)),
        beyond_limit=len(wanted) - len(read),
    )


def read_email(claims: Claims) -> tuple[str, bool]:
    """Return the e-mail address and whether the provider vouches for it: `email_verified` is literally `true`."""
    value = claims.get("email")
    if not isinstance(value, str) or not value.isprintable() or " " in value or len(value) > MAX_EMAIL:
        return "", False
    local, _, domain = value.rpartition("@")
    if not local or not domain or "@" in local:
        return "", False
    return value, claims.get("email_verified") is True


def read_display_name(claims: Claims, username: str) -> str:
    """Return the name to show: `name`, else given and family name, else the username."""
    given = " ".join(part for part in (claims.get("given_name"), claims.get("family_name")) if isinstance(part, str))
    for value in (claims.get("name"), given):
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:256]
    return username


def require_admission(claims: Claims, groups: ReadGroups, settings: ProviderSettings) -> None:
    """Return if the configuration lets this person in at all.  Raises `Forbidden`.

    Every list that is configured has to be fit; a claim that is absent fits none.
    """
    email, verified = read_email(claims)
    domain = email.rpartition("@")[2].lower()
    tenants = {tenant for tenant in (claims.get("tid"), claims.get("hd")) if isinstance(tenant, str)}
    for refused, what in (
        (settings.allowed_groups and not set(settings.allowed_groups) & set(groups.names or ()), "group"),
        (
            settings.allowed_domains and not (verified and domain in {d.lower() for d in settings.allowed_domains}),
            "verified e-mail domain",
        ),
        (settings.allowed_tenants and not tenants & set(settings.allowed_tenants), "tenant"),
    ):
        if refused:
            raise Forbidden(f"{settings.name} signed you in, but no {what} that may enter here")
