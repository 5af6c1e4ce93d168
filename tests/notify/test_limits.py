"""Fitting a message to a service, and taking the bells off it: properties that hold for any names and any limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anchorwatch.notify.limits import Limits, cut, disarmed, fit, joined, size

NAMES = st.text(alphabet=st.sampled_from("@＠<>!&#*_`~[]()|\\ -abEVERYONEhere0.:/é🔴\u200b"), max_size=40)
PIECES = st.lists(st.tuples(st.text(min_size=1, max_size=200), st.integers(0, 5), st.booleans()), max_size=12)

# what each service's own documentation says a mention looks like
MENTIONS = {
    "Discord, everybody": re.compile(r"@(everyone|here)"),
    "Discord, a user, a role, a channel": re.compile(r"<(@[!&]?|#)\d+>"),
    "Slack": re.compile(r"<[!@#][^>\s]"),
    "Mattermost and Rocket.Chat": re.compile(r"(?<![\w.-])@(all|channel|here|[a-z][\w.-]*)", re.IGNORECASE),
    "Matrix": re.compile(r"@room"),
    "Telegram": re.compile(r"(?<!\w)@[A-Za-z]\w{3,}"),
    "Teams": re.compile(r"<at>"),
}


@pytest.mark.parametrize(
    "name",
    [
        "@everyone", "x@everyone", "@here", "<@123>", "<@!123>", "<@&99>", "<#42>", "<!channel>", "<!here|x>", "<@U024BE7LH>",
        "@channel", "@all", "@room", "@anna", "(@anna)", "<at>Anna</at>", "＠everyone", "web-@EVERYONE-1", "a,@here",
    ],
)  # fmt: skip
def test_no_mention_rings(name: str) -> None:
    for service, mention in MENTIONS.items():
        assert not mention.search(disarmed(name)), service
    assert disarmed(name).replace("\u200b", "") == name


@given(NAMES)
@example("@<@@everyone")
def test_no_mention_rings_whatever_stands_around_it(name: str) -> None:
    for service, mention in MENTIONS.items():
        assert not mention.search(disarmed(name)), service


@pytest.mark.parametrize(
    "text", ["ssh://admin@pi5", "ghcr.io/mealie@sha256:9f86d081884c", "a < b", "docker exec web cat < /dev/null", "me @ home"]
)
def test_what_is_no_mention_stays_as_it_is(text: str) -> None:
    assert disarmed(text) == text


@settings(max_examples=300)
@given(
    title=st.text(min_size=1, max_size=140),
    pieces=PIECES,
    body=st.integers(1, 3000),
    titles=st.integers(0, 300),
    together=st.booleans(),
)
def test_the_summary_is_whole_and_the_limits_hold(
    title: str, pieces: list[tuple[str, int, bool]], body: int, titles: int, together: bool
) -> None:
    shown, text = fit(title, title, pieces, Limits(body, titles, together))

    assert size(shown) <= titles
    assert size(text) + (size(shown) if together else 0) <= max(body, size(shown))
    room = body - (size(shown) + 2 if together and shown else 0)
    if shown != title and size(title) + 60 <= room:
        assert text.startswith(title)


@given(pieces=PIECES, body=st.integers(300, 3000))
def test_what_is_left_out_is_counted(pieces: list[tuple[str, int, bool]], body: int) -> None:
    pieces = [(f"{place}:{text.replace('…', '.')}", things, tight) for place, (text, things, tight) in enumerate(pieces)]
    _, text = fit("title", "title", pieces, Limits(body, 250))

    whole = joined([(each, tight) for each, _, tight in pieces])
    if size(whole) <= body:
        assert text == whole
        return
    said = re.search(r"… and (\d+) more$", text)
    # the last one shown may be shown in part, and then counts as shown
    missing = [things for place, (each, things, _) in enumerate(pieces) if f"{place}:" not in text]
    assert (int(said[1]) if said else 0) == sum(missing)


@given(st.text(), st.integers(0, 50))
def test_a_cut_is_no_longer_than_it_may_be_and_breaks_no_letter(text: str, room: int) -> None:
    short = cut(text, room)

    assert size(short) <= room
    assert short == text or text.startswith(short.removesuffix("…"))
