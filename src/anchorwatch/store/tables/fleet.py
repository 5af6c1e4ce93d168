"""Hosts, the repo's stacks and commits, projects: what there is, and how it was from when to when."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from anchorwatch.model.report import HostStatus, StackStatus
from anchorwatch.model.values import JsonObject
from anchorwatch.store.tables.columns import Called, Document, Key, Label, Row, Said, Time, Words, word

STILL = text("valid_to IS NULL")
"""What holds still: a span that has not ended."""


class HostRow(Row):
    """A host of the config, or one that once was."""

    __tablename__ = "hosts"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Label, unique=True)
    address: Mapped[Said]
    engine_id: Mapped[str | None] = mapped_column(Words)
    """The engine that its history belongs to; another one at the same address is not taken for it."""
    first_seen_at: Mapped[Time]


class ReachabilityRow(Row):
    """How a host could be reached, from when to when."""

    __tablename__ = "reachability"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="span"),
        Index("uq_reachability_host_id_still", "host_id", unique=True, sqlite_where=STILL, postgresql_where=STILL),
        Index(None, "host_id", "valid_from"),
    )

    id: Mapped[Key]
    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id"))
    valid_from: Mapped[Time]
    valid_to: Mapped[Time | None]
    seen_at: Mapped[Time]
    status: Mapped[HostStatus] = mapped_column(word(HostStatus, "status"))
    address: Mapped[Said]
    engine_id: Mapped[str | None] = mapped_column(Words)
    engine_version: Mapped[str | None] = mapped_column(Words)
    error_class: Mapped[str | None] = mapped_column(Words)
    error_message: Mapped[str | None] = mapped_column(Words)
    error_hint: Mapped[str | None] = mapped_column(Words)


class ConfigurationRow(Row):
    """A document that rows point to: a container's configuration, or what Compose made of a stack. Each distinct one once."""

    __tablename__ = "configurations"

    id: Mapped[Key]
    hash: Mapped[str] = mapped_column(Words, unique=True)
    body: Mapped[JsonObject] = mapped_column(Document, deferred=True)


class StackRow(Row):
    """A stack of the repo, or one that once was."""

    __tablename__ = "stacks"
    __table_args__ = (UniqueConstraint("host_id", "name"),)

    id: Mapped[Key]
    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id"))
    name: Mapped[Called]
    first_seen_at: Mapped[Time]


class StackRevisionRow(Row):
    """How a stack was in the repo, from when to when."""

    __tablename__ = "stack_revisions"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="span"),
        Index("uq_stack_revisions_stack_id_still", "stack_id", unique=True, sqlite_where=STILL, postgresql_where=STILL),
        Index(None, "stack_id", "valid_from"),
        Index(None, "configuration_id"),
    )

    id: Mapped[Key]
    stack_id: Mapped[int] = mapped_column(ForeignKey("stacks.id"))
    valid_from: Mapped[Time]
    valid_to: Mapped[Time | None]
    revision: Mapped[str | None] = mapped_column(Words)
    path: Mapped[Said]
    project: Mapped[str | None] = mapped_column(Words)
    configuration_id: Mapped[int | None] = mapped_column(ForeignKey("configurations.id"))
    error_class: Mapped[str | None] = mapped_column(Words)
    error_message: Mapped[str | None] = mapped_column(Words)
    error_hint: Mapped[str | None] = mapped_column(Words)


class CommitRow(Row):
    """A commit that touched a stack, or that the branch pointed to."""

    __tablename__ = "commits"
    __table_args__ = (Index(None, "seen_at"),)

    id: Mapped[Key]
    revision: Mapped[str] = mapped_column(Label, unique=True)
    parent: Mapped[str | None] = mapped_column(Words)
    committed_at: Mapped[Time]
    seen_at: Mapped[Time]
    author: Mapped[Said]
    subject: Mapped[Said]


class CommitStackRow(Row):
    """Which stacks a commit touched."""

    __tablename__ = "commit_stacks"
    __table_args__ = (Index(None, "commit_id"),)

    stack_id: Mapped[int] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    commit_id: Mapped[int] = mapped_column(ForeignKey("commits.id"), primary_key=True)


class ProjectRow(Row):
    """A project key, and the verdict on it now. A project called "" stands for what belongs to no project on its host."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("host_id", "name"), Index(None, "stack_id"))

    id: Mapped[Key]
    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id"))
    name: Mapped[Called]
    stack_id: Mapped[int | None] = mapped_column(ForeignKey("stacks.id"))
    status: Mapped[StackStatus | None] = mapped_column(word(StackStatus, "status"))
    """None until the first check."""
    status_since_at: Mapped[Time | None]
    checked_at: Mapped[Time | None]
