"""Stores beside the platform's own, and a history of tuples that outlives the rest of the changelog."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "stores",
        sa.Column("key", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("author", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id", name="uq_stores_id"),
    )
    op.create_table(
        "assertions",
        sa.Column("store", NAME, nullable=False),
        sa.Column("model", NAME, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store", "model"),
    )
    op.add_column("changelog", sa.Column("store", NAME, nullable=True))
    op.execute("UPDATE changelog SET store = 'main' WHERE kind = 'tuple'")  # there was no other
    op.create_index("ix_changelog_store", "changelog", ["store", "number"])
