"""Entra's issuers that stand for every company: which tenants of theirs are let in, and what their tokens name as `iss`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gatepost.settings.urls import split_url

if TYPE_CHECKING:
    from gatepost.settings.issuers import ProviderSettings

TEMPLATE = "{tenantid}"
SEVERAL_TENANTS = frozenset({"common", "organizations", "consumers", TEMPLATE})
HOSTS = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"})
TENANT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_multi_tenant(issuer: str | None, preset: str | None = None) -> bool:
    """Tell whether an issuer of Entra's stands for every tenant, so that `iss` alone proves no company."""
    try:
        parts = split_url(issuer or "")
    except ValueError:
        return False
    return (parts.hostname in HOSTS or preset == "entra") and _tenant_segment(issuer or "") in SEVERAL_TENANTS


def template_of(issuer: str) -> str:
    """Return what the discovery document of a multi-tenant issuer names as `issuer`."""
    return _with_tenant(issuer, TEMPLATE)


def discovered_at(issuer: str) -> str:
    """Return the address below which the discovery document stands: a template is none."""
    return _with_tenant(issuer, "common") if _tenant_segment(issuer) == TEMPLATE else issuer


def tenant_issuers(provider: ProviderSettings) -> Mapping[str, str]:
    """Return the `iss` of each tenant on the allow-list; nothing for a provider that is one tenant, or no Entra."""
    if not is_multi_tenant(provider.issuer, provider.preset):
        return {}
    tenants = {tenant.lower() for tenant in provider.allowed_tenants}
    return {tenant: _with_tenant(provider.issuer or "", tenant) for tenant in tenants if TENANT_ID.fullmatch(tenant)}


def speaks_for(provider: ProviderSettings, issuer: str) -> bool:
    """Tell whether `issuer` is this provider's: its own, or that of an allowed tenant where it stands for many."""
    if is_multi_tenant(provider.issuer, provider.preset):
        return issuer in tenant_issuers(provider).values()
    return issuer == provider.identity_issuer


def _tenant_segment(issuer: str) -> str:
    return urlsplit(issuer).path.lstrip("/").partition("/")[0]


def _with_tenant(issuer: str, tenant: str) -> str:
    parts = urlsplit(issuer)
    _, slash, rest = parts.path.lstrip("/").partition("/")
    return f"{parts.scheme}://{parts.netloc}/{tenant}{slash}{rest}"
