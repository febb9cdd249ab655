"""The first schema.

A migration says what was, so nothing here is imported from the tables of today.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
MICROSECONDS = sa.BigInteger()


def upgrade() -> None:
    _revisions()
    _relations()
    _people()
    _named()
    _resources()
    _tokens()
    _sessions()
    _keys()
    _audit()


def _revisions() -> None:
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("epoch", NAME, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("stamp", NAME, nullable=False),
        sa.Column("pruned_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "changelog",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("stamp", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("at", MICROSECONDS, nullable=False),
        sa.PrimaryKeyConstraint("number", "position"),
    )
    op.create_table(
        "facts",
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _relations() -> None:
    op.create_table(
        "models",
        sa.Column("id", NAME, nullable=False),
        sa.Column("store", NAME, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("author", NAME, nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_models_store", "models", ["store"])
    op.create_table(
        "tuples",
        sa.Column("store", NAME, nullable=False),
        sa.Column("object", NAME, nullable=False),
        sa.Column("relation", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("origin", NAME, nullable=False),
        sa.Column("author", NAME, nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("expires_at", MICROSECONDS, nullable=True),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("store", "object", "relation", "subject", "origin"),
    )
    op.create_index("ix_tuples_subject", "tuples", ["store", "subject"])


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", NAME, nullable=False),
        sa.Column("username", NAME, nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("email", NAME, nullable=True),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("external", NAME, nullable=True),
        sa.Column("disabled_at", MICROSECONDS, nullable=True),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username", name="uq_users_username"),
    )
    op.create_index("ix_users_email", "users", ["email"])
    op.create_table(
        "identities",
        sa.Column("issuer", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("provider", NAME, nullable=False),
        sa.Column("username", NAME, nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("last_sign_in_at", MICROSECONDS, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("ix_identities_username", "identities", ["username"])


def _named() -> None:
    op.create_table(
        "groups",
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("origin", NAME, nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "roles",
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("builtin", sa.Boolean(), nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "services",
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("role", NAME, nullable=True),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _resources() -> None:
    op.create_table(
        "resources",
        sa.Column("type", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("type", "id"),
    )
    op.create_table(
        "conflicts",
        sa.Column("id", NAME, nullable=False),
        sa.Column("provider", NAME, nullable=False),
        sa.Column("issuer", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("username", NAME, nullable=False),
        sa.Column("email", NAME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", MICROSECONDS, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject", "username", name="uq_conflicts_issuer"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", NAME, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("issuer", NAME, nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("expires_at", MICROSECONDS, nullable=True),
        sa.Column("last_used_at", MICROSECONDS, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )
    op.create_index("ix_tokens_owner", "tokens", ["owner"])
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("session", NAME, nullable=False),
        sa.Column("client_id", NAME, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("expires_at", MICROSECONDS, nullable=False),
        sa.Column("spent_at", MICROSECONDS, nullable=True),
        sa.Column("successor", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_refresh_tokens_session", "refresh_tokens", ["session"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("method", NAME, nullable=False),
        sa.Column("provider", NAME, nullable=False),
        sa.Column("issuer", NAME, nullable=True),
        sa.Column("provider_subject", NAME, nullable=True),
        sa.Column("provider_sid", NAME, nullable=True),
        sa.Column("id_token", sa.Text(), nullable=True),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("last_seen_at", MICROSECONDS, nullable=False),
        sa.Column("expires_at", MICROSECONDS, nullable=False),
        sa.Column("ended_at", MICROSECONDS, nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
    )
    op.create_index("ix_sessions_ended_at", "sessions", ["ended_at"])
    op.create_index("ix_sessions_subject", "sessions", ["subject"])
    op.create_table(
        "used_once",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", MICROSECONDS, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_used_once_expires_at", "used_once", ["expires_at"])


def _keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", NAME, nullable=False),
        sa.Column("algorithm", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("activated_at", MICROSECONDS, nullable=True),
        sa.Column("retired_at", MICROSECONDS, nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_table(
        "throttles",
        sa.Column("key", NAME, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", MICROSECONDS, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", NAME, nullable=False),
        sa.Column("at", MICROSECONDS, nullable=False),
        sa.Column("revision", NAME, nullable=True),
        sa.Column("event", NAME, nullable=False),
        sa.Column("outcome", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("actor", NAME, nullable=True),
        sa.Column("issuer", NAME, nullable=True),
        sa.Column("method", NAME, nullable=False),
        sa.Column("credential_id", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_event", "audit", ["event"])
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_index("ix_audit_target", "audit", ["target"])
