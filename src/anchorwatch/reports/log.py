"""The log as a person likes to read it: entry by entry, so that a long one begins to appear at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, tzinfo

from anchorwatch.model.drifts import Delivery, DeliveryState, DriftState, Reason, Subject
from anchorwatch.model.findings import Finding, Kind, Severity
from anchorwatch.model.log import CommitArrived, ContainerChange, Entry, Told, WatchChanged
from anchorwatch.model.stored import FOLLOWS, leaves, unsealed
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.model.times import shown, zone_name
from anchorwatch.reports.build import shown as plain_json
from anchorwatch.reports.clean import clean, shorten
from anchorwatch.reports.lines import EMPTY, Line, Style, place
from anchorwatch.reports.status import SIDES, cause_text

MOST_PATHS = 6
"""How many keys of a configuration that changed are named in a line."""

_JUST = timedelta(minutes=1)
_SEVERITY = {Severity.INFO: Style.INFO, Severity.WARNING: Style.WARNING, Severity.CRITICAL: Style.CRITICAL}
_DELIVERED = {
    DeliveryState.PENDING: "waits",
    DeliveryState.HELD: "held back",
    DeliveryState.SENDING: "being sent",
    DeliveryState.RETRY: "to be tried again",
    DeliveryState.SENT: "sent",
    DeliveryState.DEAD: "given up",
    DeliveryState.SKIPPED: "not sent",
}


def log_lines(entries: Iterable[Entry], zone: tzinfo | None) -> Iterator[Line]:
    """A heading a day, and a line an entry."""
    day: date | None = None
    for entry in entries:
        local = entry.at.astimezone(zone)
        if local.date() != day:
            if day is not None:
                yield EMPTY
            day = local.date()
            yield ((Style.NAME, f"{local:%A %d %B %Y}"), (Style.QUIET, f"  {zone_name(local)}"))
        yield from entry_lines(entry, zone)


def entry_lines(entry: Entry, zone: tzinfo | None) -> Iterator[Line]:
    """One entry, with its messages below it."""
    style, mark = look(entry)
    local = entry.at.astimezone(zone)
    yield (
        (Style.QUIET, f"  {local:%H:%M:%S}"),
        (style, f" {mark} {verb(entry):<11} "),
        (Style.NAME, subject(entry)),
        (Style.PLAIN, f"  {text_of(entry)}"),
        *(((Style.QUIET, f"  {more}"),) if (more := aside(entry)) else ()),
    )
    if isinstance(entry, Told):
        for delivery in entry.deliveries:
            yield ((Style.QUIET, f"               → {delivery_text(delivery, zone)}"),)


def look(entry: Entry) -> tuple[Style, str]:
    """Which colour and mark an entry has."""
    match entry:
        case Told(transition=transition, finding=finding):
            if transition.to_state in {"resolved", "ok", "in_sync", "readable"}:
                passed = transition.reason == Reason.PASSED
                return (Style.QUIET, "·") if passed else (Style.GOOD, "✓")
            if transition.to_state == DriftState.PENDING:
                return Style.QUIET, "·"
            if transition.subject is not Subject.DRIFT or finding is None:
                return Style.UNSURE, "?"
            return _SEVERITY[finding.severity], "✗"
        case CommitArrived():
            return Style.INFO, "●"
        case WatchChanged(began=began):
            return (Style.QUIET, "▸") if began else (Style.UNSURE, "■")
        case ContainerChange():
            return Style.QUIET, "◦"


def verb(entry: Entry) -> str:
    """What happened, in a word."""
    match entry:
        case Told(transition=transition):
            if transition.subject is not Subject.DRIFT:
                return shorten(transition.to_state.replace("_", " "), 20)
            if transition.from_state == transition.to_state:
                return "changed"
            return shorten(transition.to_state, 20)
        case CommitArrived():
            return "commit"
        case WatchChanged():
            return "watch"
        case ContainerChange(at=at, before=before, now=now):
            return container_verb(at, None if before is None else before.seen, None if now is None else now.seen)


def subject(entry: Entry) -> str:
    """What it happened to. Clean."""
    match entry:
        case Told(transition=transition, finding=finding):
            if finding is not None:
                return shorten(place(finding))
            if transition.subject is Subject.REPO:
                return "the repository"
            return shorten("/".join(one for one in (transition.host, transition.stack) if one) or transition.subject.value)
        case CommitArrived(commit=commit):
            return commit.revision[:12]
        case WatchChanged():
            return "anchorwatch"
        case ContainerChange(host=host, stack=stack, before=before, now=now):
            known = now or before
            name = known.seen.name if known is not None else ""
            return shorten(f"{host}/{stack} {name}" if stack else f"{host} {name}")


def text_of(entry: Entry) -> str:
    """What there is to say of it. Clean."""
    match entry:
        case Told(transition=transition, finding=finding):
            if finding is not None:
                return shorten(values(finding), 1000)
            said = (transition.cause or {}).get("message")
            return shorten(f"{transition.reason}: {said}" if said else transition.reason, 1000)
        case CommitArrived(commit=commit, stacks=stacks):
            touched = ", ".join("/".join(one) for one in stacks)
            return shorten(f"{commit.author}: {commit.subject}" + (f"  ({touched})" if touched else ""), 1000)
        case WatchChanged(began=began, version=version, killed=killed):
            if began:
                return shorten(f"began to watch ({version})")
            return "was killed, or lost its host: its last sign of life" if killed else "ended; nobody watches from here on"
        case ContainerChange(before=before, now=now):
            return shorten(container_text(None if before is None else before.seen, None if now is None else now.seen), 1000)


def aside(entry: Entry) -> str:
    """Why, who and which: what stands behind the entry in a quieter voice. Clean."""
    if not isinstance(entry, Told):
        return ""
    transition = entry.transition
    if transition.subject is not Subject.DRIFT:
        return ""
    words = [transition.reason] if transition.reason != Reason.APPEARED else []
    if transition.side is not None and transition.to_state != DriftState.RESOLVED:
        words.append(SIDES[transition.side])
        words += [cause] if (cause := cause_text(transition.cause)) else []
    return " · ".join([*words, *([transition.drift] if transition.drift else [])])


def values(finding: Finding) -> str:
    """`mem_limit: 512 MiB → 1 GiB`; `missing: exited (137)`. Not clean."""
    if finding.kind is not Kind.CHANGED or finding.path is None:
        what = finding.path or ""
        return " ".join(one for one in (finding.kind.value, what) if one) + (f": {finding.observed}" if finding.observed else "")
    desired = "not set" if finding.desired is None else finding.desired
    observed = "not set" if finding.observed is None else finding.observed
    return f"{finding.path}: {desired} → {observed}"


def container_verb(at: datetime, before: ContainerSeen | None, now: ContainerSeen | None) -> str:
    """What happened to a container at a moment, in a word. One that had been there for a while was not made, but found."""
    if now is None:
        return "gone"
    if before is None:
        return "found" if now.created_at is not None and at - now.created_at > _JUST else "made"
    if before.engine_id != now.engine_id:
        return "re-made"
    if before.configuration != now.configuration:
        return "updated"
    if before.started_at != now.started_at and now.state == "running":
        return "started"
    if before.state != now.state:
        return {"exited": "ended", "running": "runs"}.get(now.state, clean(now.state))
    if before.health != now.health:
        return clean(now.health or "no health")
    return "changed"


def container_text(before: ContainerSeen | None, now: ContainerSeen | None) -> str:
    """How a container is now, and what of its configuration has changed. Not clean."""
    if now is None:
        return "is not there any more"
    words = [f"exited ({now.exit_code})" if now.state == "exited" else now.state]
    words += [now.health] if now.health else []
    words += ["killed for want of memory"] if now.oom_killed and not (before is not None and before.oom_killed) else []
    words += [f"restarted {now.restart_count} times"] if before is not None and now.restart_count > before.restart_count else []
    parts = [", ".join(words)]
    if before is None:
        parts += [image] if (image := image_of(now)) else []
    elif before.configuration != now.configuration:
        parts += list(_differences(before, now))
    elif before.engine_id != now.engine_id:
        parts.append("configured as before")
    if before is not None and before.image_id != now.image_id:
        parts.append(f"image {before.image_id[:19]} → {now.image_id[:19]}")
    return "; ".join(parts)


def delivery_text(delivery: Delivery, zone: tzinfo | None) -> str:
    """`mail (admin@example.org): sent 03:13:05 CET`. Clean."""
    who = delivery.destination + (f" ({delivery.recipient})" if delivery.recipient else "")
    when = f" {shown(delivery.done_at, zone)}" if delivery.done_at is not None else ""
    why = f": {delivery.reason}" if delivery.reason else ""
    failed = f": {delivery.error}" if delivery.error else ""
    tries = f" (attempt {delivery.attempt})" if delivery.attempt > 1 else ""
    occasion = "" if delivery.occasion == "news" else f"{delivery.occasion} "
    return shorten(f"{who}: {occasion}{_DELIVERED[delivery.state]}{when}{tries}{why}{failed}", 1000)


def image_of(seen: ContainerSeen) -> str | None:
    """The image that a container was made of, as it was called; None where its configuration was not read."""
    found = seen.configuration.get("Config", {}).get("Image")
    return None if found is None else str(unsealed(found))


def _differences(before: ContainerSeen, now: ContainerSeen) -> Iterator[str]:
    """`HostConfig.Memory 536870912 → 1073741824`, the first few."""
    was, known = (dict(leaves(plain_json(unsealed(one.configuration)))) for one in (before, now))
    both = sorted(path for path in was.keys() | known.keys() if not path.startswith(FOLLOWS))
    changed = [path for path in both if was.get(path) != known.get(path)]
    for path in changed[:MOST_PATHS]:
        yield f"{path} {was.get(path, 'not set')} → {known.get(path, 'not set')}"
    if len(changed) > MOST_PATHS:
        yield f"and {len(changed) - MOST_PATHS} more"
