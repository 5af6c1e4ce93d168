"""How containers were configured at a moment, as people write it: Git's keys with what the container had, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from anchorwatch.compare.held import held, overlaps
from anchorwatch.model.log import Standing
from anchorwatch.model.timeline import ContainerSpan
from anchorwatch.model.times import shown
from anchorwatch.reports.clean import shorten
from anchorwatch.reports.lines import Line, Style, count
from anchorwatch.reports.log import image_of


@dataclass(frozen=True, slots=True)
class Configuration:
    """A container's configuration by the keys of Compose. Not clean."""

    git: Mapping[str, str]
    """What the container had of what Git said."""
    differing: Mapping[str, str | None]
    """What Git said where that was something else; None: nothing."""
    places: Mapping[str, str]
    """Mounts of folders that Git names from its own place: with where they were on the host."""
    beyond: Mapping[str, str]
    """What it had beside that: from its image, by the engine, or by hand. All there is where Git declared no such service."""


def container_lines(standing: Standing, zone: tzinfo | None, *, detailed: bool) -> Iterator[Line]:
    """A line a container, with its configuration below where that is wanted."""
    for one in standing.containers:
        yield _container_line(one, zone)
        if detailed:
            yield from _configuration_lines(configuration_of(one, standing))


def configuration_of(one: ContainerSpan, standing: Standing) -> Configuration:
    """How a container was configured at the moment of `standing`.

    Of a key that Git sets, the value is Git's where the comparison found the container to have it, and may so be shown in clear;
    where it found another, that one. Where nobody compared (`compare/held.py`), and of every other key, it is what the container
    itself shows.
    """
    found = held(one, standing)
    keys = sorted({*found.sure, *found.unsure})
    git = {path: value for path in keys if (value := found.shown(path)) is not None}
    return Configuration(
        git,
        {finding.path: finding.desired for finding in found.findings if finding.path in git},
        {
            path: found.shows[path]
            for path, value in git.items()
            if path in found.shows and path.startswith("volumes.") and value[:1] in {".", "~"}
        },
        {path: value for path, value in found.shows.items() if not overlaps(path, git)},
    )


def _configuration_lines(found: Configuration) -> Iterator[Line]:
    for path, value in found.git.items():
        line: Line = ((Style.PLAIN, f"      {shorten(path)}: {shorten(value, 1000)}"),)
        if path in found.differing:
            said = found.differing[path]
            line = (*line, (Style.WARNING, "  (not in Git)" if said is None else f"  (Git says {shorten(said)})"))
        if path in found.places:
            line = (*line, (Style.QUIET, f"  (there: {shorten(found.places[path].partition(':')[0])})"))
        yield line
    if found.git and found.beyond:
        yield ((Style.QUIET, "      from the image, by the engine or by hand:"),)
    for path, value in found.beyond.items():
        yield ((Style.QUIET, f"      {shorten(path)}: {shorten(value, 1000)}"),)


def _container_line(one: ContainerSpan, zone: tzinfo | None) -> Line:
    seen = one.seen
    facts = [seen.state if seen.state != "exited" else f"exited ({seen.exit_code})"]
    facts += [seen.health] if seen.health else []
    facts += ["killed for want of memory"] if seen.oom_killed else []
    facts += [f"restarted {count(seen.restart_count, 'time')}"] if seen.restart_count else []
    facts.append(image_of(seen) or seen.image_id[:19])
    up = seen.started_at if seen.state == "running" else None
    when = f"up since {shown(up, zone)}" if up is not None else f"since {shown(one.span.valid_from, zone)}"
    return (
        (Style.PLAIN, "  · "),
        (Style.NAME, shorten(f"{one.host} {seen.name}")),
        (Style.PLAIN, f"  {shorten(', '.join(facts))}"),
        (Style.QUIET, f"  {when}"),
    )
