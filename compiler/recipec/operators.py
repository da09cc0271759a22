"""The operators that are installed, read from the entry-point group `recipec.operators`.

An entry point is an operator or an iterable of operators. Nothing is assumed of their class; they need the
attributes of `recipec.resolved.Operator`. A parameter's `type` is one of

  text bool int number share count bytes duration characters words tokens     plain values
  path file html column columns relation endpoint prompt tokenizer range shingle any
  list[T]         a list
  a|b|c           one of these bare words
  T?              also the word `none`

and its `default` is the text `<required>` where the recipe must give the value. A parameter may have `embedded`,
names of files that the operator's libraries carry; an operator `carries`, such files that every call reads, and
`carried_at`, where the function is that gives the path of one by its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from recipec.diagnostics import Diagnostic
from recipec.entry_points import entry_points
from recipec.resolved import Operator

GROUP = "recipec.operators"
REQUIRED = "<required>"

KIND_CALLED = {
    "source": "a source",
    "extract": "an extractor",
    "language": "a language model",
    "statistic": "a statistic",
    "signature": "a signature",
    "clean": "a cleaning step",
    "dedup": "a deduplication",
    "score": "a score",
    "segment": "a way to cut segments",
    "action": "an action",
    "expect": "an expectation",
    "sink": "a table format",
    "tokenizer": "a tokenizer",
    "head": "a head of a classifier",
    "tools": "a set of tools",
}

_ATTRIBUTES = ("name", "kind", "version", "doc", "parameters", "columns", "reads", "run", "libraries", "variadic")
# What importing somebody else's module can end with short of a crash of the interpreter.
LOADING_ERRORS = (
    ImportError,
    AttributeError,
    SyntaxError,
    TypeError,
    ValueError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
)


class Catalogue:
    """Operators by (kind, name), which distribution each came from, and what could not be loaded."""

    def __init__(
        self,
        operators: dict[tuple[str, str], Operator] | None = None,
        packages: dict[tuple[str, str], str] | None = None,
    ):
        self.operators = operators if operators is not None else {}
        self.packages = packages if packages is not None else {}
        self.diagnostics: list[Diagnostic] = []

    def add(self, operator: Operator, package: str) -> None:
        """Take in one operator; a second one of the same kind and name is refused."""
        missing = [name for name in _ATTRIBUTES if not hasattr(operator, name)]
        if missing:
            self.diagnostics.append(
                Diagnostic(
                    "E0240",
                    f"package `{package}` registers something that is no operator: {operator!r:.80}",
                    None,
                    help=f"it lacks {', '.join(missing)}",
                )
            )
            return
        key = (operator.kind, operator.name)
        if key in self.operators:
            first = self.packages[key]
            self.diagnostics.append(
                Diagnostic(
                    "E0241",
                    f"two operators are called `{operator.name}`: one of `{first}`, one of `{package}`",
                    None,
                    help="uninstall one of the packages",
                )
            )
            return
        self.operators[key] = operator
        self.packages[key] = package

    def get(self, name: str, kinds: Iterable[str]) -> Operator | None:
        """The operator of this name of the first of these kinds that has one."""
        return next((self.operators[kind, name] for kind in kinds if (kind, name) in self.operators), None)

    def kinds_of(self, name: str) -> list[str]:
        """The kinds that have an operator of this name."""
        return [kind for kind, other in self.operators if other == name]

    def names(self, kinds: Iterable[str]) -> list[str]:
        """The names of these kinds, sorted."""
        wanted = set(kinds)
        return sorted({name for kind, name in self.operators if kind in wanted})

    def of_package(self, package: str) -> list[str]:
        """The names that a distribution registers."""
        wanted = _normalised(package)
        return [name for (_, name), owner in self.packages.items() if _normalised(owner) == wanted]


def build(operators: Iterable[Operator], package: str = "recipec") -> Catalogue:
    """A catalogue of given operators."""
    catalogue = Catalogue()
    for operator in operators:
        catalogue.add(operator, package)
    return catalogue


@cache
def installed() -> Catalogue:
    """The catalogue of everything that is installed."""
    catalogue = Catalogue()
    for point in sorted(entry_points(GROUP), key=lambda one: (one.package, one.name)):
        try:
            loaded = point.load()
            operators = tuple(loaded) if isinstance(loaded, Iterable) else (loaded,)
        except LOADING_ERRORS as error:
            catalogue.diagnostics.append(
                Diagnostic(
                    "E0240",
                    f"the operators of package `{point.package}` cannot be loaded",
                    None,
                    help=f"`{point.value}` ended with {type(error).__name__}: {str(error)[:200]}",
                )
            )
            continue
        for operator in operators:
            catalogue.add(operator, point.package)
    return catalogue


def _normalised(package: str) -> str:
    return package.replace("_", "-").lower()
