"""From a `Resolution` to the `DesiredProject` that is compared: values put back in, secrets wrapped, unknown keys named. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anchorwatch.desired.interpolation import Use, split
from anchorwatch.desired.outside import Outside
from anchorwatch.desired.project_name import normalised
from anchorwatch.desired.resolution import OF_THE_DEPLOYER, Resolution, Resolved, StandIn
from anchorwatch.desired.restore import Restoring, joined, read_output, shows_plainly, value_from
from anchorwatch.desired.veil import Veil
from anchorwatch.errors import StackError
from anchorwatch.model.desired import HOME_DIR, PROJECT_DIR, DesiredProject, DesiredService, Stack, UnknownValue
from anchorwatch.model.secrecy import guarded, guarded_words
from anchorwatch.model.values import Json, Secret, Template, Unknown

_SECTIONS = ("networks", "volumes", "configs", "secrets")
_FREE_TEXTS = frozenset(
    {"healthcheck", "logging", "build", "storage_opt", "deploy", "develop", "post_start", "pre_stop", "provider"}
)
"""Keys of a service, besides environment, labels and commands, below which people write what they like."""
_OPTIONS = ("labels", "driver_opts")
"""Keys within a service's other keys below which they do, too."""
_NAMES_OF_THINGS = ("name", "file", "driver", "source", "target")


@dataclass(slots=True)
class _Tree:
    """Compose's model with its leaves restored."""

    name: str
    services: dict[str, dict[str, Json]]
    sections: dict[str, dict[str, dict[str, Json]]]
    restoring: Restoring


def make_project(stack: Stack, resolved: Resolved, outside: Outside, revision: str | None = None) -> DesiredProject:
    """The project that the stack should be. Raises StackError where Compose's answer makes no sense."""
    resolution = resolved.resolution
    tree = _restored(resolution, resolved.real, outside)
    unknown = dict(tree.restoring.unknown)
    for service, path, variable in resolution.marks:
        unknown.setdefault((service, str(path)), StandIn(str(variable), outside=False))
    active = _active_profiles(resolution, outside)
    env_names = set(resolution.env_names)
    veil = Veil(resolution.veiled)
    services = {}
    for name, config in tree.services.items():
        told = [(path, stand_in) for (service, path), stand_in in unknown.items() if service == name]
        reasons = [UnknownValue(name, path, _because(stand_in, resolution, outside)) for path, stand_in in told]
        for (service, section), number in tree.restoring.env_files.items():
            if service == name:
                reasons.append(UnknownValue(name, f"{section}.*", f"{resolution.env_files[number]}"))
        for path, _ in told:
            _drop_marked(config, path, resolution, name)
        reasons += _of_other_sections(name, config, unknown, resolution, outside)
        profiles = config.get("profiles") or []
        services[name] = DesiredService(
            name=name,
            config=veil.over(_guarded_service(config, env_names)),
            unknown=tuple(dict.fromkeys(reasons)),
            enabled=not profiles or "*" in active or not active.isdisjoint(profiles),
            label_files=tuple(posixpath.join(PROJECT_DIR, path) for path in resolution.label_files.get(name, ())),
        )
    return DesiredProject(
        stack=stack,
        name=tree.name,
        revision=revision,
        services=services,
        networks={name: veil.over(_guarded(config)) for name, config in tree.sections["networks"].items()},
        volumes={name: veil.over(_guarded(config)) for name, config in tree.sections["volumes"].items()},
        configs={name: veil.over(_guarded(_without_content(config))) for name, config in tree.sections["configs"].items()},
        secrets={name: veil.over(_guarded(config)) for name, config in tree.sections["secrets"].items()},
        compose_version=resolution.compose,
        unknown=tuple(
            UnknownValue(None, path, _because(stand_in, resolution, outside))
            for (service, path), stand_in in unknown.items()
            if service is None
        ),
        called=_called(resolution.name) if resolution.name else None,
    )


def _called(raw: str) -> Template:
    """What a `name:` tells of a project's name. Where a variable before it is blank, a `-` would begin the name and goes too."""
    parts: list[str | Secret | Unknown] = []
    begun = False
    for piece in split(raw):
        if isinstance(piece, Use):
            parts.append(Unknown(piece.name))
            continue
        text = normalised(f"x{piece}")[1:] if begun else normalised(piece)
        begun = begun or bool(text)
        parts.append(text)
    made = joined(parts)
    return made if isinstance(made, Template) else Template((made,))


def gives_the_same(resolution: Resolution, real: str, outside: Outside) -> bool:
    """Whether the values from outside, put in for their stand-ins, give what Compose itself makes of them (`real`)."""
    substituted = _read(resolution, resolution.out, outside, keep_outside=True)
    truth = _read(resolution, real, outside, keep_outside=False)
    return (
        _opened(substituted.services) == _opened(truth.services)
        and _opened(substituted.sections) == _opened(truth.sections)
        and substituted.name == truth.name
    )


# -- leaves ---------------------------------------------------------------------------------------------------------------


def _restored(resolution: Resolution, real: str | None, outside: Outside) -> _Tree:
    if real is None:
        return _read(resolution, resolution.out, outside, keep_outside=True)
    truth = _read(resolution, real, outside, keep_outside=False)
    values = [value for name in resolution.given if (value := outside.values.get(name))]
    values += [value for file in outside.opened.values() for value in file.values() if value]
    like: _Tree | None = _read(resolution, resolution.out, outside, keep_outside=True) if resolution.out else None
    for name, config in truth.services.items():
        truth.services[name] = _merged(like.services.get(name) if like else None, config, "", values)
    for section, found in truth.sections.items():
        for name, config in found.items():
            found[name] = _merged(like.sections[section].get(name) if like else None, config, "", values)
    return truth


def _read(resolution: Resolution, out: str, outside: Outside, *, keep_outside: bool) -> _Tree:
    try:
        document = read_output(out, root=resolution.root, folder=resolution.folder, home=resolution.home)
    except (ValueError, RecursionError) as error:
        message = f"Compose printed something else than JSON: {error}"
        raise StackError("resolver", message, hint="try another version of Compose") from None
    found = {literal: s for literal, s in resolution.stand_ins.items() if keep_outside or not s.outside}
    restoring = Restoring(found, resolution.letters, value_from(outside.values, outside.opened, resolution.scopes))
    restoring.home = outside.values.get("HOME")
    services = document.get("services") or {}
    return _Tree(
        name=str(document.get("name") or ""),
        services={name: restoring.service(name, config or {}) for name, config in services.items()},
        sections={
            section: {name: restoring.top(section, name, config) for name, config in (document.get(section) or {}).items()}
            for section in _SECTIONS
        },
        restoring=restoring,
    )


def _merged(like: Any, truth: Any, last: str, values: list[str]) -> Any:
    """The true leaf, as secret as the restored one is, or as the values in it make it."""
    if isinstance(truth, dict):
        of = like if isinstance(like, dict) else {}
        return {key: _merged(of.get(key), below, key, values) for key, below in truth.items()}
    if isinstance(truth, list):
        alike: list[Any] = like if isinstance(like, list) and len(like) == len(truth) else [None] * len(truth)
        return [_merged(one, other, last, values) for one, other in zip(alike, truth, strict=True)]
    if like is not None and _opened(like) == _opened(truth):
        return like
    if isinstance(truth, str):
        plain = shows_plainly(last) or truth.startswith((PROJECT_DIR, HOME_DIR))
        shows = any(value == truth or (len(value) > 3 and value in truth) for value in values)
        return Secret(truth) if shows and not plain else truth
    if isinstance(truth, Template):
        return joined([Secret(part) if isinstance(part, str) else part for part in truth.parts])
    return truth


def _opened(value: Any) -> Any:
    """The value with secrets laid open, to be compared."""
    if isinstance(value, dict):
        return {key: _opened(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_opened(item) for item in value]
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Template):
        made = joined([part.reveal() if isinstance(part, Secret) else part for part in value.parts])
        return made.parts if isinstance(made, Template) else made
    return value


# -- secrets --------------------------------------------------------------------------------------------------------------


def _guarded_service(config: Mapping[str, Json], env_names: set[str]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for key, value in config.items():
        if key in ("environment", "labels", "annotations") and isinstance(value, dict):
            made[key] = {name: _guarded(below, name) for name, below in value.items()}
            if key == "environment":
                for name in env_names & made[key].keys():
                    made[key][name] = _hidden(made[key][name])
        elif key in ("command", "entrypoint") and isinstance(value, list):
            made[key] = guarded_words(value)
        else:
            made[key] = _guarded(value) if key in _FREE_TEXTS else _guarded_options(value)
    return made


def _guarded_options(value: Any) -> Any:
    """The options and labels of mounts and networks."""
    if isinstance(value, dict):
        return {key: _guarded(below) if key in _OPTIONS else _guarded_options(below) for key, below in value.items()}
    return [_guarded_options(item) for item in value] if isinstance(value, list) else value


def _without_content(config: Mapping[str, Json]) -> dict[str, Json]:
    """A config whose text, which may hold passwords in any syntax, is hidden whole."""
    return {key: _hidden(value) if key == "content" else value for key, value in config.items()}


def _guarded(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return value if value.startswith((PROJECT_DIR, HOME_DIR)) else guarded(name, value)
    if isinstance(value, dict):
        return {key: _guarded(below, "" if key in _NAMES_OF_THINGS else str(key)) for key, below in value.items()}
    if isinstance(value, list):
        words = all(isinstance(item, str | Secret | Template) for item in value)
        return guarded_words(value) if words else [_guarded(item) for item in value]
    if isinstance(value, Template) and name:
        return _hidden(value) if isinstance(guarded(name, "x"), Secret) else value
    return value


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return Secret(value) if value else value
    if isinstance(value, Template):
        return joined([Secret(part) if isinstance(part, str) else part for part in value.parts])
    return value


# -- what is unknown ------------------------------------------------------------------------------------------------------


def _because(stand_in: StandIn, resolution: Resolution, outside: Outside) -> str:
    name = stand_in.variable
    if stand_in.because:
        return stand_in.because
    if name in OF_THE_DEPLOYER:
        return f"{name} is set nowhere: the shell of whoever deployed sets it"
    there = resolution.looked_at.get(resolution.dotenv) is not None
    looked = f"not in {resolution.dotenv}" if there else f"looked for in {resolution.dotenv}, which is not in the repo"
    where = "; ".join([looked, *outside.problems])
    encrypted = f"; {', '.join(resolution.encrypted)} is encrypted" if resolution.encrypted else ""
    return f"{name} is set nowhere ({where}{encrypted})"


def _active_profiles(resolution: Resolution, outside: Outside) -> set[str]:
    told = outside.values.get("COMPOSE_PROFILES", resolution.profiles)
    return {profile.strip() for profile in told.split(",") if profile.strip()}


def _drop_marked(config: dict[str, Any], path: str, resolution: Resolution, service: str) -> None:
    """Take away what stands at a marked key: something valid, but nothing that Git says."""
    if not any(mark[0] == service and mark[1] == path for mark in resolution.marks) or "*" in path:
        return
    at: Any = config
    *way, last = path.split(".")
    for key in way:
        at = at.get(key) if isinstance(at, dict) else None
    if isinstance(at, dict) and not any(isinstance(part, Unknown) for part in getattr(at.get(last), "parts", ())):
        at.pop(last, None)


def _of_other_sections(
    service: str,
    config: Mapping[str, Any],
    unknown: Mapping[tuple[str | None, str], StandIn],
    resolution: Resolution,
    outside: Outside,
) -> Iterator[UnknownValue]:
    """A network or volume whose name is not known makes the keys that use it unknown."""
    for section, name, path in _uses(config):
        stand_in = unknown.get((None, f"{section}.{name}.name"))
        if stand_in is not None:
            yield UnknownValue(service, path, _because(stand_in, resolution, outside))
            if section == "networks":
                yield UnknownValue(service, "networks.*", _because(stand_in, resolution, outside))


def _uses(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in config.get("networks") or ():
        yield "networks", str(name), f"networks.{name}"
    for volume in config.get("volumes") or ():
        if isinstance(volume, dict) and volume.get("type") == "volume" and isinstance(volume.get("source"), str):
            yield "volumes", volume["source"], f"volumes.{volume.get('target')}"
