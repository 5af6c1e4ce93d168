"""The way to the desired state, for one read or for days: config and command line on one side, `DesiredState` on the other.

It finds the commit (`revision`), reads what that says (`read`), and tells how the branch came there (`push`). Between two reads
it remembers everything that Git's object ids prove to be the same (`memory`), so that a commit costs the stacks that it touched.
A state is read of one commit, whatever happens to the branch meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.desired.memory import Memory, Recent
from anchorwatch.errors import NotARepo, UsageError
from anchorwatch.model.address import HostAddress
from anchorwatch.model.settings import DeclaredElsewhere, Deployer, HostLayout, RepoSource

if TYPE_CHECKING:
    from anchorwatch.desired.cache import Cache
    from anchorwatch.desired.files import Files, K
    from anchorwatch.desired.repo import GitFiles
    from anchorwatch.model.desired import DesiredProject, DesiredState, ProjectKey
    from anchorwatch.model.timeline import Commit, Push


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the desired state comes from, as config and command line say it."""

    repo: RepoSource
    state: Path
    """Where the mirror of a remote repository is kept."""
    hostname: str
    """This machine's."""
    layouts: tuple[HostLayout, ...] = ()
    """The config's; without any, the repo's own layout says which stacks there are."""
    addresses: tuple[HostAddress, ...] = ()
    deployers: tuple[Deployer, ...] = ()
    declared_elsewhere: tuple[DeclaredElsewhere, ...] = ()
    compose: str | None = None
    worktree: bool = False
    """Read the files as they lie there, not a commit."""
    hosts: frozenset[str] | None = None
    """Whose stacks are wanted; None for all of them, and then no host is asked, either."""
    contexts: Callable[[], Collection[str]] = field(default=tuple, compare=False)
    """The names of this machine's Docker contexts."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What may be looked at and listened to between two reads."""

    way: str
    """`commit` (a clone on this machine), `fetch` (a remote repository) or `folder` (files as they lie there)."""
    reference: Hashable
    """As long as it stays the same, a clone on this machine is at the same commit."""
    outside: Hashable
    """As long as it stays the same, so does what this machine knows from outside Git, and its Compose."""
    folders: tuple[Path, ...] = ()
    """Something happening in one of them, not below, may be news."""


class DesiredReader:
    """Reads the desired state. Any thread may ask; `close` ends a fetch that is under way."""

    def __init__(self, sources: Sources, environ: Mapping[str, str] = os.environ) -> None:
        self.sources = sources
        self._environ = environ
        self._memory = Memory()
        self._cache: Cache | None = None
        self._known: Recent[tuple[ProjectKey, str, Hashable], DesiredProject] = Recent(1_000)
        """Projects by the commit that touched them last."""
        self._stop = threading.Event()
        self._at: GitFiles | None = None
        self._reference: str | None = None
        """Which reference told the branch's commit, so that another one does not stand in when it is gone."""
        self._folders: tuple[Path, ...] = ()

    # -- what it says ----------------------------------------------------------------------------------------------------

    def revision(self) -> str | None:
        """The commit that the branch is at now; a remote repository is fetched for it. None outside Git. Raises RepoError."""
        return self._now().revision

    def read(self, revision: str | None = None) -> DesiredState:
        """What that commit says; None: what the branch says now. Raises RepoError, ComposeError, UsageError."""
        files, outside = self._now() if revision is None else self._at_commit(revision), self.outside()
        state = self._read(files)
        for project in state.projects:
            if project.revision is not None:
                self._known.put((project.key, project.revision, outside), project)
        self._folders = _folders_with_stacks(files)
        return state

    def project(self, key: ProjectKey, revision: str) -> DesiredProject | None:
        """One project as that commit wanted it; None where the commit has none of that name that can be resolved.

        Values outside Git are those of now. Raises RevisionNotFound for a commit that is not there (any more), and what `read`
        raises. Costs nothing where it is the commit that the project was read with before.
        """
        known = self._known.get((key, revision, self.outside()))
        if known is not None:
            return known
        state = self._read(self._open(revision), key)
        found = next((project for project in state.projects if project.key == key), None)
        return None if found is None else replace(found, revision=revision)

    def push(self, before: str | None, after: DesiredState, earlier: DesiredState | None = None) -> Push:
        """How the branch came from `before` to `after`, and which stacks each commit touched (of `after`, and of `earlier`).

        What cannot be told, because the commits are not there (any more), is left out. Raises RepoError where git fails.
        """
        from anchorwatch.desired.pushes import push_between
        from anchorwatch.model.timeline import Push

        if before is None or after.revision is None or before == after.revision:
            return Push(before, after.revision)
        return push_between(self._at_commit(after.revision), before, [after] if earlier is None else [after, earlier])

    def commits(self, paths: Iterable[str], after: str | None, upto: str, limit: int) -> Sequence[Commit]:
        """See `Past.commits`. Raises RepoError."""
        from anchorwatch.desired.pushes import commits_touching

        return commits_touching(self._open(upto), {"": [*paths]}, after, [upto], limit)[""]

    def histories(self, groups: Mapping[K, Collection[str]], upto: Collection[str], limit: int) -> Mapping[K, Sequence[Commit]]:
        """See `Past.histories`: one walk for all of them. Raises RepoError."""
        from anchorwatch.desired.pushes import commits_touching

        return commits_touching(self._at or self._open(next(iter(upto))), groups, None, upto, limit)

    def close(self) -> None:
        """Ends a fetch that is under way: it raises GitFailed, as every later one does."""
        self._stop.set()

    # -- what to look at between two reads -------------------------------------------------------------------------------

    def signs(self) -> Signs:
        """What may have changed, told without asking git. Never raises."""
        from anchorwatch.desired import signs

        outside = self.outside()
        if self.sources.repo.url is not None:
            return Signs("fetch", None, outside)
        at = self._at
        if at is None:
            return Signs("folder", None, outside, self._folders)
        files = [*signs.reference_files(at.place.top, self.sources.repo.branch)]
        return Signs("commit", signs.stamp(files), outside, signs.folders_of(files))

    def outside(self) -> Hashable:
        """As long as it stays the same, so does what this machine knows from outside Git, and its Compose."""
        from anchorwatch.desired.compose import program
        from anchorwatch.desired.outside import env_files
        from anchorwatch.desired.signs import stamp

        compose = program(self.sources.compose, self._environ)
        layouts = self.sources.layouts
        levels = (level for layout in layouts for level in (layout.values, *layout.per_stack.values()))
        return stamp([*([compose] if compose else []), *(path for level in levels for path in env_files(level))])

    @property
    def hidden(self) -> bool:
        """Whether it hangs on something that no sign shows: env files on the hosts themselves."""
        layouts = self.sources.layouts
        return any(one.host_env_file for layout in layouts for one in (layout.values, *layout.per_stack.values()))

    # -- files -----------------------------------------------------------------------------------------------------------

    def _now(self) -> Files:
        """What the branch is at, found anew."""
        source = self.sources.repo
        if source.url is not None:
            from anchorwatch.desired.mirror import open_mirror

            return self._keep(open_mirror(source, self.sources.state, stop=self._stop))
        from anchorwatch.desired.folder import open_folder
        from anchorwatch.desired.repo import resolve

        folder = self._folder()
        if self.sources.worktree:
            return open_folder(folder)
        try:
            revision, self._reference = resolve(folder, source.branch, self._reference)
        except NotARepo:
            if source.branch is not None or self._reference is not None:
                raise
            plain = open_folder(folder)
            if plain.place is not None:
                raise  # Git refuses it: then it is not for us to read around Git
            return plain
        return self._held() or self._at_commit(revision)

    def _held(self) -> Files | None:
        """The commit to stay with while a rebase takes HEAD from commit to commit."""
        if self.sources.repo.branch is not None or self._at is None:
            return None
        from anchorwatch.desired.signs import is_rebasing

        return self._at if is_rebasing(self._at.place.top) else None

    def _at_commit(self, revision: str) -> GitFiles:
        at = self._at
        if at is None or at.revision != revision:
            return self._keep(self._open(revision))
        at.hope()
        return at

    def _open(self, revision: str) -> GitFiles:
        source = self.sources.repo
        if source.url is not None:
            from anchorwatch.desired.mirror import fetched

            files = fetched(source, self.sources.state, revision)
        else:
            from anchorwatch.desired.repo import open_commit

            files = open_commit(self._folder(), revision)
        files.memory = self._memory
        return files

    def _keep(self, files: GitFiles) -> GitFiles:
        """Its names and sizes are known: the next read of the same commit need not ask for them."""
        at = self._at
        if at is not None and at.revision == files.revision and at.place == files.place:
            return at
        files.memory = self._memory
        self._at = files
        return files

    def _folder(self) -> Path:
        return Path(self.sources.repo.path or ".").expanduser()

    # -- reading ---------------------------------------------------------------------------------------------------------

    def _read(self, files: Files, only: ProjectKey | None = None) -> DesiredState:
        from concurrent.futures import ThreadPoolExecutor

        from anchorwatch.desired.cache import Cache, cache_folder
        from anchorwatch.desired.compose import find_compose
        from anchorwatch.desired.state import read_state

        if self._cache is None:
            self._cache = Cache(cache_folder(self._environ))
        with ThreadPoolExecutor(1, thread_name_prefix="version") as beside:  # to say its version takes Compose as long as a stack
            compose = beside.submit(find_compose, self.sources.compose, self._cache.folder, self._environ)
            state = read_state(
                files,
                self._layouts(files),
                self.sources.declared_elsewhere,
                compose=compose.result,
                cache=self._cache,
                hosts=self.sources.hosts,
                addresses={address.name: address for address in self.sources.addresses},
                environ=self._environ,
                only=only,
                memory=self._memory,
            )
        if only is not None:
            return state
        from anchorwatch.desired.own_rules import read_rules

        own = read_rules(files)
        return state if own is None else replace(state, ignore=own.rules, mistakes=own.mistakes)

    def _layouts(self, files: Files) -> Sequence[HostLayout]:
        """The config's; without one, what the repo's own layout says (contract).

        Raises `UsageError` where hosts are to be asked, the layout names several, and this machine is none of them.
        """
        sources = self.sources
        if sources.layouts:
            if not sources.deployers:
                return sources.layouts
            from anchorwatch.desired.deployers import with_deployers

            return with_deployers(files, sources.layouts, sources.deployers).layouts
        from anchorwatch.desired.guess import guess

        found = guess(files, sources.hostname, sources.contexts())
        if found.nothing:
            raise UsageError(
                f"there is no Compose file in {files.name}" + (f" at commit {files.revision[:12]}" if files.revision else ""),
                hint="name the folder of your repo: `anchorwatch check REPO`, or `repo: path:` in the config",
            )
        mine = found.mine(sources.hostname)
        if sources.hosts is None:
            return found.layouts if mine is None or found.by != "one" else [mine]
        if mine is None:
            names = ", ".join(layout.name for layout in found.layouts)
            raise UsageError(
                f"the repo's layout names the hosts {names}, and this machine is none of them",
                hint="`anchorwatch init` writes a config that says where each of them is",
            )
        others = [layout for layout in found.layouts if layout.name != mine.name and found.by != "one"]
        return [replace(mine, name=sources.addresses[0].name), *others]


def _folders_with_stacks(files: Files) -> tuple[Path, ...]:
    """The folders of a plain folder in which something of a stack lies, and those on the way to them; not those of data."""
    from anchorwatch.desired.folder import FolderFiles
    from anchorwatch.desired.names import is_yaml
    from anchorwatch.desired.signs import MAX_FOLDERS

    if not isinstance(files, FolderFiles):
        return ()
    found = {files.folder}
    for path in files.paths():
        if is_yaml(path) or path.endswith("env"):
            found.update(list((files.folder / path).parents)[: path.count("/") + 1])
    return tuple(sorted(found))[:MAX_FOLDERS]
