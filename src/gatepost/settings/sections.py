"""The sections of the configuration but those of other people's issuers.  Each field is a key of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from gatepost.settings.formats import (
    ALGORITHM,
    ANY_URL,
    AUDIENCE,
    DATABASE_URL,
    ENCRYPTION_KEY,
    ENTITY_NAME,
    FILE,
    HOST,
    INITIAL_PASSWORD,
    INITIAL_TOKEN,
    NETWORK,
    ORIGIN,
    SECRET,
    Algorithm,
    Network,
)
from gatepost.settings.kinds import BOOLEAN, TEXT, choice, duration, key, many, optional, tables
from gatepost.settings.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class MainSettings:
    """The section `main`.  `public_url_configured` is no key: it says whether `public_url` was given or derived."""

    public_url: str = field(
        default="http://127.0.0.1:8420",
        metadata=key(
            optional(ORIGIN),
            "The one address under which people and programs reach Gatepost; redirects and issued tokens carry it.",
            default="from --host and --port",
        ),
    )
    public_url_configured: bool = False
    allow_anonymous_access: bool = field(
        default=True,
        metadata=key(BOOLEAN, "Whether a call without a credential may see what is shared with `anonymous:*`."),
    )
    default_roles: tuple[str, ...] = field(
        default=("user",), metadata=key(many(ENTITY_NAME), "The roles that a person is given at the first sign-in.")
    )
    password_sign_in: bool = field(
        default=True,
        metadata=key(BOOLEAN, "False refuses passwords everywhere, but for admins at /login/local, which is audited."),
    )
    trusted_proxies: tuple[Network, ...] = field(
        default=(), metadata=key(many(NETWORK), "The addresses and networks whose X-Forwarded-* headers are believed.")
    )
    cors_origins: tuple[str, ...] = field(
        default=(), metadata=key(many(ORIGIN), "The origins whose pages may call the API from a browser.")
    )
    initial_admin_password: Secret | None = field(
        default=None,
        metadata=key(
            optional(INITIAL_PASSWORD),
            "The password of `admin` on an empty database; read on an empty database only.",
            default="generated and printed once",
        ),
    )
    initial_admin_token: Secret | None = field(
        default=None,
        metadata=key(optional(INITIAL_TOKEN), "An API token of `admin`, made on an empty database only."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """The section `database`.  The URL is a secret, for it may carry a password."""

    url: Secret = field(
        default=Secret("sqlite:///gatepost.db"),
        metadata=key(
            DATABASE_URL,
            "Where everything is kept: a SQLite file or a PostgreSQL database.",
            default="sqlite:///gatepost.db",
        ),
    )

    @property
    def is_postgresql(self) -> bool:
        return self.url.reveal().startswith("postgresql:")

    @property
    def is_sqlite(self) -> bool:
        return not self.is_postgresql


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSettings:
    """The section `keys`."""

    encryption_keys: tuple[Secret, ...] = field(
        default=(),
        metadata=key(
            many(ENCRYPTION_KEY),
            "What signing keys and provider tokens are encrypted with at rest; the first encrypts, all decrypt.",
            default="on SQLite a 0600 file beside the database; required on PostgreSQL",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensSettings:
    """The section `tokens`."""

    access_token_ttl: timedelta = field(
        default=timedelta(minutes=30), metadata=key(duration("1s", "24h"), "How long an access token is valid.")
    )
    refresh_token_ttl: timedelta = field(
        default=timedelta(days=7), metadata=key(duration("1s", "366d"), "How long a refresh token can be used.")
    )
    signing_algorithm: Algorithm = field(
        default="ES256", metadata=key(ALGORITHM, "The algorithm that signs what Gatepost issues.")
    )
    audiences: tuple[str, ...] = field(
        default=(),
        metadata=key(many(AUDIENCE), "What the parameter `resource` (RFC 8707) may ask for beside `public_url`."),
    )
    hasura_claims: bool = field(
        default=False, metadata=key(BOOLEAN, "Whether access tokens also carry the claims that Hasura reads.")
    )
    service_token_max_age: timedelta | None = field(
        default=None,
        metadata=key(
            optional(duration("1s", "3660d")),
            "If set, a service token has to expire, and after this time at the latest.",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsSettings:
    """The section `sessions`."""

    idle_timeout: timedelta = field(
        default=timedelta(hours=12),
        metadata=key(duration("1s", "366d"), "A browser session that is not used for so long ends."),
    )
    absolute_timeout: timedelta = field(
        default=timedelta(days=7),
        metadata=key(duration("1s", "366d"), "A browser session ends after this time, used or not."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """The section `access`."""

    engine: Literal["memory", "openfga"] = field(
        default="memory",
        metadata=key(choice("memory", "openfga"), "Who answers checks: this process, or an OpenFGA server."),
    )
    url: str | None = field(
        default=None, metadata=key(optional(ANY_URL), "The address of the OpenFGA server; for that engine only.")
    )
    store: str | None = field(
        default=None, metadata=key(optional(TEXT), "The id of the store on the OpenFGA server; for that engine only.")
    )
    token: Secret | None = field(
        default=None,
        metadata=key(optional(SECRET), "The token that OpenFGA asks for; for that engine only."),
    )
    model: Path | None = field(
        default=None,
        metadata=key(
            optional(FILE),
            "A file in OpenFGA's language that replaces the resource types of the built-in model.",
        ),
    )
    stale_for: timedelta = field(
        default=timedelta(minutes=5),
        metadata=key(duration("0s", "24h"), "How long to answer from memory while the database cannot be reached."),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """One table of `[[forward_auth.hosts]]`: an application behind a gateway on another host."""

    host: str = field(metadata=key(HOST, "The host, with its port if it has one, that the gateway forwards."))
    public_url: str = field(metadata=key(ORIGIN, "The address under which people reach the application."))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardAuthSettings:
    """The section `forward_auth`."""

    hosts: tuple[HostSettings, ...] = field(
        default=(), metadata=key(tables(HostSettings), "The applications behind a gateway on other hosts.")
    )
