"""What the texts of the config may say: switches, globs, names, addresses, URLs.

Pure functions from what stands in the file to the value that is meant; each raises `WrongValue`, with the value only where
it cannot hold a secret. No outside library: the early look at the hosts (`draft`) uses them before anything heavy is loaded.

Every scalar of the config arrives as the text that was written (`document`), so `0123` in an `env:` stays `0123`, and `on`
is a switch only where a switch is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from anchorwatch.config.wrong import WrongValue

SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
REPO_SCHEMES = ("https", "http", "ssh", "git", "file")
_ENGINES = "unix:///var/run/docker.sock, ssh://user@host, tcp://host:2376 or context:NAME"

_ENGINE = re.compile(
    r"(?:(?P<user>[\w.][^@/:]*)@)?(?P<host>\[[0-9a-fA-F:.%\w]+\]|[\w.][\w.-]*)(?::(?P<port>\d{1,5}))?(?:/.*)?", re.ASCII
)
_SCP = re.compile(r"(?:[^\s/:@]+@)?[^\s/:@-][^\s/:@]*:(?![/:])\S+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NAME = re.compile(r"\w[\w.-]*")
_CONTEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def noun(value: object) -> str:
    """What sort of thing stands there, without showing it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "a text"


def text(value: Any) -> str:
    """Any text but the empty one."""
    if not isinstance(value, str):
        raise WrongValue(f"wants a text, and there is {noun(value)}")
    if not value.strip():
        raise WrongValue("is empty", instead="write a value, or take the key out")
    if "\0" in value:
        raise WrongValue("holds a NUL character")
    return value


def any_text(value: Any) -> str:
    """Any text, the empty one too."""
    if not isinstance(value, str):
        raise WrongValue(
            f"wants a text, and there is {noun(value)}", instead='write "" for an empty text' if value is None else None
        )
    return value


def switch(value: Any) -> bool:
    """on, yes, true; off, no, false (YAML 1.1, in small letters or capitals)."""
    word = text(value)
    if word.lower() not in SWITCH:
        raise WrongValue("is neither on nor off", instead="write on or off", value=word)
    return SWITCH[word.lower()]


def one_of(value: Any, words: Iterable[str], what: str) -> str:
    """One of `words`; `what` names what they are."""
    word, allowed = text(value), tuple(words)
    if word not in allowed:
        raise WrongValue(f"is no {what}", instead=f"write one of {', '.join(allowed)}", value=word)
    return word


def pattern(value: Any) -> str:
    """A glob over names: any text whose brackets are closed."""
    glob = text(value)
    if glob.count("[") > glob.count("]"):
        raise WrongValue(
            "opens a [ and never closes it", instead="close the bracket, or write [[] for the character itself", value=glob
        )
    return glob


def repo_glob(value: Any) -> str:
    """A glob over paths in the repo: relative, `/` between segments. A leading `./` and a trailing `/` are taken off."""
    glob = pattern(value)
    relative = glob.removeprefix("./").rstrip("/")
    if glob.startswith(("/", "~")):
        raise WrongValue("is absolute", instead="write the path inside the repo, like proxmox/*", value=glob)
    if glob.startswith("!"):
        raise WrongValue("begins with !", instead="list what is to be left out under exclude", value=glob)
    if "\\" in glob:
        raise WrongValue("holds a backslash", instead="write / between folders", value=glob)
    if ".." in relative.split("/"):
        raise WrongValue("leaves the repo", instead="write the path inside the repo, without ..", value=glob)
    if not relative or "" in relative.split("/"):
        raise WrongValue(
            "has an empty segment", instead="write the path inside the repo, like proxmox/*; . is the repo itself", value=glob
        )
    return relative


def host_name(value: Any) -> str:
    """A name to call a host by: no slash, because HOST/STACK is split at the first one."""
    name = text(value)
    if not _NAME.fullmatch(name):
        raise WrongValue("is no name for a host", instead="write letters, digits, - _ and . only", value=name)
    return name


def project_name(value: Any) -> str:
    """The name of a Compose project (compose-go, `loader.NormalizeProjectName`)."""
    name = text(value)
    if not _PROJECT.fullmatch(name):
        raise WrongValue(
            "is no name that Compose gives a project", instead="write small letters, digits, - and _ only", value=name
        )
    return name


def variable_name(value: Any) -> str:
    """The name of an environment variable."""
    name = text(value)
    if not _VARIABLE.fullmatch(name):
        named = name.split("=")[0]
        raise WrongValue(
            "is no name of a variable",
            instead="write the name alone, like TZ",
            value=named if _VARIABLE.fullmatch(named) else None,
        )
    return name


def absolute(value: Any) -> str:
    """An absolute path on another machine."""
    path = text(value)
    if not path.startswith("/"):
        raise WrongValue("is not absolute", instead="write the whole path on that host, like /opt/stacks", value=path)
    return path.rstrip("/") or "/"


def docker_address(value: Any) -> str:
    """`unix:///path`, `tcp://host:port`, `ssh://[user@]host[:port]` or `context:NAME`."""
    address = text(value)
    if address.startswith("context:"):
        if not _CONTEXT.fullmatch(address.removeprefix("context:")):
            raise WrongValue(
                "names no Docker context", instead="write context:NAME (docker context ls lists them)", value=address
            )
        return address
    scheme, found, rest = address.partition("://")
    if not found:
        raise WrongValue("does not say how to get there", instead=f"write {_ENGINES}")
    if scheme not in {"unix", "tcp", "ssh"}:
        raise WrongValue(f"has the scheme {scheme}://, which leads to no engine", instead=f"write {_ENGINES}")
    if scheme == "unix":
        if rest and not rest.startswith(("/", "~/")):
            raise WrongValue("needs the absolute path of a socket", instead="write unix:///var/run/docker.sock", value=address)
        return address
    place = _ENGINE.fullmatch(rest)
    if place is None or not place["host"] or (place["port"] and not 0 < int(place["port"]) < 65536):
        if ":" in rest.rpartition("@")[0]:
            raise WrongValue("has a password in it", instead="log in with a key, ssh: {key: /path/of/key}, or an ssh agent")
        raise WrongValue("is no address of a host", instead=f"write {_ENGINES}; an IPv6 address in brackets")
    if scheme == "tcp" and place["user"]:
        raise WrongValue("has a user, and tcp:// has none", instead="write tcp://host:port")
    return address


def listen_address(value: Any) -> tuple[str, int]:
    """`host:port`; an IPv6 address stands in brackets."""
    written = text(value)
    wrong = WrongValue("is no address to listen at", instead="write host:port, like 127.0.0.1:8899 or [::1]:8899", value=written)
    host, colon, port = written.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host if ":" not in host else ""
    if not colon or not host or not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
        raise wrong
    return host, int(port)


def repo_url(value: Any) -> str:
    """A URL that Git can fetch from, or `user@host:path`. Never shown when wrong: it may carry a token."""
    url = text(value)
    scheme = _SCHEME.match(url)
    if scheme is None and "::" not in url and _SCP.fullmatch(url):
        return url
    instead = "write https://…, ssh://…, file:///… or user@host:path; for a clone on this machine write path: instead"
    if scheme is None:
        raise WrongValue("is no URL", instead=instead)
    if scheme[1].lower() not in REPO_SCHEMES:
        raise WrongValue(f"has the scheme {scheme[1]}://, which is not fetched from", instead=instead)
    parts, host, _port = _place(url)
    if (scheme[1].lower() != "file" and not host) or host.startswith("-") or not parts.path.strip("/"):
        raise WrongValue("names no repository", instead=instead)
    return url


def service_url(value: Any) -> str:
    """An Apprise URL: it has a scheme, the rest is Apprise's to judge. Never shown when wrong: it is a secret."""
    url = text(value)
    if not _SCHEME.match(url):
        raise WrongValue("is no URL", instead="write an Apprise URL, like ntfy://host/topic or mailto://user:password@host")
    return url


def page_url(value: Any) -> str:
    """A URL that a browser opens. Never shown when wrong: it may be a secret. A `/` at its end is taken off."""
    url = text(value).strip()
    parts, host, _port = _place(url)
    if parts.scheme not in {"http", "https"} or not host or any(letter.isspace() for letter in url):
        raise WrongValue("is no address of a page", instead="write https://host/path")
    return url.rstrip("/")


def database_url(value: Any) -> str:
    """An SQLAlchemy URL of SQLite or of PostgreSQL through psycopg. Never shown when wrong: it may carry a password."""
    url = text(value)
    instead = "write sqlite:////var/lib/anchorwatch/anchorwatch.db or postgresql+psycopg://user:password@host/name"
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise WrongValue("is no URL", instead=instead)
    if scheme[1] not in {"sqlite", "postgresql+psycopg"}:
        raise WrongValue(f"has the scheme {scheme[1]}://, which is no database we can use", instead=instead)
    if scheme[1] == "sqlite" and (not url.startswith("sqlite:///") or url == "sqlite:///" or ":memory:" in url):
        raise WrongValue("names no file", instead="write sqlite:/// and then the file: four slashes in all for an absolute path")
    return url


def _place(url: str) -> tuple[Any, str, int | None]:
    """The parts, host and port of `url`. Raises `WrongValue` without showing it."""
    try:
        parts = urlsplit(url)
        return parts, parts.hostname or "", parts.port
    except ValueError:
        raise WrongValue("is no URL", instead="look at the port, and at the brackets of an IPv6 address") from None
