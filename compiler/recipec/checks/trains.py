"""What a classifier is trained on: vectors that an operator makes of the texts, and a number to hit."""

from __future__ import annotations

from collections.abc import Iterator

from recipec import resolved as r
from recipec.columns import kind_of
from recipec.diagnostics import Diagnostic
from recipec.resolving.kinds import called

VECTOR = '`features = onnx("models/embedding.onnx", output = vector)`'


def check(resolved: r.Resolved, place: object) -> Iterator[Diagnostic]:
    for train in resolved.models.values():
        features, target = train.settings.get("features"), train.settings.get("target")
        if features is not None and not isinstance(features, r.Unknown) and not _makes_vector(features):
            what = f"`{features.name}`, a column" if isinstance(features, r.Col) else called(features)
            yield Diagnostic(
                "E0301", f"`features` is an operator that makes a vector, not {what}", features.span, help=VECTOR
            )
        if isinstance(target, r.Col) and (target.name == "text" or kind_of(target.type) not in _hit(train)):
            yield Diagnostic(
                "E0301",
                f"`target` is a number to be hit; `{target.name}` is {called(target)}",
                target.span,
                help="a score, or a column of the source that holds the label",
            )


def _makes_vector(expr: r.Expr) -> bool:
    if not isinstance(expr, r.OpCall):
        return False
    output = expr.args.get("output")
    if isinstance(output, r.Lit):
        return output.value == "vector"
    return kind_of(expr.type) in ("list", "any")


def _hit(train: r.Train) -> tuple[str, ...]:
    """The kinds of column that the head can be fitted to; classes have names, too."""
    head = train.settings.get("head")
    output = head.args.get("output") if isinstance(head, r.OpCall) else None
    classes = isinstance(output, r.Lit) and output.value == "classes"
    return ("number", "any", "text", "bool") if classes else ("number", "any")
