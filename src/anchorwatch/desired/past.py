"""What earlier commits wanted: to tell who moved, Git or the host, and how far the host is behind.

Asked again and again for the same few commits, so what was read is remembered; what Compose made of a stack is on disk as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from anchorwatch.desired.memory import Recent
from anchorwatch.desired.reader import DesiredReader
from anchorwatch.errors import RevisionNotFound
from anchorwatch.model.desired import DesiredProject, ProjectKey
from anchorwatch.model.timeline import Commit


@dataclass(frozen=True, slots=True)
class _Answer:
    project: DesiredProject | None


class Past:
    """The past of one repo. Any thread may ask."""

    def __init__(self, reader: DesiredReader, *, remember: int = 200) -> None:
        self._reader = reader
        self._projects: Recent[tuple[ProjectKey, str, Hashable], _Answer] = Recent(remember)
        self._commits: Recent[tuple[tuple[str, ...], str | None, str, int], tuple[Commit, ...]] = Recent(remember)

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        """The project as that commit wanted it, with the values outside Git as they are now.

        None when the commit is not there (any more), or when it has no such project, or a broken one. Raises RepoError where
        git fails, and ComposeError: it is worth while to ask again.
        """
        asked = (key, revision, self._reader.outside())
        answer = self._projects.get(asked)
        if answer is None:
            try:
                answer = _Answer(self._reader.project(key, revision))
            except RevisionNotFound:
                return None
            self._projects.put(asked, answer)
        return answer.project

    def commits(self, paths: Iterable[str], after: str | None, upto: str, *, limit: int = 100) -> tuple[Commit, ...]:
        """The commits that touched one of the paths (`DesiredProject.paths`), the newest first, along first parents.

        From `upto` back to `after`, which is not among them; None goes back as far as can be told, and never beyond `limit`
        commits. None at all where one of the two is not there (any more). Raises RepoError where git fails.
        """
        asked = (tuple(sorted(set(paths))), after, upto, limit)
        known = self._commits.get(asked)
        if known is None:
            try:
                known = tuple(self._reader.commits(asked[0], after, upto, limit))
            except RevisionNotFound:
                return ()
            self._commits.put(asked, known)
        return known
