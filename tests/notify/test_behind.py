"""How far behind Git something is, from the cause to the message."""

from __future__ import annotations

from typing import Any

import pytest

from anchorwatch.model.cause import Cause, CauseKind, Confidence
from anchorwatch.model.drifts import Side
from anchorwatch.store import Store
from tests.notify.world import World
from tests.store.make import finding

DRIFT = finding("image")


@pytest.mark.parametrize(
    ("behind", "sure", "said"),
    [
        (3, "certain", "behind Git (3 commits when it was found), because of commit 3f2a91c by Anna: update mealie"),
        (3, "likely", "behind Git (3 commits when it was found), probably because of commit 3f2a91c by Anna: update mealie"),
        (1, "certain", "behind Git: commit 3f2a91c by Anna: update mealie"),
        (1, "likely", "behind Git: probably commit 3f2a91c by Anna: update mealie"),
        (None, "certain", "behind Git: commit 3f2a91c by Anna: update mealie"),
    ],
)
def test_a_message_says_how_many_commits_had_not_been_rolled_out(
    file_store: Store, behind: int | None, sure: str, said: str
) -> None:
    world = World(file_store)
    cause = Cause(CauseKind.COMMIT, Confidence(sure), "commit 3f2a91c by Anna: update mealie", behind=behind)
    story: dict[str, Any] = {"sides": {DRIFT.id: Side.GIT}, "causes": {DRIFT.id: cause.as_json()}}
    for seconds in (0, 601, 1300):
        world.look(seconds, DRIFT, **story)
    world.until(1400)
    (sent,) = world.sent
    assert sent.bundle.items[0].commits_behind == behind
    assert f"because: {said}" in sent.message.text.splitlines()
    items = sent.message.fields["items"]
    assert isinstance(items, list)
    assert items[0].get("commits_behind") == behind
