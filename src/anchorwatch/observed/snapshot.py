"""What is asked of an engine, in which order, for one snapshot.

A list of containers is a moment; the inspections that follow are later ones. Where both disagree (one is gone, has
another name or another state), something is on the move, such as a recreate by `docker compose up`: then the list is read
again, and what it says otherwise is inspected again, so that a container is not held for missing while its successor
stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from anchorwatch.errors import HostForbidden
from anchorwatch.model.observed import Container, Image, Renewal, Snapshot, familiar
from anchorwatch.observed import answers, failures, rows, translate
from anchorwatch.observed.answers import EngineFailed, NotFound
from anchorwatch.observed.rows import Row
from anchorwatch.observed.transport import EngineClient

LISTINGS = 3
"""How often the list is read at most while containers are on the move."""

ALLOW_HINT = (
    "the socket proxy must allow GET of /version, /containers/json and /containers/{id}/json "
    "(CONTAINERS=1); /info, /images/{name}/json, /networks and /volumes make the check complete"
)

_REFERENCE = re.compile(r"[a-zA-Z0-9]+(?:[._/:@+-]+[a-zA-Z0-9]+)*")
"""Any spelling of an image reference (distribution `reference/reference.go`), and no path that climbs."""

T = TypeVar("T")


def take(
    client: EngineClient, host: str, taken_at: datetime, *, images_for: Collection[str] = (), renew: Renewal | None = None
) -> Snapshot:
    """The observed state of one host. Raises `HostError`.

    With `renew`, which needs a client that has taken a snapshot before, what still holds of the earlier one is not asked again.
    """
    earlier = None if renew is None else renew.earlier
    not_permitted = set(() if earlier is None else earlier.not_permitted)

    def optional(kind: str, ask: Callable[[], Any], expected: type) -> Any:
        if kind in not_permitted:
            return None
        try:
            return _of(expected, ask(), client.where, kind)
        except (HostForbidden, NotFound):
            not_permitted.add(kind)
            return None

    try:
        version = client.negotiate() if earlier is None else None
        containers, listed, told = _containers(client, renew)
    except HostForbidden as problem:
        raise HostForbidden(problem.message, hint=ALLOW_HINT) from problem
    except NotFound as problem:
        raise failures.not_an_engine(client.where, str(problem)) from problem
    engine = translate.engine(version, optional("info", client.info, dict), client.agreed) if earlier is None else earlier.engine
    # where a tag has moved on since a container was made from it, what it points to now is worth knowing too
    named = dict.fromkeys((*images_for, *filter(None, map(_image_name, containers))))
    images, pointed = (None if earlier is None else _images_of(earlier, containers, named)) or _images(
        client, optional, dict.fromkeys(container.image_id for container in containers), named
    )
    if renew is None or renew.resources or _elsewhere(containers, renew.earlier):
        networks = translate.networks(optional("networks", client.networks, list))
        volumes = translate.volumes(optional("volumes", client.volumes, dict))
    else:
        networks, volumes = renew.earlier.networks, renew.earlier.volumes
    return Snapshot(
        host=host,
        taken_at=taken_at,
        engine=engine,
        containers=containers,
        images=images if earlier is None else _either(earlier.images, images),
        networks=networks if earlier is None else _either(earlier.networks, networks),
        volumes=volumes if earlier is None else _either(earlier.volumes, volumes),
        not_permitted=frozenset(not_permitted),
        listed=listed,
        told=told,
        pointed=pointed,
    )


def _either(known: T, found: T) -> T:
    """What was found; where it is what was known, that one: to compare an object with itself costs nothing."""
    return known if known == found else found


def _containers(client: EngineClient, renew: Renewal | None) -> tuple[tuple[Container, ...], dict[str, int], dict[str, int]]:
    """All containers, in the order of the list, the marks of their rows, and those of what was told of each."""
    known: Mapping[str, Container] = {} if renew is None else renew.earlier.by_id
    told_then: Mapping[str, int] = {} if renew is None else renew.earlier.told
    told: dict[str, int] = dict(told_then)
    held: dict[str, Container | None] = {}
    listed: dict[str, Row] = {}
    marks: dict[str, int] = {}

    def settled(identity: str) -> bool:
        """Looks at a container if need be. Whether the list and the inspection agree on it."""
        row, seen = listed[identity], held.get(identity)
        if seen is not None and rows.agree(seen, row):
            return True
        if renew is not None and identity not in held and rows.still(row, marks[identity], identity, renew) is not None:
            return True
        held[identity] = None
        try:
            body = client.container(identity)
        except NotFound:
            return False
        before, mark = known.get(identity), hash(body)
        if before is not None and told_then.get(identity) == mark:  # word for word what it told then
            found = before
        else:
            found = translate.container(answers.parsed(body, client.where))
            if found.id != identity:
                raise failures.not_an_engine(client.where, "it shows another container than it was asked for")
            found = _either(before or found, found)
        held[identity], told[identity] = found, mark
        return rows.agree(found, row)

    for _ in range(LISTINGS):
        listed, others = _listed(client, renew)
        marks = {identity: rows.mark(row) for identity, row in listed.items()}
        calm = [settled(identity) for identity in listed]
        if all(calm):
            break
    found = {identity: one for identity in listed if (one := held.get(identity, known.get(identity))) is not None}
    if renew is not None and others:  # in the order of the whole list, which begins with the newest one
        new = {identity: one for identity, one in found.items() if identity not in known}
        found |= others
        found = new | {identity: found[identity] for identity in known if identity in found}
        marks = {**renew.earlier.listed, **marks}
    return tuple(found.values()), {one: marks[one] for one in found}, {one: told[one] for one in found}


def _listed(client: EngineClient, renew: Renewal | None) -> tuple[dict[str, Row], Mapping[str, Container]]:
    """The rows of the list, and the containers that are none of its concern, by ID."""

    def asked(project: str | None) -> dict[str, Row]:
        answer = _of(list, client.containers(project), client.where, "its list of containers")
        return {_identity(row, client.where): row for row in answer}

    if renew is None or not renew.alone or not renew.project:
        return asked(None), {}
    others = {one.id: one for one in renew.earlier.containers if one.project != renew.project}
    if any(rows.called(one.id, [one.name], renew) for one in others.values()):
        return asked(None), {}
    listed = asked(renew.project)
    return (listed, others) if renew.touched <= listed.keys() else (asked(None), {})


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


def _image_name(container: Container) -> str | None:
    name = container.config.get("Image")
    return name if isinstance(name, str) else None


def _elsewhere(containers: Iterable[Container], earlier: Snapshot) -> bool:
    """Whether one that is not as it was is in a network, or has a volume, that is not known though it could be."""
    networks = {name for network in earlier.networks for name in (network.id, network.name)}
    volumes = {volume.name for volume in earlier.volumes}
    for container in containers:
        if earlier.by_id.get(container.id) is container:
            continue
        ids = {identity for one in container.networks.values() if isinstance(identity := one.get("NetworkID"), str) and identity}
        if "networks" not in earlier.not_permitted and not ids | container.networks.keys() <= networks:
            return True
        mounted = {name for one in container.mounts.values() if isinstance(name := one.get("Name"), str) and name}
        if "volumes" not in earlier.not_permitted and not mounted <= volumes:
            return True
    return False


_Images = tuple[Mapping[str, Image], Mapping[str, str | None]]
"""Images by ID, and the ID that each name points to, as far as it was asked about."""


def _images_of(earlier: Snapshot, containers: Collection[Container], named: Collection[str]) -> _Images | None:
    """What the earlier snapshot knows of images, as far as it is still of use; None where it does not know enough.

    A container that was made since tells what its image's name pointed to then. Where that is something else than before, a tag
    has moved: what one image has gained another one has lost.
    """
    pointed = earlier.pointed
    if not pointed.keys() >= set(named):
        return None
    if any(pointed.get(_image_name(one) or "") != one.image_id for one in containers if one.id not in earlier.by_id):
        return None
    pointed = {name: pointed[name] for name in named}
    of_use = {*pointed.values(), *(container.image_id for container in containers)}
    return {identity: image for identity, image in earlier.images.items() if identity in of_use}, pointed


def _images(
    client: EngineClient, optional: Callable[[str, Callable[[], Any], type], Any], used: Iterable[str], named: Iterable[str]
) -> _Images:
    """The images that containers were made from, and those that names point to now. One that is gone is missing."""
    images: dict[str, Image] = {}

    def look(name: str) -> str | None:
        def ask() -> Any:
            try:
                return client.image(name)
            except (NotFound, EngineFailed):  # a broken image costs what is judged by it, not the host
                return {}

        image = translate.image(optional("images", ask, dict))
        if image.id:
            images[image.id] = image
        return image.id or None

    for identity in used:
        if identity and identity not in images:
            look(identity)
    spelled = {name: image.id for image in images.values() for name in (*image.tags, *image.digests)}
    pointed = {name: spelled.get(familiar(name)) or (look(name) if _REFERENCE.fullmatch(name) else None) for name in named}
    return images, pointed
