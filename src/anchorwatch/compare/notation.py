"""Compose's own notation: reading it from the canonical model, and writing values the way users write them.

Durations follow Go's `time.ParseDuration` and `Duration.String`, sizes the units of the Compose specification ("b, k, m, g",
powers of 1024), which is what `docker compose config` prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from itertools import pairwise

from anchorwatch.model.values import Json, Secret, Template

_NANOSECONDS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SIZES = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?", re.IGNORECASE)


def nanoseconds(text: str) -> int:
    """A Go duration (`1m30s`) in nanoseconds. Raises `ValueError` for what is none."""
    if text in {"0", ""}:
        return 0
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    pieces = list(_DURATION.finditer(body))
    if not pieces or pieces[0].start() != 0 or pieces[-1].end() != len(body):
        raise ValueError(f"{text!r} is no duration")
    if any(left.end() != right.start() for left, right in pairwise(pieces)):
        raise ValueError(f"{text!r} is no duration")
    return sign * sum(_scaled(piece[1], _NANOSECONDS[piece[2]]) for piece in pieces)


def _scaled(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    return int(whole or 0) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def duration(ns: int) -> str:
    """Nanoseconds as Go prints a duration: `1m30s`, `1.5s`, `500ms`, `0s`."""
    if ns < 0:
        return "-" + duration(-ns)
    if ns < 10**9:
        unit = next((unit for unit in ("ms", "µs", "ns") if ns >= _NANOSECONDS[unit]), None)
        return "0s" if unit is None else f"{_decimal(ns, _NANOSECONDS[unit])}{unit}"
    minutes, rest = divmod(ns, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest, 10**9)}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def size_in_bytes(value: Json) -> int:
    """A size as Compose prints it (a decimal string, or a number) or as a tmpfs option writes it (`64m`), in bytes."""
    if isinstance(value, int | float):
        return int(value)
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        return int(value)
    return int(float(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " "))


def size(amount: int) -> str:
    """Bytes as people write them, exactly: `512 MiB`, `1.5 GiB`; what is no round figure stays in bytes."""
    for unit, factor in _SIZES:
        if factor <= amount < 1024 * factor and amount * 100 % factor == 0:
            return f"{amount / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{amount} B"


@lru_cache(4096)
def address(text: str) -> str:
    """An IP address in its canonical spelling; anything else as it is (`host-gateway`)."""
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        return text


def hardware_address(text: str) -> str:
    """A MAC address in the engine's spelling: `02:42:ac:11:00:07`."""
    return str(text).lower().replace("-", ":")


def show(value: Json) -> str | None:
    """A value in Compose's notation, secrets veiled; None for what is not set."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case Secret() | Template():
            return str(value)
        case Mapping():
            return json.dumps({str(key): _leaf(entry) for key, entry in value.items()}, ensure_ascii=False)
        case list() | tuple():
            return json.dumps([_leaf(entry) for entry in value], ensure_ascii=False)
        case set() | frozenset():
            return ", ".join(sorted(str(entry) for entry in value))
        case _:
            return str(value)


def _leaf(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {str(key): _leaf(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_leaf(entry) for entry in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def texts(values: Json) -> dict[str, Json]:
    """Names with values as the engine keeps them: a number that Compose prints bare is a text there."""
    return {str(name): str(value) if isinstance(value, int | float) else value for name, value in (values or {}).items()}
