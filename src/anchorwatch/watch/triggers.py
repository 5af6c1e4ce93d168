"""What happened → which keys to check, and a reason to show. Pure.

An event is a hint: nothing is concluded from it but where to look. So whatever is not known to mean nothing is looked at, actions
of later engines included. Of an event only Type, Action, the actor's ID and name are read; labels are copied over the engine's
own attributes, and an action may carry a command line behind a colon (moby `daemon/events.go`, `daemon/health.go`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState, ProjectKey
from anchorwatch.model.drifts import NO_PROJECT
from anchorwatch.model.observed import LABEL
from anchorwatch.model.values import JsonObject
from anchorwatch.watch.belongings import Belongings

TYPES = ("container", "network", "volume", "daemon")
"""What to ask an engine for. An image that is pulled, tagged or removed changes no container."""

MEANINGLESS = frozenset(
    {
        "archive-path", "attach", "commit", "copy", "detach", "exec_create", "exec_detach", "exec_die", "exec_start", "export",
        "extract-to-dir", "health_status", "prune", "resize", "top",
    }
)  # fmt: skip
"""Actions on a container that change nothing of it. `prune` comes after a `destroy` for each container."""

MEANINGFUL = frozenset(
    {
        "checkpoint", "connect", "create", "destroy", "die", "disconnect", "kill", "oom", "pause", "prune", "reload", "remove",
        "rename", "restart", "start", "stop", "unpause", "update",
    }
)  # fmt: skip
"""Actions on these types that may change something, of engines up to `KNOWN_API`: what to ask those for."""

KNOWN_API = (1, 55)
"""The newest version of the API whose actions are all known (moby `api/types/events` of Docker 29.0; the API's version history
names no other since). A later engine is asked for every action, so that none is missed that only it has."""

_MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Hint:
    """Where to look, and why."""

    keys: frozenset[ProjectKey]
    reason: str
    """`die mealie`."""


def of_event(event: JsonObject, known: Belongings) -> Hint | None:
    """What an event of `GET /events` hints at; None for nothing. An event that is not shaped like one is nothing too."""
    kind, action, actor = event.get("Type"), event.get("Action"), event.get("Actor")
    if not isinstance(kind, str) or not isinstance(action, str) or not isinstance(actor, Mapping):
        return None
    attributes = actor.get("Attributes")
    found = _Event(
        action.partition(":")[0].strip(),
        str(actor.get("ID") or ""),
        {str(name): value for name, value in attributes.items() if isinstance(value, str)}
        if isinstance(attributes, Mapping)
        else {},
    )
    match kind:
        case "container":
            keys = _of_container(found, known)
        case "network":
            keys = _of_network(found, known)
        case "volume":
            keys = _of_volume(found, known)
        case "daemon":
            keys = known.keys
        case _:
            keys = frozenset()
    return Hint(keys, found.shown(kind)) if keys else None


def of_commit(before: DesiredState, after: DesiredState) -> Hint | None:
    """What a new desired state hints at: the stacks that it wants otherwise, those that came, and those that are gone."""
    was, now = _by_key(before), _by_key(after)
    keys = frozenset(key for key in was.keys() | now.keys() if was.get(key) != now.get(key))
    if before.ignore != after.ignore:  # what the repo itself has ignored: it may be anywhere
        keys = frozenset(was.keys() | now.keys()).union(ProjectKey(key.host, NO_PROJECT) for key in was.keys() | now.keys())
    if after.revision != before.revision:
        reason = f"commit {(after.revision or '')[:12]}".rstrip()
    else:
        reason = "values outside Git" if after.revision else "files of the repo"
    return Hint(keys, reason) if keys else None


@dataclass(frozen=True, slots=True)
class _Event:
    action: str
    id: str
    attributes: Mapping[str, str]

    def shown(self, kind: str) -> str:
        name = self.attributes.get("name") or (self.id if kind == "volume" else self.id[:12])
        return f"{self.action} {name[:_MAX_NAME]}" if kind == "container" else f"{kind} {self.action} {name[:_MAX_NAME]}"


def _of_container(event: _Event, known: Belongings) -> frozenset[ProjectKey]:
    """Whose label it carries, and who had claimed it: a container may be renamed, or be claimed by its name alone."""
    if event.action in MEANINGLESS:
        return frozenset()
    names = {event.id, event.attributes.get("name", ""), event.attributes.get("oldName", "").removeprefix("/")}
    own = ProjectKey(known.host, event.attributes.get(LABEL + "project") or NO_PROJECT)
    return frozenset({own}).union(*(known.containers.get(name, frozenset()) for name in names))


def _of_network(event: _Event, known: Belongings) -> frozenset[ProjectKey]:
    """Whose container was connected; else who uses a network of that name. One that is not known belongs to no project."""
    if event.action == "prune":
        return known.keys
    container = event.attributes.get("container", "")
    if container in known.containers:
        return known.containers[container]
    return known.networks.get(event.attributes.get("name", ""), frozenset())


def _of_volume(event: _Event, known: Belongings) -> frozenset[ProjectKey]:
    """Who uses a volume of that name. Engine 20.10 says of a `volume prune` nothing else."""
    if event.action == "prune":
        return known.keys
    return frozenset() if event.action in {"mount", "unmount"} else known.volumes.get(event.id, frozenset())


def _by_key(state: DesiredState) -> dict[ProjectKey, DesiredProject | BrokenStack]:
    found: dict[ProjectKey, DesiredProject | BrokenStack] = {project.key: project for project in state.projects}
    for broken in state.broken:
        if broken.project is not None:
            found[ProjectKey(broken.stack.host, broken.project)] = broken
    return found
