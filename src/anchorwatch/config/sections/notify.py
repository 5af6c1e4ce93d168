"""`notify`: whom to tell, of what, and when."""

from __future__ import annotations

import re
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any

from anchorwatch.config.sections.fields import (
    LocalPath,
    LongerThanNothing,
    NameGlob,
    PageUrl,
    SecretPageUrl,
    Section,
    ServiceUrl,
    Switch,
    Text,
    kind,
    setting,
    word,
)
from anchorwatch.config.sections.rules import SeverityWord, severity
from anchorwatch.config.texts import text
from anchorwatch.config.wrong import WrongValue
from anchorwatch.model.findings import Kind

if TYPE_CHECKING:
    from anchorwatch.model.service import Destination, Digest, QuietHours, RateLimit
    from anchorwatch.model.silences import Matcher

EVENTS = ("appeared", "resolved")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]"
_DIGEST = re.compile(rf"hourly|daily {_CLOCK}|weekly (?:{'|'.join(DAYS)}) {_CLOCK}")
_QUIET = re.compile(rf"({_CLOCK}) ?- ?({_CLOCK})(?: (\S+))?")
_RATE = re.compile(r"([1-9][0-9]{0,3}) per (minute|hour|day)")
_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}


def digest_times(value: Any) -> str:
    """`hourly`, `daily 08:00` or `weekly monday 08:00`, in small letters, one blank between the words."""
    written = text(value)
    words = " ".join(written.lower().split())
    if not _DIGEST.fullmatch(words):
        instead = 'write hourly, "daily 08:00" or "weekly monday 08:00"'
        raise WrongValue("is no time for a digest", instead=instead, value=written)
    return words


def hours(value: Any) -> str:
    """`22:00-07:00`, and a time zone if it is not the watcher's own: `22:00-07:00 Europe/Berlin`."""
    written = text(value)
    found = _QUIET.fullmatch(written)
    if found is None or _time(found[1]) == _time(found[2]):
        raise WrongValue("are no hours", instead='write "22:00-07:00", or "22:00-07:00 Europe/Berlin"', value=written)
    if found[3] is not None:
        _look_up(found[3])
    return written


def rate(value: Any) -> str:
    """`30 per hour`, in small letters, one blank between the words."""
    written = text(value)
    words = " ".join(written.lower().split())
    if not _RATE.fullmatch(words):
        raise WrongValue("is no limit", instead='write "30 per hour"; minute and day are understood too', value=written)
    return words


def _time(written: str) -> time:
    hour, _, minute = written.partition(":")
    return time(int(hour), int(minute))


def _look_up(zone: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        raise WrongValue("name a time zone that is not known here", instead="write one like Europe/Berlin", value=zone) from None


class OnlySection(Section):
    """What every glob given here fits. `*` fits any characters."""

    host: NameGlob | None = setting(None, meaning="The host's name.", example="pi5")
    stack: NameGlob | None = setting(None, meaning="The stack's name, or `host/stack`.", example="pi5/media-*")
    service: NameGlob | None = setting(None, meaning="The service.", example="mealie")
    container: NameGlob | None = setting(None, meaning="The container's name.", example="mealie-*")
    project: NameGlob | None = setting(None, meaning="The Compose project.", example="dev-*")
    kind: Annotated[str, *word(tuple(Kind), "kind of drift")] | None = setting(
        None, meaning="`missing`, `unmanaged` or `changed`.", example="missing"
    )
    path: NameGlob | None = setting(None, meaning="The Compose key.", example="environment.*")

    def matcher(self) -> Matcher:
        """The frozen value."""
        from anchorwatch.model.silences import Matcher

        return Matcher.of({key: value for key, value in self if value is not None})


class DestinationSection(Section):
    """Somewhere to send messages to."""

    name: Text = setting(meaning="What to call it; no two have the same.", example="chat")
    url: ServiceUrl = setting(
        meaning="An Apprise URL: Discord, mail, Slack, ntfy, a webhook… It holds credentials, so a file is best.",
        example="/run/secrets/mail",
    )
    on: list[Annotated[str, *word(EVENTS, "event")]] = setting(
        list(EVENTS), meaning="What to tell of: `appeared`, `resolved`.", example=["appeared"]
    )
    min_severity: SeverityWord = setting(
        "info", meaning="Nothing below this: `info`, `warning` or `critical`.", example="warning"
    )
    only: list[OnlySection] = setting(
        [], meaning="Nothing but what one of these fits. Without it: everything. See docs/notifications.md."
    )
    digest: Annotated[str, *kind(digest_times, "text", examples=["hourly", "daily 08:00", "weekly monday 08:00"])] | None = (
        setting(
            None,
            meaning="Send messages together: `hourly`, `daily 08:00`, `weekly monday 08:00`. Without it: at once.",
            example="daily 08:00",
        )
    )
    remind_every: LongerThanNothing | None = setting(
        None, meaning="Tell again of what is still drifted. Without it: once.", example="7d"
    )
    quiet_hours: Annotated[str, *kind(hours, "text", examples=["22:00-07:00 Europe/Berlin"])] | None = setting(
        None,
        meaning="Messages wait from the first time to the second, in the time zone of this machine or the one named.",
        example="22:00-07:00",
    )
    critical_at_once: Switch = setting(
        "off", meaning="Neither quiet hours nor a digest hold back what is critical.", example="on"
    )
    rate_limit: Annotated[str, *kind(rate, "text", examples=["30 per hour"])] = setting(
        "30 per hour", meaning="No more messages than this; what is held back goes out together.", example="5 per minute"
    )

    def destination(self) -> Destination:
        """The frozen value."""
        from anchorwatch.model.service import Destination

        return Destination(
            name=self.name,
            url=self.url,
            on=frozenset(self.on),
            min_severity=severity(self.min_severity),
            digest=_digest(self.digest),
            remind_every=self.remind_every,
            quiet_hours=_quiet_hours(self.quiet_hours),
            only=tuple(one.matcher() for one in self.only),
            critical_at_once=self.critical_at_once,
            rate_limit=_rate_limit(self.rate_limit),
        )


class NotifySection(Section):
    """Messages."""

    destinations: list[DestinationSection] = setting([], meaning="Where to send messages to.")
    base_url: PageUrl | None = setting(
        None,
        meaning="A page of yours that every message links to: a dashboard, a wiki. anchorwatch itself has no page.",
        example="https://dashboard.example",
    )
    templates: LocalPath | None = setting(
        None, meaning="A folder with templates of your own for messages.", example="/etc/anchorwatch/templates"
    )
    heartbeat: SecretPageUrl | None = setting(
        None,
        meaning="A URL that is asked for each minute, but only while everything is well: Healthchecks, Uptime Kuma. "
        "It is a secret, so a file is best.",
        example="/run/secrets/heartbeat",
    )


def _digest(words: str | None) -> Digest | None:
    from anchorwatch.model.service import Digest

    if words is None:
        return None
    every, *rest = words.split()
    return Digest(every, _time(rest[-1]) if rest else None, DAYS.index(rest[0]) if len(rest) == 2 else None)


def _quiet_hours(written: str | None) -> QuietHours | None:
    from anchorwatch.model.service import QuietHours

    found = _QUIET.fullmatch(written or "")
    return QuietHours(_time(found[1]), _time(found[2]), found[3]) if found else None


def _rate_limit(words: str) -> RateLimit:
    from anchorwatch.model.service import RateLimit

    number, _, unit = words.split()
    return RateLimit(int(number), _SECONDS[unit])
