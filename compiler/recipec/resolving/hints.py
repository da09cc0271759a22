"""What makes a column that is not there."""

from __future__ import annotations

from recipec.columns import LANGUAGE
from recipec.resolving.scope import Scope


def maker(scope: Scope, word: str) -> str:
    """How a row gets the column, where that is known; empty where it is not."""
    if word in LANGUAGE:
        return '`lang by fasttext("lid.176")` makes it'
    if scope.source is not None and word in scope.source:
        return f"`{word}` is a column of the source row: set `{word} = source.{word}`"
    if word in scope.dropped:
        made = scope.dropped[word]
        return f"`{word}` is a column of the rows that `{made}` asks about: set `{word} = source.{word}` there"
    return ""
