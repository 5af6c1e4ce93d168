"""How a container starts and stops, and its standard streams."""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, differ
from anchorwatch.compare.notation import duration, nanoseconds
from anchorwatch.compare.pair import Pair
from anchorwatch.model.values import Json


def _differences(pair: Pair) -> Iterator[Difference]:
    signal = pair.wanted.get("stop_signal")
    gone = None if signal else pair.without_image
    want, have = signal or pair.inherited.get("StopSignal") or None, pair.config.get("StopSignal") or None
    for found in differ("stop_signal", want, have):
        yield Difference(found.path, found.want, found.have, unjudged=gone)
    grace = pair.wanted.get("stop_grace_period")
    seconds = None if grace is None else nanoseconds(grace) // 10**9  # the API knows whole seconds
    yield from differ("stop_grace_period", seconds, pair.config.get("StopTimeout"), _span)
    yield from differ("init", pair.wanted.get("init"), pair.host_config.get("Init"))
    for key, member in (("tty", "Tty"), ("stdin_open", "OpenStdin")):
        yield from differ(key, bool(pair.wanted.get(key)), bool(pair.config.get(member)))


def _span(seconds: Json) -> str | None:
    return None if seconds is None else duration(int(seconds) * 10**9)


RULE = Rule(
    name="lifecycle",
    keys={
        "stop_signal": ".Config.StopSignal, else the image's",
        "stop_grace_period": ".Config.StopTimeout, in whole seconds",
        "init": ".HostConfig.Init",
        "tty": ".Config.Tty",
        "stdin_open": ".Config.OpenStdin",
    },
    differences=_differences,
)
