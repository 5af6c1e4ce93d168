"""The store on each kind of database in turn, as the store's own tests have it."""

from tests.store.conftest import *  # noqa: F403  a fixture is found by its name in this module
