"""Hosts, stacks and the repo, remembered: a transition when one cannot be asked or read any more, one when it can be again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from anchorwatch.ledger.record import freeze
from anchorwatch.model.drifts import Readability, Reason, Subject, Transition, Trigger
from anchorwatch.model.report import ErrorInfo, HostStatus
from anchorwatch.model.timeline import HostSeen, StackSeen
from anchorwatch.model.values import JsonObject
from anchorwatch.store import Writing, cursors, hosts, stacks, transitions
from anchorwatch.store.tables.columns import label

_REASONS = {
    HostStatus.OK: Reason.HOST_BACK,
    HostStatus.LIMITED: Reason.HOST_LIMITED,
    HostStatus.UNREACHABLE: Reason.HOST_UNREACHABLE,
}
_REPO = "repo"
"""What is remembered of the repo itself, by this name."""


def record_host(write: Writing, seen: HostSeen, trigger: Trigger) -> Transition | None:
    """Remembers how a host could be reached, and freezes what is pending on one that could not.

    Returns the transition, if there is one: another way of being out of reach is none, nor is another version of the engine, nor
    that a host can be reached the first time.
    """
    before = hosts.current(write).get(seen.host)
    was = before.seen.status if before is not None else None
    since_at = hosts.since(write, seen.host) if was is not seen.status else None
    hosts.record(write, seen)
    if seen.status is HostStatus.UNREACHABLE:
        freeze(write, seen.host)
    if was is seen.status or (was is None and seen.status is not HostStatus.UNREACHABLE):
        return None
    transition = Transition(
        subject=Subject.HOST,
        at=seen.at,
        from_state=was.value if was is not None else None,
        to_state=seen.status.value,
        reason=(Reason.HOST_BACK if was is HostStatus.UNREACHABLE else _REASONS[seen.status]).value,
        host=seen.host,
        since_at=since_at,
        trigger=trigger,
        cause=_cause(seen.error),
    )
    (written,) = transitions.add(write, [transition])
    return written


def record_stacks(
    write: Writing, seen: Collection[StackSeen], at: datetime, trigger: Trigger, *, complete: Collection[str] = ()
) -> Sequence[Transition]:
    """Remembers what the repo says (see `stacks.record`). Returns a transition for each stack that cannot be read any more, and
    for each that can be again.

    What is pending there is frozen by the next check of its key, which comes to "unknown".
    """
    before = {(span.host, span.stack): span for span in stacks.current(write)}
    found = []
    for one in seen:
        was = before.get((label(one.stack.host), label(one.stack.name)))
        if (was is not None and was.error is not None) is (one.error is not None):
            continue
        found.append(
            Transition(
                subject=Subject.STACK,
                at=at,
                from_state=None if was is None else _state(was.error),
                to_state=_state(one.error),
                reason=(Reason.STACK_UNREADABLE if one.error else Reason.STACK_READABLE).value,
                host=one.stack.host,
                stack=one.stack.name,
                since_at=None if was is None else stacks.since(write, one.stack.host, one.stack.name),
                trigger=trigger,
                cause=_cause(one.error),
            )
        )
    stacks.record(write, seen, at, complete=complete)
    return transitions.add(write, found)


def record_repo(write: Writing, error: ErrorInfo | None, at: datetime, trigger: Trigger) -> Transition | None:
    """Remembers whether the repo could be read. Returns the transition, if there is one: another error is none, nor is that it
    can be read the first time."""
    before, state = cursors.setting(write, _REPO), _state(error)
    if before is not None and before["state"] == state:
        return None
    cursors.remember(write, _REPO, {"state": state, "since": at.isoformat()}, at)
    if before is None and error is None:
        return None
    transition = Transition(
        subject=Subject.REPO,
        at=at,
        from_state=None if before is None else str(before["state"]),
        to_state=state,
        reason=(Reason.REPO_UNREADABLE if error else Reason.REPO_READABLE).value,
        since_at=None if before is None else datetime.fromisoformat(str(before["since"])),
        trigger=trigger,
        cause=_cause(error),
    )
    (written,) = transitions.add(write, [transition])
    return written


def _state(error: ErrorInfo | None) -> str:
    return (Readability.READABLE if error is None else Readability.UNREADABLE).value


def _cause(error: ErrorInfo | None) -> JsonObject | None:
    return None if error is None else {"class": error.kind, "message": error.message, "hint": error.hint}
