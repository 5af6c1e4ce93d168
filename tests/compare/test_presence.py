"""What counts as missing, finished, left over or unmanaged: the table of the contract, state by state."""

from __future__ import annotations

from datetime import timedelta

import pytest

from anchorwatch.compare import HostComparison, compare_host
from anchorwatch.errors import StackError
from anchorwatch.model.desired import BrokenStack, DesiredProject, Stack
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.observed import Container
from anchorwatch.model.settings import Policy
from anchorwatch.model.values import Secret
from tests.compare.make import NOW, container, project, snapshot

ANY = Policy()


def compare(wanted: DesiredProject, *seen: Container, policy: Policy = ANY) -> HostComparison:
    return compare_host([wanted], [], snapshot(*seen), policy)


def found(result: HostComparison) -> list[tuple[str, str | None, str | None, str | None]]:
    everything: list[Finding] = [finding for stack in result.stacks for finding in stack.findings]
    return [(one.kind.value, one.container, one.path, one.observed) for one in (*everything, *result.unmanaged)]


def test_what_runs_as_declared_is_no_drift() -> None:
    assert found(compare(project(web={}), container("media-web-1", "web"))) == []


def test_a_service_without_container_is_missing() -> None:
    assert found(compare(project(web={}))) == [("missing", "media-web-1", None, "absent")]


@pytest.mark.parametrize(
    ("state", "code", "restart", "observed"),
    [
        ("exited", 137, "no", "exited (137)"),
        ("exited", 0, "unless-stopped", "exited (0)"),
        ("exited", 0, "always", "exited (0)"),
        ("exited", 1, "on-failure", "exited (1)"),
        ("created", 0, "no", "created"),
        ("paused", 0, "no", "paused"),
        ("restarting", 1, "always", "restarting"),
        ("dead", 0, "no", "dead"),
    ],
)
def test_what_does_not_run_is_missing(state: str, code: int, restart: str, observed: str) -> None:
    seen = container(
        "media-web-1",
        "web",
        state=state,
        exit_code=code,
        host_config={"RestartPolicy": {"Name": restart, "MaximumRetryCount": 0}},
    )
    assert found(compare(project(web={"restart": restart}), seen)) == [("missing", "media-web-1", None, observed)]


@pytest.mark.parametrize("restart", ["no", "on-failure"])
def test_a_one_shot_that_finished_is_no_drift(restart: str) -> None:
    policy = {"RestartPolicy": {"Name": restart, "MaximumRetryCount": 0}}
    seen = container("media-job-1", "job", state="exited", host_config=policy)
    assert found(compare(project(job={"restart": restart}), seen)) == []


def test_the_config_overrules_what_counts_as_finished() -> None:
    done = container("media-job-1", "job", state="exited")
    strict = Policy(long_running=("media/job",))
    assert found(compare(project(job={}), done, policy=strict)) == [("missing", "media-job-1", None, "exited (0)")]
    always = container(
        "media-job-1", "job", state="exited", host_config={"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}
    )
    lenient = Policy(one_shot=("nas/media/job",))
    assert found(compare(project(job={"restart": "always"}), always, policy=lenient)) == []


def test_replicas_are_counted() -> None:
    wanted = project(web={"scale": 3})
    two = [container(f"media-web-{n}", "web", labels={"com.docker.compose.container-number": str(n)}) for n in (1, 2)]
    [finding] = compare(wanted, *two).stacks[0].findings
    assert (finding.kind, finding.path, finding.desired, finding.observed) == (Kind.CHANGED, "scale", "3", "2")


def test_nothing_is_expected_of_scale_zero_inactive_profiles_and_providers() -> None:
    assert found(compare(project(web={"scale": 0}, model={"provider": {"type": "model"}}))) == []
    assert found(compare(project(web={"deploy": {"replicas": 0}}))) == []


def test_a_foreign_container_is_unmanaged_while_it_runs() -> None:
    runs, stopped = container("portainer"), container("old", state="exited")
    result = compare(project(), runs, stopped)
    assert found(result) == [("unmanaged", "portainer", None, "running")]
    assert found(compare(project(), runs, policy=Policy(unmanaged=False))) == []


def test_an_orphan_of_the_project_is_unmanaged() -> None:
    [finding] = compare(project(), container("media-gone-1", "gone")).stacks[0].findings
    assert (finding.kind, finding.stack, finding.service) == (Kind.UNMANAGED, "media", "gone")


def test_leftovers_of_run_and_helpers_of_hooks_are_nobodys_drift() -> None:
    leftover = container("media-web-run-0123456789ab", "web", labels={"com.docker.compose.oneoff": "True"})
    helper = container("media-hook", "web")
    helper_labels = {key: value for key, value in helper.labels.items() if not key.endswith("config-hash")}
    hook = container("media-hook2", labels=dict(helper_labels))
    assert found(compare(project(web={}), container("media-web-1", "web"), leftover, hook)) == []


def test_a_container_is_matched_by_name_where_no_label_says_so() -> None:
    seen = container("jellyfin", host_config={"NetworkMode": "media_default"})
    wanted = project(web={"container_name": "jellyfin"})
    assert [finding for finding in found(compare(wanted, seen)) if finding[0] != "changed"] == []


def test_a_recreate_in_progress_is_no_drift() -> None:
    temporary = {"com.docker.compose.replace": "media-web-1"}
    old = container("media-web-1", "web", state="exited", exit_code=137)
    new = container("0123456789ab_media-web-1", "web", state="created", labels=temporary, created_at=NOW - timedelta(seconds=5))
    assert found(compare(project(web={"restart": "no"}), old, new)) == []


def test_a_recreate_that_was_interrupted_long_ago_is_drift() -> None:
    temporary = {"com.docker.compose.replace": "media-web-1"}
    new = container("0123456789ab_media-web-1", "web", state="created", labels=temporary, created_at=NOW - timedelta(hours=1))
    assert ("missing", "0123456789ab_media-web-1", None, "created") in found(compare(project(web={}), new))


def test_containers_of_a_broken_stack_are_not_called_unmanaged() -> None:
    broken = BrokenStack(
        Stack("nas", "books", "nas/books", ("nas/books/compose.yaml",)), StackError("bad_yaml", "broken"), "books"
    )
    by_label = container("books-web-1", "web", of="books")
    by_folder = container("x", "web", of="other", labels={"com.docker.compose.project.working_dir": "/srv/nas/books"})
    assert compare_host([], [broken], snapshot(by_label, by_folder), ANY).unmanaged == ()


def test_a_replica_keeps_its_identity_from_run_to_run() -> None:
    first = compare(project(web={"mem_limit": "1"}), container("media-web-1", "web")).stacks[0].findings
    again = compare(project(web={"mem_limit": "2"}), container("media-web-1", "web", id="f" * 64)).stacks[0].findings
    assert [finding.id for finding in first] == [finding.id for finding in again]


def test_an_observed_secret_is_never_shown_without_its_wanted_neighbour() -> None:
    seen = container("media-web-1", "web", environment={"SNEAKED": Secret("canary-1"), "TZ": Secret("UTC")})
    findings = compare(project(web={"environment": {"TZ": "Europe/Berlin"}}), seen).stacks[0].findings
    shown = {finding.path: finding.observed for finding in findings}
    assert shown["environment.TZ"] == "UTC"
    assert "canary-1" not in str(findings)
    assert (shown["environment.SNEAKED"] or "").startswith("••••")
