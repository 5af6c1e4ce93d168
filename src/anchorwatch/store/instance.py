"""Which database this is: one row, made with the database, and held against the seal beside it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Connection, insert, inspect, select

from anchorwatch.errors import StoreDamaged, StoreLost
from anchorwatch.store.database import Database
from anchorwatch.store.seal import Instance
from anchorwatch.store.tables import InstanceRow


def settle(connection: Connection, database: Database, at: datetime) -> tuple[Instance, bool]:
    """Which database this is, and whether it is new: then its row is made, and committed.

    Raises `StoreLost` where the seal says that it is another one.
    """
    found = read(connection)
    remembered = None if database.seal is None else database.seal.read()
    if found is None:
        if database.seal is not None and remembered is not None:
            raise database.seal.lost(database.name, "is empty")
        made = Instance(str(uuid.uuid4()), at)
        connection.execute(insert(InstanceRow).values(id=1, uuid=made.uuid, created_at=made.created_at))
        connection.commit()
    else:
        made = found
        connection.rollback()
    if database.seal is not None:
        if remembered is None:
            database.seal.write(made)
        elif remembered.uuid != made.uuid:
            raise database.seal.lost(database.name, f"is another one, of {made.created_at:%Y-%m-%d}")
    return made, found is None


def read(connection: Connection) -> Instance | None:
    """Which database this is, by its row; None for one that is being made."""
    row = connection.execute(select(InstanceRow.uuid, InstanceRow.created_at)).one_or_none()
    return None if row is None else Instance(row.uuid, row.created_at)


def confirm(connection: Connection, instance: Instance, name: str) -> None:
    """Raises `StoreLost` where the database is not `instance` any more."""
    found = read(connection) if inspect(connection).has_table(InstanceRow.__tablename__) else None
    if found is None or found.uuid != instance.uuid:
        raise StoreLost(f"{name} was emptied or replaced while it was in use", hint="stop anchorwatch, and restore a backup")


def whole(connection: Connection, name: str) -> Instance:
    """Which database this is. Raises `StoreDamaged` where its row is missing."""
    found = read(connection)
    if found is None:
        raise StoreDamaged(f"{name} has never been finished", hint="start `anchorwatch watch`, or run `anchorwatch db upgrade`")
    return found
