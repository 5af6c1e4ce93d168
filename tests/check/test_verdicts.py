"""A stack of which nothing could be judged is unknown, and never in sync: whoever says so."""

from __future__ import annotations

from dataclasses import replace

from anchorwatch.check.fleet import Host, check_fleet
from anchorwatch.check.project import verdict
from anchorwatch.compare import compare_host
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredState, UnknownValue
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.options import Filters
from anchorwatch.model.report import Silence, StackStatus
from anchorwatch.model.settings import Policy
from tests.check.pasts import no_past
from tests.compare.make import NOW, container, project, snapshot

NAMELESS = replace(project(web={}), unknown=(UnknownValue(None, "name", "PROJECT is set nowhere"),))
"""`name: "${PROJECT}"`: deployed under a name that only who deployed it knows."""


class Seen:
    """A host that was looked at."""

    def __init__(self, seen: Snapshot) -> None:
        self._seen = seen

    def snapshot(self) -> Snapshot:
        return self._seen

    def interrupt(self) -> None:
        return None

    def close(self) -> None:
        return None


def test_a_project_whose_name_is_not_known() -> None:
    host = snapshot(container("other-web-1", "web", of="other"))
    found = verdict(NAMELESS.key, NAMELESS, None, host, compare_host([NAMELESS], [], host, Policy()))
    assert (found.status, found.findings, found.unknown) == (StackStatus.UNKNOWN, None, NAMELESS.unknown)
    asked = Host(HostAddress("nas", "unix:///nowhere"), Policy(), Seen(host))
    report = check_fleet([asked], lambda: DesiredState("a" * 40, (NAMELESS,)), Filters(), Silence(), NOW, no_past)
    assert [(one.status, one.error, one.unknown) for one in report.stacks] == [(StackStatus.UNKNOWN, None, NAMELESS.unknown)]


def test_a_project_whose_name_is_found_on_the_host() -> None:
    web = container("media-web-1", "web")
    web = replace(web, labels={**web.labels, "com.docker.compose.project.working_dir": "/srv/nas/media"})
    host = snapshot(web)
    found = verdict(NAMELESS.key, NAMELESS, None, host, compare_host([NAMELESS], [], host, Policy()))
    assert (found.status, found.findings) == (StackStatus.IN_SYNC, ())
