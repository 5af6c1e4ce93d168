"""The report of `check` in Markdown (GitHub's), for an issue comment or a job summary.

Foreign text stands in code spans and code blocks only, where neither markup nor a mention (`@name`) means anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from anchorwatch.model.findings import Finding
from anchorwatch.model.report import CheckReport
from anchorwatch.model.times import timestamp
from anchorwatch.reports.clean import clean, shorten
from anchorwatch.reports.lines import place, plain
from anchorwatch.reports.text import host_lines, remark_lines, summary_lines


def write(report: CheckReport) -> str:
    """A heading that sums up, a table of the drift, the commands that mend it, and the rest as plain text."""
    heading, *blind = plain(summary_lines(report)).splitlines()
    blocks = [f"## {heading}", *(code(line) for line in blind)]
    if report.findings:
        blocks.append("\n".join(_table(report.findings)))
        for host in dict.fromkeys(finding.host for finding in report.findings):
            fixes = dict.fromkeys(finding.fix for finding in report.findings if finding.fix and finding.host == host)
            if fixes:
                blocks += [f"To mend it, on {code(host)}:", fence((clean(fix) for fix in fixes), "sh")]
    rest = [*(line for host in report.hosts for line in host_lines(host, report.stacks, report.findings))]
    rest += remark_lines(report)
    blocks.append(f"<details><summary>Hosts and stacks</summary>\n\n{fence(plain(rest).splitlines(), 'text')}\n\n</details>")
    blocks.append(f"Checked {timestamp(report.checked_at)}" + (f" at {code(report.revision)}" if report.revision else ""))
    return "\n\n".join(blocks) + "\n"


def code(text: str) -> str:
    """`text` as a code span, whatever is in it."""
    text = shorten(text)
    if not text:
        return "(empty)"
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(lines: Iterable[str], language: str) -> str:
    """A code block of `lines`, which are clean."""
    text = "\n".join(lines)
    ticks = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def _table(findings: Iterable[Finding]) -> Iterator[str]:
    yield "| | where | key | Git says | runs |"
    yield "|---|---|---|---|---|"
    for finding in findings:
        cells = (
            str(finding.severity),
            code(place(finding)),
            code(finding.path) if finding.path else finding.kind.value,
            code(finding.desired) if finding.desired is not None else "–",
            code(finding.observed) if finding.observed is not None else "–",
        )
        # a pipe ends a cell even in a code span, unless a backslash stands before it, which is then taken away (GFM, 4.10)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
