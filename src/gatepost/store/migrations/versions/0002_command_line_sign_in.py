"""Sign-in for command-line tools: authorization codes and device codes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
MICROSECONDS = sa.BigInteger()


def upgrade() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", NAME, nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("approved_in", NAME, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("expires_at", MICROSECONDS, nullable=False),
        sa.Column("session", NAME, nullable=True),
        sa.Column("used_at", MICROSECONDS, nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_authorization_codes_expires_at", "authorization_codes", ["expires_at"])
    op.create_table(
        "device_codes",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_code", NAME, nullable=False),
        sa.Column("client_id", NAME, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("network", NAME, nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", MICROSECONDS, nullable=False),
        sa.Column("expires_at", MICROSECONDS, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("polled_at", MICROSECONDS, nullable=True),
        sa.Column("state", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=True),
        sa.Column("approved_in", NAME, nullable=True),
        sa.Column("session", NAME, nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("user_code", name="uq_device_codes_user_code"),
    )
    op.create_index("ix_device_codes_network", "device_codes", ["network"])
    op.create_index("ix_device_codes_expires_at", "device_codes", ["expires_at"])
