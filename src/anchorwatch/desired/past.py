"""What earlier commits wanted: to tell who moved, Git or the host, and how far the host is behind.

Asked again and again for the same few commits, so what was read is remembered; what Compose made of a stack is on disk as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from anchorwatch.desired.memory import Recent
from anchorwatch.desired.reader import DesiredReader
from anchorwatch.errors import RevisionNotFound, UsageError
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
            except UsageError:  # by the layout that the repo had then, it had no stack for any of these hosts
                answer = _Answer(None)
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

    def histories(
        self, asked: Mapping[ProjectKey, tuple[Iterable[str], str]], *, limit: int = 100
    ) -> Mapping[ProjectKey, Sequence[Commit]]:
        """For each project the commits that touched one of its paths, as far back as can be told from a commit on: as `commits`
        tells them, for the price of one. Raises RepoError where git fails, or has one of those commits not (any more)."""
        names = {key: (tuple(sorted(set(paths))), None, upto, limit) for key, (paths, upto) in asked.items()}
        found = {key: self._commits.get(name) for key, name in names.items()}
        missing = [key for key, known in found.items() if known is None]
        if missing:
            fresh = self._reader.histories({key: names[key][0] for key in missing}, {names[key][2] for key in missing}, limit)
            for key in missing:
                found[key] = known = tuple(fresh[key])
                self._commits.put(names[key], known)
        return {key: known for key, known in found.items() if known is not None}
