"""A Git repository read at one commit: the branch is resolved once, and everything after that is read by object id.

So nothing changes while we look, whatever is checked out, committed or pushed meanwhile; neither the work tree nor the index
is read. It works for clones, bare and linked work trees, shallow and SHA-256 repositories alike, because git itself
answers; and for a repository of somebody else's, because only the one that the user named is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anchorwatch.desired import git
from anchorwatch.desired.files import MAX_FILE_BYTES, Commit, Entry, K
from anchorwatch.desired.history import Step, last_commits, owned, since
from anchorwatch.desired.links import follow
from anchorwatch.desired.memory import Memory
from anchorwatch.errors import GitFailed, NotARepo, RevisionNotFound

MAX_ENTRIES = 500_000
MAX_LINK_BYTES = 4096
MAX_STEPS = 200
"""So many commits are told of at once."""
_DAMAGES = 20
"""So many damaged objects are stepped over in one batch before the repository is given up as a whole."""
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a repository lies: `folder` as the user named it, the repository's own `top` folder, and the path from there."""

    folder: Path
    top: Path
    prefix: str = ""
    """"" or a path with a trailing slash, when the user named a folder within the repository."""


@dataclass(slots=True)
class GitFiles:
    """`Files` of one commit. To be made by `open_repo`."""

    place: Place
    revision: str | None
    name: str
    memory: Memory | None = field(default=None, repr=False)
    """What was read of this repository before."""
    _entries: dict[str, Entry] | None = field(default=None, repr=False)
    _sizes: dict[str, int | None] = field(default_factory=dict, repr=False)
    """By object id; None for one that is missing or damaged."""

    def paths(self) -> Mapping[str, Entry]:
        """See `Files.paths`."""
        if self._entries is None:
            self._entries = self._list()
        return self._entries

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """See `Files.read`."""
        entries = self.paths()
        wanted = {path: entries[path].id for path in paths if path in entries and entries[path].kind == "file"}
        contents = self._remembered(dict.fromkeys(wanted.values()))
        ids = [one for one in dict.fromkeys(wanted.values()) if one not in contents]
        if ids:
            self._measure(ids)
            small = [one for one in ids if (size := self._sizes[one]) is not None and size <= MAX_FILE_BYTES]
            fresh = self._contents(small)
            self._sizes.update({one: None for one in small if one not in fresh})
            contents |= fresh
            if self.memory is not None:
                for one, content in fresh.items():
                    self.memory.keep(one, content)
        return {path: contents[one] for path, one in wanted.items() if one in contents}

    def _remembered(self, ids: Iterable[str]) -> dict[str, bytes]:
        if self.memory is None:
            return {}
        found = {one: content for one in ids if (content := self.memory.contents.get(one)) is not None}
        self._sizes.update({one: len(content) for one, content in found.items()})
        return found

    def unread(self, path: str) -> str | None:
        """See `Files.unread`."""
        entry = self.paths().get(path)
        if entry is None:
            return f"is not in commit {(self.revision or '')[:12]}"
        if entry.kind != "file":
            return f"is a symlink to {entry.real}, which leaves the repo" if entry.kind == "symlink" else "is a submodule"
        if self.too_large(path):
            return f"is larger than {MAX_FILE_BYTES // 1000} kB"
        return f"is damaged in the repository (object {entry.id[:12]})" if self._sizes.get(entry.id, 0) is None else None

    def too_large(self, path: str) -> bool:
        """See `Files.too_large`."""
        entry = self.paths().get(path)
        if entry is None or entry.kind != "file":
            return False
        self._measure([entry.id])
        return (self._sizes[entry.id] or 0) > MAX_FILE_BYTES

    def last_commits(self, groups: Mapping[K, Collection[str]]) -> dict[K, Commit | None]:
        """See `Files.last_commits`."""
        if self.revision is None:
            return dict.fromkeys(groups)
        return last_commits(self.whole(groups), self.revision, folder=self.place.top, trust=str(self.place.top))

    def touched_since(self, revision: str, groups: Mapping[K, Collection[str]]) -> dict[K, Commit] | None:
        """See `Files.touched_since`."""
        try:
            steps = self.steps_since(revision)
        except GitFailed:  # most likely it is not there any more; where git is at fault, whoever asks for more will see
            return None
        if revision != self.revision and (not steps or steps[-1].parent != revision):
            return None
        found: dict[K, Commit] = {}
        for step, keys in owned(steps, self.whole(groups)):
            found |= {key: step.commit for key in keys if key not in found}
        return found

    def steps_since(self, revision: str, most: int = MAX_STEPS) -> Sequence[Step]:
        """The commits that this one has and `revision` has not, the newest first, at most so many. Raises GitFailed."""
        if self.revision is None or revision == self.revision:
            return []
        known = None if self.memory is None else self.memory.steps.get((revision, self.revision))
        if known is None or len(known) >= most:
            known = since(revision, self.revision, most, folder=self.place.top, trust=str(self.place.top))
            if self.memory is not None:
                self.memory.steps.put((revision, self.revision), known)
        return known

    def whole(self, groups: Mapping[K, Collection[str]]) -> dict[K, list[str]]:
        """The paths as the repository has them: from its top, and what a symlink leads to."""
        entries = self.paths()

        def real(path: str) -> str:
            entry = entries.get(path)
            return self.place.prefix + (entry.real if entry is not None and entry.kind == "file" and entry.real else path)

        return {key: [real(path) for path in paths] for key, paths in groups.items()}

    def hope(self) -> None:
        """What was missing or damaged may be there by now: look again when it is asked for."""
        self._sizes = {one: size for one, size in self._sizes.items() if size is not None}

    def intact(self) -> bool:
        """Whether every file of the commit is there, as far as git can tell without reading them all."""
        try:
            self._measure([entry.id for entry in self.paths().values() if entry.kind == "file"])
        except GitFailed:
            return False
        return None not in self._sizes.values()

    def _git(self, *arguments: str, given: bytes = b"") -> git.Answer:
        return git.ask(arguments, folder=self.place.top, trust=str(self.place.top), given=given)

    def has(self, commit: str) -> bool:
        """Whether the repository has that commit. Raises GitFailed where git itself cannot tell."""
        answer = self._git("cat-file", "--batch-check", given=f"{commit}\n".encode())
        if answer.status != 0:
            raise git.failed(f"{self.place.folder} cannot be read", answer)
        return b" commit " in answer.out

    def _list(self) -> dict[str, Entry]:
        commit = self.revision or ""
        prefix = self.place.prefix
        answer = self._git("ls-tree", "-r", "-z", "--full-tree", commit, *(["--", prefix] if prefix else []))
        if answer.status != 0:
            if not self.has(commit):
                raise RevisionNotFound(
                    f"{self.place.folder} has no commit {commit[:12]} (any more)",
                    hint="it was rewritten and cleared away, or is older than what this clone has",
                )
            raise git.failed(f"the files of commit {commit[:12]} in {self.place.folder} cannot be listed", answer)
        entries: dict[str, Entry] = {}
        for record in answer.out.split(b"\0"):
            if not record:
                continue
            head, _, name = record.partition(b"\t")
            mode, _, object_id = head.decode("ascii").split(" ")
            path = name.decode("utf-8", "surrogateescape")[len(prefix) :]
            entries[path] = _entry(mode, object_id)
            if len(entries) > MAX_ENTRIES:
                raise GitFailed(f"{self.place.folder} has over {MAX_ENTRIES:,} files", hint="name the folder with the stacks")
        if prefix and not entries:
            raise RevisionNotFound(
                f"{self.place.folder} is not in commit {commit[:12]} of the repository {self.place.top}",
                hint="commit the folder, or read the files as they lie there with --worktree",
            )
        links = {path: entry for path, entry in entries.items() if entry.kind == "symlink"}
        return follow(entries, self._link_texts(links)) if links else entries

    def _link_texts(self, links: Mapping[str, Entry]) -> dict[str, str]:
        ids = list(dict.fromkeys(entry.id for entry in links.values()))
        self._measure(ids)
        short = [one for one in ids if (self._sizes[one] or 0) <= MAX_LINK_BYTES]
        texts = self._contents(short)
        return {
            path: texts[entry.id].decode("utf-8", "surrogateescape") if entry.id in texts else "" for path, entry in links.items()
        }

    def _measure(self, ids: Collection[str]) -> None:
        """Learn the sizes of objects, so that none that is too large is ever asked for."""
        unknown = [one for one in ids if one not in self._sizes]
        for _ in range(_DAMAGES):
            if not unknown:
                return
            answer = self._git("cat-file", "--batch-check", "--buffer", given=_lines(unknown))
            told = answer.out.decode("ascii", "replace").split("\n")[:-1]
            for one, line in zip(unknown, told, strict=False):
                words = line.split(" ")
                self._sizes[one] = int(words[2]) if len(words) == 3 and words[1] == "blob" else None
            if answer.status != 0 and len(told) < len(unknown):  # git stops at an object that it cannot make sense of
                self._sizes[unknown[len(told)]] = None
            unknown = unknown[len(told) + 1 :] if answer.status != 0 else unknown[len(told) :]
            if not told and answer.status == 0:
                break
        if unknown:
            raise self._damaged()

    def _contents(self, ids: Sequence[str]) -> dict[str, bytes]:
        contents: dict[str, bytes] = {}
        rest = list(ids)
        for _ in range(_DAMAGES):
            if not rest:
                return contents
            answer = self._git("cat-file", "--batch", "--buffer", given=_lines(rest))
            found, told = _records(answer.out)
            contents.update(found)
            if answer.status == 0:
                return contents
            rest = rest[told + 1 :]  # the first object without an answer is the one that git stopped at
        raise self._damaged()

    def _damaged(self) -> GitFailed:
        return GitFailed(
            f"the repository {self.place.top} is damaged: many of its objects cannot be read",
            hint="`git fsck` there tells more; a fresh clone mends it",
        )


def open_repo(folder: Path, branch: str | None = None) -> GitFiles:
    """The files of `branch` (None: HEAD) in the repository that `folder` is, or lies in.

    A branch is looked for as a local one, then as `origin/BRANCH`, then as a tag or commit. Raises NotARepo, RevisionNotFound
    (no such branch, or no commit yet) and GitFailed.
    """
    place = locate(folder)
    return GitFiles(place, _resolve(place, branch)[0], _name(place))


def open_commit(folder: Path, revision: str, name: str = "") -> GitFiles:
    """The files of a commit in the repository that `folder` is, or lies in. Raises NotARepo.

    That the commit is there is seen when its files are listed: RevisionNotFound.
    """
    place = locate(folder)
    return GitFiles(place, revision, name or _name(place))


def resolve(folder: Path, branch: str | None = None, reference: str | None = None) -> tuple[str, str]:
    """The commit of a branch (None: HEAD), and the whole name of the reference that told it.

    With `reference` that one alone is asked: no other stands in where it is gone. Raises as `open_repo` does.
    """
    return _resolve(locate(folder), branch, reference)


def _name(place: Place) -> str:
    return place.folder.name.removesuffix(".git") or place.top.parent.name


def locate(folder: Path) -> Place:
    """The repository that `folder` is or lies in. Raises NotARepo when there is none, or no such folder."""
    real = existing(folder)
    for top in (real, *real.parents):
        if (top / ".git").exists() or _is_bare(top):
            prefix = real.relative_to(top).as_posix()
            return Place(real, top, "" if prefix == "." else prefix + "/")
    raise NotARepo(f"{folder} is no Git repository, and lies in none", hint="read the files as they lie there with --worktree")


def existing(folder: Path) -> Path:
    """The folder without symlinks on the way to it. Raises NotARepo when there is none."""
    try:
        real = folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise NotARepo(f"there is no folder {folder}", hint="name the repo's folder, or set repo.path") from error
    if not real.is_dir():
        raise NotARepo(f"{folder} is no folder", hint="name the folder that the repo lies in")
    return real


def check_name(branch: str) -> None:
    """Raises RevisionNotFound for what git would not take as a branch (git-check-ref-format(1)), or take for something else."""
    if not branch or branch.startswith("-") or ".." in branch or any(ord(one) <= 32 or one in "~^:?*[\\\x7f" for one in branch):
        raise RevisionNotFound(f"{branch!r} is no name of a branch", hint="see `git branch -a`")


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _resolve(place: Place, branch: str | None, reference: str | None = None) -> tuple[str, str]:
    """The commit of a branch, and who told it, by one command. Names go in by standard input: none can be taken for an option."""
    if reference is not None:
        names = [reference]
    elif branch is None:
        names = ["HEAD"]
    else:
        check_name(branch)
        names = [f"refs/heads/{branch}", f"refs/remotes/origin/{branch}", f"refs/tags/{branch}", branch]
        if branch.startswith("refs/") or _OBJECT_ID.match(branch):
            names.insert(0, branch)
    questions = "".join(f"{name}^{{commit}}\n" for name in names).encode("utf-8", "surrogateescape")
    answer = git.ask(["cat-file", "--batch-check"], folder=place.top, trust=str(place.top), given=questions)
    for name, line in zip(names, answer.out.decode("utf-8", "replace").splitlines(), strict=False):
        object_id, _, rest = line.partition(" ")
        if rest.startswith("commit ") and _OBJECT_ID.match(object_id):
            return object_id, name
    raise _unresolved(place, branch, answer)


def _unresolved(place: Place, branch: str | None, answer: git.Answer) -> NotARepo | RevisionNotFound | GitFailed:
    """Why there is no commit; asked of git again, because now there is time."""

    def ask(*arguments: str) -> git.Answer:
        return git.ask(arguments, folder=place.top, trust=str(place.top))

    opened = ask("rev-parse", "--git-dir")
    if opened.status != 0:
        said = opened.err.splitlines()[0] if opened.err else f"exit {opened.status}"
        return NotARepo(f"Git refuses to open {place.top}: {said}", hint="is it a whole repository? `git -C … status` tells")
    reference = "HEAD" if branch is None else f"refs/heads/{branch}"
    pointed = ask("rev-parse", "--verify", "--quiet", "--end-of-options", reference)
    if pointed.status == 0 and pointed.out:
        commit = pointed.out.decode("ascii", "replace").strip()
        return GitFailed(
            f"{branch or 'HEAD'} of {place.top} points to commit {commit[:12]}, which is missing or damaged",
            hint="`git fsck` there tells more; a fresh clone mends it",
        )
    listed = ask("for-each-ref", "--count=12", "--format=%(refname:strip=2)", "refs/heads", "refs/remotes/origin")
    there = [name for name in listed.out.decode("utf-8", "replace").splitlines() if name != "origin/HEAD"]
    if not there:
        return RevisionNotFound(
            f"{place.top} has no commit yet", hint="commit the stacks first; `anchorwatch check --worktree` needs none"
        )
    if branch is None:
        head = ask("symbolic-ref", "--quiet", "HEAD").out.decode("utf-8", "replace").strip().removeprefix("refs/heads/")
        what = f"HEAD of {place.top} is the branch {head}, which has no commit" if head else f"{place.top} has no HEAD"
        return RevisionNotFound(what, hint="set `repo: branch:` to one of: " + ", ".join(there))
    detail = f" ({answer.err.splitlines()[0]})" if answer.status != 0 and answer.err else ""
    return RevisionNotFound(f"there is no branch {branch} in {place.top}{detail}", hint="it has: " + ", ".join(there))


def _entry(mode: str, object_id: str) -> Entry:
    if mode == "120000":
        return Entry("symlink", object_id)
    return Entry("submodule", object_id) if mode == "160000" else Entry("file", object_id, executable=mode == "100755")


def _lines(ids: Iterable[str]) -> bytes:
    return "".join(one + "\n" for one in ids).encode("ascii")


def _records(out: bytes) -> tuple[dict[str, bytes], int]:
    """What `cat-file --batch` wrote: contents by object id, and the number of whole answers (`ID missing` is one)."""
    contents: dict[str, bytes] = {}
    at = told = 0
    while (end := out.find(b"\n", at)) >= 0:
        words = out[at:end].decode("ascii", "replace").split(" ")
        if len(words) != 3:
            at, told = end + 1, told + 1
            continue
        size = int(words[2])
        if end + 1 + size >= len(out):
            break
        contents[words[0]] = out[end + 1 : end + 1 + size]
        at, told = end + size + 2, told + 1
    return contents, told
