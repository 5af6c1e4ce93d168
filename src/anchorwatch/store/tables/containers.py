"""Containers, and how each was from when to when. These are the tables that grow.

Three levels, so that a row of the largest table is small and `at TIME` is one step down an index for each container, however
long the history: a *container* is a name on a host (it outlives being made anew), a *version* is one container of the engine in
one configuration, a *state* is a version running, stopped, unhealthy… from when to when.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from anchorwatch.store.tables.columns import Called, Json, Key, Row, Said, Time, Words
from anchorwatch.store.tables.fleet import STILL


class ContainerRow(Row):
    """A name on a host."""

    __tablename__ = "containers"
    __table_args__ = (UniqueConstraint("host_id", "name"),)

    id: Mapped[Key]
    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id"))
    name: Mapped[Called]
    first_seen_at: Mapped[Time]
    synced_revision: Mapped[str | None] = mapped_column(Words)
    """The revision that it was last in sync with."""
    synced_at: Mapped[Time | None]
    """When it first was."""


class ContainerVersionRow(Row):
    """One container of the engine, in one configuration."""

    __tablename__ = "container_versions"
    __table_args__ = (
        UniqueConstraint("container_id", "engine_id", "configuration_id"),
        Index(None, "configuration_id"),
        Index(None, "project_id"),
    )

    id: Mapped[Key]
    container_id: Mapped[int] = mapped_column(ForeignKey("containers.id"))
    engine_id: Mapped[Called]
    """The ID that the engine gave the container."""
    image_id: Mapped[Said]
    created_at: Mapped[Time | None]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    service: Mapped[str | None] = mapped_column(Words)
    number: Mapped[int]
    configuration_id: Mapped[int] = mapped_column(ForeignKey("configurations.id"))


class ContainerStateRow(Row):
    """How a container was, from when to when."""

    __tablename__ = "container_states"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="span"),
        Index("uq_container_states_container_id_still", "container_id", unique=True, sqlite_where=STILL, postgresql_where=STILL),
        Index(None, "container_id", "valid_from"),
        Index(None, "valid_from"),
        Index(None, "version_id"),
    )

    id: Mapped[Key]
    container_id: Mapped[int] = mapped_column(ForeignKey("containers.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("container_versions.id"))
    valid_from: Mapped[Time]
    valid_to: Mapped[Time | None]
    state: Mapped[Said]
    exit_code: Mapped[int]
    health: Mapped[str | None] = mapped_column(Words)
    oom_killed: Mapped[bool]
    restart_count: Mapped[int]
    started_at: Mapped[Time | None]


class EventRow(Row):
    """An event of an engine that mattered. Reading a stream again adds none twice."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("host_id", "at", "actor", "action"), Index(None, "project_id", "at"), Index(None, "at"))

    id: Mapped[Key]
    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    at: Mapped[Time]
    action: Mapped[Called]
    actor: Mapped[Called]
    name: Mapped[str | None] = mapped_column(Words)
    service: Mapped[str | None] = mapped_column(Words)
    details: Mapped[Json | None]
