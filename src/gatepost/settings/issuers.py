"""Other people's issuers: where persons sign in, and whose tokens are accepted as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from gatepost.settings.formats import (
    ALGORITHM,
    ANY_URL,
    CLAIM,
    CLAIMS_MAP,
    DOMAIN,
    ENTITY_NAME,
    GROUP_MAP,
    JSON_PATH,
    PATTERN,
    PROMPT,
    PUBLIC_KEY,
    REQUIRED_CLAIMS,
    ROLE_MAP,
    SCOPE,
    SECRET,
    SUBSTITUTION,
    URL_NAME,
    Algorithm,
    ClaimRule,
)
from gatepost.settings.kinds import BOOLEAN, TEXT, choice, duration, integer, key, many, optional, tables
from gatepost.settings.presets import PRESETS
from gatepost.settings.secret import Secret

GroupSync = Literal["off", "add", "mirror"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """The keys that `[[sso.providers]]` and `[[delegated.issuers]]` have in common."""

    name: str = field(metadata=key(URL_NAME, "The name in URLs, unique among providers and delegated issuers."))
    jwks_uri: str | None = field(
        default=None, metadata=key(optional(ANY_URL), "Where the public keys are; overrides the discovery document.")
    )
    public_keys: tuple[str, ...] = field(
        default=(),
        metadata=key(many(PUBLIC_KEY), "The public keys themselves, as PEM or JWK, in place of `jwks_uri`."),
    )
    algorithms: tuple[Algorithm, ...] = field(
        default=("RS256", "ES256"), metadata=key(many(ALGORITHM), "The only signature algorithms that are accepted.")
    )
    allow_insecure: bool = field(
        default=False, metadata=key(BOOLEAN, "Whether plain http is accepted beyond loopback; it is loud at start.")
    )
    leeway: timedelta = field(
        default=timedelta(seconds=60),
        metadata=key(duration("0s", "2m"), "How far the clocks may differ, on `exp`, `nbf` and `iat`."),
    )
    http_timeout: timedelta = field(
        default=timedelta(seconds=10),
        metadata=key(duration("100ms", "60s"), "How long to wait for an answer; one over 1 MiB is refused."),
    )
    username_regexp: re.Pattern[str] | None = field(
        default=None,
        metadata=key(optional(PATTERN), "What the username's claim has to match as a whole; no match is refused."),
    )
    username_substitution: str | None = field(
        default=None,
        metadata=key(optional(SUBSTITUTION), r"The username made of that match, with \1 for its first group."),
    )
    group_map: Mapping[str, str] = field(
        default_factory=dict, metadata=key(GROUP_MAP, "Which group there is which group here; else the same name.")
    )
    group_filter: re.Pattern[str] | None = field(
        default=None, metadata=key(optional(PATTERN), "Only groups in whose name this is found are looked at.")
    )
    group_limit: int = field(
        default=200, metadata=key(integer(1, 10_000), "How many groups of one person are read at most.")
    )
    auto_create_groups: bool = field(
        default=False, metadata=key(BOOLEAN, "Whether a group that does not exist here is made, else it is left out.")
    )
    claims_map: Mapping[str, ClaimRule] = field(
        default_factory=dict,
        metadata=key(CLAIMS_MAP, "Where `roles`, `default_role` and `x-hasura-` variables stand among the claims."),
    )
    claims_namespace: str | None = field(
        default=None, metadata=key(optional(CLAIM), "The claim that holds claims of Hasura's shape.")
    )
    claims_namespace_path: str | None = field(
        default=None, metadata=key(optional(JSON_PATH), "The JSONPath of claims of Hasura's shape.")
    )
    role_map: Mapping[str, str] = field(
        default_factory=dict, metadata=key(ROLE_MAP, "Which role or group there is which role here.")
    )
    admin_roles: tuple[str, ...] = field(
        default=(), metadata=key(many(TEXT), "The roles there that mean the role `admin` here.")
    )
    auto_create_users: bool = field(
        default=True, metadata=key(BOOLEAN, "Whether an unknown person is given an account, else is refused.")
    )

    @property
    def called(self) -> str:
        """What people know it by, for sentences that they read.  In logs and addresses it is `name`."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings(IssuerSettings):
    """One table of `[[sso.providers]]`: a provider at which people sign in.

    `scopes_configured` is no key: it says whether `scopes` was given (or comes from the preset), or is the default.
    """

    display_name: str = field(
        default="",
        metadata=key(optional(TEXT), "The text on the button of the sign-in page.", default="the preset's, or `name`"),
    )
    preset: str | None = field(
        default=None, metadata=key(optional(choice(*PRESETS)), "The product it is; fills in what is known of it.")
    )
    protocol: Literal["oidc", "oauth2"] = field(
        default="oidc", metadata=key(choice("oidc", "oauth2"), "OpenID Connect, or plain OAuth 2.0 with a userinfo.")
    )
    issuer: str | None = field(
        default=None,
        metadata=key(optional(TEXT), "The issuer and its discovery document; any text with all endpoints given."),
    )
    authorization_endpoint: str | None = field(
        default=None, metadata=key(optional(ANY_URL), "Where the browser is sent; overrides the discovery document.")
    )
    token_endpoint: str | None = field(
        default=None, metadata=key(optional(ANY_URL), "Where the code is redeemed; overrides the discovery document.")
    )
    userinfo_endpoint: str | None = field(
        default=None, metadata=key(optional(ANY_URL), "Where more claims are read; overrides the discovery document.")
    )
    end_session_endpoint: str | None = field(
        default=None, metadata=key(optional(ANY_URL), "Where to sign out; overrides the discovery document.")
    )
    client_id: str = field(metadata=key(TEXT, "The client that Gatepost is registered as; `aud` has to name it."))
    client_secret: Secret | None = field(
        default=None, metadata=key(optional(SECRET), "The secret of that client; without it the client is public.")
    )
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post", "none", "private_key_jwt"] = field(
        default="client_secret_basic",
        metadata=key(
            choice("client_secret_basic", "client_secret_post", "none", "private_key_jwt"),
            "How the client proves itself; private_key_jwt is signed with Gatepost's own key.",
            default="client_secret_basic, or none without client_secret",
        ),
    )
    client_assertion_audience: Literal["token_endpoint", "issuer"] = field(
        default="token_endpoint",
        metadata=key(
            choice("token_endpoint", "issuer"), "Whom private_key_jwt is addressed to, as the provider expects it."
        ),
    )
    scopes: tuple[str, ...] = field(
        default=("openid", "profile", "email", "groups"),
        metadata=key(many(SCOPE), "What is asked for; OpenID Connect needs `openid` among it."),
    )
    scopes_configured: bool = False
    response_mode: Literal["query", "form_post"] = field(
        default="query", metadata=key(choice("query", "form_post"), "How the provider answers the browser.")
    )
    pkce: bool = field(default=True, metadata=key(BOOLEAN, "Whether the code is bound by PKCE with S256 (RFC 7636)."))
    prompt: str | None = field(
        default=None, metadata=key(optional(PROMPT), "What the provider has to ask the person each time.")
    )
    subject_claim: str = field(
        default="sub",
        metadata=key(CLAIM, "With plain OAuth 2.0, what in the userinfo says who somebody is and never changes."),
    )
    username_claim: str = field(
        default="preferred_username", metadata=key(CLAIM, "The claim that the username is made of.")
    )
    groups_claim: str | None = field(
        default=None, metadata=key(optional(CLAIM), "The claim that lists groups; without it groups are left alone.")
    )
    group_sync: GroupSync = field(
        default="mirror",
        metadata=key(choice("off", "add", "mirror"), "Whether memberships are left, added, or added and removed."),
    )
    allowed_groups: tuple[str, ...] = field(
        default=(), metadata=key(many(TEXT), "One of these groups is needed; empty lets in whomever the provider does.")
    )
    allowed_domains: tuple[str, ...] = field(
        default=(),
        metadata=key(
            many(DOMAIN), "The domains that are let in, of the verified e-mail, for Google `hd`; empty for all."
        ),
    )
    allowed_tenants: tuple[str, ...] = field(
        default=(),
        metadata=key(many(TEXT), "The tenants that are let in, by `tid`, for Google `hd`; empty for all."),
    )
    trust_email: bool = field(
        default=False,
        metadata=key(BOOLEAN, "Whether a verified e-mail opens the existing account with the same verified e-mail."),
    )
    session_max_age: timedelta = field(
        default=timedelta(days=7), metadata=key(duration("1s", "366d"), "After this time the provider is asked again.")
    )
    front_channel_logout: bool = field(
        default=True, metadata=key(BOOLEAN, "Whether the provider may end sessions through the browser.")
    )
    back_channel_logout: bool = field(
        default=True, metadata=key(BOOLEAN, "Whether the provider may end sessions by calling Gatepost.")
    )

    @property
    def called(self) -> str:
        """The text on its button."""
        return self.display_name or self.name

    @property
    def identity_issuer(self) -> str:
        """The issuer in (issuer, subject), by which people of this provider are known.

        OAuth 2.0 knows no issuer.  Where none is configured it is made of what says who somebody is: the place that
        answers, and the claim that is read there.  The name is in it too, so that two tables are two, and so that a
        name which is given to another product later does not take the accounts of the first along.
        """
        if self.issuer is not None or self.protocol == "oidc":
            return self.issuer or ""
        return f"oauth2:{self.name.lower()}:{self.subject_claim}@{self.userinfo_endpoint or self.token_endpoint or ''}"

    @property
    def needs_discovery(self) -> bool:
        """Whether an endpoint is missing that only the discovery document can tell."""
        wanted = (self.authorization_endpoint, self.token_endpoint)
        last = (self.jwks_uri or self.public_keys) if self.protocol == "oidc" else self.userinfo_endpoint
        return not (all(wanted) and last)


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegatedIssuer(IssuerSettings):
    """One table of `[[delegated.issuers]]`: an issuer whose tokens are accepted as they are."""

    issuer: str = field(metadata=key(TEXT, "The `iss` of its tokens; any text with `jwks_uri` or `public_keys` given."))
    audience: tuple[str, ...] = field(
        default=(), metadata=key(many(TEXT), "The audiences of which a token has to name one.")
    )
    allow_any_audience: bool = field(
        default=False, metadata=key(BOOLEAN, "Whether tokens for anybody are accepted; it is loud at start.")
    )
    username_claim: str = field(default="email", metadata=key(CLAIM, "The claim that the username is made of."))
    groups_claim: str | None = field(
        default="groups",
        metadata=key(optional(CLAIM), "The claim that lists groups; without `group_sync` they hold for that call."),
    )
    group_sync: GroupSync = field(
        default="off",
        metadata=key(choice("off", "add", "mirror"), "Whether memberships are left, added, or added and removed."),
    )
    api_key_claim: str | None = field(
        default="apikey",
        metadata=key(optional(CLAIM), "The claim that may hold a token of Gatepost, for whose owner the call counts."),
    )
    api_key_strict: bool = field(
        default=False,
        metadata=key(BOOLEAN, "Whether a bad token in that claim is 401, else the user counts."),
    )
    link: Literal["none", "username", "email"] = field(
        default="none",
        metadata=key(choice("none", "username", "email"), "By what a token may speak for an existing account."),
    )
    required_claims: Mapping[str, str | int | bool] = field(
        default_factory=dict, metadata=key(REQUIRED_CLAIMS, "The claims that a token has to have, each with its value.")
    )
    service: str | None = field(
        default=None,
        metadata=key(optional(ENTITY_NAME), "The service that a token with the required claims is."),
    )

    @property
    def needs_discovery(self) -> bool:
        """Whether the keys are known by the discovery document only."""
        return not (self.jwks_uri or self.public_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoSettings:
    """The section `sso`."""

    providers: tuple[ProviderSettings, ...] = field(
        default=(), metadata=key(tables(ProviderSettings), "The providers at which people sign in, in this order.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegatedSettings:
    """The section `delegated`."""

    issuers: tuple[DelegatedIssuer, ...] = field(
        default=(), metadata=key(tables(DelegatedIssuer), "The issuers whose tokens are accepted as they are.")
    )
