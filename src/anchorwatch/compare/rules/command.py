"""What a container runs: entrypoint and command, merged with the image's as the engine does.

Setting `entrypoint` drops the image's CMD, and `command: []` does not clear it (moby `daemon/commit.go`, `merge`).
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.compare.difference import Difference, Rule, same
from anchorwatch.compare.pair import Pair


def _differences(pair: Pair) -> Iterator[Difference]:
    entrypoint, command = pair.wanted.get("entrypoint"), pair.wanted.get("command")
    inherits_command = not entrypoint and not command
    inherits_entrypoint = not entrypoint and entrypoint is None
    if inherits_command:
        command = pair.inherited.get("Cmd")
    if inherits_entrypoint:
        entrypoint = pair.inherited.get("Entrypoint")
    for path, want, have, inherited in (
        ("command", command, pair.config.get("Cmd"), inherits_command),
        ("entrypoint", entrypoint, pair.config.get("Entrypoint"), inherits_entrypoint),
    ):
        if not same(want or [], have or []):
            unjudged = pair.without_image if inherited else None
            yield Difference(path, want or None, have or None, unjudged=unjudged)


RULE = Rule(
    name="command",
    keys={"command": ".Config.Cmd, merged with the image's", "entrypoint": ".Config.Entrypoint, merged with the image's"},
    differences=_differences,
)
