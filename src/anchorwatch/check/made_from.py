"""The comparison of a host, and where it is in doubt of a container, what the past tells of it.

Keys that left the file may leave a container which other things would explain as well. Then the earlier commits of its stack are
gone through for the one whose definition has the container's hash: it was made from that. Only where there is such a doubt
anything is asked; what cannot be read leaves the doubt, which is said of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice
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
VERSIONS = 32
"""How many versions one host is worth, in all: the stacks in doubt share them. Where nothing can be proved (whoever deploys adds
labels of his own), all stacks of a host are in doubt."""

HEAD = "HEAD"
"""The commit that files were changed since which are read as they lie there (git's own word for it)."""


class Past(Protocol):
    """What earlier commits wanted (`desired.past.Past`)."""

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        """A project as that commit wanted it; None where that cannot be read any more."""

    def commits(self, paths: Iterable[str], after: str | None, upto: str, *, limit: int = 100) -> Sequence[Commit]:
        """The commits that touched one of the paths, newest first."""

    def histories(
        self, asked: Mapping[ProjectKey, tuple[Iterable[str], str]], *, limit: int = 100
    ) -> Mapping[ProjectKey, Sequence[Commit]]:
        """The same for many projects: paths, and the commit to begin with."""


def compared(
    projects: Sequence[DesiredProject],
    broken: Sequence[BrokenStack],
    snapshot: Snapshot,
    policy: Policy,
    past: Callable[[], Past],
    memo: Memo | None = None,
) -> HostComparison:
    """`compare_host`, with what the past tells of the containers that it is in doubt of. Raises nothing of the past's.

    With a `memo` the past is asked once for a container, and again where its project has become another one.
    """
    memo = memo or Memo()
    found = compare_host(projects, broken, snapshot, policy, memo)
    if not found.doubts:
        return found
    made_from = dict(_proved(found.doubts, HostView(snapshot), policy.root, past(), memo))
    return compare_host(projects, broken, snapshot, policy, memo, made_from) if made_from else found


def _proved(
    doubts: Sequence[Doubt], host: HostView, root: str | None, past: Past, memo: Memo
) -> Iterator[tuple[str, DesiredProject]]:
    stacks = {doubt.project.key: doubt.project for doubt in doubts}
    most = max(1, min(COMMITS, VERSIONS // len(stacks)))
    stacks = dict(islice(stacks.items(), VERSIONS))

    @cache
    def histories() -> Mapping[ProjectKey, Sequence[Commit]]:
        return past.histories({key: (project.paths, project.revision or HEAD) for key, project in stacks.items()})

    def ask(doubt: Doubt) -> DesiredProject | None:
        for commit in _likeliest(doubt, histories()[doubt.project.key])[:most]:
            version = past.project(doubt.project.key, commit.revision)
            if version is not None and was_made_from(doubt, version, host, root):
                return version
        return None

    for doubt in doubts:
        if doubt.project.key not in stacks:
            continue
        try:
            version = memo.told(doubt, partial(ask, doubt))
        except AnchorwatchError:  # the doubt is said; the next look asks again
            continue
        if version is not None:
            yield doubt.container.id, version


def _likeliest(doubt: Doubt, history: Sequence[Commit]) -> Sequence[Commit]:
    """The earlier commits of the project, the likeliest first: what was committed last when the container was made, and what is
    nearest to that."""
    made_at = doubt.container.created_at
    commits = [one for one in history if one.revision != doubt.project.revision]
    last = sum(made_at is not None and one.committed_at > made_at for one in commits)
    return [commits[place] for place in sorted(range(len(commits)), key=lambda place: abs(place - last))]
