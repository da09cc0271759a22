"""Questions to a finished lake, answered without a JVM: delta-rs and Arrow read ids and numbers, no texts.

    trace(lake, output, key, version=None) -> Trace      where a row comes from and what it passed
    why(lake, key) -> Why                                where a document fell out, at which value of what
    runs(lake) -> Runs                                   every run, the newest first
    run(lake, run_id) -> Run                             one run in full
    funnel(lake, output, version=None) -> Funnel         rows in, kept and dropped of each step behind it
    balance(lake) -> Balance                             in = kept + rejected, counted, with the query
    shares(lake, output, version=None) -> Shares         synthetic and generated share, and the mix's report
    generations(lake, run_id=None) -> Generations        model calls by class, model and outcome
    expiring(lake) -> list[Expiring]                     versions about to become unreadable

`lake` is the lake's URI or path. `output` may be None where the lake has one row of that key. `key` is a
doc_id, an origin_id (`why` only), the first 8 or more digits of one, or a URL as it was crawled.

Every answer has `to_json()`, a dictionary of JSON values, and `text(width)` for people, in which hostile
text is harmless. A question that the lake cannot answer raises `Unanswered` (exit code 2); a folder that is
no lake, or one of another format, raises `StepError` (4).
"""

from recipe_runtime.lineage.answer import Unanswered
from recipe_runtime.lineage.balance import Balance, balance
from recipe_runtime.lineage.funnel import Funnel, funnel
from recipe_runtime.lineage.generations import Generations, generations
from recipe_runtime.lineage.retention import Expiring, expiring
from recipe_runtime.lineage.runs import Run, Runs, run, runs
from recipe_runtime.lineage.shares import Shares, shares
from recipe_runtime.lineage.trace import Trace, trace
from recipe_runtime.lineage.why import Why, why

__all__ = [
    "Balance",
    "Expiring",
    "Funnel",
    "Generations",
    "Run",
    "Runs",
    "Shares",
    "Trace",
    "Unanswered",
    "Why",
    "balance",
    "expiring",
    "funnel",
    "generations",
    "run",
    "runs",
    "shares",
    "trace",
    "why",
]
