"""Where things stand in Markdown (GitHub's), for an issue, a wiki or a job's summary.

Foreign text stands in code spans and code blocks only, where neither markup nor a mention (`@name`) means anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from anchorwatch.model.log import Standing
from anchorwatch.model.times import shown
from anchorwatch.reports.clean import clean
from anchorwatch.reports.lines import place, plain
from anchorwatch.reports.markdown import code, fence
from anchorwatch.reports.status import cause_text, is_news, side_text, status_lines, summary_lines, watch_text


def status_markdown(standing: Standing, zone: tzinfo | None) -> str:
    """A heading that sums up, a table of the drift, the commands that mend it, and the rest as plain text."""
    heading, *rest = plain(summary_lines(standing, zone)).splitlines()
    blocks = [f"## {heading}", *rest]
    if not standing.watch.running:
        blocks.append(f"**?** {code(watch_text(standing, zone))}")
    if standing.drifts:
        blocks.append("\n".join(_table(standing, zone)))
    for host in dict.fromkeys(drift.finding.host for drift in standing.drifts):
        own = [drift.finding for drift in standing.drifts if drift.finding.host == host and is_news(drift)]
        fixes = dict.fromkeys(finding.fix for finding in own if finding.fix)
        if fixes:
            blocks += [f"To mend it, on {code(host)}:", fence((clean(fix) for fix in fixes), "sh")]
    everything = fence(plain(status_lines(standing, zone)).splitlines(), "text")
    blocks.append(f"<details><summary>Hosts and stacks</summary>\n\n{everything}\n\n</details>")
    return "\n\n".join(blocks) + "\n"


def _table(standing: Standing, zone: tzinfo | None) -> Iterator[str]:
    yield "| | where | key | Git says | runs | since | which side moved |"
    yield "|---|---|---|---|---|---|---|"
    for drift in standing.drifts:
        finding = drift.finding
        state = "accepted" if drift.acceptance is not None else drift.state.value
        cause = cause_text(drift.cause)
        cells = (
            f"{finding.severity}{'' if is_news(drift) else f' ({state})'}",
            code(place(finding)),
            code(finding.path) if finding.path else finding.kind.value,
            code(finding.desired) if finding.desired is not None else "–",
            code(finding.observed) if finding.observed is not None else "–",
            shown(drift.appeared_at, zone, seconds=False),
            side_text(drift) + (f": {code(cause)}" if cause else ""),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
