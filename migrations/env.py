"""Runs the migrations on a connection that the store hands over (`anchorwatch/store/schema.py`), or on `-x url=…`."""

from contextlib import nullcontext

from alembic import context

from anchorwatch.store.schema import configure, connection_to

given = context.config.attributes.get("connection")
with nullcontext(given) if given is not None else connection_to(context.get_x_argument(as_dictionary=True)["url"]) as connection:
    configure(context.configure, connection)
    with context.begin_transaction():
        context.run_migrations()
