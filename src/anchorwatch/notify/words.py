"""What a message says: a bundle of transitions becomes a letter. Pure.

A letter answers, in this order: what, where, what Git says and what the host says, since when, which of the two moved and what
brought it about, and which command mends it. With more than `DETAILED` things in it, it says each in a line or two; of more than
`SHOWN` it says how many more there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import pairwise

from anchorwatch.model import wording
from anchorwatch.model.cause import CauseKind
from anchorwatch.model.clean import paragraphs, shorten
from anchorwatch.model.drifts import ACCEPTED, Acceptance, Reason, Side, Subject
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.messages import Bundle, Item, Occasion
from anchorwatch.model.secrecy import redact
from anchorwatch.model.values import JsonObject
from anchorwatch.model.wording import count
from anchorwatch.notify.fold import CALM_AFTER
from anchorwatch.notify.letter import TONES, Entry, Group, Letter, Row, Tone
from anchorwatch.notify.subject import is_deaf, is_good, severity_of, subject, where
from anchorwatch.notify.times import lasted, moment

DETAILED = 5
"""Up to so many things are told with every fact, each in a line of its own."""

SHOWN = 20
"""So many are told at all."""

_BECAUSE = "because"
_NOT_KNOWN = "not known"
"""How a cause begins that says why it is none."""
_PROBABLY = "probably "
_DEAF = "its events do not come: it is looked at from time to time instead"
_ENDS = {
    Reason.MENDED: "mended on the host",
    Reason.ADOPTED: "adopted by Git",
    Reason.IGNORED: "ignored from now on",
    Reason.PASSED: "gone before it was news",
}
_EVENTS = {
    Reason.ALREADY_THERE: "found",
    Reason.CAME_BACK: "is back",
    Reason.VALUE_CHANGED: "changed again",
    Reason.ACCEPTANCE_OVER: "no longer accepted",
}


@dataclass(frozen=True, slots=True)
class Tongue:
    """How a message is to speak."""

    link: str | None = None
    """What each message links to; None: nothing."""
    zone: tzinfo | None = None
    """The time zone to tell times in; None is the watcher's own."""


def compose(bundle: Bundle, tongue: Tongue) -> Letter:
    """The letter for a bundle. Never fails, whatever the names and values are."""
    detailed = len(bundle.items) <= DETAILED
    groups = _groups(bundle, tongue, detailed=detailed)
    shown, more = _thin(groups)
    return Letter(
        title=subject(bundle),
        tone=_tone(bundle.items),
        lead=tuple(_lead(bundle, tongue)),
        groups=shown,
        more=more,
        closing=tuple(_closing(bundle)),
        link=tongue.link,
    )


def _tone(items: Sequence[Item]) -> Tone:
    bad = [severity_of(item) for item in items if not is_good(item)]
    if bad:
        return TONES[max(bad)]
    return Tone.GOOD if items else Tone.INFO


def _lead(bundle: Bundle, tongue: Tongue) -> Iterable[str]:
    if bundle.repeat:
        yield "Possible repeat: this message was handed over before, and is not known to have arrived."
    match bundle.occasion:
        case Occasion.TEST:
            yield f"This is a test. Messages for {shorten(bundle.destination)} arrive here."
        case Occasion.SUMMARY:
            yield "This is where things stand now. From here on you are told of changes only."
        case Occasion.DIGEST if bundle.items:
            first = min(item.transition.at for item in bundle.items)
            yield f"What happened since {moment(first, bundle.at, tongue.zone)}."
        case Occasion.DIGEST:
            yield "Nothing has drifted since the last digest."
        case Occasion.BACKLOG if bundle.items:
            since = moment(min(item.transition.at for item in bundle.items), bundle.at, tongue.zone)
            yield f"This was held back since {since}: quiet hours, the rate limit, or messages did not get through."
        case Occasion.REMINDER:
            yield "This was told before, and is still so."
        case Occasion.FLAPPING if any(item.times for item in bundle.items):
            yield f"You hear of it again when it has been calm for {lasted(CALM_AFTER)}, whatever it is then."
        case _:
            pass
    for item in bundle.items:
        if item.transition.subject is Subject.HOST and item.frozen:
            its = "drift is" if item.frozen == 1 else "drifts are"
            yield f"{item.frozen:,} {its} frozen on {where(item)}: until it is back none opens and none is resolved."


def _closing(bundle: Bundle) -> Iterable[str]:
    if bundle.left_out:
        yield f"{bundle.left_out:,} more {'does' if bundle.left_out == 1 else 'do'} not fit in here: see `anchorwatch history`."
    elif len(bundle.items) > DETAILED:
        good = all(is_good(item) for item in bundle.items)
        yield f"All of it{'' if good else ', with what mends it'}: `anchorwatch {'history' if good else 'status'}`."
    if bundle.lost:
        were = "was" if bundle.lost == 1 else "were"
        yield (
            f"{count(bundle.lost, 'earlier message')} could not be delivered here and {were} given up:"
            " see `anchorwatch history --deliveries`."
        )


def _groups(bundle: Bundle, tongue: Tongue, *, detailed: bool) -> list[Group]:
    """What is about hosts first, then stack by stack, the worst first, and likewise within each; good news last."""
    ranked = sorted(bundle.items, key=lambda item: (is_good(item), -severity_of(item)))
    places: dict[str, list[Item]] = {}
    for item in sorted(ranked, key=lambda item: item.transition.subject is Subject.DRIFT):
        places.setdefault(where(item), [])
    for item in ranked:
        places[where(item)].append(item)
    entries = {
        name: _said_once(_entry(item, bundle, tongue, detailed=detailed) for item in items) for name, items in places.items()
    }
    return [Group(name, told if detailed else _in_a_line(told)) for name, told in entries.items()]


def _in_a_line(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Entries of a line each, with the command that mends them only where one mends them all."""
    several = sum(entry.fix is not None for entry in entries) > 1
    return tuple(replace(entry, fix=None) for entry in entries) if several else tuple(entries)


def _thin(groups: Sequence[Group]) -> tuple[tuple[Group, ...], int]:
    """The groups with `SHOWN` entries between them, each with one at least, and how many are in those left out altogether."""
    total = sum(len(group.entries) for group in groups)
    if total <= SHOWN + 1:  # a line that says "one more" would be as long
        return tuple(groups), 0
    places = groups[:SHOWN]
    kept = [1] * len(places)
    while sum(kept) < SHOWN:  # a place after the other gets one more, as long as it has any
        for place, group in enumerate(places):
            kept[place] += kept[place] < len(group.entries) and sum(kept) < SHOWN
    shown = tuple(_cut_short(group, size) for group, size in zip(places, kept, strict=True))
    return shown, sum(len(group.entries) for group in groups[SHOWN:])


def _cut_short(group: Group, size: int) -> Group:
    kept, dropped = group.entries[:size], group.entries[size:]
    if dropped:  # the command of what is not shown may mend what is
        kept = (*kept[:-1], replace(kept[-1], fix=kept[-1].fix or _next_command(dropped)))
    return replace(group, entries=kept, more=len(dropped))


def _next_command(entries: Iterable[Entry]) -> str | None:
    return next((entry.fix for entry in entries if entry.fix), None)


def _said_once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """What holds for several in a row stands with the last of them only: the command that mends them, and, of one container,
    what brought them about."""
    told = list(entries)
    return tuple(_before(entry, after) for entry, after in pairwise(told)) + tuple(told[-1:])


def _before(entry: Entry, after: Entry) -> Entry:
    same = entry.name and entry.name == after.name
    rows = tuple(row for row in entry.rows if not (same and row.label == _BECAUSE and row in after.rows))
    return replace(entry, rows=rows, fix=None if entry.fix == after.fix else entry.fix)


def _entry(item: Item, bundle: Bundle, tongue: Tongue, *, detailed: bool) -> Entry:
    transition = item.transition
    if transition.subject is not Subject.DRIFT:
        return _sight(item, bundle, tongue)
    if item.drift is None:  # it is not in the database any more: what the transition itself knows
        values = f"Git says {wording.value(transition.desired)}, the host {wording.value(transition.observed)}"
        return Entry(TONES[severity_of(item)], transition.reason, "", shorten(f"{transition.reason}: {values}"))
    finding = item.drift.finding
    if is_good(item):
        return _resolved(item, finding, bundle, tongue, detailed=detailed)
    return Entry(
        tone=TONES[finding.severity],
        event=_event(item, bundle),
        name=_name(finding),
        sentence=shorten(finding.message, 600),
        rows=tuple(_facts(item, finding, bundle, tongue)) if detailed else (),
        fix=shorten(finding.fix, 1500) if finding.fix else None,
    )


def _event(item: Item, bundle: Bundle) -> str:
    if bundle.occasion is Occasion.FLAPPING:
        return "flapping" if item.times else "calm again"
    if bundle.occasion is Occasion.REMINDER:
        return "still drifted"
    return _EVENTS.get(Reason(item.transition.reason), "appeared") if item.transition.reason in set(Reason) else "appeared"


def _name(finding: Finding) -> str:
    """Within its stack: the service, a replica by its container's name, or the container."""
    if finding.stack and finding.service and finding.number == 1:
        return shorten(finding.service, 80)
    return shorten(finding.container or finding.service or "", 80)


def _facts(item: Item, finding: Finding, bundle: Bundle, tongue: Tongue) -> Iterable[Row]:
    drift = item.drift
    yield from _values(finding)
    yield from _flapping(item, bundle)
    since = item.transition.since_at or (drift.appeared_at if drift else None)
    if since is not None:
        age = lasted(bundle.at - since)
        found = item.transition.reason == Reason.ALREADY_THERE
        when = moment(since, bundle.at, tongue.zone)
        yield Row("since", f"{when}, or before: it was so at the first look" if found else f"{when} ({age} ago)")
    because = _because(item)
    if because:
        yield Row(_BECAUSE, because)
    yield from _accepted(item, bundle, tongue)
    if item.before:
        yield Row("before", f"this is the {_ordinal(item.before + 1)} time")
    yield _more(finding)


def _flapping(item: Item, bundle: Bundle) -> Iterable[Row]:
    if bundle.occasion is Occasion.FLAPPING:
        often = f"came {'once' if item.times == 1 else f'{item.times:,} times'} within an hour"
        yield Row("flapping", often if item.times else f"came and went, and is as it is for {lasted(CALM_AFTER)} now")


def _accepted(item: Item, bundle: Bundle, tongue: Tongue) -> Iterable[Row]:
    """With the end of an acceptance: what ended it, and why it was accepted."""
    over = item.acceptance_over
    if over is None or over.cause is None:
        return
    accepted = Acceptance.of(over.cause[ACCEPTED])
    begin = moment(accepted.at, bundle.at, tongue.zone)
    if is_good(item):
        words = f"since {begin}"
    elif over.reason == Reason.ACCEPTANCE_OVER and accepted.until is not None:
        words = f"until {moment(accepted.until, bundle.at, tongue.zone)}"
    else:
        words = f"until its value changed, since {begin}"
    yield Row("accepted", words + (f" ({shorten(redact(accepted.reason))})" if accepted.reason else ""))


def _more(finding: Finding) -> Row:
    return Row("more", f"`anchorwatch show {finding.id}`")


def _values(finding: Finding) -> Iterable[Row]:
    if finding.path:
        yield Row("key", shorten(finding.path), literal=True)
    if finding.kind is Kind.CHANGED:
        yield _value("Git says", finding.desired)
        yield _value("host says", finding.observed)


def _value(label: str, value: str | None) -> Row:
    return Row(label, shorten(wording.value(value)), literal=bool(value))


def _because(item: Item) -> str:
    """Which side moved, and what brought it about: as sure as it is known. The side is not said where the cause says it."""
    drift, cause = item.drift, item.transition.cause
    if drift is not None:
        cause = drift.cause or cause
    told = _cause(cause)
    side = item.transition.side or (drift.side if drift else None)
    if side is Side.GIT:
        if item.commits_behind is not None and item.commits_behind > 1:
            far = f"behind Git ({item.commits_behind:,} commits when it was found)"
            sure = told.removeprefix(_PROBABLY)
            return f"{far}, {_PROBABLY if sure != told else ''}because of {sure}" if told else far
        return told if "Git wants" in told else f"behind Git{_and(told)}"
    if side is Side.HOST:
        if drift is not None and drift.finding.kind is not Kind.CHANGED:
            return told
        tells = "on the host" in told or (cause or {}).get("kind") == CauseKind.UNKNOWN
        return told if told and tells and not told.startswith(_NOT_KNOWN) else f"changed on the host{_and(told)}"
    return told


def _and(told: str) -> str:
    if told.startswith(_NOT_KNOWN):
        return f"; why is {told}"
    return f": {told}" if told else ""


def _cause(cause: JsonObject | None) -> str:
    if cause is None:
        return ""
    text = shorten(redact(str(cause.get("text") or "")), 400)
    return _PROBABLY + text if text and cause.get("confidence") == "likely" else text


def _resolved(item: Item, finding: Finding, bundle: Bundle, tongue: Tongue, *, detailed: bool) -> Entry:
    transition = item.transition
    after = f" after {lasted(transition.at - transition.since_at)}" if transition.since_at else ""
    reason = _ENDS[Reason(transition.reason)] if transition.reason in _ENDS else shorten(transition.reason)
    rows = []
    if detailed:
        rows = [Row("it was", shorten(finding.message, 600))]
        if transition.since_at is not None:
            begin, end = (moment(at, bundle.at, tongue.zone) for at in (transition.since_at, transition.at))
            rows.append(Row("when", begin) if begin == end else Row("from", f"{begin} to {end}"))
        rows.append(Row("ended", reason))  # what its cause is known to be brought it about, and did not end it
        rows += [*_flapping(item, bundle), *_accepted(item, bundle, tongue), _more(finding)]
    what = shorten(finding.path) if finding.path else ""
    return Entry(
        tone=Tone.GOOD,
        event="resolved",
        name=_name(finding),
        sentence=f"{what} resolved{after}{'' if detailed else f', {reason}'}".lstrip(),
        rows=tuple(rows),
    )


def _sight(item: Item, bundle: Bundle, tongue: Tongue) -> Entry:
    """A host, a stack or the repo that went out of sight, or came back."""
    transition = item.transition
    good = is_good(item)
    since = transition.since_at
    after = f" after {lasted(transition.at - since)}" if since is not None and good else ""
    name = where(item)
    match transition.subject:
        case Subject.HOST if good and transition.from_state == "limited":
            event, sentence = "back", f"{name} tells everything again{after}"
        case Subject.HOST if good:
            limited = f", but {_DEAF}" if is_deaf(item) else ", and does not permit everything: not every check can be made"
            event, sentence = "back", f"{name} is back{after}{limited if transition.to_state == 'limited' else ''}"
        case Subject.HOST if transition.to_state == "limited":
            refused = "does not permit everything any more: not every check can be made"
            event, sentence = "limited", f"{name} {f'answers, but {_DEAF}' if is_deaf(item) else refused}"
        case Subject.HOST:
            event, sentence = "out of reach", f"{name} cannot be asked; nobody knows how its containers are"
        case Subject.STACK if good:
            event, sentence = "readable again", f"{name} can be read again{after}"
        case Subject.STACK:
            event, sentence = "unreadable", f"{name} cannot be read, so it is not judged; its drift stays as it was"
        case _ if good:
            event, sentence = "readable again", f"the repository can be read again{after}"
        case _:
            event, sentence = "unreadable", "the repository cannot be read; its last state stays in force"
    rows = [*_flapping(item, bundle)]
    rows += [] if good else [Row("since", moment(transition.at, bundle.at, tongue.zone))]
    if transition.cause is not None and not good:
        said = paragraphs(redact(str(transition.cause.get("message") or transition.cause.get("text") or "")))
        rows += [Row(_BECAUSE if not place else "", text) for place, text in enumerate(said[:6])]
        rows += [Row("to do", text) for text in paragraphs(redact(str(transition.cause.get("hint") or "")))[:3]]
    tone = Tone.GOOD if good else TONES[severity_of(item)]
    return Entry(tone, event, "", sentence, tuple(rows))


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
