"""Records: what frozen dataclasses are, for the syntax tree and what is made of it."""

from __future__ import annotations

import pickle

import pytest
from recipec.record import Record, aside, fields, replace


class Point(Record):
    x: int
    y: int = 0
    height: int = aside(default=1)


def test_fields_stand_in_order_and_have_defaults() -> None:
    assert fields(Point) == fields(Point(1)) == ("x", "y", "height")
    made = Point(1)
    assert (made.x, made.y, made.height) == (1, 0, 1)
    assert Point(1, height=3).height == 3
    match Point(4, 5):
        case Point(x, y):
            assert (x, y) == (4, 5)


def test_what_is_said_aside_is_neither_compared_nor_shown() -> None:
    assert Point(1, 2, 3) == Point(1, 2, 4) and hash(Point(1, 2, 3)) == hash(Point(1, 2, 4))
    assert Point(1, 2) != Point(2, 1) and Point(1) != (1, 0)
    assert repr(Point(1, 2, 3)) == "Point(x=1, y=2)"


def test_nothing_can_be_set_and_nothing_added() -> None:
    made = Point(1)
    for name in ("x", "z"):
        with pytest.raises(AttributeError):
            setattr(made, name, 2)
    with pytest.raises(AttributeError):
        del made.x
    assert not hasattr(made, "__dict__")


@pytest.mark.parametrize(("values", "named"), [((), {}), ((1, 2, 3, 4), {}), ((1,), {"z": 1}), ((1,), {"x": 1})])
def test_wrong_fields_are_refused(values: tuple, named: dict) -> None:
    with pytest.raises(TypeError):
        Point(*values, **named)


def test_one_is_made_of_another() -> None:
    made = replace(Point(1, 2, 3), y=5)
    assert (made.x, made.y, made.height) == (1, 5, 3)
    with pytest.raises(TypeError):
        replace(made, z=1)
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made and copy.height == 3
