"""The comparison of a host, and where it is in doubt of a container, what the past tells of it.

Keys that left the file may leave a container which other things would explain as well. Then the earlier commits of its stack are
gone through for the one whose definition has the container's hash: it was made from that. Only where there is such a doubt
anything is asked; what cannot be read leaves the doubt, which is said of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from anchorwatch.compare import HostComparison, Memo, compare_host
from anchorwatch.compare.deployed import Doubt, was_made_from
from anchorwatch.compare.host_view import HostView
from anchorwatch.errors import AnchorwatchError
from anchorwatch.model.desired import BrokenStack, DesiredProject, ProjectKey
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.settings import Policy
from anchorwatch.model.timeline import Commit

COMMITS = 8
"""How many commits one container is worth: Compose has to be run for each that it has not been run for before."""

HEAD = "HEAD"
"""The commit that files were changed since which are read as they lie there (git's own word for it)."""


class Past(Protocol):
    """What earlier commits wanted (`desired.past.Past`)."""

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        """A project as that commit wanted it; None where that cannot be read any more."""

    def commits(self, paths: Iterable[str], after: str | None, upto: str, *, limit: int = 100) -> Sequence[Commit]:
        """The commits that touched one of the paths, newest first."""


def compared(
    projects: Sequence[DesiredProject],
    broken: Sequence[BrokenStack],
    snapshot: Snapshot,
    policy: Policy,
    past: Callable[[], Past],
    memo: Memo | None = None,
) -> HostComparison:
    """`compare_host`, with what the past tells of the containers that it is in doubt of. Raises nothing of the past's."""
    found = compare_host(projects, broken, snapshot, policy, memo)
    if not found.doubts:
        return found
    made_from = dict(_proved(found.doubts, HostView(snapshot), policy.root, past()))
    return compare_host(projects, broken, snapshot, policy, memo, made_from) if made_from else found


def _proved(doubts: Iterable[Doubt], host: HostView, root: str | None, past: Past) -> Iterator[tuple[str, DesiredProject]]:
    for doubt in doubts:
        try:
            version = next((one for one in _versions(doubt, past) if was_made_from(doubt, one, host, root)), None)
        except AnchorwatchError:  # the doubt is said; the next look asks again
            continue
        if version is not None:
            yield doubt.container.id, version


def _versions(doubt: Doubt, past: Past) -> Iterator[DesiredProject]:
    """Earlier versions of the project, the likeliest first: what was committed last when the container was made, and what is
    nearest to that."""
    project, made_at = doubt.project, doubt.container.created_at
    known = past.commits(project.paths, None, project.revision or HEAD)
    commits = [one for one in known if one.revision != project.revision]
    last = sum(made_at is not None and one.committed_at > made_at for one in commits)
    nearest = sorted(range(len(commits)), key=lambda place: abs(place - last))
    for place in nearest[:COMMITS]:
        version = past.project(project.key, commits[place].revision)
        if version is not None:
            yield version
