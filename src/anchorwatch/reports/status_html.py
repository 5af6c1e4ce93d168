"""Where things stand as one self-contained page: no script, nothing loaded, readable on a phone and on paper."""

from __future__ import annotations

from datetime import tzinfo

from anchorwatch.model.drifts import DriftState
from anchorwatch.model.log import Standing
from anchorwatch.model.times import lasted, shown, timestamp
from anchorwatch.reports.html import page
from anchorwatch.reports.lines import count, place, plain
from anchorwatch.reports.moment import checked_at, is_stale
from anchorwatch.reports.status import doubt_text, drift_words, is_news, summary_lines, watch_text


def status_page(standing: Standing, zone: tzinfo | None) -> str:
    """The whole page."""
    drifts = standing.drifts
    groups = {
        "Drift": [drift for drift in drifts if is_news(drift)],
        "Pending": [drift for drift in drifts if drift.state is DriftState.PENDING and drift.acceptance is None],
        "Accepted": [drift for drift in drifts if drift.acceptance is not None],
    }
    return page(
        "status.html.j2",
        standing=standing,
        now=timestamp(standing.at),
        shown_now=shown(standing.at, zone),
        looked=checked_at(standing),
        sum=plain(summary_lines(standing, zone)).splitlines(),
        watch=watch_text(standing, zone),
        stale=is_stale(standing),
        groups={title: own for title, own in groups.items() if own},
        words=lambda drift: drift_words(drift, standing, zone),
        doubt=lambda stack: doubt_text(stack, standing.at),
        lasted=lambda moment: lasted((standing.at - moment).total_seconds()),
        shown=lambda moment: shown(moment, zone),
        count=count,
        place=place,
    )
