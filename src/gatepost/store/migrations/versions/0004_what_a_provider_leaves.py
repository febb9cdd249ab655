"""What a sign-in elsewhere leaves with its session: the roles it vouches for, and the provider's refresh token."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("sessions", sa.Column("roles", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("default_role", NAME, nullable=True))
    op.add_column("sessions", sa.Column("vouched_at", sa.BigInteger(), nullable=True))
    op.add_column("sessions", sa.Column("provider_token", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("rests_on", NAME, nullable=True))
    op.create_index("ix_sessions_rests_on", "sessions", ["rests_on"])
