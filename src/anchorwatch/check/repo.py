"""What the repo says, remembered: stacks and their revisions, the commits that touched them, and what cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from anchorwatch.ledger.fleet import record_stacks
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState
from anchorwatch.model.drifts import Transition, Trigger
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.timeline import Push, StackSeen
from anchorwatch.model.values import JsonObject
from anchorwatch.store import Writing, commits, cursors, moment


def record_state(
    write: Writing,
    before: DesiredState | None,
    after: DesiredState,
    push: Push,
    hosts: Collection[str],
    at: datetime,
) -> Sequence[Transition]:
    """Remembers what the repo says from `at` on, as far as it is not what it said `before` (None: nothing was remembered).

    Returns what there is to tell of stacks that cannot be read any more, or can be again.

    `push` is how the branch came there. On `hosts` a stack that is not in `after` is gone.
    """
    for seen in reversed(push.commits):
        commits.record(write, seen.commit, [stack for stack in seen.stacks if stack[0] in hosts], at)
    not_stacks = [[one.path, one.because] for one in after.not_stacks]
    cursors.remember(write, moment.DESIRED, {"revision": after.revision, "not_stacks": not_stacks}, at)
    was, now = _all(before), _all(after)
    whole = before is None or not was.keys() <= now.keys()  # one that is gone is known by the presence of all others
    changed = [one for name, one in now.items() if whole or was.get(name) != one]
    here = [one for one in changed if one.stack.host in hosts]
    return record_stacks(write, list(map(_seen, here)), at, Trigger.COMMIT, complete=hosts if whole else ())


def _all(state: DesiredState | None) -> dict[tuple[str, str], DesiredProject | BrokenStack]:
    found: tuple[DesiredProject | BrokenStack, ...] = () if state is None else (*state.projects, *state.broken)
    return {(one.stack.host, one.stack.name): one for one in found}


def _seen(one: DesiredProject | BrokenStack) -> StackSeen:
    if isinstance(one, BrokenStack):
        return StackSeen(one.stack, one.project, one.revision, error=ErrorInfo.of(one.error))
    return StackSeen(one.stack, one.name, one.revision, definition_of(one))


def definition_of(project: DesiredProject) -> JsonObject:
    """What Compose made of a stack, as one document."""
    sections: Iterable[tuple[str, JsonObject]] = (
        ("services", {name: service.config for name, service in project.services.items()}),
        ("networks", dict(project.networks)),
        ("volumes", dict(project.volumes)),
        ("configs", dict(project.configs)),
        ("secrets", dict(project.secrets)),
    )
    return {name: section for name, section in sections if section}
