"""Sessions are found by what a provider calls them, and by whom they are of there."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_sessions_provider_sid", "sessions", ["provider_sid"])
    op.create_index("ix_sessions_provider_subject", "sessions", ["provider_subject"])
