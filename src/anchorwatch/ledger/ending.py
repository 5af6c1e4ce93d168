"""Why a container does not run. Pure.

An engine that is stopped ends its containers with the same events as `docker stop` does, and says nothing when it is back but for
the containers that it starts again. It makes its own network `bridge` anew each time (moby `daemon/daemon_unix.go`,
`initNetworkController`), so that network's age tells since when it runs. One that was killed ends what still lives when it comes
back, and does not start all of it again (seen with 20.10 and 28.5: `unless-stopped` stays down).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from anchorwatch.model.cause import Cause, CauseKind, Confidence
from anchorwatch.model.observed import Container, Snapshot
from anchorwatch.model.timeline import EventSeen

AROUND = timedelta(seconds=30)
"""Containers that end with their engine end within so much of one another: an engine gives them 15 seconds each, all at once."""

BOOTING = timedelta(minutes=10)
"""A host that takes longer from the end of its containers to the start of its engine is not recognised."""

SOON = timedelta(seconds=10)
"""Who ends so long after a signal is taken to have ended because of it."""

_NAMES = {"1": "SIGHUP", "2": "SIGINT", "3": "SIGQUIT", "9": "SIGKILL", "15": "SIGTERM"}


def engine_started_at(seen: Snapshot) -> datetime | None:
    """Since when the engine runs, by its own clock; None where that cannot be told (no network `bridge`, or not permitted)."""
    made = next((one.doc.get("Created") for one in seen.networks if one.name == "bridge"), None)
    try:
        at = datetime.fromisoformat(made) if isinstance(made, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def ending(
    container: Container,
    events: Sequence[EventSeen],
    seen: Snapshot,
    booted_at: datetime | None,
    clock: Callable[[datetime], str],
) -> Cause:
    """Why `container`, which is there, does not run. `events` are its own, in order; `clock` writes a time for people."""
    actions = [event.action for event in events]
    if container.state == "paused":
        return _paused(events, clock)
    if container.oom_killed or "oom" in actions:
        return _out_of_memory(container, events, clock)
    if container.state == "created":
        return _not_started(container)
    restarted = _with_the_engine(container, events, seen, booted_at, clock)
    if restarted is not None:
        return restarted
    deaths = [event for event in events if event.action == "die"]
    kills = [event for event in events if event.action == "kill" and _ends(event, actions, deaths)]
    if kills:
        return _ended_by_somebody(container, kills, actions, clock)
    return _ended_by_itself(container, deaths, clock)


def _paused(events: Sequence[EventSeen], clock: Callable[[datetime], str]) -> Cause:
    at = last_of(events, "pause")
    text = "paused on the host" + (clock(at) if at else "")
    return Cause(CauseKind.STOPPED, Confidence.CERTAIN, text, at=at, evidence=("event pause",) if at else ("state paused",))


def _out_of_memory(container: Container, events: Sequence[EventSeen], clock: Callable[[datetime], str]) -> Cause:
    at = last_of(events, "oom") or container.finished_at
    limit = container.host_config.get("Memory")
    evidence = (["OOMKilled"] if container.oom_killed else []) + (["event oom"] if last_of(events, "oom") else [])
    text = "killed by the kernel for want of memory" + (clock(at) if at else "")
    if isinstance(limit, int) and limit > 0:
        text += f", at a limit of {limit // 2**20} MiB"
    # without the flag it may have been one process of several that the kernel chose
    confidence = Confidence.CERTAIN if container.oom_killed else Confidence.LIKELY
    return Cause(CauseKind.OOM, confidence, text, at=at, evidence=(*evidence, f"exit code {container.exit_code}"))


def _not_started(container: Container) -> Cause:
    code = container.exit_code
    if code > 0:  # the engine writes its own 125 to 128 into a container that it could not start
        text = f"made, and could not be started (exit code {code})"
        return Cause(
            CauseKind.CRASH, Confidence.CERTAIN, text, at=container.created_at, evidence=(f"exit code {code}", "state created")
        )
    text = "made, and not started"
    return Cause(CauseKind.UNKNOWN, Confidence.UNKNOWN, text, at=container.created_at, evidence=("state created",))


def _with_the_engine(
    container: Container,
    events: Sequence[EventSeen],
    seen: Snapshot,
    booted_at: datetime | None,
    clock: Callable[[datetime], str],
) -> Cause | None:
    """Whether it ended with its engine, and was not started again since."""
    started_at, ended_at = engine_started_at(seen), container.finished_at
    if started_at is None or ended_at is None or container.state != "exited":
        return None
    if not started_at - BOOTING <= ended_at <= started_at or (container.started_at or ended_at) > started_at:
        return None
    others = [one for one in seen.containers if one is not container and one.running and one.started_at is not None]
    if any(one.started_at < started_at for one in others if one.started_at is not None):
        return None  # it ran all the while (`live-restore`): this engine ends nobody
    ends = [one.finished_at for one in others if one.finished_at is not None and one.finished_at <= started_at]
    together = [end for end in ends if abs(end - ended_at) <= AROUND]
    if len(ends) > 2 * len(together):
        return None  # the others ended at another time: that was the engine's
    by_itself = any(event.action == "die" for event in events) and not any(event.action == "kill" for event in events)
    if by_itself and not together:
        return None
    evidence = [f"the engine runs since {started_at:%H:%M:%S} UTC", f"it ended at {ended_at:%H:%M:%S} UTC"]
    if together:
        evidence.append(f"{len(together)} other {'container' if len(together) == 1 else 'containers'} ended with it")
    confidence = Confidence.CERTAIN if together else Confidence.LIKELY
    if booted_at is not None and ended_at - AROUND <= booted_at <= started_at:
        text = f"it ended when the host was rebooted{clock(booted_at)}, and was not started again"
        return Cause(CauseKind.HOST_REBOOT, confidence, text, at=booted_at, evidence=tuple(evidence))
    text = f"it ended when the engine, or the whole host, was restarted{clock(started_at)}, and was not started again"
    return Cause(CauseKind.ENGINE_RESTART, confidence, text, at=started_at, evidence=tuple(evidence))


def _ends(kill: EventSeen, actions: Sequence[str], deaths: Sequence[EventSeen]) -> bool:
    """Whether a signal is what ended it: one like SIGHUP may have been for something else."""
    if "stop" in actions or kill.details.get("signal") == "9":
        return True
    return not deaths or abs(deaths[-1].at - kill.at) <= SOON


def _ended_by_somebody(
    container: Container, kills: Sequence[EventSeen], actions: Sequence[str], clock: Callable[[datetime], str]
) -> Cause:
    at = kills[0].at
    signals = [_NAMES.get(signal, signal) for kill in kills if (signal := kill.details.get("signal"))]
    evidence = (
        f"signal {', then '.join(dict.fromkeys(signals))}" if signals else "event kill",
        f"exit code {container.exit_code}",
    )
    if "stop" in actions:
        late = " (it did not end by itself, and was killed)" if len(kills) > 1 and signals[-1:] == ["SIGKILL"] else ""
        text = f"stopped on the host{clock(at)}{late}"
    else:
        text = f"killed on the host{clock(at)}" + (f" with {signals[0]}" if signals else "")
    return Cause(CauseKind.STOPPED, Confidence.CERTAIN, text, at=at, evidence=evidence)


def _ended_by_itself(container: Container, deaths: Sequence[EventSeen], clock: Callable[[datetime], str]) -> Cause:
    code, restarts = container.exit_code, container.restart_count
    at = deaths[-1].at if deaths else container.finished_at
    confidence = Confidence.CERTAIN if deaths else Confidence.LIKELY
    evidence = [f"exit code {code}"] + (["event die, and no kill before it"] if deaths else [])
    if container.state == "restarting" or len(deaths) > 1:
        evidence.append(f"{max(restarts, len(deaths))} times" if max(restarts, len(deaths)) > 1 else "restarting")
        text = f"it ends again and again by itself (exit code {code})"
        return Cause(CauseKind.CRASH, confidence, text, at=at, evidence=tuple(evidence))
    if not deaths:
        # nobody saw it end, so it may have been stopped
        text = f"it ended{clock(at) if at else ''} with exit code {code}; nobody was there to see why"
        return Cause(CauseKind.UNKNOWN, Confidence.UNKNOWN, text, at=at, evidence=tuple(evidence))
    if code == 137:
        text = f"killed{clock(at) if at else ''} with SIGKILL, and not by the engine"
        return Cause(CauseKind.CRASH, Confidence.LIKELY, text, at=at, evidence=tuple(evidence))
    text = f"it ended by itself{clock(at) if at else ''} with exit code {code}"
    return Cause(CauseKind.CRASH, confidence, text, at=at, evidence=tuple(evidence))


def last_of(events: Sequence[EventSeen], action: str) -> datetime | None:
    """When that happened last; None where it did not."""
    return next((event.at for event in reversed(events) if event.action == action), None)
