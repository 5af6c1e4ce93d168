"""Checks, drifts, their transitions, and the messages that hang on these."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from anchorwatch.model.drifts import DeliveryState, DriftState, Side, Subject, Trigger
from anchorwatch.model.findings import Kind
from anchorwatch.model.report import StackStatus
from anchorwatch.store.tables.columns import Called, Json, Key, Label, Row, Said, Seconds, Time, Words, word
from anchorwatch.store.tables.fleet import STILL

UNRESOLVED = text("state <> 'resolved'")
UNFINISHED = text("state IN ('pending', 'held', 'sending', 'retry')")


class CheckRow(Row):
    """Checks of a project in a row that came to the same (docs/decisions/0005-checks-are-folded.md)."""

    __tablename__ = "checks"
    __table_args__ = (
        Index(None, "project_id", "started_at"),
        Index(None, "project_id", "id"),
        Index(None, "last_at"),
        Index(None, "run_id"),
        Index(None, "remarks_id"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    trigger: Mapped[Trigger] = mapped_column(word(Trigger, "trigger"))
    reason: Mapped[str | None] = mapped_column(Words)
    started_at: Mapped[Time]
    last_at: Mapped[Time]
    times: Mapped[int]
    took: Mapped[float] = mapped_column(Seconds)
    revision: Mapped[str | None] = mapped_column(Words)
    status: Mapped[StackStatus] = mapped_column(word(StackStatus, "status"))
    findings: Mapped[int]
    unknown: Mapped[int]
    ignored: Mapped[int]
    containers: Mapped[int]
    error_class: Mapped[str | None] = mapped_column(Words)
    error_message: Mapped[str | None] = mapped_column(Words)
    error_hint: Mapped[str | None] = mapped_column(Words)
    eventful: Mapped[bool]
    """Something came of it: the next check begins a row of its own."""
    remarks_id: Mapped[int | None] = mapped_column(ForeignKey("configurations.id"))
    """The document that names what could not be judged, and the notes; None where there is neither."""


class DriftRow(Row):
    """A drift as it is now; how it came to be so is in its transitions."""

    __tablename__ = "drifts"
    __table_args__ = (
        UniqueConstraint("name"),
        Index("ix_drifts_project_id_unresolved", "project_id", sqlite_where=UNRESOLVED, postgresql_where=UNRESOLVED),
        Index(None, "project_id"),
        Index(None, "stack_id"),
        Index(None, "resolved_at"),
    )

    id: Mapped[Key]
    name: Mapped[Called]
    """The ID that people see: the same in every run."""
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    stack_id: Mapped[int | None] = mapped_column(ForeignKey("stacks.id"))
    service: Mapped[str | None] = mapped_column(Words)
    container: Mapped[str | None] = mapped_column(Words)
    number: Mapped[int]
    kind: Mapped[Kind] = mapped_column(word(Kind, "kind"))
    path: Mapped[str | None] = mapped_column(Words)
    severity: Mapped[int]
    message: Mapped[Said]
    desired: Mapped[str | None] = mapped_column(Words)
    observed: Mapped[str | None] = mapped_column(Words)
    fix: Mapped[str | None] = mapped_column(Words)
    state: Mapped[DriftState] = mapped_column(word(DriftState, "state"))
    appeared_at: Mapped[Time]
    changed_at: Mapped[Time]
    opens_at: Mapped[Time | None]
    opened_at: Mapped[Time | None]
    resolved_at: Mapped[Time | None]
    episode: Mapped[int]
    side: Mapped[Side] = mapped_column(word(Side, "side"))
    revision: Mapped[str | None] = mapped_column(Words)
    cause: Mapped[Json | None]
    accepted_at: Mapped[Time | None]
    accepted_until: Mapped[Time | None]
    accepted_observed: Mapped[str | None] = mapped_column(Words)
    accepted_reason: Mapped[str | None] = mapped_column(Words)


class DriftSpanRow(Row):
    """How a drift was while it was not resolved, from when to when: what `at TIME` reads.

    `rank` says how long the span lasts, in powers of four (see `store/drift_spans.py`), so that what held at a moment is found
    by a few steps down one index, however long the history: docs/decisions/0010-what-held-at-a-moment.md.
    """

    __tablename__ = "drift_spans"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="span"),
        Index("uq_drift_spans_drift_id_still", "drift_id", unique=True, sqlite_where=STILL, postgresql_where=STILL),
        Index(None, "drift_id", "valid_from"),
        Index(None, "rank", "valid_from"),
    )

    id: Mapped[Key]
    drift_id: Mapped[int] = mapped_column(ForeignKey("drifts.id"))
    valid_from: Mapped[Time]
    valid_to: Mapped[Time | None]
    rank: Mapped[int]
    open_from: Mapped[Time | None]
    """From when on it was open; before that, within the span, it was pending. None: pending all through."""
    appeared_at: Mapped[Time]
    episode: Mapped[int]
    container: Mapped[str | None] = mapped_column(Words)
    severity: Mapped[int]
    message: Mapped[Said]
    desired: Mapped[str | None] = mapped_column(Words)
    observed: Mapped[str | None] = mapped_column(Words)
    fix: Mapped[str | None] = mapped_column(Words)
    side: Mapped[Side] = mapped_column(word(Side, "side"))
    cause: Mapped[Json | None]
    accepted_at: Mapped[Time | None]
    accepted_until: Mapped[Time | None]


class TransitionRow(Row):
    """Something changed state. Written once and never changed: history reads these rows, and the outbox hangs on them."""

    __tablename__ = "transitions"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "host_id", "at"),
        Index(None, "stack_id", "at"),
        Index(None, "drift_id", "at"),
        Index(None, "check_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    subject: Mapped[Subject] = mapped_column(word(Subject, "subject"))
    host_id: Mapped[int | None] = mapped_column(ForeignKey("hosts.id"))
    stack_id: Mapped[int | None] = mapped_column(ForeignKey("stacks.id"))
    drift_id: Mapped[int | None] = mapped_column(ForeignKey("drifts.id"))
    check_id: Mapped[int | None] = mapped_column(ForeignKey("checks.id"))
    at: Mapped[Time]
    since_at: Mapped[Time | None]
    from_state: Mapped[str | None] = mapped_column(Words)
    to_state: Mapped[Said]
    reason: Mapped[Said]
    episode: Mapped[int]
    severity: Mapped[int | None]
    desired: Mapped[str | None] = mapped_column(Words)
    observed: Mapped[str | None] = mapped_column(Words)
    side: Mapped[Side | None] = mapped_column(word(Side, "side"))
    trigger: Mapped[Trigger | None] = mapped_column(word(Trigger, "trigger"))
    cause: Mapped[Json | None]


class DeliveryRow(Row):
    """One transition for one recipient at one destination."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("transition_id", "destination", "recipient", "occasion"),
        Index("ix_deliveries_next_at_unfinished", "next_at", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
        Index(None, "message"),
        Index(None, "destination", "state", "done_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    transition_id: Mapped[int] = mapped_column(ForeignKey("transitions.id"))
    destination: Mapped[Called]
    recipient: Mapped[Called]
    occasion: Mapped[Called]
    state: Mapped[DeliveryState] = mapped_column(word(DeliveryState, "state"))
    reason: Mapped[str | None] = mapped_column(Words)
    attempt: Mapped[int]
    created_at: Mapped[Time]
    next_at: Mapped[Time | None]
    claimed_at: Mapped[Time | None]
    done_at: Mapped[Time | None]
    message: Mapped[str | None] = mapped_column(Label)
    error: Mapped[str | None] = mapped_column(Words)
