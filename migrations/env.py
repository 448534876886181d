"""Run by Alembic, on the connection and in the transaction that `ibgu.db.migrate` opened."""

from alembic import context

from ibgu.db.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
