"""How a branch came from one commit to another: the commits between them, and the stacks that each touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from anchorwatch.desired.files import K
from anchorwatch.desired.history import Step, descends, owned, touching
from anchorwatch.desired.repo import MAX_STEPS, GitFiles
from anchorwatch.errors import GitFailed
from anchorwatch.model.desired import DesiredState
from anchorwatch.model.timeline import Commit, CommitSeen, Push

StackName = tuple[str, str]


def push_between(files: GitFiles, before: str, states: Iterable[DesiredState]) -> Push:
    """How the branch came from `before` to the commit of `files`. `states` say which files a stack is, or was, made of.

    Raises GitFailed where git cannot tell though the commits are there.
    """
    try:
        steps = files.steps_since(before)
    except GitFailed:
        if files.has(before):
            raise
        return Push(before, files.revision, forced=None)
    forced: bool | None = False
    if not steps or steps[-1].parent != before:
        is_ancestor = descends(files.revision or "", before, folder=files.place.top, trust=str(files.place.top))
        forced = None if is_ancestor is None else not is_ancestor
    seen = tuple(CommitSeen(_commit(step), tuple(sorted(stacks))) for step, stacks in owned(steps, files.whole(_paths(states))))
    return Push(before, files.revision, seen, forced, more=len(steps) == MAX_STEPS)


def commits_touching(
    files: GitFiles, groups: Mapping[K, Collection[str]], after: str | None, upto: Collection[str], limit: int
) -> dict[K, tuple[Commit, ...]]:
    """For each group of paths the commits from `upto` back to `after` (not among them) that touched one of them.

    None at all where `after` is not there (any more). `files` tell what a symlink leads to. Raises RepoError.
    """
    if after is not None and not files.has(after):
        return dict.fromkeys(groups, ())
    top = files.place.top
    found = touching(files.whole(groups), after, upto, limit, folder=top, trust=str(top))
    return {key: tuple(map(_commit, steps)) for key, steps in found.items()}


def _paths(states: Iterable[DesiredState]) -> dict[StackName, list[str]]:
    found: dict[StackName, list[str]] = {}
    for state in states:
        for project in state.projects:
            found.setdefault((project.stack.host, project.stack.name), []).extend(project.paths)
        for broken in state.broken:
            found.setdefault((broken.stack.host, broken.stack.name), []).extend(broken.stack.files)
    return found


def _commit(step: Step) -> Commit:
    return Commit(step.commit.id, step.commit.at, step.author, step.subject, step.parent)
