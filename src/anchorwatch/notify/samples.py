"""One bundle of every sort: templates are tried on them at the start, the docs show them, and `notify test` sends the first.

Names and values are made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from anchorwatch.model.drifts import ACCEPTED, Acceptance, Drift, DriftState, Reason, Side, Subject, Transition
from anchorwatch.model.findings import Finding, Kind, Severity
from anchorwatch.model.messages import Bundle, Item, Occasion

NOW = datetime(2026, 11, 23, 3, 53, 20, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 8, tzinfo=UTC)
"""When a digest is due."""

_MEMORY = Finding(
    host="pi5",
    stack="mealie",
    project="mealie",
    service="mealie",
    container="mealie",
    kind=Kind.CHANGED,
    path="mem_limit",
    desired="512 MiB",
    observed="1 GiB",
    message="memory limit is 1 GiB, Git says 512 MiB",
    fix="docker compose -p mealie up -d --force-recreate mealie",
)
_IMAGE = replace(
    _MEMORY,
    path="image",
    desired="ghcr.io/mealie-recipes/mealie:v2.4.0",
    observed="ghcr.io/mealie-recipes/mealie:v2.3.0",
    message="image is ghcr.io/mealie-recipes/mealie:v2.3.0, Git says ghcr.io/mealie-recipes/mealie:v2.4.0",
    fix="docker compose -p mealie up -d mealie",
)
_PRIVILEGED = replace(
    _MEMORY,
    path="privileged",
    desired="false",
    observed="true",
    severity=Severity.CRITICAL,
    message="privileged is true, Git says false",
)
_LABEL = replace(
    _MEMORY,
    path="labels.traefik.enable",
    desired=None,
    observed="true",
    severity=Severity.INFO,
    message="label traefik.enable is true, Git does not set it",
)
_GONE = Finding(
    host="proxmox",
    stack="media",
    project="media",
    service="jellyfin",
    container="jellyfin",
    kind=Kind.MISSING,
    desired="running",
    observed="exited (137)",
    message="jellyfin does not run: exited (137)",
    fix="docker compose -p media up -d jellyfin",
)
_STRAY = Finding(
    host="proxmox",
    container="watchtower",
    kind=Kind.UNMANAGED,
    observed="running",
    message="watchtower runs, Git does not declare it",
    fix="docker stop watchtower",
)
_BY_HAND = {
    "kind": "docker-update",
    "confidence": "certain",
    "text": "`docker update` on the host at 03:41 UTC",
    "by": None,
    "commit": None,
    "evidence": ["event update mealie"],
}
_FROM_ELSEWHERE = {
    "kind": "recreated",
    "confidence": "certain",
    "text": "re-created at 03:41 UTC by `docker compose up` in /root/mealie, before in /opt/stacks/mealie",
    "by": None,
    "commit": None,
    "evidence": ["event create", "label com.docker.compose.project.working_dir /root/mealie"],
}
_OUT_OF_MEMORY = {
    "kind": "oom",
    "confidence": "likely",
    "text": "killed by the kernel for want of memory at 03:51 UTC, at a limit of 512 MiB",
    "by": None,
    "commit": None,
    "evidence": ["event oom jellyfin", "event die jellyfin (137)"],
}
_COMMIT = {
    "kind": "commit",
    "confidence": "certain",
    "text": "commit 3f2a91c by Anna: update mealie to v2.4.0",
    "by": "Anna",
    "commit": "3f2a91c0c4e1a7d2b58f60d9e3471b2ac95d8e07",
    "evidence": [],
}
_REFUSED = {"class": "refused", "message": "nobody listens at tcp://192.168.1.30:2376", "hint": "is the engine running?"}
_NO_REPO = {
    "class": "repo_unreachable",
    "message": "https://git.example/homelab.git cannot be fetched: connection refused",
    "hint": "is the forge running?",
}
_BAD_YAML = {
    "class": "bad_yaml",
    "message": "pi5/mealie/compose.yml:14: a tab where blanks are expected",
    "hint": "indent with blanks",
}


def bundles() -> Mapping[str, Bundle]:
    """A bundle of every sort, by what it shows."""
    memory = _opened(_MEMORY, 12, Side.HOST, _BY_HAND)
    image = replace(_opened(_IMAGE, 47, Side.GIT, _COMMIT), commits_behind=3)
    gone = _opened(_GONE, 2, Side.HOST, _OUT_OF_MEMORY)
    stray = _opened(_STRAY, 9, Side.HOST, None)
    changed = [_opened(one, 12, Side.HOST, _FROM_ELSEWHERE) for one in (_PRIVILEGED, _MEMORY, _LABEL)]
    lost, back = _host("pi5", "unreachable", 0, frozen=7), _host("pi5", "ok", 12)
    return {
        "a test": _bundle(Occasion.TEST),
        "a drift": _bundle(Occasion.NEWS, memory),
        "behind Git": _bundle(Occasion.NEWS, image),
        "a missing container": _bundle(Occasion.NEWS, gone),
        "several in a stack": _bundle(Occasion.NEWS, *changed),
        "several places": _bundle(Occasion.NEWS, gone, stray, memory, _resolved(_LABEL, 95, Reason.MENDED)),
        "resolved": _bundle(Occasion.NEWS, _resolved(_MEMORY, 125, Reason.MENDED)),
        "a host out of reach": _bundle(Occasion.NEWS, lost),
        "a host back": _bundle(Occasion.NEWS, back, gone_on_pi5(), _resolved(_MEMORY, 125, Reason.MENDED)),
        "a stack that cannot be read": _bundle(Occasion.NEWS, _sight(Subject.STACK, "unknown", _BAD_YAML)),
        "a stack that can be read again": _bundle(Occasion.NEWS, _sight(Subject.STACK, "in_sync", None)),
        "the repo that cannot be read": _bundle(Occasion.NEWS, _sight(Subject.REPO, "unreadable", _NO_REPO)),
        "the first summary": _bundle(Occasion.SUMMARY, *(_found(item) for item in (changed[0], memory, image, gone, stray))),
        "a digest": replace(_bundle(Occasion.DIGEST, gone, image, _resolved(_MEMORY, 125, Reason.ADOPTED)), at=MORNING),
        "held back": replace(_bundle(Occasion.BACKLOG, gone, image), at=MORNING),
        "no longer accepted": _bundle(Occasion.NEWS, _unaccepted(memory)),
        "a reminder": _bundle(Occasion.REMINDER, image),
        "flapping": _bundle(Occasion.FLAPPING, replace(gone, times=14)),
        "calm again": _bundle(Occasion.FLAPPING, _resolved(_GONE, 61, Reason.MENDED)),
        "calm, and still drifted": _bundle(Occasion.FLAPPING, gone),
        "with a word on others": replace(_bundle(Occasion.NEWS, memory), left_out=12, lost=3, repeat=True),
        "thirty at once": _bundle(Occasion.NEWS, *_many()),
    }


def gone_on_pi5() -> Item:
    """A container that ended while its host was out of reach."""
    return _opened(
        replace(
            _GONE,
            host="pi5",
            stack="paperless",
            project="paperless",
            service="web",
            container="web-1",
            message="web does not run: exited (137)",
            fix="docker compose -p paperless up -d web",
        ),
        3,
        Side.HOST,
        None,
    )


def _many() -> list[Item]:
    stacks = ("media", "paperless", "monitoring")
    return [
        _opened(
            replace(
                _MEMORY,
                host="proxmox",
                stack=stacks[place % 3],
                project=stacks[place % 3],
                service=f"service-{place // 3 + 1}",
                container=f"service-{place // 3 + 1}",
                severity=Severity.CRITICAL if place == 4 else Severity.WARNING,
                fix=f"docker compose -p {stacks[place % 3]} up -d",
            ),
            12,
            Side.HOST,
            None,
        )
        for place in range(30)
    ]


def _bundle(occasion: Occasion, *items: Item) -> Bundle:
    return Bundle("01JD9Z6M3V", "mail", "", occasion, NOW, items)


def _opened(finding: Finding, minutes: int, side: Side, cause: Mapping[str, object] | None) -> Item:
    began = NOW - timedelta(minutes=minutes)
    drift = Drift(finding, DriftState.OPEN, began, began, opened_at=NOW, side=side, cause=cause)
    return Item(_transition(drift, "pending", "open", Reason.GRACE_OVER, began), drift)


def _resolved(finding: Finding, minutes: int, reason: Reason) -> Item:
    began = NOW - timedelta(minutes=minutes)
    drift = Drift(finding, DriftState.RESOLVED, began, NOW, opened_at=began, resolved_at=NOW, side=Side.HOST)
    return Item(_transition(drift, "open", "resolved", reason, began), drift)


def _unaccepted(item: Item) -> Item:
    """What somebody had accepted until now."""
    accepted = Acceptance(NOW - timedelta(days=30), item.transition.observed, NOW, "until the new disk is here")
    cause = {**(item.transition.cause or {}), ACCEPTED: accepted.document}
    return replace(item, transition=replace(item.transition, from_state="open", reason=Reason.ACCEPTANCE_OVER, cause=cause))


def _found(item: Item) -> Item:
    return replace(item, transition=replace(item.transition, from_state=None, reason=Reason.ALREADY_THERE))


def _transition(drift: Drift, before: str, after: str, reason: Reason, began: datetime) -> Transition:
    finding = drift.finding
    return Transition(
        Subject.DRIFT, NOW, before, after, reason, finding.host, finding.stack, drift.id, began,
        severity=finding.severity, desired=finding.desired, observed=finding.observed, side=drift.side,
    )  # fmt: skip


def _host(name: str, state: str, minutes: int, frozen: int = 0) -> Item:
    good = state == "ok"
    reason = Reason.HOST_BACK if good else Reason.HOST_UNREACHABLE
    states = ("unreachable", "ok") if good else ("ok", "unreachable")
    since = NOW - timedelta(minutes=minutes) if good else None
    cause = None if good else _REFUSED
    return Item(Transition(Subject.HOST, NOW, *states, reason, name, since_at=since, cause=cause), frozen=frozen)


def _sight(subject: Subject, state: str, cause: Mapping[str, object] | None) -> Item:
    host, stack = ("pi5", "mealie") if subject is Subject.STACK else (None, None)
    since = None if cause else NOW - timedelta(minutes=18)
    return Item(
        Transition(subject, NOW, None, state, "unreadable" if cause else "readable again", host, stack, None, since, cause=cause)
    )
