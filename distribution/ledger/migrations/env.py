"""Runs the migrations on the connection that `ledger.upgrade` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=None, version_table="schema_version")
with context.begin_transaction():
    context.run_migrations()
