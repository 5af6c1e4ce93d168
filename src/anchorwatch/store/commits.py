"""Commits that were seen, and which stacks each of them touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select

from anchorwatch.model.timeline import Commit
from anchorwatch.store import rows
from anchorwatch.store.tables import CommitRow, CommitStackRow, HostRow, StackRow
from anchorwatch.store.tables.columns import label
from anchorwatch.store.transactions import Reading, Writing


def record(write: Writing, commit: Commit, stacks: Iterable[tuple[str, str]], moment: datetime) -> None:
    """Remembers a commit seen at `moment`, and the stacks (host and name) that it touched. Seeing it again adds nothing."""
    session = write.session
    row = session.scalar(select(CommitRow).where(CommitRow.revision == commit.revision))
    if row is None:
        row = CommitRow(
            revision=commit.revision,
            parent=commit.parent,
            committed_at=commit.committed_at,
            seen_at=moment,
            author=commit.author,
            subject=commit.subject,
        )
        session.add(row)
        session.flush()
    known = set(session.scalars(select(CommitStackRow.stack_id).where(CommitStackRow.commit_id == row.id)))
    for host, name in stacks:
        stack = rows.make_stack(session, host, name, moment)
        if stack.id not in known:
            known.add(stack.id)
            session.add(CommitStackRow(stack_id=stack.id, commit_id=row.id))


def of_stack(read: Reading, host: str, stack: str, *, limit: int = 100) -> Sequence[Commit]:
    """The commits that touched a stack, the newest first, by the time they were made."""
    query = (
        select(CommitRow)
        .join(CommitStackRow, CommitStackRow.commit_id == CommitRow.id)
        .join(StackRow, StackRow.id == CommitStackRow.stack_id)
        .join(HostRow, HostRow.id == StackRow.host_id)
        .where(HostRow.name == label(host), StackRow.name == label(stack))
        .order_by(CommitRow.committed_at.desc(), CommitRow.id.desc())
        .limit(limit)
    )
    return tuple(_commit(row) for row in read.session.scalars(query))


def get(read: Reading, revision: str) -> Commit | None:
    """The commit with that ID, if it was ever seen."""
    row = read.session.scalar(select(CommitRow).where(CommitRow.revision == revision))
    return None if row is None else _commit(row)


def _commit(row: CommitRow) -> Commit:
    return Commit(row.revision, row.committed_at, row.author, row.subject, row.parent)
