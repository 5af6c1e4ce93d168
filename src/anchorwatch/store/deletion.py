"""What may be deleted once it is older than a moment, and in which order.

What is still needed stays, however old: drifts that are not resolved and how they came about, messages that are not settled, what
runs now, and the revisions that it was last in sync with. Rows that others point to come after these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from anchorwatch.model.drifts import DriftState
from anchorwatch.store.deliveries import FINISHED
from anchorwatch.store.tables import (
    CheckRow,
    CommitRow,
    CommitStackRow,
    ConfigurationRow,
    ContainerRow,
    ContainerStateRow,
    ContainerVersionRow,
    DeliveryRow,
    DriftRow,
    DriftSpanRow,
    EventRow,
    ProjectRow,
    ReachabilityRow,
    RunRow,
    SilenceRow,
    StackRevisionRow,
    StackRow,
    TransitionRow,
)
from anchorwatch.store.tables.columns import Row

Column = InstrumentedAttribute[int] | InstrumentedAttribute[int | None]


@dataclass(frozen=True, slots=True)
class Step:
    """Rows of one table that may go, and the ones of another table that go with them."""

    row: type[Row]
    condition: ColumnElement[bool]
    order: str | None = None
    """An indexed column to look for them by, the oldest first."""
    along: tuple[type[Row], str] | None = None
    """Rows that point to them by this column, and go first."""

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.row.__tablename__)

    def find(self, session: Session, limit: int) -> Sequence[int]:
        """The IDs of at most `limit` rows that may go. It may take long, and need not be done where one writes."""
        columns = self.row.__table__.c
        query = select(columns["id"]).where(self.condition).limit(limit)
        return session.scalars(query if self.order is None else query.order_by(columns[self.order])).all()

    def delete(self, session: Session, found: Sequence[int]) -> int:
        """Deletes those of the rows that may still go, and returns how many these were."""
        columns = self.row.__table__.c
        ids = session.scalars(select(columns["id"]).where(columns["id"].in_(found), self.condition)).all()
        if ids and self.along is not None:
            row, column = self.along
            session.execute(delete(row).where(row.__table__.c[column].in_(ids)))
        if ids:
            session.execute(delete(self.row).where(columns["id"].in_(ids)))
        return len(ids)


def steps(cutoff: datetime) -> Sequence[Step]:
    """Everything that may go of what ended before `cutoff`, to be done in this order."""
    return (
        Step(TransitionRow, _over(cutoff), "at", (DeliveryRow, "transition_id")),
        Step(DriftSpanRow, and_(DriftSpanRow.valid_from < cutoff, DriftSpanRow.valid_to < cutoff)),
        Step(
            DriftRow,
            and_(
                DriftRow.resolved_at < cutoff,
                _resolved,
                _none(TransitionRow.drift_id, DriftRow.id),
                _none(DriftSpanRow.drift_id, DriftRow.id),
            ),
        ),
        Step(CheckRow, and_(CheckRow.last_at < cutoff, _none(TransitionRow.check_id, CheckRow.id)), "last_at"),
        Step(RunRow, and_(RunRow.ended_at < cutoff, _none(CheckRow.run_id, RunRow.id))),
        Step(EventRow, EventRow.at < cutoff, "at"),
        Step(
            ContainerStateRow,
            and_(ContainerStateRow.valid_from < cutoff, ContainerStateRow.valid_to < cutoff),
            "valid_from",
        ),
        Step(ContainerVersionRow, _none(ContainerStateRow.version_id, ContainerVersionRow.id)),
        Step(ContainerRow, _none(ContainerVersionRow.container_id, ContainerRow.id)),
        Step(StackRevisionRow, and_(StackRevisionRow.valid_to < cutoff, not_(_wanted(StackRevisionRow.revision)))),
        Step(
            CommitRow,
            and_(
                CommitRow.seen_at < cutoff,
                not_(_wanted(CommitRow.revision)),
                not_(exists().where(StackRevisionRow.revision == CommitRow.revision)),
            ),
            along=(CommitStackRow, "commit_id"),
        ),
        Step(
            ConfigurationRow,
            and_(
                _none(CheckRow.remarks_id, ConfigurationRow.id),
                _none(ContainerVersionRow.configuration_id, ConfigurationRow.id),
                _none(StackRevisionRow.configuration_id, ConfigurationRow.id),
            ),
        ),
        Step(ReachabilityRow, ReachabilityRow.valid_to < cutoff),
        Step(ProjectRow, and_(or_(ProjectRow.checked_at < cutoff, ProjectRow.checked_at.is_(None)), _unused_project())),
        Step(StackRow, _unused_stack()),
        Step(SilenceRow, func.coalesce(SilenceRow.ended_at, SilenceRow.until_at) < cutoff),
    )


_resolved = DriftRow.state == DriftState.RESOLVED


def _none(column: Column, id_: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return not_(exists().where(column == id_))


def _over(cutoff: datetime) -> ColumnElement[bool]:
    """A transition of an episode that is over, with every message about it settled."""
    open_episode = exists().where(
        DriftRow.id == TransitionRow.drift_id, not_(_resolved), DriftRow.appeared_at <= TransitionRow.at
    )
    unsettled = exists().where(DeliveryRow.transition_id == TransitionRow.id, DeliveryRow.state.not_in(FINISHED))
    return and_(TransitionRow.at < cutoff, not_(open_episode), not_(unsettled))


def _wanted(revision: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    """A revision that a container was last in sync with, or that a drift that is not resolved was seen at."""
    return or_(
        exists().where(ContainerRow.synced_revision == revision),
        exists().where(DriftRow.revision == revision, not_(_resolved)),
    )


def _unused_project() -> ColumnElement[bool]:
    still = exists().where(StackRevisionRow.stack_id == ProjectRow.stack_id, StackRevisionRow.valid_to.is_(None))
    columns: tuple[Column, ...] = (
        CheckRow.project_id,
        DriftRow.project_id,
        ContainerVersionRow.project_id,
        EventRow.project_id,
    )
    return and_(not_(still), *(_none(column, ProjectRow.id) for column in columns))


def _unused_stack() -> ColumnElement[bool]:
    columns: tuple[Column, ...] = (
        StackRevisionRow.stack_id,
        CommitStackRow.stack_id,
        ProjectRow.stack_id,
        DriftRow.stack_id,
        TransitionRow.stack_id,
    )
    return and_(*(_none(column, StackRow.id) for column in columns))
