"""The faults of `faults.answers` and `faults.load`, at a small size."""

from __future__ import annotations

import pytest

from faults import answers, load
from faults.cases import of
from faults.place import Place


@pytest.mark.parametrize("case", [*of(answers), *of(load)], ids=str)
def test_it_is_survived(case, place: Place):
    case.happen(place)
