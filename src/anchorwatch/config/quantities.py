"""Durations and sizes as people write them: `500ms`, `1h30m`, `400d`; `2GB`, `512MiB`.

Pure, and exact: a duration is a whole number of milliseconds, a size a whole number of bytes, and what
`duration_text` and `size_text` write reads back as the same number. A number without a unit is refused, because
nobody can see whether 30 means seconds or minutes.
"""

from __future__ import annotations

import re

from anchorwatch.config.wrong import WrongValue

_MILLISECONDS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_LONGEST = 100 * 366 * 86_400_000
_BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SPELLED = {"kb": "kB", "kib": "KiB", "mib": "MiB", "gib": "GiB", "tib": "TiB"}

DURATION_PATTERN = r"^(0|([0-9]{1,15}(\.[0-9]{1,9})?(ms|[smhdw]))+)$"
SIZE_PATTERN = r"^[0-9]{1,15}(\.[0-9]{1,9})? ?([kKmMgGtT][iI]?)?[bB]$"

_DURATION_PART = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))?(ms|[smhdw])", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))? ?((?:[kmgt]i?)?b)", re.ASCII | re.IGNORECASE)


def duration(text: str) -> float:
    """Seconds. `text` is one or more numbers, each with a unit of ms, s, m, h, d (24 h) or w; or a bare 0.

    Raises `WrongValue`, also for what is finer than a millisecond or longer than a century.
    """
    if text == "0":
        return 0.0
    milliseconds, end = 0, 0
    for part in _DURATION_PART.finditer(text):
        if part.start() != end:
            break
        amount = _exactly(part[1], part[2], _MILLISECONDS[part[3]])
        if amount is None:
            raise WrongValue("is finer than a millisecond", instead="write whole milliseconds, like 500ms", value=text)
        milliseconds, end = milliseconds + amount, part.end()
    if not text or end != len(text):
        bare = text.isascii() and text.isdecimal()
        instead = (
            f"say which unit: {text[:15]}s, {text[:15]}m…"
            if bare
            else "write a number with a unit, like 500ms, 30s, 5m, 1h30m, 400d"
        )
        raise WrongValue("is no duration", instead=instead, value=text)
    if milliseconds > _LONGEST:
        raise WrongValue("is longer than a century", instead="write at most 36500d", value=text)
    return milliseconds / 1000


def duration_text(seconds: float) -> str:
    """The shortest way to write `seconds` with whole numbers, largest unit first: `1h30m`, `400d`."""
    rest = round(seconds * 1000)
    parts = []
    for unit, size in _MILLISECONDS.items():
        if unit == "w":
            continue
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size(text: str) -> int:
    """Bytes. kB, MB, GB, TB count in thousands, KiB, MiB, GiB, TiB in 1024s; capitals do not matter. Raises `WrongValue`."""
    found = _SIZE.fullmatch(text)
    if found is None:
        bare = text.isascii() and text.isdecimal()
        instead = (
            f"say which unit: {text[:15]}MB, {text[:15]}GB…" if bare else "write a number with a unit, like 500MB, 2GB, 1GiB"
        )
        raise WrongValue("is no size", instead=instead, value=text)
    amount = _exactly(found[1], found[2], _BYTES[found[3].lower()])
    if amount is None:
        raise WrongValue("is no whole number of bytes", instead="write fewer decimals", value=text)
    return amount


def size_text(amount: int) -> str:
    """`amount` bytes in the largest unit that leaves a whole number: `2GB`, `1GiB`, `1001B`."""
    units = sorted(_BYTES.items(), key=lambda unit: -unit[1])
    name, factor = next((unit for unit in units if amount and amount % unit[1] == 0), ("b", 1))
    return f"{amount // factor}{_SPELLED.get(name, name.upper())}"


def _exactly(whole: str, decimals: str | None, factor: int) -> int | None:
    """`whole.decimals` times `factor` without any rounding; None where that is no whole number."""
    if not decimals:
        return int(whole) * factor
    amount, rest = divmod(int(whole + decimals) * factor, 10 ** len(decimals))
    return None if rest else amount
