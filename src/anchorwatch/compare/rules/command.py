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
    seen_command, seen_entrypoint = pair.config.get("Cmd"), pair.config.get("Entrypoint")
    if not same(entrypoint or [], seen_entrypoint or []):
        unjudged = pair.without_image if inherits_entrypoint else None
        yield Difference("entrypoint", entrypoint or None, seen_entrypoint or None, unjudged=unjudged)
        if not pair.wanted.get("command") and (not seen_command or same(pair.inherited.get("Cmd"), seen_command)):
            return  # the image's command comes and goes with an entrypoint of the file's own
    if not same(command or [], seen_command or []):
        unjudged = pair.without_image if inherits_command else None
        yield Difference("command", command or None, seen_command or None, unjudged=unjudged)


RULE = Rule(
    name="command",
    keys={"command": ".Config.Cmd, merged with the image's", "entrypoint": ".Config.Entrypoint, merged with the image's"},
    differences=_differences,
)
