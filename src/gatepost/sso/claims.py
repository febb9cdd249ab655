"""From verified claims to what Gatepost calls a person.  What does not fit is refused, never bent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatepost.directory.names import is_for_people
from gatepost.errors import Forbidden
from gatepost.settings.tenants import is_multi_tenant

if TYPE_CHECKING:
    from gatepost.settings import ProviderSettings
    from gatepost.settings.issuers import DelegatedIssuer

    MappedSettings = ProviderSettings | DelegatedIssuer

Claims = Mapping[str, object]

# The contract's rule for names: 1 to 128 printable ASCII characters without space : # * / \ quotes < > %
NAME = re.compile(r"""[!$&()+,\-.0-9;=?@A-Z\[\]^_a-z{|}~]{1,128}""")
ZITADEL_ROLES = re.compile(r"urn:zitadel:iam:org:project:([0-9]+:)?roles")
GOOGLE = "https://accounts.google.com"
GMAIL = frozenset({"gmail.com", "googlemail.com"})
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
        raise Forbidden(f"{settings.called} sent no usable claim {settings.username_claim} to make a username of")
    return valid_name(_rewritten(value, settings), settings).lower()


def _rewritten(value: str, settings: MappedSettings) -> str:
    pattern = settings.username_regexp
    if pattern is None:
        return value
    # A pattern that takes an address apart has to see one address: `a@corp@evil` is none, whatever `.*` makes of it.
    if "@" in pattern.pattern and value.count("@") != 1:
        raise Forbidden(f"the username from {settings.called} is not one e-mail address")
    match = pattern.fullmatch(value)
    if match is None:
        raise Forbidden(f"the username from {settings.called} does not fit the configured pattern")
    if settings.username_substitution is None:
        return value
    try:
        return match.expand(settings.username_substitution)
    except (re.error, IndexError) as error:
        raise Forbidden(f"the username from {settings.called} cannot be rewritten", detail=str(error)) from error


def valid_name(name: str, settings: MappedSettings) -> str:
    """Return `name` if the contract allows it as a username.  Raises `Forbidden`."""
    if not NAME.fullmatch(name):
        raise Forbidden(
            f"the username from {settings.called} is not 1 to 128 printable ASCII characters "
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
    value = _named_by_keys(groups_claim, claims.get(groups_claim))
    if value is None:
        return ReadGroups(None, f"the claim {groups_claim} is missing: the known groups stay")
    entries = [value] if isinstance(value, str) else value
    names = [_group_name(entry) for entry in entries] if isinstance(entries, list) else [None]
    if None in names:
        return ReadGroups(None, f"the claim {groups_claim} is not a list of names: the known groups stay")
    return ReadGroups(tuple(dict.fromkeys(name for name in names if name is not None)))


def _named_by_keys(claim: str, value: object) -> object:
    """Zitadel's roles are the members of an object, each with the organizations that granted it."""
    return list(value) if isinstance(value, Mapping) and ZITADEL_ROLES.fullmatch(claim) else value


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
        unusable=tuple(_seen(theirs) for theirs, ours in mapped.items() if not NAME.fullmatch(ours)),
        beyond_limit=len(wanted) - len(read),
    )


def _seen(name: str) -> str:
    """Spell out what cannot be seen in a name: admins read it, and a mark may turn round what stands beside it."""
    return name if name.isprintable() else ascii(name)[1:-1]


def read_email(claims: Claims, settings: MappedSettings | None = None) -> tuple[str, bool]:
    """Return the e-mail address and whether the provider vouches for it: `email_verified` is literally `true`.

    Where an address shall open an account (`trust_email`), Google vouches for its own alone: that somebody had another
    one when a Google account was made says nothing of who has it today (its own word on `email_verified`).
    """
    value = claims.get("email")
    if not isinstance(value, str) or not value.isprintable() or " " in value or len(value) > MAX_EMAIL:
        return "", False
    local, _, domain = value.rpartition("@")
    if not local or not domain or "@" in local:
        return "", False
    stale = settings is not None and getattr(settings, "trust_email", False) and _is_google(settings)
    if stale and not _text(claims.get("hd")) and domain.lower() not in GMAIL:
        return value, False
    return value, claims.get("email_verified") is True


def read_display_name(claims: Claims, username: str) -> str:
    """Return the name to show: `name`, else given and family name, else the username."""
    given = " ".join(part for part in (claims.get("given_name"), claims.get("family_name")) if isinstance(part, str))
    for value in (claims.get("name"), given):
        if isinstance(value, str) and value.strip() and is_for_people(value):
            return value.strip()[:256]
    return username


def require_admission(claims: Claims, groups: ReadGroups, settings: ProviderSettings) -> None:
    """Return if the configuration lets this person in at all.  Raises `Forbidden`.

    Every list that is configured has to be fit; a claim that is absent fits none.
    """
    allowed_tenants = {tenant.lower() for tenant in settings.allowed_tenants}
    for refused, what in (
        (settings.allowed_groups and not set(settings.allowed_groups) & set(groups.names or ()), "group"),
        (
            settings.allowed_domains and _domain(claims, settings) not in {d.lower() for d in settings.allowed_domains},
            "domain of Google's" if _is_google(settings) else "verified e-mail domain",
        ),
        (settings.allowed_tenants and not _tenants(claims, settings) & allowed_tenants, "tenant"),
    ):
        if refused:
            unsaid = f" ({groups.note})" if what == "group" and groups.note else ""
            raise Forbidden(f"{settings.called} signed you in, but no {what} that may enter here{unsaid}")


def _domain(claims: Claims, settings: ProviderSettings) -> str:
    """The domain that somebody is of.  At Google that is `hd`, which a consumer's account has not, whatever its e-mail."""
    email, verified = read_email(claims)
    domain = email.rpartition("@")[2].lower() if verified else ""
    if not _is_google(settings):
        return domain
    return _text(claims.get("hd")) or (domain if domain in GMAIL else "")


def _tenants(claims: Claims, settings: ProviderSettings) -> frozenset[str]:
    """The tenant that somebody is of, by the one claim in which this product says it, where we know the product."""
    tid, hd = _text(claims.get("tid")), _text(claims.get("hd"))
    if _is_google(settings):
        tid = ""
    elif settings.preset == "entra" or is_multi_tenant(settings.issuer):
        hd = ""
    return frozenset({tid, hd} - {""})


def _is_google(settings: MappedSettings) -> bool:
    return getattr(settings, "preset", None) == "google" or settings.issuer == GOOGLE


def _text(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""
