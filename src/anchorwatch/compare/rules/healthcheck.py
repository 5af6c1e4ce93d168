"""The health check, merged field by field with the image's: an absent or zero field is inherited.

Source: moby `daemon/commit.go`, `merge`.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, same
from anchorwatch.compare.notation import duration, nanoseconds, show
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json, plain

_FIELDS = (
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("retries", "Retries"),
    ("start_period", "StartPeriod"),
    ("start_interval", "StartInterval"),
)


def _differences(pair: Pair) -> Iterator[Difference]:
    wanted = pair.wanted.get("healthcheck") or {}
    image = pair.inherited.get("Healthcheck") or {}
    seen = pair.config.get("Healthcheck") or {}
    if not wanted and not image and not seen:
        return
    disabled = bool(wanted.get("disable"))
    want_test: list[Json] = ["NONE"] if disabled else list(wanted.get("test") or image.get("Test") or ())
    have_test: list[Json] = list(seen.get("Test") or ())
    gone = pair.without_image

    found: list[Difference] = []
    if not same(want_test, have_test):
        off_here, off_there = want_test == ["NONE"], plain(have_test) == ["NONE"]
        if disabled or (off_there and not off_here and not wanted.get("test")):
            found.append(Difference("healthcheck.disable", off_here, off_there))
        else:
            unjudged = gone if not wanted.get("test") else None
            found.append(Difference("healthcheck.test", want_test or None, have_test or None, unjudged=unjudged))
        if disabled or off_there:
            yield from found  # where it is off, nothing is to be said of its other fields
            return
    for key, member in _FIELDS:
        if key == "start_interval" and pair.host.api < (1, 44):
            continue
        own = _number(wanted.get(key))
        want = own or int(image.get(member) or 0)
        have = int(seen.get(member) or 0)
        if want != have:
            shown = _count if key == "retries" else _span
            found.append(Difference(f"healthcheck.{key}", want, have, shown, unjudged=None if own else gone))
    if len(found) > 1 and bool(want_test) != bool(have_test):
        yield _whole(found)
    else:
        yield from found


def _whole(found: list[Difference]) -> Difference:
    """One difference where one side has no health check at all."""
    want = {one.path.partition(".")[2]: one.shown(one.want) for one in found if one.want}
    have = {one.path.partition(".")[2]: one.shown(one.have) for one in found if one.have}
    unjudged = next((one.unjudged for one in found if one.unjudged), None)
    return Difference("healthcheck", want or None, have or None, _sentence, unjudged=unjudged)


def _sentence(fields: Json) -> str | None:
    return ", ".join(f"{name} {value}" for name, value in fields.items()) if fields else None


def _number(value: Json) -> int:
    return nanoseconds(value) if isinstance(value, str) else int(value or 0)


def _span(value: Json) -> str | None:
    return duration(value) if value else None


def _count(value: Json) -> str | None:
    return show(value) if value else None


RULE = Rule(
    name="healthcheck",
    keys={
        "healthcheck.test": ".Config.Healthcheck.Test, else the image's",
        "healthcheck.disable": ".Config.Healthcheck.Test",
        "healthcheck.interval": ".Config.Healthcheck.Interval, else the image's",
        "healthcheck.timeout": ".Config.Healthcheck.Timeout, else the image's",
        "healthcheck.retries": ".Config.Healthcheck.Retries, else the image's",
        "healthcheck.start_period": ".Config.Healthcheck.StartPeriod, else the image's",
        "healthcheck.start_interval": ".Config.Healthcheck.StartInterval, else the image's (API 1.44 or newer)",
    },
    differences=_differences,
)
