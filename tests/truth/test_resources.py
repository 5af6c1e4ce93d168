"""The project's own networks and volumes, and external ones: that they are there, and under the name that Git gives them."""

from __future__ import annotations

from tests.truth.deployment import Site
from tests.truth.judging import but_created, judged, resolved
from tests.truth.random_projects import ProjectText

FILE = """
name: things
services:
  web:
    image: truth/hold:1
    networks: [front, outside]
    volumes: ["data:/data", "elsewhere:/elsewhere"]
networks:
  front: {name: things-front-net}
  outside: {external: true, name: things-outside}
volumes:
  data: {name: things.data}
  elsewhere: {external: true, name: things-elsewhere}
"""
TEXT = ProjectText("things", {"compose.yaml": FILE}, ("things-outside",), ("things-elsewhere",))


def paths(site: Site, file: str = FILE) -> set[tuple[str, str | None, str | None]]:
    """Kind, service and path of everything that is said, with this file in the repo."""
    folder = site.write(ProjectText("things", {"compose.yaml": file}))
    found = but_created(judged(site, resolved(site, folder)).findings)
    return {(str(finding.kind), finding.service, finding.path) for finding in found}


def test_another_name_for_a_network_or_a_volume_is_found(far_site: Site) -> None:
    with far_site.deployed(TEXT):
        assert paths(far_site) == set()
        assert paths(far_site, FILE.replace("things-front-net", "other")) == {
            ("missing", None, "networks.front"),
            ("changed", "web", "networks.front"),  # the labels of the one that it is in tell that it was made as this
        }
        assert paths(far_site, FILE.replace("things.data", "other.data")) == {
            ("missing", None, "volumes.data"),
            ("changed", "web", "volumes./data"),
        }


def test_an_external_network_or_volume_that_is_not_there_is_missing(far_site: Site) -> None:
    with far_site.deployed(TEXT):
        assert paths(far_site, FILE.replace("name: things-outside", "name: nowhere")) == {
            ("missing", None, "networks.outside"),
            ("changed", "web", "networks.outside"),
        }
        assert paths(far_site, FILE.replace("name: things-elsewhere", "name: nowhere")) == {
            ("missing", None, "volumes.elsewhere"),
            ("changed", "web", "volumes./elsewhere"),
        }


def test_an_external_network_of_another_name_is_one_drift(far_site: Site) -> None:
    for name in ("things-second", "things-third"):
        far_site.client.create_network(name)
    try:
        with far_site.deployed(TEXT) as folder:
            renamed = FILE.replace("name: things-outside", "name: things-second")
            assert paths(far_site, renamed) == {("changed", "web", "networks.outside")}
            # with one that nobody asked for beside it nobody can tell which of the two it was
            far_site.client.connect_container_to_network("things-web-1", "things-third")
            assert paths(far_site) == {("changed", "web", "networks.things-third")}
            assert paths(far_site, renamed) == {
                ("changed", "web", f"networks.{key}") for key in ("outside", "things-outside", "things-third")
            }
            far_site.client.disconnect_container_from_network("things-web-1", "things-third")
            far_site.write(ProjectText("things", {"compose.yaml": renamed}))
            far_site.create(folder, "--force-recreate")  # the name is not in the hash
            assert paths(far_site, renamed) == set()
    finally:
        for name in ("things-second", "things-third"):
            far_site.client.remove_network(name)


def test_a_network_made_again_by_hand_with_other_options_is_found(far_site: Site) -> None:
    with far_site.deployed(TEXT):
        far_site.client.disconnect_container_from_network("things-web-1", "things-front-net", force=True)
        far_site.client.remove_network("things-front-net")
        far_site.client.create_network("things-front-net", internal=True, labels={"com.docker.compose.project": "things"})
        assert paths(far_site) >= {("changed", None, "networks.front.internal")}
