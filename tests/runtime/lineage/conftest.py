"""The small lake as a fixture: shared, or one that a test may change."""

import pytest
from derived_lake import DerivedLake
from small_lake import SmallLake


@pytest.fixture(scope="session")
def shared_lake(tmp_path_factory) -> SmallLake:
    return SmallLake(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def small(shared_lake) -> SmallLake:
    """The lake, shared: only for tests that read."""
    return shared_lake


@pytest.fixture
def own(tmp_path) -> SmallLake:
    """The lake of one test, which may change it."""
    return SmallLake(tmp_path / "lake")


@pytest.fixture(scope="session")
def shared_derived(tmp_path_factory) -> DerivedLake:
    return DerivedLake(tmp_path_factory.mktemp("derived"))


@pytest.fixture
def derived(shared_derived) -> DerivedLake:
    """The lake with model calls and a mix, shared: only for tests that read."""
    return shared_derived


@pytest.fixture
def own_derived(tmp_path) -> DerivedLake:
    """The same for one test, which may change it."""
    return DerivedLake(tmp_path / "lake")
