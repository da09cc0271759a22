"""The built-in rewriter, `builtin-extractive`: an endpoint on loopback that needs no model, so that a recipe with
model calls runs anywhere. It is no language model and never says that it is one: it picks sentences of the passage
it is given and puts them into the form that was asked for (`extract`).

    python -m recipe_udfs.rewriter --port 0 --host 127.0.0.1      serves until its stdin closes or SIGTERM
    with start() as rewriter: rewriter.url                        the same for a job
"""

from __future__ import annotations

from recipe_udfs.rewriter.process import Rewriter, RewriterFailed, start

MODEL = "builtin-extractive"

__all__ = ["MODEL", "Rewriter", "RewriterFailed", "start"]
