"""Roles that an issuer's claims speak of: which they are, and what they mean here.

`claims_map` says where they stand; claims of Hasura's shape stand in a namespace of their own.  A name among them is the
role of that name here, but for `admin`: that takes `admin_roles` or `role_map`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatepost.errors import Forbidden
from gatepost.settings.formats import ClaimRule
from gatepost.sso.claims import NAME, Claims
from gatepost.sso.json_path import find
from gatepost.sso.strict_json import strict_json

if TYPE_CHECKING:
    from gatepost.sso.claims import MappedSettings

ADMIN = "admin"
ALLOWED, DEFAULT = "x-hasura-allowed-roles", "x-hasura-default-role"
MAX_ROLE = 256


@dataclass(frozen=True, slots=True)
class ClaimedRoles:
    """The issuer's own names.  `default` is the one role of the call if none is asked for."""

    names: tuple[str, ...] = ()
    default: str | None = None


def read_roles(claims: Claims, settings: MappedSettings) -> ClaimedRoles:
    """Read the roles where the configuration says they stand.

    Raises `Forbidden` for a claim that is missing without a default, of a wrong type, or a default that is not among
    the roles: the first role of an empty list is no role, and not `null` either.
    """
    rules = {name.lower(): rule for name, rule in settings.claims_map.items()}
    roles, default = rules.get("roles") or rules.get(ALLOWED), rules.get("default_role") or rules.get(DEFAULT)
    if roles is None and default is None:
        shaped = _hasura_claims(claims, settings)
        if shaped is None:
            return ClaimedRoles()
        names = _texts(shaped.get(ALLOWED), settings, ALLOWED)
        return _checked(ClaimedRoles(names, _text(shaped.get(DEFAULT), settings, DEFAULT)), settings)
    names = () if roles is None else _ruled(claims, roles, settings)
    chosen = None if default is None else _ruled(claims, default, settings)
    if chosen is not None and len(chosen) != 1:
        raise _unusable(settings, default.path if default else "")
    read = ClaimedRoles(names, chosen[0] if chosen else None)
    return read if roles is None else _checked(read, settings)


@dataclass(frozen=True, slots=True)
class CarriedRoles:
    """What the claims carry for one session or one call: the issuer's names, the roles here, the default one here.

    Whether a role of that name exists, and whether the person has the default one, is asked of the directory.
    """

    names: tuple[str, ...]
    roles: frozenset[str]
    default: str | None


def carried_roles(claims: Claims, settings: MappedSettings) -> CarriedRoles:
    """Read what the claims carry.  Raises `Forbidden` as `read_roles`, and for a default role that may not be."""
    said = read_roles(claims, settings)
    default = None if said.default is None else default_here(said.default, settings)
    return CarriedRoles(said.names, mean_here(said.names, settings), default)


def mean_here(names: Iterable[str], settings: MappedSettings) -> frozenset[str]:
    """The roles here that the names mean: those of the same name but `admin`, and `admin` by `admin_roles`."""
    said = tuple(names)
    same = {name for name in said if name != ADMIN and NAME.fullmatch(name)}
    return frozenset(same | ({ADMIN} if set(said) & set(settings.admin_roles) else set()))


def mapped_here(names: Iterable[str], settings: MappedSettings) -> frozenset[str]:
    """The roles here that `role_map` makes of the issuer's roles and groups."""
    return frozenset(settings.role_map[name] for name in names if name in settings.role_map)


def default_here(name: str, settings: MappedSettings) -> str:
    """What the default role is called here.  Whether the person has it is asked with each call."""
    if name in settings.admin_roles:
        return ADMIN
    if name == ADMIN and ADMIN not in settings.role_map:
        raise Forbidden(f"{settings.called} names admin as the default role, which takes admin_roles or role_map")
    return settings.role_map.get(name, name)


def _checked(read: ClaimedRoles, settings: MappedSettings) -> ClaimedRoles:
    if read.default is not None and read.default not in read.names:
        raise Forbidden(f"{settings.called} names a default role that is not among the roles")
    return read


def _ruled(claims: Claims, rule: ClaimRule, settings: MappedSettings) -> tuple[str, ...]:
    try:
        found = find(rule.path, claims)
    except ValueError as error:
        raise _unusable(settings, rule.path) from error
    if not found.values:
        if rule.default is None:
            raise _unusable(settings, rule.path)
        return (rule.default,) if isinstance(rule.default, str) else rule.default
    return _texts(found.values[0] if found.one else list(found.values), settings, rule.path)


def _hasura_claims(claims: Claims, settings: MappedSettings) -> Mapping[str, object] | None:
    """The claims of Hasura's shape, their names in lower case.  They may be JSON in a text, as Cognito has to send it."""
    if settings.claims_namespace is not None:
        value = claims.get(settings.claims_namespace)
    elif settings.claims_namespace_path is not None:
        found = find(settings.claims_namespace_path, claims)
        value = found.values[0] if found.values else None
    else:
        return None
    value = _parsed(value)
    if not isinstance(value, Mapping):
        raise _unusable(settings, settings.claims_namespace or settings.claims_namespace_path or "")
    return {str(name).lower(): inner for name, inner in value.items()}


def _parsed(value: object) -> object:
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return strict_json(value)
    except (ValueError, RecursionError):
        return value


def _texts(value: object, settings: MappedSettings, where: str) -> tuple[str, ...]:
    value = _parsed(value)
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise _unusable(settings, where)
    return tuple(dict.fromkeys(_text(entry, settings, where) for entry in entries))


def _text(value: object, settings: MappedSettings, where: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ROLE:
        raise _unusable(settings, where)
    return value


def _unusable(settings: MappedSettings, where: str) -> Forbidden:
    return Forbidden(f"{settings.called} sent no usable roles at {where}")
