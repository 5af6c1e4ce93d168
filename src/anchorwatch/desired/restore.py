"""From Compose's JSON back to what Git says: stand-ins become unknown or secret pieces, temporary paths become marks.

Pure. `read_output` undoes what Compose's printing does (`$` doubled once, absolute paths into our export); `Restoring` turns the
literals of `stand_ins` into `Template` and `Secret` leaves and lists what is unknown by the path that a user would name.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.desired.interpolation import interpolate
from anchorwatch.desired.resolution import StandIn
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR
from anchorwatch.model.numbers import Literal
from anchorwatch.model.values import Json, Secret, Template, Text, Unknown

_LEFT_OUT = object()
_ELEMENTS = ("ports.", "volumes.", "secrets.", "configs.")

_PLAIN = frozenset(
    {
        "restart", "pull_policy", "network_mode", "ipc", "pid", "uts", "userns_mode", "cgroup", "platform", "protocol",
        "published", "host_ip", "mode", "type", "driver", "condition", "cpuset", "stop_signal", "runtime", "isolation",
        "propagation", "name", "ipv4_address", "ipv6_address", "subnet", "ip_range", "gateway", "mac_address", "scale", "cpus",
        "target", "consistency", "selinux", "app_protocol", "order", "mem_limit", "mem_reservation", "memswap_limit",
        "mem_swappiness", "memory", "shm_size", "size", "interval", "timeout", "start_period", "start_interval",
        "stop_grace_period", "delay", "window", "monitor",
    }
)  # fmt: skip
"""Last keys of places that take a figure or one of a few words: shown plain, wherever the value came from."""


def read_output(text: str, *, root: str, folder: str, home: str) -> dict[str, Any]:
    """Compose's JSON with `$$` undone once, and paths below `root` (the export of the repo) and `home` made ours.

    `folder` is the project's folder within the root. Key order and the spelling of numbers are kept. Raises ValueError.
    """
    project = posixpath.join(root, folder) if folder else root
    top = "/" + root.split("/")[1]

    def made(value: str) -> str:
        if "$" in value:
            value = value.replace("$$", "$")
        if value.startswith(top) and _below(value, root.rpartition("/0/")[0] or root):
            relative = posixpath.relpath(value, project)
            return PROJECT_DIR if relative == "." else f"{PROJECT_DIR}/{relative}"
        if value.startswith(home):
            return HOME_DIR + value[len(home) :]
        return value

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return made(value)
        if isinstance(value, dict):
            return {key.replace("$$", "$") if "$" in key else key: walk(below) for key, below in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return value

    document = walk(json.loads(text, parse_float=Literal))
    if not isinstance(document, dict):
        raise ValueError("Compose printed no mapping")
    return document


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


@dataclass(slots=True)
class Restoring:
    """Turns stand-ins back. `lookup` gives a value for an expression or a name that an env file from outside sets."""

    found: Mapping[str, StandIn]
    letters: str
    value_of: Callable[[StandIn], str | None]
    home: str | None = None
    """The home folder of whoever deploys, where it is known from outside Git."""
    unknown: dict[tuple[str | None, str], StandIn] = field(default_factory=dict)
    """(service, path) -> what it hangs on."""
    env_files: dict[tuple[str, str], int] = field(default_factory=dict)
    """(service, "environment" or "labels") -> which missing file its keys come from."""
    _pattern: re.Pattern[str] = field(init=False)
    _marker: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        words = [f"/{self.letters}x[0-9]+p", f"{self.letters}x[0-9]+x"]
        figures = [f"(?<![0-9]){re.escape(text)}(?![0-9])" for text in self.found if self.letters not in text]
        self._pattern = re.compile("|".join([*words, *figures]))
        self._marker = re.compile(f"{self.letters}e([0-9]+)e")

    def service(self, name: str, config: Mapping[str, Any]) -> dict[str, Json]:
        """One service."""
        return {key: value for key, below in config.items() if (value := self._key(name, key, below)) is not _LEFT_OUT}

    def top(self, section: str, name: str, config: Any) -> dict[str, Json]:
        """One network, volume, config or secret."""
        restored = self._walk(config or {}, None, f"{section}.{name}", name)
        return restored if isinstance(restored, dict) else {}

    def text(self, text: str) -> Text:
        """A text by itself (the project's name)."""
        return self._text(text, plain=True)

    def _key(self, service: str, key: str, value: Any) -> Any:
        if key in ("environment", "labels") and isinstance(value, dict):
            return self._map(value, service, key)
        if key in ("command", "entrypoint") and isinstance(value, list) and (loose := self._loose(value)):
            if not loose.outside:
                self.unknown[service, key] = loose
            return _LEFT_OUT
        return self._walk(value, service, key, key)

    def _loose(self, words: list[Any]) -> StandIn | None:
        """A stand-in that may become any number of words."""
        for word in words:
            for literal in self._pattern.findall(word) if isinstance(word, str) else ():
                stand_in = self.found.get(literal)
                if stand_in is not None and stand_in.splits and (not stand_in.outside or self.value_of(stand_in) is None):
                    return stand_in
        return None

    def _map(self, value: dict[str, Any], service: str, section: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, below in value.items():
            marker = self._marker.fullmatch(key)
            if marker:
                self.env_files[service, section] = int(marker[1])
                continue
            if self._pattern.search(key):
                restored_key = self._text(key, plain=False)
                if isinstance(restored_key, Template) and not restored_key.known:
                    # Where no `=` is seen, it may be in the variable, and then what follows that is no part of the name.
                    name = self._glob(key) if below else self._glob(key).partition("*")[0] + "*"
                    self.unknown[service, f"{section}.{name}"] = self._first(key)
                    continue
                name = restored_key if isinstance(restored_key, str) else restored_key.reveal()
            else:
                name = key
            if below is None and section == "environment":
                self._inherited(made, service, name)
                continue
            made[name] = self._walk(below, service, f"{section}.{name}", name)
        return _in_order(made, value)

    def _inherited(self, made: dict[str, Any], service: str, name: str) -> None:
        """A name without a value: whoever deploys sets it, or not."""
        stand_in = StandIn(name, outside=True, expression=f"${{{name}}}")
        value = self.value_of(stand_in)
        if value is not None:
            made[name] = Secret(value)
            return
        made[name] = Template((Unknown(name),))
        self.unknown[service, f"environment.{name}"] = StandIn(name, outside=False)

    def _walk(self, value: Any, service: str | None, shown: str, last: str) -> Any:
        if isinstance(value, str):
            return self._leaf(value, service, shown, last)
        if isinstance(value, dict):
            return self._mapping(value, service, shown)
        if isinstance(value, list):
            return self._list(value, service, shown, last)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, service, shown)
        return value

    def _mapping(self, value: dict[str, Any], service: str | None, shown: str) -> Any:
        # A port or a mount is one thing to a user: unknown as a whole.
        below_shown = shown if service is not None and shown.startswith(_ELEMENTS) else None
        made = {}
        for key, below in value.items():
            if self._pattern.search(key):
                restored = self._text(key, plain=True)
                if isinstance(restored, Template):
                    self.unknown[service, f"{shown}.{self._glob(key)}"] = self._first(key)
                    continue
                name = str(restored)
            else:
                name = key
            inner = self._walk(below, service, below_shown or f"{shown}.{name}", name)
            if inner is not _LEFT_OUT:
                made[name] = inner
        return _in_order(made, value)

    def _list(self, value: list[Any], service: str | None, shown: str, last: str) -> Any:
        made = []
        for item in value:
            label = shown
            if isinstance(item, dict) and shown in ("ports", "volumes", "secrets", "configs"):
                identity = self._identity(shown, item)
                if identity is None:
                    restored = self._walk(item.get("target"), service, f"{shown}.*", "target")
                    if restored is _LEFT_OUT or isinstance(restored, Template):
                        continue
                    identity = str(restored)
                label = f"{shown}.{identity}"
            inner = self._walk(item, service, label, last)
            if inner is not _LEFT_OUT:
                made.append(inner)
        return made

    def _identity(self, section: str, item: Mapping[str, Any]) -> str | None:
        """What a user calls the element of a list by; None where a stand-in stands for it."""
        if section == "ports":
            target = str(item.get("target", ""))
            return None if self._pattern.search(target) else f"{target}/{item.get('protocol', 'tcp')}"
        name = str(item.get("target" if section == "volumes" else "source", ""))
        return None if self._pattern.search(name) else name

    def _number(self, value: int | float, service: str | None, shown: str) -> Any:
        stand_in = self.found.get(repr(value) if isinstance(value, Literal) else str(value))
        if stand_in is None:
            return value
        known = self.value_of(stand_in)
        if known is not None and re.fullmatch(r"-?[0-9]+", known):
            return int(known)
        if known is None:
            self.unknown[service, shown] = stand_in
        return _LEFT_OUT

    def _leaf(self, value: str, service: str | None, shown: str, last: str) -> Any:
        if HOME_DIR in value:
            if self.home is not None:
                value = value.replace(HOME_DIR, self.home)
            elif not _is_path(shown, last):
                return self._home(value, service, shown)
        if not self._pattern.search(value):
            return value
        plain = shows_plainly(last)
        restored = self._text(value, plain=plain)
        if isinstance(restored, Template) and not restored.known:
            self.unknown.setdefault((service, shown), self._first(value))
            figure = value in self.found and self.letters not in value
            if figure and last not in ("published", "host_ip", "ipv4_address", "ipv6_address"):
                return _LEFT_OUT  # a size or a duration: nothing of it is known
            return _located(_normal(restored) if last == "source" else restored)
        return _located(restored)

    def _home(self, value: str, service: str | None, shown: str) -> Any:
        before, _, after = value.partition(HOME_DIR)
        self.unknown.setdefault((service, shown), StandIn("HOME", outside=False))
        return Template(tuple(part for part in (before, Unknown("HOME"), after) if part != ""))

    def _text(self, text: str, *, plain: bool) -> Text:
        parts: list[str | Secret | Unknown] = []
        at = 0
        for match in self._pattern.finditer(text):
            stand_in = self.found.get(match[0])
            if stand_in is None:
                continue
            parts.append(text[at : match.start()])
            at = match.end()
            value = self.value_of(stand_in)
            parts.append(Unknown(stand_in.variable) if value is None else value if plain else Secret(value))
        parts.append(text[at:])
        return joined(parts)

    def _first(self, text: str) -> StandIn:
        """The first stand-in in the text that is not known."""
        found = [self.found[literal] for literal in self._pattern.findall(text) if literal in self.found]
        return next((stand_in for stand_in in found if self.value_of(stand_in) is None), found[0])

    def _glob(self, key: str) -> str:
        return self._pattern.sub("*", key)


def joined(parts: list[str | Secret | Unknown]) -> Text:
    """The pieces as the simplest leaf: neighbouring literals joined, empty ones gone."""
    made: list[str | Secret | Unknown] = []
    for part in parts:
        if part == "" and isinstance(part, str):
            continue
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    if not made:
        return ""
    if len(made) == 1 and not isinstance(made[0], Unknown):
        return made[0]
    return Template(tuple(made))


def value_from(
    values: Mapping[str, str], opened: Mapping[str, Mapping[str, str]], scopes: list[dict[str, str]]
) -> Callable[[StandIn], str | None]:
    """A `value_of` over what is known from outside Git: variables, and what env files from there set."""

    def value_of(stand_in: StandIn) -> str | None:
        if not stand_in.outside:
            return None
        if stand_in.source:
            return opened.get(stand_in.source, {}).get(stand_in.variable)
        if stand_in.variable not in values:
            return None

        def lookup(name: str) -> str | None:
            return values.get(name, scopes[stand_in.scope].get(name) if stand_in.scope < len(scopes) else None)

        return interpolate(stand_in.expression, lookup)

    return value_of


def _located(text: Text) -> Text:
    """A text of pieces in which the project's folder, which differs from host to host, is a piece that may be anything."""
    if not isinstance(text, Template):
        return text
    parts: list[str | Secret | Unknown] = []
    for part in text.parts:
        if isinstance(part, str) and part.startswith(PROJECT_DIR):
            parts += [Unknown("project folder"), part.removeprefix(PROJECT_DIR)]
        elif isinstance(part, str) and part.startswith(HOME_DIR):
            parts += [Unknown("HOME"), part.removeprefix(HOME_DIR)]
        else:
            parts.append(part)
    return joined(parts)


def shows_plainly(last: str) -> bool:
    """Whether a place whose last key this is takes a figure or one of a few words, which are shown wherever they come from."""
    return last in _PLAIN


def _is_path(shown: str, last: str) -> bool:
    return last in ("source", "file", "context", "dockerfile", "path") or shown.startswith(("build", "develop"))


def _normal(template: Template) -> Template:
    """A path as the engine keeps it: what lies behind an unknown piece without `.`, `..` and doubled slashes.

    A `..` may swallow what stands before, so that nothing of that can be told.
    """
    parts: list[str | Secret | Unknown] = []
    for number, part in enumerate(template.parts):
        following = template.parts[number + 1 : number + 2]
        if isinstance(part, str) and following and not isinstance(following[0], str):
            # The piece behind may be blank, or `..`, and then takes away the slash or the folder before it.
            part = "" if part.endswith("..") else part.removesuffix(".").removesuffix("/")  # noqa: PLW2901
        if not isinstance(part, str) or not parts:
            parts.append(part)
            continue
        cleaned = posixpath.normpath(part) if part.startswith("/") else part
        if "/.." in part:
            unknown = next((one for one in reversed(parts) if isinstance(one, Unknown)), None)
            parts = parts if unknown is None else [unknown]
        parts.append("" if cleaned == "/" else cleaned)
    made = joined(parts)
    return made if isinstance(made, Template) else Template((made,))


def _in_order(made: dict[str, Any], printed: Mapping[str, Any]) -> dict[str, Any]:
    """`made`, in the order in which Compose would print it: where it is not that of a struct, that of the names."""
    return made if made.keys() <= printed.keys() else dict(sorted(made.items()))
