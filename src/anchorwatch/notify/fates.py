"""Every reason for which somebody is not told of something, or not yet: the words that stand beside a delivery.

They are stored (`Delivery.reason`), shown by `history --deliveries`, and explained in docs/notifications.md; a test holds that
page against this list.
"""

from __future__ import annotations

from enum import StrEnum


class Fate(StrEnum):
    """What becomes of a transition at a destination, beside being told at once."""

    # no news to anybody: it follows from the transition alone, and nothing is stored
    PENDING = "younger than its grace"
    DEPLOYMENT = "gone within its grace: a deployment"
    UNWATCHED = "not watched any more"

    # not yet
    MAY_COME_BACK = "may come back"
    """Good news, which waits for a grace, because what comes back within its grace has not been away."""
    SUMMARY = "summary"
    """It was there already: waits until everything has been looked at."""
    DIGEST = "digest"
    QUIET = "quiet hours"
    RATE = "rate limit"
    HOST_AWAY = "host out of reach"
    SILENCED = "silenced"
    FLAPPING = "flapping"
    AFTER_ANOTHER = "after an earlier message"
    """About the same, which is still under way."""

    # tried, and tried again
    FAILED = "not delivered yet"
    REFUSED = "refused"
    DOUBTFUL = "handed over, and not known to have arrived"

    # never
    NOT_ASKED_FOR = "not asked for"
    MINOR = "below min_severity"
    ELSEWHERE = "meant for others"
    ACCEPTED = "accepted"
    NEVER_TOLD = "never told that it appeared"
    GONE = "gone before it was told"
    BACK = "back before it was told"
    OVERTAKEN = "overtaken by newer news"
    ANOTHER_WORD = "another word for the same"
    """Not running before and after (`exited (1)`, `restarting`), or running and not declared."""
    TOO_MANY = "left out of a long message"
    NO_DESTINATION = "no such destination any more"

    # given up
    GIVEN_UP = "given up after a day"
    REFUSED_FOR_GOOD = "refused for good"


SAID = ", and said"
"""Follows the reason of what was given up, once a later message has said so."""
