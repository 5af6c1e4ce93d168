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
from anchorwatch.desired.history import last_commits
from anchorwatch.desired.links import follow
from anchorwatch.errors import GitFailed, NotARepo, RevisionNotFound

MAX_ENTRIES = 500_000
MAX_LINK_BYTES = 4096
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
        ids = list(dict.fromkeys(wanted.values()))
        self._measure(ids)
        small = [one for one in ids if (size := self._sizes[one]) is not None and size <= MAX_FILE_BYTES]
        contents = self._contents(small)
        self._sizes.update({one: None for one in small if one not in contents})
        return {path: contents[one] for path, one in wanted.items() if one in contents}

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
        entries = self.paths()

        def real(path: str) -> str:
            entry = entries.get(path)
            return self.place.prefix + (entry.real if entry is not None and entry.kind == "file" and entry.real else path)

        whole = {key: [real(path) for path in paths] for key, paths in groups.items()}
        return last_commits(whole, self.revision, folder=self.place.top, trust=str(self.place.top))

    def intact(self) -> bool:
        """Whether every file of the commit is there, as far as git can tell without reading them all."""
        try:
            self._measure([entry.id for entry in self.paths().values() if entry.kind == "file"])
        except GitFailed:
            return False
        return None not in self._sizes.values()

    def _git(self, *arguments: str, given: bytes = b"") -> git.Answer:
        return git.ask(arguments, folder=self.place.top, trust=str(self.place.top), given=given)

    def _list(self) -> dict[str, Entry]:
        commit = self.revision or ""
        prefix = self.place.prefix
        answer = self._git("ls-tree", "-r", "-z", "--full-tree", commit, *(["--", prefix] if prefix else []))
        if answer.status != 0:
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
    name = place.folder.name.removesuffix(".git") or place.top.parent.name
    return GitFiles(place, _resolve(place, branch), name)


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


def _resolve(place: Place, branch: str | None) -> str:
    """The commit of a branch, told by one command. Names go in by standard input: none can be taken for an option."""
    if branch is None:
        names = ["HEAD"]
    else:
        check_name(branch)
        names = [f"refs/heads/{branch}", f"refs/remotes/origin/{branch}", f"refs/tags/{branch}", branch]
        if branch.startswith("refs/") or _OBJECT_ID.match(branch):
            names.insert(0, branch)
    questions = "".join(f"{name}^{{commit}}\n" for name in names).encode("utf-8", "surrogateescape")
    answer = git.ask(["cat-file", "--batch-check"], folder=place.top, trust=str(place.top), given=questions)
    for line in answer.out.decode("utf-8", "replace").splitlines():
        object_id, _, rest = line.partition(" ")
        if rest.startswith("commit ") and _OBJECT_ID.match(object_id):
            return object_id
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
        return RevisionNotFound(f"{place.top} has no commit yet", hint="commit the stacks first, or use --worktree")
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
