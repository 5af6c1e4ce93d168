"""From differences to findings: which of them are drift, which are notes, and which cannot be judged.

A difference that an engine's default would explain is resolved in this order: a matching config hash proves that the
file has not changed, so the engine filled it in; else the other containers of the host show the same, or show that it
is no default; else the definition that it was made from tells, where that is known, or the hash of the present one with the key
put back; else it is not judged, and said so. A matching hash silences such doubts only: it never replaces the comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from anchorwatch.compare import mend
from anchorwatch.compare.config_hash import same_compose
from anchorwatch.compare.deployed import Deployed
from anchorwatch.compare.difference import UNREADABLE, Difference, Rule
from anchorwatch.compare.pair import Pair
from anchorwatch.compare.put_back import TRIES, before, has_spellings
from anchorwatch.compare.rules import RULES
from anchorwatch.compare.rules.mounts import Mount, wanted_mounts
from anchorwatch.compare.severity import severity
from anchorwatch.compare.wording import both_shown, sentence
from anchorwatch.model.desired import UnknownValue
from anchorwatch.model.findings import OTHER_SPELLING, Finding, Kind, Note, place_of, takes_in
from anchorwatch.model.observed import LABEL
from anchorwatch.model.settings import Policy
from anchorwatch.model.values import Template, holds_secret

DOUBTFUL = "it may be the engine's default: no other container of the host tells"
_CARRIED = "Compose may have carried it over: the definition that the container was made from cannot be told"


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one pair."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    unknown: tuple[UnknownValue, ...] = ()
    unseen: tuple[UnknownValue, ...] = ()
    """What could not be looked at this time, and is nobody's concern: see `Difference.unseen`."""
    proved: bool = False
    """Whether the config hash says that the container was made from the definition as we see it, with every value."""
    doubtful: bool = False
    """Whether the definition that the container was made from, which is an earlier one, could tell more."""


def judge(pair: Pair, policy: Policy, command: Sequence[str]) -> Judged:
    """Every rule over one pair. `command` is the `docker compose` command that fixes begin with."""
    findings: list[Finding] = []
    notes: list[Note] = []
    unknown: list[UnknownValue] = []
    unseen: list[UnknownValue] = []
    service = pair.service.name
    tries = iter(range(TRIES))
    then = Deployed(pair.deployed) if pair.deployed is not None else None
    doubtful = False
    for found in _differences(pair, unknown, unseen):
        if found.unseen is not None:
            unseen.append(UnknownValue(service, found.path, found.unseen))
            continue
        if found.note is not None:
            notes.append(Note(service, found.path, found.note))
            continue
        try:
            reason = _doubt(pair, found)
            doubted = bool(reason) or (found.carried and not pair.hash_matches)
            named = reason is None and has_spellings(found) and found.want in (None, 0)
            path = _path_before(pair, then, found, doubted, tries) if doubted or named else None
            doubtful |= (doubted or named) and path is None
            if reason is None or path is not None:
                findings.append(_finding(pair, replace(found, path=path or found.path), policy, command))
            elif doubted and then is not None and then.left_open(found):
                continue
            elif reason:
                unknown.append(UnknownValue(service, found.path, reason))
            elif doubted:
                unseen.append(UnknownValue(service, found.path, _CARRIED))
        except UNREADABLE as error:
            unknown.append(not_understood(service, found.path, error))
    if not findings and not any(entry.because == DOUBTFUL for entry in unknown):
        notes.extend(_unseen_change(pair))
    notes.extend(_newer_files(pair))
    doubtful = doubtful and then is None and pair.container.config_hash is not None and not pair.hash_matches
    proved = pair.hash_matches is True
    return Judged(_one_a_place(findings), tuple(notes), tuple(unknown), tuple(unseen), proved, doubtful)


def _path_before(pair: Pair, then: Deployed | None, found: Difference, doubted: bool, tries: Iterator[object]) -> str | None:
    """The path at which the definition that the container was made from had what only the container has now."""
    if found.want not in (None, 0) and not found.carried:
        return None
    if then is None:
        return before(pair, found, tries)
    return then.said(found) if not doubted or then.agrees(found) else None


def _differences(pair: Pair, unknown: list[UnknownValue], unseen: list[UnknownValue]) -> Iterator[Difference]:
    for rule in RULES:
        try:
            yield from rule.differences(pair)
        except UNREADABLE as error:
            first, *others = (not_understood(pair.service.name, key, error) for key in _paths(rule))
            unknown.append(first)
            unseen += others  # one line is enough for people


def _paths(rule: Rule) -> Iterable[str]:
    """The paths that a rule speaks of: its keys as far as they are names."""
    return dict.fromkeys(key.partition("[")[0].partition(".*")[0] for key in rule.keys) or (rule.name,)


def not_understood(service: str | None, path: str, error: Exception) -> UnknownValue:
    """What is said of a key in a form that nobody foresaw."""
    return UnknownValue(service, path, f"the engine or Compose shows a form that is not understood ({type(error).__name__})")


def _doubt(pair: Pair, found: Difference) -> str | None:
    """Why a difference is no finding: "" where it is explained, a reason where it cannot be judged, None where it is drift."""
    if _hangs_on_unknown(pair, found):
        return ""
    if found.carried and pair.container.config_hash is not None:
        return ""
    if found.default is not None:
        if pair.hash_matches:
            return ""
        shows = pair.host.default_shows(*found.default, but=pair.container)
        if shows is None:
            return DOUBTFUL
        return "" if shows else None
    return "" if found.unjudged and pair.hash_matches else found.unjudged


def _hangs_on_unknown(pair: Pair, found: Difference) -> bool:
    """Whether the key hangs on something unset; where a literal piece around it differs it is drift all the same."""
    if isinstance(found.want, Template) or pair.hash_matches:
        return False
    want, have = found.want, found.have
    if (
        isinstance(want, list)
        and isinstance(have, list)
        and len(want) == len(have)
        and any(isinstance(one, Template) for one in want)
    ):
        return False  # an unknown piece agrees with anything, so it is another one that differs
    other = OTHER_SPELLING.get(found.path)
    return any(covers(entry.path, found) or entry.path == other for entry in pair.service.unknown)


def covers(unknown: str, found: Difference) -> bool:
    """Whether an unknown path covers a difference: itself, what is below it, and a whole key that it is a part of.

    One with `*` stands for names that Git does not set (`environment.*`, `labels.traefik.http.routers.*.rule`).
    """
    if "*" in unknown:
        return found.want is None and fnmatchcase(found.path, unknown)
    return takes_in(unknown, found.path)


def _finding(pair: Pair, found: Difference, policy: Policy, command: Sequence[str]) -> Finding:
    want, have = both_shown(found, veiled=_computed_from_secrets(pair, found))
    force = mend.needs_force(found.path, pair.hash_matches)
    words = ("--force-recreate", pair.service.name) if force else (pair.service.name,)
    return Finding(
        host=pair.host.snapshot.host,
        kind=Kind.CHANGED,
        message=sentence(found.path, want, have),
        severity=severity(found, policy.severity),
        stack=pair.project.stack.name,
        project=pair.project.name,
        service=pair.service.name,
        container=pair.container.name,
        number=pair.container.number,
        path=found.path,
        desired=want,
        observed=have,
        fix=mend.up(command, *words) if pair.container.is_replica else mend.replace_by(command, pair.container, *words),
    )


def _one_a_place(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for each place, so that no two have one ID: a config that is mounted elsewhere (`configs.app`) may share the
    place `/app` with a volume, or be mounted twice. Both sides of all of them are told."""
    found: dict[str, Finding] = {}
    for one in findings:
        key = place_of(one.path or "")
        found[key] = _joined(found[key], one) if key in found else one
    return tuple(found.values())


def _joined(one: Finding, other: Finding) -> Finding:
    want, have = (
        ", ".join(dict.fromkeys(text for text in texts if text is not None)) or None
        for texts in ((one.desired, other.desired), (one.observed, other.observed))
    )
    message = sentence(one.path or "", want, have)
    return replace(one, message=message, desired=want, observed=have, severity=max(one.severity, other.severity))


_COMPUTED = frozenset(
    {
        "blkio_config",
        "cap_add",
        "cap_drop",
        "cgroup",
        "device_cgroup_rules",
        "devices",
        "dns",
        "dns_opt",
        "dns_search",
        "expose",
        "extra_hosts",
        "group_add",
        "ipc",
        "networks",
        "pid",
        "ports",
        "security_opt",
        "storage_opt",
        "sysctls",
        "tmpfs",
        "userns_mode",
    }
)
"""The keys whose rules open texts (`Pair.opened`) and compute with them: what they want no longer tells what was veiled."""


def _computed_from_secrets(pair: Pair, found: Difference) -> bool:
    """Whether what is wanted was made of texts from outside Git: then neither side may be shown."""
    if isinstance(found.want, Mount):
        return holds_secret(found.want.source)
    key = found.path.partition(".")[0]
    return key in _COMPUTED and not isinstance(found.want, bool | int | float) and holds_secret(pair.wanted.get(key))


def _unseen_change(pair: Pair) -> Iterator[Note]:
    """Only a hash by the same version of Compose says that the definition differs; another version may hash other fields."""
    made_by = pair.container.labels.get(LABEL + "version")
    tells = same_compose(made_by, pair.project.compose_version) and not pair.service.unknown
    if tells and pair.hash_matches is False:
        text = "its definition changed since the deployment, in a field that Docker does not show"
        yield Note(pair.service.name, None, text)


def _newer_files(pair: Pair) -> Iterator[Note]:
    started = pair.container.started_at
    if not pair.project.changed_files or started is None or not pair.container.running:
        return
    committed = {str(pair.locate(path)): when for path, when in pair.project.changed_files.items()}
    for path, mount in wanted_mounts(pair).values():
        when = committed.get(str(mount.source))
        if when is not None and datetime.fromisoformat(when) > started:
            text = f"{mount.source} was committed after the container started: it may run with the old file"
            yield Note(pair.service.name, path, text)
