"""What is allowed, and should be said aloud at start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatepost.settings.tenants import TENANT_ID, is_multi_tenant
from gatepost.settings.urls import is_private

if TYPE_CHECKING:
    from gatepost.settings.issuers import DelegatedIssuer, IssuerSettings, ProviderSettings
    from gatepost.settings.root import Settings

PROBES = ("alice@one.example", "alice@two.example")  # two persons, whom a username has to keep apart


def cautions(settings: Settings) -> Iterator[str]:
    """Yield one sentence for each loud setting, the key first."""
    yield from main_cautions(settings)
    yield from lifetime_cautions(settings)
    for index, provider in enumerate(settings.sso.providers):
        yield from provider_cautions(f"sso.providers[{index}]", provider)
    for index, issuer in enumerate(settings.delegated.issuers):
        yield from delegated_cautions(f"delegated.issuers[{index}]", issuer)
    yield from dropped_domains(settings)


def main_cautions(settings: Settings) -> Iterator[str]:
    main = settings.main
    if main.allow_anonymous_access:
        yield (
            "main.allow_anonymous_access is on: a call without a credential sees what is shared with anonymous:*; "
            "turn it off with allow_anonymous_access = false or GATEPOST_ALLOW_ANONYMOUS_ACCESS=false"
        )
    if not is_private(main.public_url):
        yield f"main.public_url is {main.public_url}: without TLS passwords and tokens can be read on the way"
    for host in settings.forward_auth.hosts:
        if not is_private(host.public_url):
            yield f"forward_auth.hosts: {host.public_url} has no TLS: what goes there can be read on the way"
    if any(network.prefixlen == 0 for network in main.trusted_proxies):
        yield "main.trusted_proxies takes in every address: anybody can say where a call comes from"
    if main.trusted_proxies and settings.sso.providers and not main.public_url_configured:
        yield (
            f"main.public_url is not set, and trusted_proxies says that a proxy stands in front: providers send people "
            f"back to {main.public_url}"
        )
    if "admin" in main.default_roles:
        yield "main.default_roles contains admin: whoever signs in may do everything"
    if not main.password_sign_in and not settings.sso.providers:
        yield "main.password_sign_in is off, and there is no provider: only admins can sign in, at /login/local"
    if settings.database.url.reveal() in {"sqlite://", "sqlite:///:memory:"}:
        yield "database.url keeps everything in memory: it is gone when the process ends"


def lifetime_cautions(settings: Settings) -> Iterator[str]:
    if settings.tokens.refresh_token_ttl < settings.tokens.access_token_ttl:
        yield "tokens.refresh_token_ttl is shorter than access_token_ttl: the refresh token has ended when it is needed"
    if settings.sessions.absolute_timeout < settings.sessions.idle_timeout:
        yield "sessions.absolute_timeout is shorter than idle_timeout, which then means nothing"


def provider_cautions(place: str, provider: ProviderSettings) -> Iterator[str]:
    yield from insecure(place, provider)
    method = provider.token_endpoint_auth_method
    if method == "none" and not provider.pkce:
        yield f"{place}.pkce is off for a public client: whoever sees a code can redeem it"
    if provider.protocol == "oauth2" and provider.scopes_configured and "openid" in provider.scopes:
        yield f"{place}.scopes contains openid, which plain OAuth 2.0 does not know: it is not asked for"
    if provider.preset == "github" and provider.subject_claim not in ("id", "node_id"):
        yield f"{place}.subject_claim is {provider.subject_claim}: at GitHub somebody else can get that one day"
    tenants = [tenant for tenant in provider.allowed_tenants if not TENANT_ID.fullmatch(tenant.lower())]
    if tenants and is_multi_tenant(provider.issuer, provider.preset):
        yield f"{place}.allowed_tenants: {', '.join(tenants)} is no tenant id, and so lets nobody in"


def delegated_cautions(place: str, issuer: DelegatedIssuer) -> Iterator[str]:
    yield from insecure(place, issuer)
    if issuer.allow_any_audience:
        yield f"{place}.allow_any_audience is on: a token that {issuer.issuer} issued for anybody is accepted here"


def insecure(place: str, issuer: IssuerSettings) -> Iterator[str]:
    if issuer.allow_insecure:
        yield f"{place}.allow_insecure is on: whoever is on the way to {issuer.name} can sign in as anybody"


def dropped_domains(settings: Settings) -> Iterator[str]:
    """Warn of patterns that make one person of alice@one.example and alice@two.example."""
    tables: list[tuple[str, ProviderSettings | DelegatedIssuer]] = [
        *((f"sso.providers[{i}]", p) for i, p in enumerate(settings.sso.providers)),
        *((f"delegated.issuers[{i}]", d) for i, d in enumerate(settings.delegated.issuers)),
    ]
    if len({table.issuer or table.name for _, table in tables}) < 2:
        return
    for place, table in tables:
        if drops_domain(table):
            yield (
                f"{place}.username_regexp drops the domain, and there is more than one issuer: people of the same "
                "name at two of them want the same username, and the second is refused"
            )


def drops_domain(table: IssuerSettings) -> bool:
    if table.username_regexp is None or table.username_substitution is None:
        return False
    matches = [table.username_regexp.fullmatch(probe) for probe in PROBES]
    names = [match.expand(table.username_substitution) for match in matches if match]
    return len(names) == len(PROBES) and len(set(names)) == 1
