"""The faults of `faults.killed`, at a small size."""

from __future__ import annotations

import pytest
from py4j.protocol import Py4JError
from recipe_runtime import exits

from faults import killed
from faults.cases import of
from faults.place import Place


@pytest.mark.parametrize("case", of(killed), ids=str)
def test_it_is_survived(case, place: Place):
    case.happen(place)


@pytest.mark.parametrize(("signal", "code"), [(KeyboardInterrupt, 130), (exits.Terminated, 143)])
def test_a_signal_that_breaks_off_a_word_to_the_jvm_is_still_the_signal(signal, code):
    """py4j answers it with an error of its own, about a gateway that is not connected."""
    with pytest.raises(Py4JError) as caught:
        try:
            raise signal
        except signal:
            raise Py4JError("Gateway must be connected to send cancel cmd.")  # noqa: B904  as py4j does it
    assert exits.explain(caught.value)[0] == code
