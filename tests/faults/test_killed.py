"""The faults of `faults.killed`, at a small size."""

from __future__ import annotations

import pytest

from faults import killed
from faults.cases import of
from faults.place import Place


@pytest.mark.parametrize("case", of(killed), ids=str)
def test_it_is_survived(case, place: Place):
    case.happen(place)
