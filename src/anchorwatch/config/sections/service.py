"""`watch` and `history`: how the service waits, and what it keeps."""

from __future__ import annotations

from anchorwatch.config.sections.fields import Duration, ListenAddress, LongerThanNothing, Section, Size, setting


class WatchSection(Section):
    """The always-on service."""

    settle: Duration = setting(
        "500ms", meaning="How long a project has to be quiet before it is looked at for good.", example="2s"
    )
    grace: Duration = setting(
        "30s", meaning="How long a drift has to last before anyone is told; each change begins it anew.", example="2m"
    )
    rollout: Duration = setting(
        "10m", meaning="The same for a drift that a commit brought about, which still has to be deployed.", example="1h"
    )
    resync: LongerThanNothing = setting(
        "5m", meaning="How often everything is looked at, whatever the events said.", example="15m"
    )
    listen: ListenAddress = setting(
        "127.0.0.1:8899",
        meaning="Where `/healthz`, `/livez`, `/metrics` and the webhook are served.",
        example="[::1]:8899",
    )


class HistorySection(Section):
    """What the database keeps of the past. What is drifted now is kept in any case."""

    keep: LongerThanNothing = setting("400d", meaning="How long.", example="90d")
    max_size: Size = setting("2GB", meaning="How much, whatever `keep` says; the oldest goes first.", example="500MB")
