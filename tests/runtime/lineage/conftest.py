"""The small lake as a fixture: shared, or one that a test may change."""

import pytest
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
