"""What is asked of an engine, in which order, for one snapshot.

A list of containers is a moment; the inspections that follow are later ones. Where both disagree (one is gone, has
another name or another state), something is on the move, such as a recreate by `docker compose up`: then the list is read
again, and what it says otherwise is inspected again, so that a container is not held for missing while its successor
stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

from anchorwatch.errors import HostForbidden
from anchorwatch.model.observed import LABEL, Container, Image, Snapshot, familiar
from anchorwatch.observed import failures, translate
from anchorwatch.observed.transport import EngineClient, EngineFailed, NotFound

LISTINGS = 3
"""How often the list is read at most while containers are on the move."""

ALLOW_HINT = (
    "the socket proxy must allow GET of /version, /containers/json and /containers/{id}/json "
    "(CONTAINERS=1); /info, /images/{name}/json, /networks and /volumes make the check complete"
)

_TEMPORARY = re.compile(r"[0-9a-f]{12}_(?=.)")
"""What Compose puts before the name of a container that is to replace another one."""

_REFERENCE = re.compile(r"[a-zA-Z0-9]+(?:[._/:@+-]+[a-zA-Z0-9]+)*")
"""Any spelling of an image reference (distribution `reference/reference.go`), and no path that climbs."""


def take(
    client: EngineClient,
    host: str,
    taken_at: datetime,
    *,
    images_for: Collection[str] = (),
    project: str | None = None,
    names: Collection[str] = (),
) -> Snapshot:
    """The observed state of one host. Raises `HostError`.

    With `project`, of the containers only those of that project, those with one of `names` (or on the way to it), and those
    whose namespaces or volumes they share.
    """
    not_permitted: set[str] = set()

    def optional(kind: str, ask: Callable[[], Any], expected: type) -> Any:
        if kind in not_permitted:
            return None
        try:
            return _of(expected, ask(), client.where, kind)
        except (HostForbidden, NotFound):
            not_permitted.add(kind)
            return None

    try:
        version = client.negotiate()
        containers = _containers(client, _chosen(project, names))
    except HostForbidden as problem:
        raise HostForbidden(problem.message, hint=ALLOW_HINT) from problem
    except NotFound as problem:
        raise failures.not_an_engine(client.where, str(problem)) from problem
    info = optional("info", client.info, dict)
    # where a tag has moved on since a container was made from it, what it points to now is worth knowing too
    named = (*images_for, *(name for one in containers if isinstance(name := one.config.get("Image"), str)))
    images = _images(client, optional, (container.image_id for container in containers), named)
    networks = optional("networks", client.networks, list)
    volumes = optional("volumes", client.volumes, dict)
    return Snapshot(
        host=host,
        taken_at=taken_at,
        engine=translate.engine(version, info, client.agreed),
        containers=containers,
        images=images,
        networks=translate.networks(networks),
        volumes=translate.volumes(volumes),
        not_permitted=frozenset(not_permitted),
    )


Row = dict[str, Any]


def _chosen(project: str | None, names: Collection[str]) -> Callable[[Row], bool]:
    """Which rows of the list a snapshot is about."""
    if project is None:
        return lambda row: True

    def chosen(row: Row) -> bool:
        labels = row.get("Labels")
        if isinstance(labels, dict) and labels.get(f"{LABEL}project") == project:
            return True
        return any(name in names or _TEMPORARY.sub("", name, count=1) in names for name in _names(row))

    return chosen


def _containers(client: EngineClient, chosen: Callable[[Row], bool]) -> tuple[Container, ...]:
    held: dict[str, Container] = {}
    rows: dict[str, Row] = {}

    def settled(identity: str) -> bool:
        """Looks at a container if need be. Whether the list and the inspection agree on it."""
        if identity in held and _agree(held[identity], rows[identity]):
            return True
        try:
            document = client.inspect_container(identity)
        except NotFound:
            held.pop(identity, None)
            return False
        held[identity] = found = translate.container(document)
        if found.id != identity:
            raise failures.not_an_engine(client.where, "it shows another container than it was asked for")
        return _agree(found, rows[identity])

    for _ in range(LISTINGS):
        listed = _of(list, client.containers(all=True), client.where, "its list of containers")
        rows = {_identity(row, client.where): row for row in listed}
        calm = [settled(identity) for identity, row in rows.items() if chosen(row)]
        calm += [settled(identity) for identity in _shared(held.values()) if identity in rows]
        if all(calm):
            break
    return tuple(held[identity] for identity in rows if identity in held)


def _identity(row: Any, where: str) -> str:
    identity = row.get("Id") if isinstance(row, dict) else None
    if isinstance(identity, str) and identity:
        return identity
    raise failures.not_an_engine(where, "it lists a container without an Id")


def _of(expected: type, answer: Any, where: str, what: str) -> Any:
    """`answer`, if it is of the expected type: something else must not pass for "there are none"."""
    if isinstance(answer, expected):
        return answer
    raise failures.not_an_engine(where, f"{what}: {type(answer).__name__} where {expected.__name__} was expected")


def _names(row: Row) -> list[str]:
    names = row.get("Names")
    return [name.removeprefix("/") for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _agree(container: Container, row: Row) -> bool:
    """Whether the list and the inspection show a container at one moment."""
    names, state = _names(row), row.get("State")
    return (not names or container.name in names) and (not isinstance(state, str) or container.state == state)


def _shared(containers: Iterable[Container]) -> set[str]:
    """The containers whose namespaces or volumes these share."""
    found = set()
    for container in containers:
        config = container.host_config
        modes = [config.get(key) for key in ("NetworkMode", "IpcMode", "PidMode")]
        found |= {mode.removeprefix("container:") for mode in modes if isinstance(mode, str) and mode.startswith("container:")}
        sources = config.get("VolumesFrom")
        if isinstance(sources, list):
            found |= {source.partition(":")[0] for source in sources if isinstance(source, str)}
    return found


def _images(
    client: EngineClient, optional: Callable[[str, Callable[[], Any], type], Any], used: Iterable[str], names: Collection[str]
) -> dict[str, Image]:
    """Images by ID: those that containers were made from, and those that `names` point to now. One that is gone is missing."""
    images: dict[str, Image] = {}
    inspect: Callable[[str], Any] = client.inspect_image

    def look(name: str) -> None:
        def ask() -> Any:
            try:
                return inspect(name)
            except (NotFound, EngineFailed):  # a broken image costs what is judged by it, not the host
                return {}

        image = translate.image(optional("images", ask, dict))
        if image.id:
            images[image.id] = image

    for identity in dict.fromkeys(used):
        if identity and identity not in images:
            look(identity)
    spelled = {name for image in images.values() for name in (*image.tags, *image.digests)}
    for name in dict.fromkeys(names):
        if familiar(name) not in spelled and _REFERENCE.fullmatch(name):
            look(name)
    return images
