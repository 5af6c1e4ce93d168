"""The one line that stands for a message: the subject of a mail, the title of a push. Pure.

It begins with the place, so that a mailbox sorted by subject has everything about a stack together, and it is never longer than
`LONGEST`, so that nearly every service shows it whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from anchorwatch.errors import HostForbidden
from anchorwatch.model.clean import clean
from anchorwatch.model.drifts import DriftState, Reason, Subject
from anchorwatch.model.findings import Severity
from anchorwatch.model.messages import Bundle, Item, Occasion
from anchorwatch.model.wording import count, place, value
from anchorwatch.notify.route import severity
from anchorwatch.notify.times import lasted

LONGEST = 140
_NAME = 60
"""Characters of the name of one place."""


def subject(bundle: Bundle) -> str:
    """One clean line of at most `LONGEST` characters."""
    more = f", {bundle.left_out:,} more" if bundle.left_out else ""
    return cut(_subject(bundle), LONGEST - len(more)) + more


def _subject(bundle: Bundle) -> str:
    items = bundle.items
    match bundle.occasion:
        case Occasion.TEST:
            return "anchorwatch: a test message"
        case Occasion.SUMMARY:
            return _fit("Summary", f"{_sum(items)}{_spread(items)}")
        case Occasion.DIGEST:
            return _fit("Digest", f"{_sum(items)}{_spread(items)}" if items else "nothing happened")
        case Occasion.BACKLOG if len(items) > 1:
            return _fit("Held back", f"{_sum(items)}{_spread(items)}")
        case Occasion.REMINDER:
            if len(items) == 1 and items[0].drift is not None:
                return _fit(_place(items[0]), f"still drifted: {items[0].drift.finding.message}")
            return _fit("Still drifted", f"{_sum(items)}{_spread(items)}")
        case Occasion.FLAPPING if len(items) == 1:
            again = "comes and goes" if items[0].times else f"has calmed{_calm_as(items[0])}"
            return _fit(where(items[0]), f"{_what(items[0])} {again}".lstrip())
        case Occasion.FLAPPING:
            return _fit("Flapping" if any(item.times for item in items) else "Calm again", f"{_sum(items)}{_spread(items)}")
        case _:
            return _news(items)


def where(item: Item) -> str:
    """The place of an item, clean: `pi5/mealie`, `pi5`, `Git`."""
    host, stack = item.transition.host, item.transition.stack
    if item.drift is not None:
        host, stack = item.drift.finding.host, item.drift.finding.stack
    if host is None:
        return "Git"
    return cut(f"{host}/{stack}" if stack else host, _NAME)


def is_good(item: Item) -> bool:
    """Whether it is good news: resolved, back, readable again."""
    transition = item.transition
    match transition.subject:
        case Subject.DRIFT:
            return transition.to_state == DriftState.RESOLVED or transition.reason == Reason.PASSED
        case Subject.HOST:
            return transition.to_state == "ok" or transition.reason == Reason.HOST_BACK
        case _:
            return transition.to_state not in BLIND_STATES


BLIND_STATES = frozenset({"unknown", "unreadable", "unreachable", "lost"})
"""States of a stack or of the repo in which it cannot be judged."""


def cut(text: str, longest: int) -> str:
    """`clean(text)` in at most `longest` characters, an ellipsis for the rest."""
    text = clean(text[: longest + 1])
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _news(items: Sequence[Item]) -> str:
    if not items:
        return "anchorwatch: no news"
    if len(items) == 1:
        return _single(items[0])
    hosts = [item for item in items if item.transition.subject is Subject.HOST]
    drifts = [item for item in items if item.transition.subject is Subject.DRIFT]
    if len(hosts) == 1 and drifts and all(item.transition.host == hosts[0].transition.host for item in items):
        return _fit(where(hosts[0]), f"{_host(hosts[0])}, {_sum(drifts)}")
    places = list(dict.fromkeys(where(item) for item in items))
    if len(places) == 1:
        return _fit(places[0], _sum(items))
    names = list(dict.fromkeys(item.transition.host or "Git" for item in items))
    if len(names) == 1:  # "in 2 stacks" would be wrong where something belongs to none
        stacks = f" in {count(len(places), 'stack')}" if names[0] not in places else ""
        return _fit(cut(names[0], _NAME), f"{_sum(items)}{stacks}")
    others = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return _fit(", ".join(cut(name, 20) for name in names[:3]) + others, _sum(items))


def _single(item: Item) -> str:
    transition = item.transition
    match transition.subject:
        case Subject.HOST:
            return _fit(where(item), _host(item))
        case Subject.STACK | Subject.REPO:
            return _fit(where(item), _readable(item))
        case Subject.DRIFT if is_good(item):
            return _fit(where(item), f"{_what(item)} resolved{_after(item)}".lstrip())
        case Subject.DRIFT if item.drift is not None:
            again = "no longer accepted: " if item.acceptance_over is not None else ""
            return _fit(_place(item), again + item.drift.finding.message)
        case _:
            said = f"Git says {value(transition.desired)}, the host {value(transition.observed)}"
            return _fit(where(item), f"{transition.reason}: {said}")


def _place(item: Item) -> str:
    """With the service or container, unless the sentence begins with it."""
    if item.drift is None:
        return where(item)
    finding = item.drift.finding
    name = finding.service if finding.stack and finding.service and finding.number == 1 else finding.container
    return where(item) if not name or finding.message.startswith(name) else f"{where(item)} {cut(name, 40)}"


def _host(item: Item) -> str:
    before, now = item.transition.from_state, item.transition.to_state
    limited = "its events do not come" if is_deaf(item) else "not everything may be asked"
    if not is_good(item):
        return limited if now == "limited" else "out of reach"
    if before == "limited":
        return f"everything can be asked again{_after(item)}"
    return f"back{_after(item)}" + (f", and {limited}" if now == "limited" else "")


def is_deaf(item: Item) -> bool:
    """Whether a host that is `limited` refuses nothing, but cannot be listened to."""
    cause = item.transition.cause
    return cause is not None and cause.get("class") != HostForbidden.kind


def _readable(item: Item) -> str:
    what = "the repo " if item.transition.subject is Subject.REPO else ""
    return what + (f"can be read again{_after(item)}" if is_good(item) else "cannot be read")


def _calm_as(item: Item) -> str:
    """What something that has calmed is now."""
    if item.transition.subject is Subject.HOST:
        return f": {_host(item)}"
    if item.transition.subject is not Subject.DRIFT:
        return f": {_readable(item)}"
    if is_good(item):
        return " and is resolved"
    return ", still drifted" + (f": {item.drift.finding.message}" if item.drift is not None else "")


def _what(item: Item) -> str:
    """Service and key: `mealie mem_limit`."""
    if item.drift is None:
        return item.transition.drift or ""
    finding = item.drift.finding
    name = finding.service if finding.stack and finding.service and finding.number == 1 else finding.container
    return " ".join(each for each in (name, finding.path) if each) or place(finding)


def _after(item: Item) -> str:
    since = item.transition.since_at
    return "" if since is None else f" after {lasted(item.transition.at - since)}"


def _sum(items: Sequence[Item]) -> str:
    """`3 drifts (1 critical), 2 resolved, 1 host out of reach`."""
    drifts = [item for item in items if item.transition.subject is Subject.DRIFT]
    bad = [item for item in drifts if not is_good(item)]
    critical = sum(severity_of(item) is Severity.CRITICAL for item in bad)
    parts = []
    if bad:
        parts.append(count(len(bad), "drift") + (f" ({critical:,} critical)" if critical else ""))
    if len(drifts) > len(bad):
        parts.append(f"{len(drifts) - len(bad):,} resolved" if bad else f"{count(len(drifts), 'drift')} resolved")
    sights = Counter((item.transition.subject, is_good(item), item.transition.to_state == "limited") for item in items)
    for (subject_of, good, limited), number in sorted(sights.items()):
        match subject_of:
            case Subject.HOST:
                parts.append(f"{count(number, 'host')} {'back' if good else 'limited' if limited else 'out of reach'}")
            case Subject.STACK:
                parts.append(f"{count(number, 'stack')} {'readable again' if good else 'unreadable'}")
            case Subject.REPO:
                parts.append(f"the repo {'readable again' if good else 'unreadable'}")
            case Subject.DRIFT:
                pass
    return ", ".join(parts) or "nothing has drifted"


def severity_of(item: Item) -> Severity:
    """How bad it is, as `min_severity` has it; good news is nothing bad."""
    if is_good(item):
        return Severity.INFO
    if item.transition.subject is Subject.DRIFT and item.drift is not None:
        return item.drift.finding.severity
    return severity(item.transition)


def _spread(items: Sequence[Item]) -> str:
    """` in pi5/mealie`, ` on 3 hosts`."""
    places = list(dict.fromkeys(where(item) for item in items))
    hosts = list(dict.fromkeys(item.transition.host for item in items))
    if not places:
        return ""
    if len(places) == 1:
        return f" in {places[0]}"
    return f" on {cut(hosts[0] or 'Git', _NAME)}" if len(hosts) == 1 else f" on {count(len(hosts), 'host')}"


def _fit(head: str, rest: str) -> str:
    return f"{head}: {cut(rest, LONGEST - len(head) - 2)}"
