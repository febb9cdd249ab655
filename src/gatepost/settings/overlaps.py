"""The rules between tables: names and issuers that could not be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from urllib.parse import urlsplit

from gatepost.settings.issuers import DelegatedIssuer, IssuerSettings, ProviderSettings
from gatepost.settings.root import Settings
from gatepost.settings.tenants import speaks_for

APART = "give them audiences of their own, or required_claims that exclude each other"
Finding = tuple[str, str]  # the key of the table to change, and what is wrong with it


def overlaps(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong between the tables, each with its key."""
    providers = [(f"sso.providers[{i}]", p) for i, p in enumerate(settings.sso.providers)]
    issuers = [(f"delegated.issuers[{i}]", d) for i, d in enumerate(settings.delegated.issuers)]
    yield from same_names([*providers, *issuers])
    for place, issuer_url in [*((p, t.issuer) for p, t in providers), *((p, t.issuer) for p, t in issuers)]:
        if issuer_url and issuer_url.rstrip("/") == settings.main.public_url:
            yield f"{place}.issuer", "is Gatepost's own public_url: what it issues itself needs no table"
    for (first, one), (second, other) in combinations(providers, 2):
        if one.issuer and one.client_id and (one.issuer, one.client_id) == (other.issuer, other.client_id):
            yield f"{second}.client_id", f"is that of {first} at the same issuer: their tokens could not be told apart"
        if one.identity_issuer and one.identity_issuer == other.identity_issuer and people_of(one) != people_of(other):
            yield f"{second}.issuer", f"is that of {first}, which asks elsewhere who somebody is: give each its own"
    for place, issuer in issuers:
        for theirs, provider in providers:
            yield from with_provider(place, issuer, theirs, provider)
    for (first, a), (second, b) in combinations(issuers, 2):
        if a.issuer and a.issuer == b.issuer and shared_audience(a, b) and not exclusive(a, b):
            yield f"{second}.audience", f"overlaps with that of {first} at the same issuer: {APART}"
    hosts = [host.host.lower() for host in settings.forward_auth.hosts]
    for index, host in enumerate(hosts):
        if host and host in hosts[:index]:
            yield f"forward_auth.hosts[{index}].host", f"is that of forward_auth.hosts[{hosts.index(host)}] already"
        if host == urlsplit(settings.main.public_url).netloc.lower():
            yield f"forward_auth.hosts[{index}].host", "is Gatepost's own: an application there needs no table"


def people_of(provider: ProviderSettings) -> tuple[str | None, ...]:
    """What the subjects of a provider are: by OpenID Connect the issuer's, else those of one place and one claim."""
    if provider.protocol == "oidc":
        return ()
    return (provider.userinfo_endpoint, provider.subject_claim)


def same_names(tables: Sequence[tuple[str, IssuerSettings]]) -> Iterator[Finding]:
    """Names are compared without case: two that differ in it alone would be taken for each other by people."""
    seen: dict[str, str] = {}
    for place, table in tables:
        name = table.name.lower()
        if name and name in seen:
            yield f"{place}.name", f"is that of {seen[name]} already: each needs a name of its own"
        seen.setdefault(name, place)


def with_provider(place: str, issuer: DelegatedIssuer, theirs: str, provider: ProviderSettings) -> Iterator[Finding]:
    if not issuer.issuer or not speaks_for(provider, issuer.issuer):
        return
    if provider.subject_claim != "sub":
        yield f"{place}.issuer", f"is that of {theirs}, whose people are known by {provider.subject_claim}"
        return
    if issuer.allow_any_audience:
        yield (
            f"{place}.allow_any_audience",
            f"takes in the ID tokens of {theirs}, which has the same issuer: name the audiences",
        )
    elif provider.client_id in issuer.audience:
        yield (
            f"{place}.audience",
            f"contains the client_id of {theirs}, which has the same issuer: a token for both could not be told apart",
        )


def shared_audience(a: DelegatedIssuer, b: DelegatedIssuer) -> bool:
    return a.allow_any_audience or b.allow_any_audience or not set(a.audience).isdisjoint(b.audience)


def exclusive(a: DelegatedIssuer, b: DelegatedIssuer) -> bool:
    """Tell whether no token can have the required claims of both."""
    return any(name in b.required_claims and b.required_claims[name] != v for name, v in a.required_claims.items())
