"""While Compose makes a container anew: what is not final is not judged, and what is known of it stands."""

from __future__ import annotations

import threading

from lab.waiting import eventually

from anchorwatch.compare.match import replaces
from anchorwatch.ledger.decide import covers
from anchorwatch.model.observed import Snapshot
from tests.truth.deployment import Site
from tests.truth.judging import compared, resolved, snapshot
from tests.truth.random_projects import ProjectText

FILE = """
name: anew
services:
  web:
    image: truth/hold:1
    init: false
    stop_signal: SIGURG
    stop_grace_period: 5s
    mem_limit: 64m
"""
TEXT = ProjectText("anew", {"compose.yaml": FILE})


def test_drift_stands_while_its_container_is_made_anew(far_site: Site) -> None:
    with far_site.deployed(TEXT) as folder:
        far_site.start(folder, ["web"])
        wanted = resolved(far_site, folder)
        client = far_site.client
        client.rename("anew-web-1", "renamed")
        client.disconnect_container_from_network("renamed", "anew_default")
        client.connect_container_to_network("renamed", "anew_default")  # its alias is lost
        client.update_container("renamed", mem_limit="32m", memswap_limit="64m")
        drifts = {one.path: one for one in compared([wanted], snapshot(far_site)).stacks[0].findings}
        assert {"container_name", "networks.default.aliases", "mem_limit"} <= drifts.keys()
        words = ("up", "-d", "--no-build", "--pull", "never", "--force-recreate", "web")  # which waits for the old one to stop
        compose = threading.Thread(target=far_site.run, args=(folder, *words))
        compose.start()
        try:
            seen = eventually(lambda: _on_its_way(far_site), within=20, what="the new container beside the old one")
        finally:
            compose.join()
        during = compared([wanted], *seen)
        assert during.stacks[0].findings == ()
        stands = {path for path, drift in drifts.items() if any(covers(entry, drift) for entry in during.unseen["anew"])}
        assert stands & drifts.keys() == {"container_name", "networks.default.aliases"}, "the memory of the new one is final"
        after = compared([wanted], snapshot(far_site))
        assert after.stacks[0].findings == ()
        assert after.unseen == {}


def _on_its_way(site: Site) -> tuple[Snapshot, ...]:
    """The host while the old container and the new one are both there, else nothing."""
    seen = snapshot(site)
    mine = [one for one in seen.containers if one.project == "anew"]
    return (seen,) if len(mine) > 1 and any(map(replaces, mine)) else ()
