"""Who made a container, as far as the container itself tells. Pure.

Compose writes into labels where it was run: `project.working_dir` and `project.config_files`. A tool that runs Compose keeps its
stacks in a folder of its own, which so stands on the host's containers though it lies in the tool's container:

| tool | folder or label | source |
|---|---|---|
| Portainer | `/data/compose/<id>`, `…/portainer-compose-unpacker/stacks/<name>` | portainer/portainer#3522, #5810, #6390 |
| Komodo | `/etc/komodo/stacks/<name>`, `/etc/komodo/repos/<name>` | moghtech/komodo: `PERIPHERY_ROOT_DIRECTORY` |
| Dockge | `/opt/stacks/<name>`; people use that folder, too | louislam/dockge: `DOCKGE_STACKS_DIR` |
| Dockhand | `/app/data/stacks/<environment>/<name>`; or Compose reads `-` | Finsys/dockhand#344, #481, #1514 |
| Arcane | `/app/data/projects/<name>` | getarcaneapp/arcane#1422 |
| doco-cd | labels `cd.doco.*` | kimdre/doco-cd `internal/docker/labels.go` |
| Coolify | label `coolify.managed` | coollabsio/coolify |
| CasaOS | `/var/lib/casaos/apps/<name>` | IceWhaleTech/CasaOS-AppManagement: `AppsPath` |
| Dokploy | `/etc/dokploy/compose/<name>` | Dokploy/dokploy |
| Unraid | `/boot/config/plugins/compose.manager/projects/<name>` | its Compose Manager: `Projects Folder` |

Watchtower and its like pull an image and make the container again through the engine's API, from the old one's own definition:
name and labels stay, the image's ID is another one (containrrr/watchtower `pkg/container/client.go`, `StartContainer`). Compose
leaves the ID of the image that it used in the label `image`, so that there the two differ.

Of labels only those of Compose are plain; of others only the names are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anchorwatch.model.cause import Confidence
from anchorwatch.model.observed import LABEL, Container
from anchorwatch.model.timeline import ContainerSeen
from anchorwatch.model.values import JsonObject

_LABELS = {"cd.doco.": "doco-cd", "coolify.managed": "Coolify"}
_FOLDERS = (
    (re.compile(r"^/data/compose/\d+(?:/|$)"), "Portainer"),
    (re.compile(r"(?:^|/)portainer-compose-unpacker(?:/|$)"), "Portainer"),
    (re.compile(r"^/etc/komodo/(?:stacks|repos)/"), "Komodo"),
    (re.compile(r"^/opt/stacks/[^/]+/?$"), "Dockge"),
    (re.compile(r"^/app/data/stacks/"), "Dockhand"),
    (re.compile(r"^/app/data/projects/"), "Arcane"),
    (re.compile(r"^/var/lib/casaos/apps/"), "CasaOS"),
    (re.compile(r"^/etc/dokploy/compose/"), "Dokploy"),
    (re.compile(r"^/boot/config/plugins/compose\.manager/projects/"), "Unraid's Compose Manager"),
)
_SHARED = {"Dockge"}
"""Tools whose folder is used without them, too: it counts only where the tool runs beside it."""

_UPDATERS = {
    "watchtower": "Watchtower",
    "wud": "What's Up Docker",
    "whats-up-docker": "What's Up Docker",
    "ouroboros": "Ouroboros",
    "tugtainer": "Tugtainer",
}
"""Tools that make containers again from a newer image, by the last part of their own image's name."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a container, as a clause that follows on `re-created` or `made`."""

    text: str
    confidence: Confidence
    by: str | None = None
    by_hand: bool = False
    """Made without Compose."""
    evidence: tuple[str, ...] = ()


def origin(container: Container, before: ContainerSeen | None, host: Iterable[Container]) -> Origin:
    """Who made `container`; `before` is the one that it replaces, and `host` are all containers beside it."""
    labels = {name: value for name, value in container.labels.items() if isinstance(value, str)}
    was = _plain_labels(before.configuration.get("Labels")) if before is not None else {}
    images = {_familiar(one) for one in host if one.running}
    for prefix, tool in _LABELS.items():
        found = next((name for name in sorted(container.labels) if name.startswith(prefix)), None)
        if found is not None:
            return Origin(
                f"by {tool} (its label {found} is on the container)", Confidence.CERTAIN, tool, evidence=(f"label {found}",)
            )
    made_from = labels.get(LABEL + "image")
    if made_from and made_from != container.image_id:
        return _outside(container, before, made_from, images)
    if not labels.get(LABEL + "config-hash"):
        text = "without Compose (`docker run`, or a tool that works like it)"
        return Origin(text, Confidence.CERTAIN, by_hand=True, evidence=("no labels of Compose",))
    return _by_compose(container, before, labels, was, images)


def _outside(container: Container, before: ContainerSeen | None, made_from: str, images: set[str]) -> Origin:
    """Compose did not make this container, though it carries its labels."""
    running = sorted({name for image, name in _UPDATERS.items() if image in images})
    evidence = [f"label {LABEL}image {made_from[:19]}, image {container.image_id[:19]}"]
    if before is not None and before.image_id != container.image_id:
        evidence.append("another image than before, the same labels")
    if len(running) == 1:
        text = f"from a newer image by {running[0]}, which runs on this host"
        return Origin(text, Confidence.LIKELY, running[0], evidence=(*evidence, f"{running[0]} runs on this host"))
    text = "from a newer image without Compose, as Watchtower and its like do"
    return Origin(text, Confidence.LIKELY, evidence=tuple(evidence))


def _by_compose(
    container: Container, before: ContainerSeen | None, labels: Mapping[str, str], was: Mapping[str, str], images: set[str]
) -> Origin:
    folder, files = labels.get(LABEL + "project.working_dir", ""), labels.get(LABEL + "project.config_files", "")
    old_folder, old_files = was.get(LABEL + "project.working_dir"), was.get(LABEL + "project.config_files", "")
    version, old_version = labels.get(LABEL + "version"), was.get(LABEL + "version")
    evidence = [f"label {LABEL}project.working_dir {folder}"] if folder else []
    if version and old_version and version != old_version:
        evidence.append(f"Compose {version}, before {old_version}")
    tool = next((name for pattern, name in _FOLDERS if pattern.search(folder) or pattern.search(files)), None)
    moved = old_folder is not None and (folder, files) != (old_folder, old_files)
    if tool is not None and (tool not in _SHARED or tool.casefold() in images):
        text = f"by {tool} (its folder {folder} is in the container's labels)"
        return Origin(text, Confidence.LIKELY, tool, evidence=tuple(evidence))
    if files == "-":
        tool = "Dockhand" if "dockhand" in images else None
        text = f"by {tool or '`docker compose up`'}, with a file from standard input"
        confidence = Confidence.LIKELY if tool else Confidence.CERTAIN
        return Origin(text, confidence, tool, evidence=(*evidence, f"label {LABEL}project.config_files -"))
    if moved:
        place = f"in {folder}, before in {old_folder}" if folder != old_folder else f"with {files}, before with {old_files}"
        return Origin(f"by `docker compose up` {place}", Confidence.CERTAIN, evidence=tuple(evidence))
    place = f" in {folder}" if folder else ""
    if before is None:
        return Origin(f"by `docker compose up`{place}", Confidence.CERTAIN, evidence=tuple(evidence))
    old_hash, new_hash = was.get(LABEL + "config-hash"), container.config_hash
    if old_hash is None or old_hash == new_hash:
        text = f"by `docker compose up`{place}" + (" from another image" if before.image_id != container.image_id else "")
        return Origin(text, Confidence.CERTAIN, evidence=(*evidence, *(["the same config-hash as before"] if old_hash else [])))
    text = f"by `docker compose up`{place}, from another definition than before: other files there, or other variables"
    return Origin(text, Confidence.CERTAIN, evidence=(*evidence, f"config-hash {(new_hash or '')[:12]}, before {old_hash[:12]}"))


def _plain_labels(labels: JsonObject | None) -> dict[str, str]:
    """Out of the database other labels come as fingerprints, which are no text."""
    return {name: value for name, value in (labels or {}).items() if isinstance(value, str)}


def _familiar(container: Container) -> str:
    """The last part of the image's name, without tag and digest: `watchtower` of `containrrr/watchtower:latest`."""
    name = str(container.config.get("Image") or "").partition("@")[0].rpartition("/")[2]
    return name.partition(":")[0].casefold()
