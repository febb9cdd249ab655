"""Alembic's entry: it runs on the connection, and in the transaction, that `migrate.upgrade` holds."""

from alembic import context

from gatepost.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
