"""Runs the migrations on a connection that the store hands over (`anchorwatch/store/schema.py`).

Without one, Alembic's own command runs it, to write the next migration: then it looks at a database made for the moment.
"""

from alembic import context

from anchorwatch.store.schema import configure, scratch_connection

given = context.config.attributes.get("connection")
if given is not None:
    configure(context.configure, given)
    with context.begin_transaction():
        context.run_migrations()
else:
    with scratch_connection() as connection:
        configure(context.configure, connection)
        with context.begin_transaction():
            context.run_migrations()
