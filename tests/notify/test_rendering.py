"""What messages say, and that nothing from outside can say anything else in them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.model.drifts import ACCEPTED, Drift, DriftState, Reason, Side, Subject, Transition
from anchorwatch.model.findings import Finding, Kind, Severity
from anchorwatch.model.messages import Bundle, Item, Message, Occasion
from anchorwatch.model.values import JsonObject
from anchorwatch.notify.render import render
from anchorwatch.notify.samples import NOW, bundles
from anchorwatch.notify.times import lasted, moment
from anchorwatch.notify.words import SHOWN, Tongue

HERE = Tongue("https://watch.example/", UTC)


def told(name: str) -> Message:
    return render(bundles()[name], HERE)


# -- a drift -------------------------------------------------------------------------------------------------------------


def test_a_drift_says_what_where_since_when_why_and_how_to_mend_it() -> None:
    message = told("a drift")

    assert message.title == "pi5/mealie mealie: memory limit is 1 GiB, Git says 512 MiB"
    assert message.text.splitlines() == [
        "key: mem_limit",
        "Git says: 512 MiB",
        "host says: 1 GiB",
        "since: 23 Nov 03:41 UTC (12 min ago)",
        "because: `docker update` on the host at 03:41 UTC",
        "more: `anchorwatch show bfa934b6e3b5`",
        "to mend: docker compose -p mealie up -d --force-recreate mealie",
        "",
        "https://watch.example/",
    ]
    assert (message.severity, message.resolved) == (Severity.WARNING, False)


def test_behind_git_says_by_how_much_and_since_which_commit() -> None:
    because = "behind Git (3 commits when it was found), because of commit 3f2a91c by Anna: update mealie to v2.4.0"
    assert f"because: {because}" in told("behind Git").text


def test_a_cause_that_is_not_certain_is_said_so() -> None:
    assert "because: probably killed by the kernel for want of memory" in told("a missing container").text


@pytest.mark.parametrize(
    ("side", "cause", "because"),
    [
        (
            Side.HOST,
            ("recreated", "re-created at 03:41 UTC by Portainer"),
            "changed on the host: re-created at 03:41 UTC by Portainer",
        ),
        (
            Side.HOST,
            ("by-hand", "renamed on the host at 03:41 UTC, from mealie-1"),
            "renamed on the host at 03:41 UTC, from mealie-1",
        ),
        (Side.HOST, ("unknown", "the container is as it was at the last look"), "the container is as it was at the last look"),
        (Side.HOST, ("unknown", "not known: nobody looked"), "changed on the host; why is not known: nobody looked"),
        (Side.HOST, None, "changed on the host"),
        (Side.GIT, ("commit", "commit 3f2a91c by Anna: more"), "behind Git: commit 3f2a91c by Anna: more"),
        (Side.GIT, ("commit", "a commit changed what Git wants"), "a commit changed what Git wants"),
        (Side.GIT, None, "behind Git"),
    ],
)
def test_the_side_is_said_once(side: Side, cause: tuple[str, str] | None, because: str) -> None:
    (item,) = bundles()["a drift"].items
    assert item.drift is not None
    told = None if cause is None else {"kind": cause[0], "confidence": "certain", "text": cause[1]}
    of = replace(item, drift=replace(item.drift, side=side, cause=told))
    of = replace(of, transition=replace(item.transition, side=side, cause=told))
    text = render(replace(bundles()["a drift"], items=(of,)), HERE).text
    assert f"because: {because}\n" in text


@pytest.mark.parametrize(
    ("name", "places", "title"),
    [
        ("one of two in no stack", ["media", None], "proxmox: 2 drifts"),
        ("two in two stacks", ["media", "paperless"], "proxmox: 2 drifts in 2 stacks"),
        ("two in no stack", [None, None], "proxmox: 2 drifts"),
        ("two in one stack", ["media", "media"], "proxmox/media: 2 drifts"),
    ],
)
def test_a_title_counts_stacks_only_where_everything_is_in_one(name: str, places: list[str | None], title: str) -> None:
    items = []
    for number, stack in enumerate(places):
        finding = Finding(
            host="proxmox", stack=stack, project=stack, service=f"s{number}" if stack else None, container=f"c{number}",
            kind=Kind.MISSING if stack else Kind.UNMANAGED, message=f"c{number} does not run", observed="exited (1)",
        )  # fmt: skip
        drift = Drift(finding, DriftState.OPEN, NOW, NOW)
        reason = Reason.GRACE_OVER.value
        items.append(Item(Transition(Subject.DRIFT, NOW, "pending", "open", reason, "proxmox", stack, drift.id), drift))
    assert render(replace(bundles()["a drift"], items=tuple(items)), HERE).title == title


def test_many_are_a_line_each_with_a_command_only_where_one_mends_them_all() -> None:
    items = []
    for number in range(12):
        (item,) = bundles()["a missing container"].items
        assert item.drift is not None
        stack = "media" if number < 6 else "paperless"
        fix = f"docker compose -p media up -d s{number}" if number < 6 else "docker compose -p paperless up -d"
        of = replace(
            item.drift.finding, stack=stack, service=f"s{number}", message=f"s{number} does not run: exited (1)", fix=fix
        )
        drift = replace(item.drift, finding=of)
        items.append(replace(item, drift=drift, transition=replace(item.transition, stack=stack, drift=drift.id)))
    message = render(replace(bundles()["a missing container"], items=tuple(items), left_out=30), HERE)
    assert message.title == "proxmox: 12 drifts in 2 stacks, 30 more"
    assert message.text.splitlines()[:8] == [
        "proxmox/media", *(f"✗ s{number} does not run: exited (1)" for number in range(6)), ""
    ]  # fmt: skip
    assert [line for line in message.text.splitlines() if "to mend" in line] == ["  to mend: docker compose -p paperless up -d"]
    assert "30 more do not fit in here" in message.text


def test_what_brought_several_about_is_said_with_the_last_of_a_container() -> None:
    first, second, third = bundles()["several in a stack"].items
    assert third.drift is not None
    other = replace(third, drift=replace(third.drift, finding=replace(third.drift.finding, service="other", container="other")))

    def because(*items: Item) -> list[bool]:
        text = render(replace(bundles()["several in a stack"], items=items), HERE).text
        return ["because: changed on the host: re-created at 03:41" in part for part in text.split("\n\n")[: len(items)]]

    assert because(first, second, third) == [False, False, True]
    assert because(first, second, other) == [False, True, True]


def test_the_host_is_said_though_a_container_begins_like_it() -> None:
    gone, stray, *_ = bundles()["several places"].items
    assert stray.drift is not None
    finding = replace(stray.drift.finding, host="pi", container="pihole", message="pihole runs, Git does not declare it")
    on_pi = replace(stray, drift=replace(stray.drift, finding=finding), transition=replace(stray.transition, host="pi"))
    message = render(replace(bundles()["several places"], items=(gone, on_pi)), HERE)
    assert "\npi\n✗ pihole runs, Git does not declare it" in message.text
    assert "**pi**" in message.markdown


def test_an_empty_value_is_not_one_that_is_not_set() -> None:
    (item,) = bundles()["a drift"].items
    assert item.drift is not None
    empty = replace(item.drift.finding, path="environment.A", desired="", observed=None)
    text = render(replace(bundles()["a drift"], items=(replace(item, drift=replace(item.drift, finding=empty)),)), HERE).text
    assert "Git says: (empty)\nhost says: not set\n" in text


def test_a_drift_that_the_database_has_no_more_is_told_by_what_its_transition_knows() -> None:
    (item,) = bundles()["a drift"].items
    forgotten = replace(item, drift=None, transition=replace(item.transition, desired=None, observed=""))
    message = render(replace(bundles()["a drift"], items=(forgotten,)), HERE)
    assert message.title.endswith("Git says not set, the host (empty)")


def test_why_it_was_accepted_tells_no_secret() -> None:
    """A reason is what somebody typed: `see https://admin:hunter2@git.lan/issue/7`."""
    (item,) = bundles()["no longer accepted"].items
    reason = "see https://admin:hunter2@git.lan/issue/7"
    accepted = {**(item.transition.cause or {})[ACCEPTED], "reason": reason}
    cause = {**(item.transition.cause or {}), ACCEPTED: accepted}
    told_of = replace(item, transition=replace(item.transition, cause=cause))
    message = render(replace(bundles()["no longer accepted"], items=(told_of,)), HERE)
    assert "accepted: until 23 Nov 03:53 UTC (see https://" in message.text
    assert "hunter2" not in message.text + message.markdown + message.html + json.dumps(message.fields)


def test_one_that_does_not_fit_and_one_that_was_lost() -> None:
    text = render(replace(bundles()["a drift"], left_out=1, lost=1), HERE).text
    assert "1 more does not fit in here" in text
    assert "1 earlier message could not be delivered here and was given up" in text


FORBIDDEN = {"class": "forbidden", "message": "tcp://pi5:2375 does not permit its events to be heard", "hint": None}
SILENT = {"class": "timeout", "message": "no answer from ssh://pi5 within 10 s", "hint": None}


@pytest.mark.parametrize(
    ("states", "cause", "title", "says", "severity"),
    [
        (("ok", "unreachable"), SILENT, "pi5: out of reach", "✗ pi5 cannot be asked", Severity.CRITICAL),
        (
            ("ok", "limited"),
            FORBIDDEN,
            "pi5: not everything may be asked",
            "✗ pi5 does not permit everything any more",
            Severity.WARNING,
        ),
        (
            ("ok", "limited"),
            None,  # something is refused to a look itself
            "pi5: not everything may be asked",
            "✗ pi5 does not permit everything any more",
            Severity.WARNING,
        ),
        (("ok", "limited"), SILENT, "pi5: its events do not come", "✗ pi5 answers, but its events do not come", Severity.WARNING),
        (
            ("limited", "ok"),
            None,
            "pi5: everything can be asked again after 12 min",
            "✓ pi5 tells everything again",
            Severity.INFO,
        ),
        (
            ("unreachable", "limited"),
            FORBIDDEN,
            "pi5: back after 12 min, and not everything may be asked",
            "✓ pi5 is back after 12 min, and does not permit everything",
            Severity.INFO,
        ),
        (
            ("unreachable", "limited"),
            SILENT,
            "pi5: back after 12 min, and its events do not come",
            "✓ pi5 is back after 12 min, but its events do not come",
            Severity.INFO,
        ),
    ],
)
def test_how_a_host_can_be_asked(
    states: tuple[str, str], cause: JsonObject | None, title: str, says: str, severity: Severity
) -> None:
    (item,) = bundles()["a host out of reach"].items
    reason = "host limited" if states == ("ok", "limited") else "host unreachable" if states[1] == "unreachable" else "host back"
    since_at = NOW - timedelta(minutes=12)
    moved = replace(item.transition, from_state=states[0], to_state=states[1], reason=reason, since_at=since_at, cause=cause)
    message = render(replace(bundles()["a host out of reach"], items=(replace(item, transition=moved),)), HERE)
    assert (message.title, message.severity) == (title, severity)
    assert says in message.text
    assert ("permit" in message.text) is ("permit" in says)
    several = render(replace(bundles()["a digest"], items=(*bundles()["a digest"].items, replace(item, transition=moved))), HERE)
    word = "limited" if states == ("ok", "limited") else "out of reach" if states[1] == "unreachable" else "back"
    assert f"1 host {word}" in several.title


def test_resolved_says_how_long_it_lasted_and_what_ended_it() -> None:
    message = told("resolved")

    assert message.title == "pi5/mealie: mealie mem_limit resolved after 2 h 5 min"
    assert "it was: memory limit is 1 GiB, Git says 512 MiB" in message.text
    assert "ended: mended on the host" in message.text
    assert message.resolved


def test_no_link_without_a_base_url() -> None:
    message = render(bundles()["a drift"], Tongue(zone=UTC))
    assert "http" not in message.text + message.markdown
    assert "href" not in message.html


# -- several -------------------------------------------------------------------------------------------------------------


def test_thirty_are_grouped_the_worst_first_and_the_rest_is_counted() -> None:
    message = told("thirty at once")

    assert message.title == "proxmox: 30 drifts (1 critical) in 3 stacks"
    shown = [line for line in message.text.splitlines() if line.startswith("✗")]
    more = [int(each) for each in re.findall(r"… and (\d+) more in proxmox/", message.text)]
    assert len(shown) == SHOWN
    assert len(shown) + sum(more) == 30
    assert message.text.splitlines()[:2] == [
        "proxmox/paperless",
        "✗ service-2: memory limit is 1 GiB, Git says 512 MiB (critical)",
    ]
    assert message.text.count("to mend: ") == 3  # one command a stack


def test_a_host_that_is_gone_says_why_and_what_is_frozen() -> None:
    message = told("a host out of reach")

    assert message.title == "pi5: out of reach"
    assert "7 drifts are frozen on pi5" in message.text
    assert "because: nobody listens at tcp://192.168.1.30:2376" in message.text


def test_a_host_that_is_back_says_what_changed_meanwhile() -> None:
    message = told("a host back")

    assert message.title == "pi5: back after 12 min, 1 drift, 1 resolved"
    assert message.text.startswith("✓ pi5 is back after 12 min\n")
    assert "✗ web does not run: exited (137)" in message.text


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("a test", "anchorwatch: a test message"),
        ("several in a stack", "pi5/mealie: 3 drifts (1 critical)"),
        ("several places", "proxmox, pi5: 3 drifts, 1 resolved"),
        ("a stack that cannot be read", "pi5/mealie: cannot be read"),
        ("a stack that can be read again", "pi5/mealie: can be read again after 18 min"),
        ("the repo that cannot be read", "Git: the repo cannot be read"),
        ("the first summary", "Summary: 5 drifts (1 critical) on 2 hosts"),
        ("a digest", "Digest: 2 drifts, 1 resolved on 2 hosts"),
        ("flapping", "proxmox/media: jellyfin comes and goes"),
        ("held back", "Held back: 2 drifts on 2 hosts"),
        ("no longer accepted", "pi5/mealie mealie: no longer accepted: memory limit is 1 GiB, Git says 512 MiB"),
        ("calm again", "proxmox/media: jellyfin has calmed and is resolved"),
        ("calm, and still drifted", "proxmox/media: jellyfin has calmed, still drifted: jellyfin does not run: exited (137)"),
    ],
)
def test_titles(name: str, title: str) -> None:
    assert told(name).title == title


def test_a_word_on_what_else_there_was() -> None:
    text = told("with a word on others").text

    assert text.startswith("Possible repeat: ")
    assert "12 more do not fit in here" in text
    assert "3 earlier messages could not be delivered here" in text


def test_the_same_bundle_gives_the_same_message() -> None:
    for bundle in bundles().values():
        assert render(bundle, HERE) == render(bundle, HERE)


def test_the_end_of_a_drift_is_in_the_thread_of_its_beginning() -> None:
    beginning, end = told("several in a stack"), told("resolved")
    assert set(end.thread.split()) < set(beginning.thread.split())


def test_the_fields_are_json_and_name_every_item() -> None:
    for bundle in bundles().values():
        fields = json.loads(json.dumps(render(bundle, HERE).fields))
        assert fields["id"] == bundle.id
        assert len(fields["items"]) == len(bundle.items)


# -- whatever comes from outside -----------------------------------------------------------------------------------------

NAMES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<script>alert(1)</script>", "a\r\nBcc: eve@x.example", "**bold**", "[x](https://evil.example)", "`tick",
            "\u202egnp.exe", "\x1b[31mred", "</td></table>", "&lt;b&gt;", "@everyone", "|a|b|", "{{ 7 * 7 }}", "\ud800",
            "x" * 400, "# h", "- [ ] x",
        ]
    ),
)  # fmt: skip


@st.composite
def _bundles(draw: st.DrawFn) -> Bundle:
    items = []
    for _ in range(draw(st.integers(1, 8))):
        finding = Finding(
            host=draw(NAMES), stack=draw(st.none() | NAMES), project=draw(NAMES), service=draw(st.none() | NAMES),
            container=draw(NAMES), kind=draw(st.sampled_from(Kind)), path=draw(st.none() | NAMES), message=draw(NAMES),
            desired=draw(st.none() | NAMES), observed=draw(st.none() | NAMES), fix=draw(st.none() | NAMES),
            severity=draw(st.sampled_from(Severity)),
        )  # fmt: skip
        state = draw(st.sampled_from([DriftState.OPEN, DriftState.RESOLVED]))
        began = NOW - timedelta(seconds=draw(st.integers(0, 10**7)))
        cause = {"text": draw(NAMES), "confidence": draw(st.sampled_from(["certain", "likely", "unknown"]))}
        drift = Drift(finding, state, began, began, side=draw(st.sampled_from(Side)), cause=cause)
        reason = draw(st.sampled_from(Reason))
        transition = Transition(
            Subject.DRIFT, NOW, "open", state.value, reason.value, finding.host, finding.stack, drift.id, began, side=drift.side
        )
        if draw(st.booleans()):
            cause = {"class": "x", "message": draw(NAMES), "hint": draw(NAMES)}
            host = draw(st.none() | NAMES)
            transition = Transition(
                draw(st.sampled_from([Subject.HOST, Subject.STACK, Subject.REPO])),
                NOW,
                None,
                draw(st.sampled_from(["ok", "unknown", "unreachable", "limited"])),
                reason.value,
                host,
                None if host is None else draw(NAMES),
                cause=cause,
            )
        items.append(
            Item(transition, drift if transition.subject is Subject.DRIFT else None, commits_behind=draw(st.none() | st.just(3)))
        )
    return Bundle("id", draw(NAMES), draw(NAMES), draw(st.sampled_from(Occasion)), NOW, tuple(items))


class _Tags(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name == "href"}


_OURS = {"html", "head", "meta", "style", "body", "table", "tr", "td", "div", "span", "b", "a", "br", "code"}
_ATTRIBUTES = {
    "lang", "charset", "name", "content", "class", "style", "role", "width", "cellpadding", "cellspacing", "border", "href",
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(_bundles())
def test_nothing_from_outside_becomes_markup_or_breaks_a_line(bundle: Bundle) -> None:
    message = render(bundle, HERE)

    assert message.title.isprintable()
    assert len(message.title) <= 140
    for text in (message.text, message.markdown, message.html):
        text.encode()
        odd = {letter for letter in text if letter != "\n" and unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
        assert not odd
    page = _Tags()
    page.feed(message.html)
    assert page.tags <= _OURS
    assert page.attributes <= _ATTRIBUTES
    assert set(page.links) <= {"https://watch.example/"}
    json.dumps(message.fields).encode()


@settings(deadline=None)
@given(st.text(alphabet="ab*_[]()<>`\\~|&;# !-", max_size=30))
def test_markdown_from_outside_stays_text(name: str) -> None:
    """As Apprise's own CommonMark reader sees it: no emphasis, no link, no tag of theirs."""
    from apprise import conversion

    convert: Callable[[str, str, str], str] = conversion.convert_between
    finding = replace(_FINDING, message=f"x{name}")
    page = _Tags()
    page.feed(convert("markdown", "html", render(_one(finding), Tongue(zone=UTC)).markdown))
    assert page.tags <= {"p", "ul", "li", "code", "pre", "br"}


_FINDING = Finding("pi5", Kind.UNMANAGED, "x runs", container="x")


def _one(finding: Finding) -> Bundle:
    drift = Drift(finding, DriftState.OPEN, NOW, NOW)
    transition = Transition(Subject.DRIFT, NOW, "pending", "open", "grace over", "pi5", None, drift.id, NOW)
    return Bundle("id", "chat", "", Occasion.NEWS, NOW, (Item(transition, drift), Item(transition, drift)))


def test_credentials_in_what_others_wrote_are_in_no_form_of_a_message() -> None:
    """In an error of a host or a repo, and in the subject of a commit."""
    canary = "kAnArIeNvOgEl7731xyz"
    bundle = bundles()["several places"]
    refused = {"class": "refused", "message": f"cannot reach https://user:{canary}@git.example/x.git", "hint": f"token={canary}"}
    host = Transition(Subject.HOST, NOW, "ok", "unreachable", Reason.HOST_UNREACHABLE, "pi5", cause=refused)
    stack = replace(host, subject=Subject.STACK, stack="mealie", to_state="unreadable")
    commit = {"text": f"commit 3f2a91c by Anna: set PASSWORD={canary}", "confidence": "certain", "by": "Anna", "commit": None}
    told = bundle.items[0]
    assert told.drift is not None
    told = replace(told, drift=replace(told.drift, cause=commit))

    message = render(replace(bundle, items=(Item(host), Item(stack), told)), HERE)

    assert "commit 3f2a91c by Anna" in message.text
    assert canary not in repr(message)


# -- times ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (7500, "2 h 5 min"),
        (86400, "1 d"), (273_600, "3 d 4 h"), (400 * 86400, "400 d"),
    ],
)  # fmt: skip
def test_how_long(seconds: float, words: str) -> None:
    assert lasted(timedelta(seconds=seconds)) == words


def test_when() -> None:
    from zoneinfo import ZoneInfo

    at = datetime(2026, 3, 5, 23, 7, tzinfo=UTC)
    assert moment(at, at, UTC) == "5 Mar 23:07 UTC"
    assert moment(at, at.replace(year=2027), UTC) == "5 Mar 2026 23:07 UTC"
    assert moment(at, at, ZoneInfo("Europe/Berlin")) == "6 Mar 00:07 CET"
