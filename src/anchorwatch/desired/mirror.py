"""A remote repository (`repo: url:`): our own bare mirror of one branch, and the way to get at it.

The mirror is only a cache: one that is damaged is made anew. Secrets reach git through the environment of its own process and
nothing else (no argument, no URL, no file, no message): a credential helper hands them out, and only to the address that
they were given for. A fetch that fails raises; an old state is never passed off as a new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from anchorwatch.desired import git
from anchorwatch.desired.repo import GitFiles, check_name, open_commit, open_repo
from anchorwatch.errors import AnchorwatchError, GitAuthError, GitFailed, RevisionNotFound
from anchorwatch.model.secrecy import redact
from anchorwatch.model.settings import RepoSource

FETCH_DEADLINE = 60.0
"""Seconds that a fetch may take."""
FIRST_DEADLINE = 300.0
"""Seconds that the first one may take, of a whole branch. One that comes to a standstill is ended by git or ssh long before."""
_PROTOCOLS = ("https", "http", "ssh", "git", "file")
_HEAD = "refs/anchorwatch/head"
"""What the remote's HEAD is fetched to, when no branch is configured."""
_USER, _PASSWORD = "ANCHORWATCH_GIT_USER", "ANCHORWATCH_GIT_PASSWORD"
_HELPER = f"""!f() {{ test "$1" = get && printf 'username=%s\\npassword=%s\\n' "${_USER}" "${_PASSWORD}"; }}; f"""


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote address in parts: what may be seen (`address`), and what may not (`environment`)."""

    address: str
    settings: tuple[str, ...]
    environment: Mapping[str, str]
    secrets: tuple[str, ...]
    where: str
    """Host or path, for messages."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """When it has taken too long, by `time.monotonic`, and what ends it sooner."""

    until: float
    stop: threading.Event | None

    @property
    def over(self) -> bool:
        return time.monotonic() > self.until or (self.stop is not None and self.stop.is_set())


def _limit(seconds: float, stop: threading.Event | None) -> _Limit:
    return _Limit(time.monotonic() + seconds, stop)


def open_mirror(
    source: RepoSource, state: Path, *, deadline: float | None = None, stop: threading.Event | None = None
) -> GitFiles:
    """Fetch the branch of `source.url` into its mirror below the folder `state`, and open it at what was fetched.

    `deadline` in seconds; None has one for the first fetch and one for all others. Raises GitFailed (out of reach, not let in,
    too slow, ended by `stop`) and RevisionNotFound (no such branch).
    """
    remote = read_address(source)
    if source.branch is not None:
        check_name(source.branch)
    mirror = _place(remote, state)
    mirror.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(mirror, _limit(deadline or FIRST_DEADLINE, stop)):
        if (mirror / "HEAD").is_file():
            _clear(mirror)
            limit = _limit(deadline or FETCH_DEADLINE, stop)
            if _fetch_or_damaged(mirror, source.branch, remote, limit):
                files = _open(mirror, source.branch, remote)
                if files is not None:
                    return files
        _make(mirror, source.branch, remote, _limit(deadline or FIRST_DEADLINE, stop))
        files = _open(mirror, source.branch, remote)
    if files is None:
        raise GitFailed(f"the mirror of {remote.where} is damaged as soon as it is made", hint=f"is the disk of {state} sound?")
    return files


def fetched(source: RepoSource, state: Path, revision: str) -> GitFiles:
    """A commit that was fetched before. Raises NotARepo where nothing was."""
    remote = read_address(source)
    return open_commit(_place(remote, state), revision, _name(remote))


def mirror_place(source: RepoSource, state: Path) -> Path:
    """Where the mirror of `source.url` lies, or will lie."""
    return _place(read_address(source), state)


def _place(remote: Remote, state: Path) -> Path:
    return state / "mirrors" / f"{hashlib.sha256(remote.address.encode()).hexdigest()[:16]}.git"


def read_address(source: RepoSource) -> Remote:
    """Take an address apart. Raises GitFailed for one that git would not fetch from, or must not."""
    url = (source.url or "").strip()
    scheme, secret_in_url = _scheme(url), None
    if scheme not in _PROTOCOLS or any(ord(letter) < 33 for letter in url):
        raise GitFailed(
            f"{_shown(url)} is no address that git can be asked to fetch from",
            hint="https://host/path, ssh://user@host/path, user@host:path or file:///path",
        )
    user, address, settings, environment = source.user, url, [], {}
    secret = source.password or source.token
    if scheme in ("https", "http"):
        parts = urlsplit(url)
        address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        user = user or (unquote(parts.username) if parts.username else None)
        secret_in_url = unquote(parts.password) if parts.password else None
        secret = secret or secret_in_url
        if secret is None and user is not None and source.user is None:
            secret, user = user, None  # https://TOKEN@host/path
        if secret is not None:
            settings.append(f"credential.{urlunsplit((parts.scheme, urlsplit(address).netloc, '', '', ''))}.helper={_HELPER}")
            environment = {_USER: user or "x-access-token", _PASSWORD: secret}
        settings += ["http.lowSpeedLimit=1000", "http.lowSpeedTime=20"]
        if source.ca is not None:
            settings.append(f"http.sslCAInfo={source.ca}")
    elif scheme == "ssh":
        address = re.sub(r"(//[^/@:]*):[^/@]*@", r"\1@", url)  # ssh takes no password from anybody
        environment = {"GIT_SSH_COMMAND": ssh_command(source.ssh_key, source.known_hosts), "GIT_SSH_VARIANT": "ssh"}
    environment["GIT_ALLOW_PROTOCOL"] = scheme
    secrets = tuple(text for text in (source.password, source.token, secret, secret_in_url) if text)
    return Remote(address, tuple(settings), environment, secrets, _shown(address))


def ssh_command(key: str | None, known_hosts: str | None) -> str:
    """The ssh that git is to use: never asks, gives up in time, and trusts only a host key that is known already."""
    words = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=10", "-oServerAliveInterval=10", "-oServerAliveCountMax=3"]
    words += ["-oStrictHostKeyChecking=yes", "-oPermitLocalCommand=no", "-oForwardAgent=no", "-oClearAllForwardings=yes"]
    words += ["-oControlMaster=no", "-oControlPath=none"]  # a connection shared with others outlives what we end
    if key is not None:
        words += ["-oIdentitiesOnly=yes", f'-oIdentityFile="{_unexpanded(key)}"']
    if known_hosts is not None:
        words += [f'-oUserKnownHostsFile="{_unexpanded(known_hosts)}"', "-oGlobalKnownHostsFile=/dev/null"]
    return shlex.join(words)


def explain(said: str, remote: Remote, branch: str | None) -> AnchorwatchError:
    """The error for what git said while it fetched, without any secret in it."""
    for secret in remote.secrets:
        said = said.replace(secret, "••••")
    lines = [line for line in said.splitlines() if line.strip()]
    telling = [one for one in lines if one.startswith(("fatal:", "error:", "ERROR:", "remote:"))]
    line = redact((telling or lines or ["it failed"])[0])
    if re.search(r"couldn't find remote ref|unexpected ref|Remote branch .* not found", said):
        what = f"there is no branch {branch} in {remote.where}" if branch else f"{remote.where} has no commit yet"
        return RevisionNotFound(what, hint="correct `repo: branch:`" if branch else "push the stacks there first")
    for pattern, hint in _HINTS:
        if re.search(pattern, said, re.IGNORECASE):
            kind = GitAuthError if hint in _NOT_LET_IN else GitFailed
            return kind(f"{remote.where} cannot be fetched: {line}", hint=hint)
    return GitFailed(f"{remote.where} cannot be fetched: {line}", hint="`anchorwatch doctor` tries it")


_HINTS = (
    (r"could not read (user|pass)|Authentication failed|HTTP Basic|\b40[13]\b|terminal prompts disabled",
     "give `repo: token:` (or user and password, or the _file of each), and see that it may read the repository"),
    (r"Permission denied|no such identity|Load key|publickey",
     "is `repo: ssh_key:` the key that the forge knows, without a passphrase, readable by this user?"),
    (r"Host key verification failed|host key is known|authenticity of host",
     "put the forge's host key into a file (`ssh-keyscan HOST`, held against what the forge publishes): `repo: known_hosts:`"),
    (r"certificate|SSL|TLS|CAfile", "is the forge's certificate signed by your own authority? name its file as `repo: ca:`"),
    (r"not found|does not exist|does not appear to be a git repository|\b404\b",
     "is the address right? Forges answer so, too, when the token or key may not see the repository"),
    (r"resolve host|Could not connect|Connection (refused|timed out|reset|closed)|Network is unreachable|No route|timed out|"
     r"Operation too slow|unable to access",
     "is the forge up, and reachable from this machine?"),
    (r"transport .* not allowed", "this kind of address is not fetched from"),
    (r"dubious ownership", "read a repository on this machine by its folder: `repo: path:` instead of `url:`"),
)  # fmt: skip

_NOT_LET_IN = frozenset(hint for _, hint in _HINTS[:3])


def _fetch(mirror: Path, branch: str | None, remote: Remote, limit: _Limit) -> git.Answer:
    refspec = f"+HEAD:{_HEAD}" if branch is None else f"+refs/heads/{branch}:refs/heads/{branch}"
    left = limit.until - time.monotonic()
    options = ("--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--quiet", "--end-of-options")
    return git.ask(
        ["fetch", *options, remote.address, refspec],
        folder=mirror,
        trust=str(mirror),
        environment=remote.environment,
        settings=remote.settings,
        deadline=max(left, 1.0),
        stop=limit.stop,
    )


def _fetch_or_damaged(mirror: Path, branch: str | None, remote: Remote, limit: _Limit) -> bool:
    """Fetch into a mirror that is there; False when it is the mirror that is at fault. Raises what the remote is at fault for."""
    answer = _fetch(mirror, branch, remote, limit)
    if answer.status == 0:
        return True
    if _open(mirror, branch, remote) is None:
        return False
    raise explain(answer.err, remote, branch)


def _clear(mirror: Path) -> None:
    """Take away what a git that was killed left behind: locks would stop every later one, and halves of packs fill the disk."""
    for pattern in ("*.lock", "refs/**/*.lock", "objects/info/**/*.lock", "objects/tmp_*", "objects/pack/tmp_*"):
        for path in mirror.glob(pattern):
            with suppress(OSError):
                path.unlink()


def _make(mirror: Path, branch: str | None, remote: Remote, limit: _Limit) -> None:
    """Make the mirror anew beside the old one, and put it in its place when it is whole."""
    prefix = f".new-{mirror.stem}-"
    for left in mirror.parent.glob(f"{prefix}*"):  # of one that was killed; we are alone here
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=mirror.parent, prefix=prefix) as made:
        new = Path(made) / "repo.git"
        answer = git.ask(["init", "--bare", "--quiet", "--template=", "--initial-branch=main", str(new)], folder=Path(made))
        if answer.status == 0:
            answer = _fetch(new, branch, remote, limit)
        if answer.status != 0:
            raise explain(answer.err, remote, branch)
        shutil.rmtree(mirror, ignore_errors=True)
        new.rename(mirror)


def _open(mirror: Path, branch: str | None, remote: Remote) -> GitFiles | None:
    """The mirror at what was fetched; None when it is damaged."""
    try:
        files = open_repo(mirror, branch if branch is not None else _HEAD)
    except AnchorwatchError:
        return None
    return replace(files, name=_name(remote) or files.name) if files.intact() else None


def _name(remote: Remote) -> str:
    return remote.address.rstrip("/").removesuffix(".git").rpartition("/")[2].rpartition(":")[2]


@contextmanager
def _alone(mirror: Path, limit: _Limit) -> Iterator[None]:
    """One process at a time changes a mirror."""
    with mirror.with_suffix(".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if limit.over:
                    raise GitFailed(
                        f"another anchorwatch has been fetching into {mirror} for too long", hint="is one of them stuck?"
                    ) from None
                time.sleep(0.05)
        yield


def _scheme(url: str) -> str:
    if "://" in url:
        return url.partition("://")[0].lower()
    before, colon, _ = url.partition(":")
    return "ssh" if colon and before and "/" not in before and not url.startswith("-") and "::" not in url else ""


def _shown(url: str) -> str:
    """An address without what may be secret in it."""
    return redact(re.sub(r"//[^/]*@", "//", url)) if "://" in url else url


def _unexpanded(path: str) -> str:
    return str(Path(path).expanduser()).replace("%", "%%")
