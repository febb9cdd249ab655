"""The rules between the keys of one table: a configuration that breaks one does not start."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gatepost.settings.faults import Fault
from gatepost.settings.issuers import DelegatedIssuer, IssuerSettings, ProviderSettings
from gatepost.settings.sections import AccessSettings, HostSettings
from gatepost.settings.tenants import is_multi_tenant
from gatepost.settings.urls import is_private, split_url

HTTPS = "must be https beyond loopback, or allow_insecure = true"


def provider_faults(provider: ProviderSettings) -> Iterator[Fault]:
    yield from issuer_faults(provider)
    yield from provider_issuer_faults(provider)
    endpoints = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint")
    yield from plain_http(provider, *endpoints)
    if provider.protocol == "oidc" and "openid" not in provider.scopes:
        yield Fault(("scopes", "protocol"), 'must contain "openid": without it no ID token comes back')
    yield from client_faults(provider)
    if provider.protocol == "oidc" and provider.subject_claim != "sub":
        yield Fault(
            ("subject_claim", "protocol"), 'must be "sub": in OpenID Connect no other claim says who somebody is'
        )
    if provider.allowed_groups and not provider.groups_claim:
        yield Fault(("allowed_groups", "groups_claim"), "needs groups_claim: without it nobody could be let in")
    yield from tenant_faults(provider)


def client_faults(provider: ProviderSettings) -> Iterator[Fault]:
    method, keys = provider.token_endpoint_auth_method, ("token_endpoint_auth_method", "client_secret")
    if method.startswith("client_secret") and provider.client_secret is None:
        yield Fault(keys, "needs client_secret, which is not set")
    if method in ("none", "private_key_jwt") and provider.client_secret is not None:
        yield Fault(keys, "must be another method, or client_secret left out")
    if provider.client_assertion_audience == "issuer" and provider.issuer is None:
        yield Fault(("client_assertion_audience", "issuer"), "needs issuer, which is not set")


def tenant_faults(provider: ProviderSettings) -> Iterator[Fault]:
    if not is_multi_tenant(provider.issuer, provider.preset):
        return
    if not provider.allowed_tenants:
        yield Fault(
            ("allowed_tenants", "issuer"),
            "must name the tenants that are let in: this issuer lets in those of every company",
        )


def provider_issuer_faults(provider: ProviderSettings) -> Iterator[Fault]:
    keys = ("issuer", "preset", "protocol", "authorization_endpoint", "token_endpoint")
    if provider.protocol == "oauth2":
        if provider.needs_discovery and not is_url(provider.issuer):
            yield Fault(
                (*keys, "userinfo_endpoint"),
                "must be a URL whose discovery document is read, unless authorization_endpoint, token_endpoint and "
                "userinfo_endpoint are given",
            )
    elif provider.issuer is None:
        yield Fault((*keys, "jwks_uri", "public_keys"), "must be the provider's issuer, for `iss` is always checked")
    elif provider.needs_discovery and not is_url(provider.issuer):
        yield Fault(
            (*keys, "jwks_uri", "public_keys"),
            "must be a URL whose discovery document is read, unless authorization_endpoint, token_endpoint and "
            "jwks_uri or public_keys are given",
        )


def delegated_faults(issuer: DelegatedIssuer) -> Iterator[Fault]:
    yield from issuer_faults(issuer)
    if issuer.needs_discovery and not is_url(issuer.issuer):
        yield Fault(
            ("issuer", "jwks_uri", "public_keys"),
            "must be a URL whose discovery document is read, unless jwks_uri or public_keys are given",
        )
    if not issuer.audience and not issuer.allow_any_audience:
        yield Fault(
            ("audience", "allow_any_audience"),
            "must name the audiences that are accepted, or allow_any_audience = true",
        )
    if issuer.audience and issuer.allow_any_audience:
        yield Fault(("allow_any_audience", "audience"), "must be false where audience says which are accepted")
    if issuer.service and not issuer.required_claims:
        yield Fault(
            ("service", "required_claims"), "needs required_claims: without them each token of the issuer were it"
        )
    if is_multi_tenant(issuer.issuer):
        yield Fault(("issuer",), "must be the issuer of one tenant: this one is that of every company")


def issuer_faults(issuer: IssuerSettings) -> Iterator[Fault]:
    yield from plain_http(issuer, "jwks_uri")
    if getattr(issuer, "needs_discovery", False):
        yield from plain_http(issuer, "issuer")
    if issuer.jwks_uri and issuer.public_keys:
        yield Fault(("public_keys", "jwks_uri"), "must be left out where jwks_uri is given")
    if not issuer.algorithms:
        yield Fault(("algorithms",), "must name at least one algorithm")
    if issuer.claims_namespace and issuer.claims_namespace_path:
        yield Fault(("claims_namespace_path", "claims_namespace"), "must be left out where claims_namespace is given")
    yield from username_faults(issuer)


def username_faults(issuer: IssuerSettings) -> Iterator[Fault]:
    pattern, substitution = issuer.username_regexp, issuer.username_substitution
    if pattern is not None and substitution is None:
        yield Fault(("username_substitution", "username_regexp"), r"must say what username_regexp leaves, such as \1")
    elif pattern is None and substitution is not None:
        yield Fault(("username_regexp", "username_substitution"), "must say what username_substitution is made of")
    elif pattern is not None and substitution is not None:
        try:
            with warnings.catch_warnings(action="error"):
                re.sub(pattern, substitution, "")  # the template is parsed even where nothing matches
        except (re.error, IndexError, Warning) as error:
            yield Fault(("username_substitution", "username_regexp"), f"does not fit username_regexp: {error}")


def access_faults(access: AccessSettings) -> Iterator[Fault]:
    if access.engine == "openfga":
        if access.url is None:
            yield Fault(("url", "engine"), 'must be the address of the OpenFGA server where engine = "openfga"')
        if access.store is None:
            yield Fault(("store", "engine"), 'must be the id of the store where engine = "openfga"')
        if access.url is not None and access.token is not None and not is_private(access.url):
            yield Fault(("url", "token"), "must be https beyond loopback, for it carries the token")
    else:
        for key in ("url", "store", "token"):
            if getattr(access, key) is not None:
                yield Fault((key, "engine"), 'must be left out unless engine = "openfga"')


def plain_http(table: IssuerSettings, *keys: str) -> Iterator[Fault]:
    for key in keys:
        url = getattr(table, key)
        if url is not None and is_url(url) and not is_private(url) and not table.allow_insecure:
            yield Fault((key, "allow_insecure"), HTTPS)


def is_url(text: str | None) -> bool:
    try:
        split_url(text or "")
    except ValueError:
        return False
    return True


def no_faults(_: object) -> Iterator[Fault]:
    yield from ()


RULES: Mapping[type, Callable[[Any], Iterator[Fault]]] = {
    ProviderSettings: provider_faults,
    DelegatedIssuer: delegated_faults,
    AccessSettings: access_faults,
    HostSettings: no_faults,
}
