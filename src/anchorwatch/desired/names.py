"""What the names of files and folders tell: which one Compose takes, which ones look like Compose files, archives, templates.

Pure, and about names only; `classify` looks inside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""In the order in which Compose looks for them (compose-go cli/options.go, DefaultFileNames)."""
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""Likewise (DefaultOverrideFileNames): the first one that is there is merged over the file found above, whichever that is."""

_TEMPLATE_SUFFIXES = (
    ".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".template", ".erb", ".mustache", ".gotmpl", ".dist", ".example", ".sample",
)  # fmt: skip
_ARCHIVE_SUFFIXES = (".bak", ".backup", ".old", ".orig", ".save", ".disabled", ".off", ".unused", ".archived", ".deprecated", "~")
_ARCHIVE_WORDS = frozenset(
    {
        "archive", "archives", "archived", "old", "disabled", "deprecated", "unused", "obsolete", "retired", "inactive",
        "graveyard", "attic", "trash", "decommissioned", "bak",
    }
)  # fmt: skip
_ARCHIVE_PREFIXES = frozenset({"archived", "old", "disabled", "deprecated", "unused", "obsolete"})
_ARCHIVE_ENDINGS = _ARCHIVE_PREFIXES | {"bak", "bk"}
_BACKUP_WORDS = frozenset({"backup", "backups"})
_TEMPLATE_WORDS = frozenset(
    {"template", "templates", "example", "examples", "sample", "samples", "skeleton", "boilerplate", "boilerplates"}
)
_VARIANT_WORDS = frozenset(
    {"dev", "devel", "development", "test", "tests", "testing", "local", "ci", "debug", "build", "override", "example", "sample"}
)
_NEVER_STACKS = frozenset(
    {
        "scripts", "script", "bin", "tools", "docs", "doc", "documentation", "images", "img", "assets", "static", "ansible",
        "terraform", "tofu", "secrets", "lib", "common", "shared", "config", "configs", "templates", "tests", "hooks", "ci",
    }
)  # fmt: skip
"""Folders that a `*` meets everywhere and that nobody takes for a stack without a Compose file."""
_COMPOSE_WORDS = frozenset({"docker", "compose"})
_WORDS = re.compile(r"[a-z0-9]+")


def is_yaml(name: str) -> bool:
    """Whether a file's name ends as YAML does."""
    return name.lower().endswith((".yml", ".yaml"))


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in small letters: `docker-compose-Pi5.yml` has docker, compose, pi5, yml."""
    return tuple(_WORDS.findall(name.lower()))


def mentions(name: str, host: str) -> bool:
    """Whether a name has a host's name in it as whole words: `pi5-stacks` mentions pi5, `pi50` does not."""
    sought, there = words(host), words(name)
    return bool(sought) and any(there[at : at + len(sought)] == sought for at in range(len(there)))


def owner(name: str, hosts: Iterable[str]) -> str | None:
    """The host that a Compose file's name mentions; of several the one with the longest name (`nas-2` before `nas`)."""
    told = telling_rest(name)
    return max((host for host in hosts if mentions(told, host)), key=lambda host: len(words(host)), default=None)


def looks_like_compose(name: str) -> bool:
    """Whether a file is a Compose file by its name: a default one, or one with `compose` as a word, and YAML."""
    return is_yaml(name) and "compose" in words(name)


def is_override(name: str) -> bool:
    """Whether a file is one that Compose only merges over another."""
    return name.lower() in OVERRIDE_NAMES


def is_variant(name: str) -> bool:
    """Whether a file's name says that it is for trying things out (`docker-compose.dev.yml`)."""
    return not _VARIANT_WORDS.isdisjoint(words(name))


def chosen(names: Collection[str]) -> tuple[str, ...]:
    """The files of a folder that `docker compose up` takes there: a default one, and an override; () when there is none.

    Where no name is exactly a default one, one that differs in capitals counts: whoever deploys it names it to Compose.
    """
    exact = _first(DEFAULT_NAMES, names)
    if exact is not None:
        override = _first(OVERRIDE_NAMES, names)
        return (exact,) if override is None else (exact, override)
    by_small = {name.lower(): name for name in sorted(names, reverse=True)}
    capital = _first(DEFAULT_NAMES, by_small)
    return () if capital is None else (by_small[capital],)


def telling_rest(name: str, host: str | None = None) -> str:
    """What a file's name says besides that it is a Compose file and for which host: `docker-compose-pi5-media.yml` → media."""
    stem = name.rpartition(".")[0] if is_yaml(name) else name
    parts = [part for part in re.split(r"[-_.\s]+", stem) if part and part.lower() not in _COMPOSE_WORDS]
    if host is not None:
        sought = words(host)
        small = [part.lower() for part in parts]
        for at in range(len(small) - len(sought) + 1):
            if sought and tuple(small[at : at + len(sought)]) == sought:
                del parts[at : at + len(sought)]
                break
    return "-".join(parts)


def is_archived(path: str, *, spelled: int = 0, known: Collection[str] = ()) -> bool:
    """Whether a path lies in an archive: a segment, after the first `spelled` ones, is named like one.

    `backup` alone proves nothing, since many have a stack or a group of that name: it counts for what lies below it, when a
    folder of the same name is `known` elsewhere too.
    """
    segments = path.split("/")
    for at, segment in enumerate(segments[spelled:], spelled):
        small = segment.lower()
        there = words(small.rpartition(".")[0] if is_yaml(small) else small)
        if small.endswith(_ARCHIVE_SUFFIXES) or small.strip("_-.") in _ARCHIVE_WORDS:
            return True
        if len(there) > 1 and (there[0] in _ARCHIVE_PREFIXES or there[-1] in _ARCHIVE_ENDINGS):
            return True
        if there and _BACKUP_WORDS & {there[0], there[-1]} and at < len(segments) - 2 and segments[-2] in known:
            return True
    return False


def is_template(path: str, *, spelled: int = 0) -> bool:
    """Whether a path is a template's by its name: a suffix, `example` in the file's name, or a folder of templates."""
    *folders, name = path.split("/")
    if name.lower().endswith(_TEMPLATE_SUFFIXES) or not _TEMPLATE_WORDS.isdisjoint(words(name)):
        return True
    return any(folder.lower().strip("_-.") in _TEMPLATE_WORDS for folder in folders[spelled:])


@lru_cache(maxsize=4096)
def without_suffix(name: str) -> str:
    """A name without the suffix that marks it as a template or put aside: `compose.yml.j2` → `compose.yml`."""
    for suffix in (*_TEMPLATE_SUFFIXES, *_ARCHIVE_SUFFIXES):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def may_be_stack(folder: str) -> bool:
    """Whether a folder without a Compose file is worth a word, or plainly something else (`scripts`, `docs`)."""
    return folder.rpartition("/")[2].lower() not in _NEVER_STACKS


def _first(wanted: Sequence[str], there: Iterable[str]) -> str | None:
    held = set(there)
    return next((name for name in wanted if name in held), None)
