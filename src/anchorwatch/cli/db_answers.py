"""What the verbs of `anchorwatch db` answer: an object for scripts, and lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from anchorwatch.model.times import timestamp
from anchorwatch.reports.lines import Line, Style, count

if TYPE_CHECKING:
    from anchorwatch.store.examination import Examination
    from anchorwatch.store.opening import Opened


def opened_document(opened: Opened) -> dict[str, Any]:
    """What opening the database found and did, for scripts."""
    return {
        "database": opened.name,
        "program": opened.version,
        "revision": opened.revision,
        "new": opened.new,
        "upgraded_from": opened.upgraded_from,
        "backup": None if opened.backup is None else str(opened.backup),
    }


def opened_lines(opened: Opened) -> Iterator[Line]:
    """The same for people."""
    if opened.upgraded_from is not None:
        said = f"was upgraded from revision {opened.upgraded_from} to {opened.revision}"
    else:
        said = f"was made, with revision {opened.revision}" if opened.new else f"has revision {opened.revision}, the newest"
    yield ((Style.GOOD, "✓ "), (Style.NAME, opened.name), (Style.PLAIN, f" {said} ({opened.version})"))
    if opened.backup is not None:
        yield ((Style.QUIET, f"  the copy from before: {opened.backup}"),)


def examined_document(found: Examination) -> dict[str, Any]:
    """What an examination found, for scripts."""
    return {
        "database": found.name,
        "program": found.version,
        "revision": found.revision,
        "created_at": None if found.created_at is None else timestamp(found.created_at),
        "bytes": None if found.size is None else found.size.total,
        "newest_backup": None if found.newest_backup is None else str(found.newest_backup),
        "problems": list(found.problems),
    }


def examined_lines(found: Examination) -> Iterator[Line]:
    """The same for people: a line a problem, and one that sums up."""
    for problem in found.problems:
        yield ((Style.WARNING, "✗ "), (Style.PLAIN, problem))
    if found.problems:
        yield ((Style.WARNING, count(len(found.problems), "problem")), (Style.PLAIN, f" in {found.name}"))
        copy = found.newest_backup
        yield ((Style.QUIET, "there is no copy" if copy is None else f"the newest copy: {copy}"),)
    else:
        size = "" if found.size is None else f", {megabytes(found.size.total)}"
        yield ((Style.GOOD, "✓ "), (Style.NAME, found.name), (Style.PLAIN, f" is sound ({found.version}{size})"))


def pruned_lines(done: Mapping[str, Any]) -> Iterator[Line]:
    """What a prune did, for people."""
    deleted: Mapping[str, int] = done["deleted"]
    sizes = f"{megabytes(done['bytes_before'])} → {megabytes(done['bytes'])}"
    yield ((Style.GOOD, "✓ "), (Style.PLAIN, f"{count(sum(deleted.values()), 'row')} deleted; {sizes}"))
    for table, number in sorted(deleted.items(), key=lambda one: -one[1]):
        yield ((Style.QUIET, f"  {table.replace('_', ' ')}: {number:,}"),)
    if done["left"]:
        left = ", ".join(table.replace("_", " ") for table in done["left"])
        yield ((Style.WARNING, f"✗ somebody else uses these tables, their room is given back by the next prune: {left}"),)
    elif not done["fits"]:
        yield ((Style.WARNING, "✗ it is still larger than it may be: the last day and what is drifted now are kept in any case"),)


def megabytes(amount: int) -> str:
    """`17.2 MB`."""
    return f"{amount / 1e6:,.1f} MB"
