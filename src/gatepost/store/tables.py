"""Every table.  Times are `Instant`s, identifiers compare byte by byte, secrets are digests or sealed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

from gatepost.store.columns import Instant, Json, Name

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"}
)

# The one row that every writer updates, and so locks until it commits: revisions are given in commit order.
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Name, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("stamp", Name, nullable=False),
    Column("pruned_to", BigInteger, nullable=False),
)

changelog = Table(
    "changelog",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("stamp", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("key", Name, nullable=False),
    Column("payload", Json, nullable=False),
    Column("at", Instant, nullable=False),
    Column("store", Name),  # of a tuple: which store's history the row belongs to, and is kept for
    Index("ix_changelog_store", "store", "number"),
)

facts = Table(  # about this installation: the check value of the encryption key, say
    "facts",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", Text, nullable=False),
)

stores = Table(
    "stores",
    metadata,
    Column("key", Name, primary_key=True),  # what tuples and models name it by: `main`, or its id
    Column("id", Name, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("author", Name, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),  # gone for everybody; its rows are cleared away in small steps
)

assertions = Table(  # OpenFGA's: what somebody expects of a model
    "assertions",
    metadata,
    Column("store", Name, primary_key=True),
    Column("model", Name, primary_key=True),
    Column("document", Text, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("id", Name, primary_key=True),
    Column("store", Name, nullable=False, index=True),
    Column("document", Text, nullable=False),
    Column("author", Name, nullable=False),
    Column("created_at", Instant, nullable=False),
)

tuples = Table(
    "tuples",
    metadata,
    Column("store", Name, primary_key=True),
    Column("object", Name, primary_key=True),
    Column("relation", Name, primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("origin", Name, primary_key=True),
    Column("author", Name, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("condition", Json),
    Index("ix_tuples_subject", "store", "subject"),
)

users = Table(
    "users",
    metadata,
    Column("id", Name, primary_key=True),
    Column("username", Name, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("email", Name, index=True),
    Column("email_verified", Boolean, nullable=False),
    Column("password", Text),
    Column("external", Name),
    Column("disabled_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Name, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("name", Name, primary_key=True),
    Column("description", Text, nullable=False),
    Column("origin", Name, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Name, nullable=False),
)

roles = Table(
    "roles",
    metadata,
    Column("name", Name, primary_key=True),
    Column("description", Text, nullable=False),
    Column("builtin", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Name, nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("name", Name, primary_key=True),
    Column("description", Text, nullable=False),
    Column("role", Name),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Name, nullable=False),
)

resources = Table(
    "resources",
    metadata,
    Column("type", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Name, nullable=False),
)

tokens = Table(  # API tokens (owner is a user) and service tokens (owner is a service)
    "tokens",
    metadata,
    Column("id", Name, primary_key=True),
    Column("owner", Name, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("issuer", Name, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Name, primary_key=True),
    Column("subject", Name, nullable=False, index=True),
    Column("digest", LargeBinary, unique=True),  # of the cookie; none for a session of tokens only
    Column("method", Name, nullable=False),
    Column("provider", Name, nullable=False),
    Column("issuer", Name),
    Column("provider_subject", Name, index=True),
    Column("provider_sid", Name, index=True),
    Column("id_token", Text),  # sealed; the hint for the provider's logout
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant, index=True),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("roles", Json),  # those that the provider vouches for until this session ends; never stored as tuples
    Column("default_role", Name),
    Column("vouched_at", Instant),  # when the provider said so; a session that came of another one keeps its time
    Column("provider_token", Text),  # sealed; the provider's refresh token
    Column("rests_on", Name, index=True),  # the browser's session that this one came of
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("session", Name, nullable=False, index=True),
    Column("client_id", Name, nullable=False),
    Column("scope", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("spent_at", Instant),
    Column("successor", LargeBinary),
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", Name, primary_key=True),
    Column("subject", Name, primary_key=True),
    Column("provider", Name, nullable=False),
    Column("username", Name, nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("last_sign_in_at", Instant, nullable=False),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("id", Name, primary_key=True),
    Column("provider", Name, nullable=False),
    Column("issuer", Name, nullable=False),
    Column("subject", Name, nullable=False),
    Column("username", Name, nullable=False),
    Column("email", Name),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("issuer", "subject", "username"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Name, primary_key=True),
    Column("algorithm", Name, nullable=False),
    Column("state", Name, nullable=False),  # next, active, retired
    Column("public", Json, nullable=False),
    Column("private", Text, nullable=False),  # sealed
    Column("created_at", Instant, nullable=False),
    Column("activated_at", Instant),
    Column("retired_at", Instant),
)

used_once = Table(  # handles that may be used a single time: states, assertion ids
    "used_once",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", Instant, nullable=False, index=True),
)

authorization_codes = Table(  # RFC 6749 section 4.1.2; kept a while after use, so that a replay is known
    "authorization_codes",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("client_id", Name, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("subject", Name, nullable=False),
    Column("approved_in", Name, nullable=False),  # the browser's session in which somebody said yes
    Column("scope", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("session", Name),  # what came of it
    Column("used_at", Instant),
)

device_codes = Table(  # RFC 8628
    "device_codes",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_code", Name, nullable=False, unique=True),  # keyed: eight letters would be found by trying them all
    Column("client_id", Name, nullable=False),
    Column("scope", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("network", Name, nullable=False, index=True),
    Column("agent", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("interval", Integer, nullable=False),  # seconds
    Column("polled_at", Instant),
    Column("state", Name, nullable=False),  # pending, approved, denied, used
    Column("subject", Name),
    Column("approved_in", Name),
    Column("session", Name),
)

throttles = Table(
    "throttles",
    metadata,
    Column("key", Name, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Name, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    Column("revision", Name),
    Column("event", Name, nullable=False, index=True),
    Column("outcome", Name, nullable=False),
    Column("subject", Name, nullable=False, index=True),
    Column("actor", Name),
    Column("issuer", Name),
    Column("method", Name, nullable=False),
    Column("credential_id", Name, nullable=False),
    Column("target", Name, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("detail", Json, nullable=False),
)
