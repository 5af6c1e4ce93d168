"""Fixtures for every room: those of the lab."""

from tests.lab_fixtures import *  # noqa: F403  a fixture is found by its name in this module
