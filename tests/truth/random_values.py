"""Texts, sizes and names that random services are made of, and the ways of spelling them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Value = Any
Service = dict[str, Any]

TEXTS = (
    "",
    "plain",
    "two words",
    "a=b=c",
    "line one\nline two",
    "$HOME",
    "cost $$5 ${NOT_A_VARIABLE}",
    "ünïcödé ✓ 日本",
    'quo"te',
    "it's",
    "back\\slash",
    "<a> & b",
    "sep\u2028arator",
    "  padded  ",
    "# no comment",
    "yes",
    "0123",
    "1.50",
    "null",
    "tab\there",
    "100%",
    "{{.Name}}",
    "trailing=",
    "sha256:0123456789abcdef",
    "postgres://user:p%40ss@db:5432/x?y=z",
    "a,b;c|d",
    "\\n",
)
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett")
NAMES = (
    "TZ",
    "LANG",
    "SHARED",
    "EMPTY",
    "PASSWORD",
    "DB_URL",
    "lower_case",
    "With.Dots",
    "PATH",
    "A",
    "X-DASH",
    "ÜMLAUT",
    "RICH",
)
LABELS = (
    "traefik.enable",
    "shared",
    "rich.label",
    "com.example/slash",
    "empty",
    "with space",
    "traefik.http.routers.a.rule",
    "d$llar",
    "UPPER",
    "x",
    "org.opencontainers.image.title",
    "ünïcödé",
)
CAPABILITIES = ("NET_ADMIN", "SYS_TIME", "CAP_SYS_PTRACE", "net_raw", "chown", "ALL", "MKNOD", "cap_kill")
SIZES = ("64m", "128M", "96mb", "1g", "1GB", 100663296, "134217728b", "200000k", "0.25g", "1.5g")
DURATIONS = ("1s", "1m30s", "90s", "500ms", "1h", "2m", "1.5s", "10s", "1h1m1s", "0s")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The engine and the Compose that the services are meant for, and what of the project they can refer to."""

    api: tuple[int, int]
    compose: tuple[int, ...]
    images: tuple[str, ...] = ("truth/hold:1", "truth/rich:1")
    outsider: str = "truth-outsider"
    """A container that belongs to nobody's project."""
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ("a.env", "b.env")
    earlier: tuple[str, ...] = ()
    """Services that this one may refer to."""
    sharing: tuple[str, ...] = ()
    """Those of them whose mounts another container can take over."""


class Chooser:
    """Draws values and spellings; the classes that know keys build on it."""

    def __init__(self, chance: random.Random, around: Surroundings, name: str) -> None:
        self.chance = chance
        self.around = around
        self.name = name

    def one(self, *values: Value) -> Value:
        return self.chance.choice(values)

    def some(self, values: tuple[Value, ...] | list[Value], least: int = 1, most: int = 4) -> list[Value]:
        count = min(len(values), self.chance.randint(least, most))
        return self.chance.sample(list(values), count)

    def maybe(self, often: float = 0.5) -> bool:
        return self.chance.random() < often

    def text(self) -> str:
        return str(self.chance.choice(TEXTS))

    def word(self) -> str:
        return f"{self.chance.choice(WORDS)}{self.chance.randint(0, 99)}"

    def one_or_list(self, values: list[Value]) -> Value:
        return values[0] if len(values) == 1 and self.maybe() else values

    def map_or_list(self, mapping: dict[str, Value], separator: str = "=") -> Value:
        if self.maybe(0.6):
            return mapping
        return [key if value is None else f"{key}{separator}{_spelled(value)}" for key, value in mapping.items()]


def _spelled(value: Value) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
