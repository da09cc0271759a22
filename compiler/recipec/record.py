"""Frozen values with named fields, as light to define as a class can be.

`dataclasses` writes and compiles six methods for each class, and defining the classes of the syntax tree with it
took longer than reading a recipe. Here every class has the same methods, which walk over its fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

R = TypeVar("R", bound="Record")
_set = object.__setattr__


class Aside:
    """A default of a field that is neither compared nor shown: what follows from the others."""

    __slots__ = ("default",)

    def __init__(self, default: Any):
        self.default = default


def aside(*, default: Any) -> Any:
    """A field that says nothing of its own; see `Aside`."""
    return Aside(default)


class _Fields(type):
    """Takes the fields from the annotations of the class, in order."""

    def __new__(mcs, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> type:
        if not bases:
            return super().__new__(mcs, name, bases, {**space, "__slots__": ()})
        fields = tuple(space.get("__annotations__", ()))
        defaults = {field: space.pop(field) for field in fields if field in space}
        hidden = {field for field, default in defaults.items() if isinstance(default, Aside)}
        space["__slots__"] = space["__match_args__"] = fields
        space["_said"] = tuple(field for field in fields if field not in hidden)
        space["_defaults"] = {
            field: default.default if field in hidden else default for field, default in defaults.items()
        }
        return super().__new__(mcs, name, bases, space)


@dataclass_transform(frozen_default=True, field_specifiers=(aside,))
class Record(metaclass=_Fields):
    """The base of every record. Fields are the annotations of the class; one with a value has a default, the same
    object for all (a value that can change is given a frozen one, or None). One level: no record inherits another's
    fields."""

    __match_args__: tuple[str, ...]
    _said: tuple[str, ...]
    _defaults: dict[str, Any]

    def __init__(self, *values: Any, **named: Any):
        fields = self.__match_args__
        for field, value in zip(fields, values):  # noqa: B905  fewer values are the rule where there are defaults
            _set(self, field, value)
        if len(values) == len(fields) and not named:
            return
        if len(values) > len(fields):
            raise TypeError(f"{type(self).__name__} has {len(fields)} fields, not {len(values)}")
        for field in fields[len(values) :]:
            if field in named:
                _set(self, field, named.pop(field))
            elif field in self._defaults:
                _set(self, field, self._defaults[field])
            else:
                raise TypeError(f"{type(self).__name__} wants `{field}`")
        if named:
            raise TypeError(f"{type(self).__name__} takes no {', '.join(named)} here")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: `{name}` cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: `{name}` cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in self._said)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, field) for field in self._said)))

    def __repr__(self) -> str:
        said = ", ".join(f"{field}={getattr(self, field)!r}" for field in self._said)
        return f"{type(self).__qualname__}({said})"

    def __reduce__(self) -> tuple[Callable[..., Record], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field) for field in self.__match_args__)


def fields(record: Record | type[Record]) -> tuple[str, ...]:
    """The names of its fields, in order."""
    return record.__match_args__


def replace(record: R, **changes: Any) -> R:
    """The same with some fields changed."""
    names = record.__match_args__
    if not changes.keys() <= set(names):
        raise TypeError(f"{type(record).__name__} has no field {', '.join(changes.keys() - set(names))}")
    return type(record)(*(changes[name] if name in changes else getattr(record, name) for name in names))
