"""The log as a person likes to read it: entry by entry, so that a long one begins to appear at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo

from anchorwatch.model.drifts import Delivery, DeliveryState, DriftState, Reason, Subject
from anchorwatch.model.findings import Finding, Kind, Severity
from anchorwatch.model.log import CommitArrived, ContainerChange, Entry, Told, WatchChanged
from anchorwatch.model.stored import FOLLOWS, leaves, unsealed
from anchorwatch.model.timeline import ContainerSeen, ContainerSpan
from anchorwatch.model.times import lasted, shown, zone_name
from anchorwatch.model.wording import value
from anchorwatch.reports.build import shown as plain_json
from anchorwatch.reports.clean import clean, shorten
from anchorwatch.reports.lines import EMPTY, Line, Style, count, place
from anchorwatch.reports.status import SIDES, cause_text

MOST_PATHS = 6
"""How many keys of a configuration that changed are named in a line."""

MOST_STEPS = 4
"""So many times a container may come and go in a row before that is told in fewer lines."""

_STEPS = frozenset({"started", "restarting", "ended", "runs"})
_JUST = timedelta(minutes=1)
_ON_ITS_WAY = re.compile(r"[0-9a-f]{12}_")
_LEFT_OUT = {"restart": "no"}
"""What keys come to that are not set, where that has a name."""
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


def log_lines(entries: Iterable[Entry], zone: tzinfo | None, *, whole: bool = False) -> Iterator[Line]:
    """A heading a day, and a line an entry. Of a container that comes and goes many times in the same way the first and the last
    step are shown, and how many there were between (`whole`: all of them). Another exit code is another way, and so is the end of
    one that was killed for want of memory."""
    day: date | None = None
    for steps in ([one] for one in entries) if whole else _runs(entries):
        left_out = len(steps) - 2 if len(steps) > MOST_STEPS else 0
        for number, entry in enumerate((steps[0], steps[-1]) if left_out else steps):
            local = entry.at.astimezone(zone)
            if local.date() != day:
                if day is not None:
                    yield EMPTY
                day = local.date()
                yield ((Style.NAME, f"{local:%A %d %B %Y}"), (Style.QUIET, f"  {zone_name(local)}"))
            yield from entry_lines(entry, zone)
            if left_out and number == 0:
                yield ((Style.QUIET, f"           … {left_out} steps like these between the one above and the one below"),)


@dataclass(frozen=True, slots=True)
class _Step:
    """A container came or went once more."""

    host: str
    name: str
    code: str | None = None
    """`exited (1)`, where it ended."""
    oom: bool | None = None
    """Whether it was killed for want of memory, where that can be told."""

    def joined(self, other: _Step) -> _Step | None:
        """Both as one; None where one of them tells something that the other does not."""
        if (self.host, self.name) != (other.host, other.name):
            return None
        if None not in (self.code, other.code) and self.code != other.code:
            return None
        if None not in (self.oom, other.oom) and self.oom != other.oom:
            return None
        return _Step(
            self.host, self.name, self.code if other.code is None else other.code, self.oom if other.oom is None else other.oom
        )


def _runs(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """The entries, those together that follow one another and are the same steps of one container; every other one alone."""
    held: list[Entry] = []
    of: _Step | None = None
    for entry in entries:
        now = _step(entry)
        joined = None if now is None or of is None else of.joined(now)
        if held and joined is None:
            yield held
            held = []
        of = joined or now
        held.append(entry)
    if held:
        yield held


def _step(entry: Entry) -> _Step | None:
    """The step that an entry is; None for what tells more than that."""
    match entry:
        case Told(transition=transition, finding=finding, deliveries=()) if finding is not None and finding.kind is Kind.MISSING:
            small = transition.to_state == DriftState.PENDING or transition.reason == Reason.PASSED
            ended = finding.observed is not None and finding.observed.startswith("exited")
            return _Step(finding.host, finding.container or "", finding.observed if ended else None) if small else None
        case ContainerChange(host=host, before=before, now=ContainerSpan(seen=seen)) if verb(entry) in _STEPS:
            killed = seen.oom_killed and not (before is not None and before.seen.oom_killed)
            if seen.state == "running":
                return _Step(host, seen.name, oom=True if killed else None)
            return _Step(host, seen.name, f"exited ({seen.exit_code})", killed)
        case _:
            return None


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
        case ContainerChange():
            return container_verb(entry)


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
        case ContainerChange():
            return shorten(container_text(entry), 1000)


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
    return f"{finding.path}: {value(finding.desired)} → {value(finding.observed)}"


def is_said(entry: Entry) -> bool:
    """Whether a change of a container is worth an entry: something is to be seen of it, and it was more than a step of Compose's,
    which makes the new one under a name of its own (`3f2a91c0de12_web`) before it takes the old one away."""
    if not isinstance(entry, ContainerChange):
        return True
    before, now = _seen(entry.before), _seen(entry.now)
    known = entry.now or entry.before
    if known is not None and (before is None or now is None) and _ON_ITS_WAY.match(known.seen.name):
        end = known.span.valid_to
        return end is None or end - known.span.valid_from > _JUST
    if before is None or now is None:
        return True
    return replace(before, configuration=now.configuration) != now or any(_differences(before, now))


def container_verb(entry: ContainerChange) -> str:
    """What happened to a container at a moment, in a word. One that was there before anybody watched was not made, but found."""
    before, now = _seen(entry.before), _seen(entry.now)
    if now is None:
        return "gone"
    if before is None:
        return "found" if _is_found(entry, now) else "made"
    if before.engine_id != now.engine_id:
        return "re-made"
    if before.configuration != now.configuration and any(_differences(before, now)):
        return "updated"
    if before.started_at != now.started_at and now.state == "running":
        return "started"
    if before.state != now.state:
        return {"exited": "ended", "running": "runs"}.get(now.state, clean(now.state))
    if before.health != now.health:
        return clean(now.health or "no health")
    return "changed"


def container_text(entry: ContainerChange) -> str:
    """How a container is now, and what of its configuration has changed. Not clean."""
    before, now = _seen(entry.before), _seen(entry.now)
    if now is None:
        return "is not there any more"
    words = [f"exited ({now.exit_code})" if now.state == "exited" else now.state]
    words += [now.health] if now.health else []
    words += ["killed for want of memory"] if now.oom_killed and not (before is not None and before.oom_killed) else []
    words += (
        [f"restarted {count(now.restart_count, 'time')}"]
        if before is not None and now.restart_count > before.restart_count
        else []
    )
    parts = [", ".join(words)]
    if before is None:
        parts += [image] if (image := image_of(now)) else []
        if now.created_at is not None and _is_found(entry, now):
            parts.append(f"made {lasted((entry.at - now.created_at).total_seconds())} before")
    elif before.configuration != now.configuration:
        parts += list(_differences(before, now)) or (["configured as before"] if before.engine_id != now.engine_id else [])
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
    """`mem_limit 512 MiB → 1 GiB`, the first few; in the keys of `docker inspect` what has none in Compose."""
    from anchorwatch.compare.as_written import as_written  # brings the rules with it, which nothing else here needs

    was, known = as_written(before), as_written(now)
    if was == known:
        was, known = (_raw(one) for one in (before, now))
    changed = [path for path in sorted(was.keys() | known.keys()) if was.get(path) != known.get(path)]
    for path in changed[:MOST_PATHS]:
        nothing = _LEFT_OUT.get(path, "not set")
        yield f"{path} {value(was.get(path, nothing))} → {value(known.get(path, nothing))}"
    if len(changed) > MOST_PATHS:
        yield f"and {len(changed) - MOST_PATHS} more"


def _seen(span: ContainerSpan | None) -> ContainerSeen | None:
    return None if span is None else span.seen


def _is_found(entry: ContainerChange, now: ContainerSeen) -> bool:
    made = now.created_at
    return made is None or entry.at - made > _JUST or (entry.watched_from is not None and made < entry.watched_from)


def _raw(seen: ContainerSeen) -> dict[str, str]:
    """Everything that was read of a container, but for what is new each time and what its networks call it by themselves."""
    found = leaves(plain_json(unsealed(seen.configuration)))
    return {path: str(one) for path, one in found if not path.startswith((*FOLLOWS, "Networks."))}
