"""The small lake and a fourth run, which had a model rewrite its low tier and drew a mix.

Two pages are of the low tier. Each is asked in two segments: of SIX both answers stay, the second after another
round; of EVIL the first fails a gate. So two documents are derived, and a dedup drops EVIL's. The mix draws ONE
twice and SIX's rewriting, and not TWO.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from recipe_runtime import tables
from recipe_udfs.endpoint.request import request_key
from recipe_udfs.prompts import render
from small_lake import (
    COLUMNS,
    COPY,
    DECIDED,
    DOCUMENT,
    EVIL,
    EXACT,
    MADE,
    ONE,
    PROSE,
    RECIPE,
    SECRET,
    SIX,
    SOURCE,
    TWO,
    SmallLake,
    h,
)

FLAGSHIP = RECIPE.replace("THRESHOLD", "0.1").partition("write clean")[0] + """\
transform wiki from clean[low] {
  ask rewriter using prompts.wikipedia {
    segment = lines(max = 512 tokens)
  }
  score support = lexical_support(answer, segment)
  verify {
    finish == stop
    # half of it at least
    tokens / segment_tokens in 0.5 .. 1.5

    support >= 0.80
  }
  on fail retry(1), discard
  dedup exact(of = text)
}

mix pretrain to at most 1M tokens {
  take clean[high] weight 60%
  take wiki        weight 40%
  cap synthetic <= 50%
}

write pretrain to delta("lake")
"""

UNIT = (
    "unit string, doc_id string, prompt int, segment int, span_start bigint, span_end bigint, "
    "segment_tokens bigint, sample int, key string"
)
ASKED = (
    f"{UNIT}, round int, answer string, finish string, tokens bigint, copied_tokens bigint, support double, "
    f"rejected {tables.REJECTED}, outcome string"
)
DERIVED = (
    "doc_id string, text string, text_hash string, text_bytes bigint, origin_id string, source string, url string, "
    "url_id string, domain string, license array<string>, fetched_at timestamp, lang string, tier string, "
    "origin string, root_ids array<string>, parent_ids array<string>, generations array<string>, tokens bigint, "
    "generated_tokens bigint, copied_tokens bigint, scores map<string,double>, meta map<string,string>, "
    "file_id string, record bigint"
)
MIXED = (
    "doc_id string, epoch int, take string, tier string, origin string, tokens bigint, generated_tokens bigint"
)

CLEAN, UNITS, ASK, DERIVE, WIKI, MIX, WRITE = (
    h("select", 4), h("units"), h("ask"), h("derive"), h("wiki"), h("mix"), h("write pretrain"),
)  # fmt: skip
TEMPLATE = {"system": ["Be ", {"var": "style"}, "."], "user": ["Rewrite:\n", {"var": "text"}, "\nNow."]}
VARIABLES = {"style": "plain \x1b[31m"}
PARAMS = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 512, "seed": 1}
MODEL = {"model": "small-30b", "revision": "r1", "deployment": "bf16"}
ANSWER = "an answer of the model, which no trace shows"
LOW = {
    "rule": "support >= 0.80", "value": "0.1", "threshold": ">= 0.8", "at": f"small.recipe:"
    f"{FLAGSHIP.split(chr(10)).index('    support >= 0.80') + 1}",
}  # fmt: skip
REWRITTEN, DROPPED = h("rewritten six"), h("rewritten evil")
REPORT = {
    "unit": "tokens", "size": 1_000_000, "drawn": 300, "held_by": ["epochs <= 2 of take clean[high]"],
    "synthetic_share": 1 / 3, "generated_share": 0.3,
    "takes": [
        {"take": "clean[high]", "asked": 0.6, "available": 200, "drawn": 200, "achieved": 2 / 3, "epochs": 1.0},
        {"take": "wiki", "asked": 0.4, "available": 100, "drawn": 100, "achieved": 1 / 3, "epochs": 1.0},
    ],
    "caps": [{"cap": "cap synthetic <= 50%", "bound": 0.5, "achieved": 1 / 3}],
}  # fmt: skip


def line(text: str) -> int:
    """The number of the first line of the recipe that begins so."""
    return next(n for n, each in enumerate(FLAGSHIP.split("\n"), 1) if each.startswith(text))


def spans(text: str) -> list[tuple[int, int]]:
    """Two segments of a text, its lines or its halves, in UTF-8 bytes."""
    data = text.encode()
    middle = data.find(b"\n") + 1 or len(data) // 2
    return [(0, middle), (middle, len(data))]


class DerivedLake(SmallLake):
    """`units`: what was asked, each a row of the ask's relation."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.template = self.writer.lake.put_blob(json.dumps(TEMPLATE, sort_keys=True).encode())
        self.units = [
            self._unit(SIX, PROSE, 0, 0), self._unit(SIX, PROSE, 1, 1), self._unit(EVIL, SECRET, 0, 1, support=0.1),
            self._unit(EVIL, SECRET, 1, 0),
        ]  # fmt: skip
        began = MADE + timedelta(days=4)
        self.writer.started(self.run(4), FLAGSHIP, began, self.inputs)
        self._cleaned()
        self._called()
        self._derived()
        self._mixed()
        self._written()

    def keys(self, page: Any) -> list[str]:
        """The keys of the answers that stayed of a page, in the order of its segments."""
        return [unit["key"] for unit in self.units if unit["doc_id"] == page.doc and unit["outcome"] == "kept"]

    def _unit(self, page: Any, text: str, segment: int, round: int, support: float = 0.9) -> dict[str, Any]:
        start, end = spans(text)[segment]
        first, key = (self._key(text.encode()[start:end].decode(), each) for each in (0, round))
        failed = support < 0.8
        return {
            "unit": h("unit", page.n, segment), "doc_id": page.doc, "prompt": 0, "segment": segment,
            "span_start": start, "span_end": end, "segment_tokens": 40, "sample": 0, "key": key, "round": round,
            "answer": ANSWER, "finish": "stop", "tokens": 30, "copied_tokens": 5, "support": support,
            "rejected": LOW if failed else None, "outcome": "rejected" if failed else "kept", "first": first,
        }  # fmt: skip

    @staticmethod
    def _key(segment: str, round: int) -> str:
        messages = render(TEMPLATE, {**VARIABLES, "text": segment})
        return request_key(**MODEL, messages=messages, params=PARAMS, sample=0, round=round)

    def _relation(self, step: str, ddl: str, rows: list[dict[str, Any]], *statistics: str) -> None:
        names = [part.split()[0] for part in ddl.split(", ")]
        rows = [{name: row[name] for name in row if name in names} for row in rows]
        self.writer.rows(self.writer.lake.relation(step), ddl, rows, statistics or ("doc_id",))

    def _cleaned(self) -> None:
        duplicate = {"rule": "dedup exact(of = text)", "value": f"duplicate of {ONE.doc}", "threshold": "equal",
                     "at": "small.recipe:12"}  # fmt: skip
        rows = [
            {**self._common(page), "source": "pages", "lang": "en", "lang_score": page.score,
             "tier": "low" if page in (SIX, EVIL) else "high", "rejected": duplicate if page is COPY else None,
             "matched": ONE.doc if page is COPY else None}
            for page in (ONE, TWO, COPY, EVIL, SIX)
        ]  # fmt: skip
        uri = self.writer.lake.relation(CLEAN)
        self.writer.rows(uri, DECIDED + ", tier string", rows, ("doc_id", "origin_id", "url_id"))
        self.writer.table(tables.REJECTS, self._reject(4, CLEAN, COPY, **duplicate, matched=ONE.doc))
        self._step(4, CLEAN, "clean", "select", 9, [COLUMNS, EXACT], rows_kept=4, rows_rejected=1)

    def _called(self) -> None:
        """Units, their answers, and what was decided of them."""
        units = [{**unit, "key": unit["first"]} for unit in self.units]
        self._relation(UNITS, UNIT, [*units, {"doc_id": TWO.doc}])
        nothing = {"rule": "segment lines", "value": "no piece", "threshold": "at least one piece"}
        self.writer.table(tables.REJECTS, self._reject(4, UNITS, TWO, **nothing, at=f"small.recipe:{line('  ask')}"))
        self._step(4, UNITS, "wiki.units", "units", line("  ask"), [CLEAN], rows_in=3, rows_kept=2, rows_rejected=1)
        answers = {(unit[name], round): unit for unit in self.units
                   for name, round in (("first", 0), ("key", unit["round"]))}  # fmt: skip
        self.writer.table(tables.GENERATIONS, *(
            {"call_class": h("class"), "key": key, "run_id": self.run(4), **MODEL,
             "prompt": "nemotron_cc.wikipedia", "template": self.template, "variables": json.dumps(VARIABLES),
             "params": json.dumps(PARAMS), "doc_id": unit["doc_id"], "span_start": unit["span_start"],
             "span_end": unit["span_end"], "sample": 0, "round": round, "outcome": "complete",
             "text": ANSWER, "finish": "stop", "served_model": "small-30b-2026", "fingerprint": "fp_\x1b[1m",
             "prompt_tokens": 60, "completion_tokens": 30, "answer_hash": h(ANSWER), "at": MADE, "seconds": 0.5}
            for (key, round), unit in answers.items()
        ))  # fmt: skip
        self._relation(ASK, ASKED, self.units)
        failed = next(unit for unit in self.units if unit["outcome"] == "rejected")
        self.writer.table(tables.REJECTS, {**self._reject(4, ASK, EVIL, **LOW), "generation": failed["key"]})
        self._step(4, ASK, "wiki.ask", "ask", line("  ask"), [UNITS], rows_in=4, rows_kept=3, rows_rejected=1,
                   dropped={LOW["rule"]: 1}, calls=6, tokens=90)  # fmt: skip

    def _rewritten(self, page: Any, doc_id: str) -> dict[str, Any]:
        return {
            **self._common(page), "doc_id": doc_id, "text": SECRET, "source": "pages", "lang": "en", "tier": "low",
            "origin": "synthetic", "root_ids": [page.doc], "parent_ids": [page.doc], "generations": self.keys(page),
            "tokens": 100, "generated_tokens": 90, "copied_tokens": 10, "scores": {}, "meta": {"robots": "none"},
        }  # fmt: skip

    def _derived(self) -> None:
        """Two documents, of which a dedup keeps the first."""
        rows = [self._rewritten(SIX, REWRITTEN), self._rewritten(EVIL, DROPPED)]
        self._relation(DERIVE, DERIVED, rows, "doc_id", "url_id")
        self._step(4, DERIVE, "wiki", "derive", line("transform"), [ASK], rows_in=3, rows_kept=2)
        self.writer.table(tables.EDGES, *(
            {"step": DERIVE, "run_id": self.run(4), "parent": row["parent_ids"][0], "child": row["doc_id"],
             "kind": "transform"} for row in rows
        ))  # fmt: skip
        duplicate = {"rule": "dedup exact(of = text)", "value": f"duplicate of {REWRITTEN}", "threshold": "equal",
                     "at": f"small.recipe:{line('mix') - 3}"}  # fmt: skip
        decided = [{**rows[0], "rejected": None}, {**rows[1], "rejected": duplicate, "matched": REWRITTEN}]
        self.writer.rows(
            self.writer.lake.relation(WIKI), DECIDED + ", tier string",
            [{name: value for name, value in row.items() if name in f"{DECIDED}, tier string".replace(",", "").split()}
             for row in decided], ("doc_id", "url_id"),
        )  # fmt: skip
        self.writer.table(tables.REJECTS, {
            **self._reject(4, WIKI, EVIL, **duplicate), "doc_id": DROPPED, "matched": REWRITTEN,
        })  # fmt: skip
        self._step(4, WIKI, "wiki", "select", line("transform"), [DERIVE], rows_in=2, rows_kept=1, rows_rejected=1)

    def _mixed(self) -> None:
        self._relation(MIX, MIXED, [
            {"doc_id": ONE.doc, "epoch": 1, "take": "clean[high]", "tier": "high", "origin": "organic", "tokens": 100},
            {"doc_id": ONE.doc, "epoch": 2, "take": "clean[high]", "tier": "high", "origin": "organic", "tokens": 100},
            {"doc_id": REWRITTEN, "epoch": 1, "take": "wiki", "tier": "low", "origin": "synthetic", "tokens": 100,
             "generated_tokens": 90},
        ])  # fmt: skip
        report = self.writer.lake.put_blob(json.dumps(REPORT).encode())
        self._step(4, MIX, "pretrain", "mix", line("mix"), [CLEAN, WIKI], rows_in=3, rows_kept=2, rows_rejected=1,
                   dropped={"not drawn": 1}, report=report)  # fmt: skip

    def _written(self) -> None:
        """Version 0 of `pretrain`, its statistics, and the end of the run."""
        organic = {
            **self._common(ONE), "text": SECRET, "source": "pages", "lang": "en", "tier": "high", "origin": "organic",
            "root_ids": [ONE.doc], "parent_ids": [], "step": CLEAN, "generations": [], "tokens": 100,
            "generated_tokens": 0, "copied_tokens": 0, "scores": {}, "meta": {},
        }  # fmt: skip
        rows = [{**organic, "epoch": 1}, {**organic, "epoch": 2}]
        rows.append({**self._rewritten(SIX, REWRITTEN), "epoch": 1, "step": WIKI})
        names = {part.split()[0] for part in DOCUMENT.split(", ")}
        rows = [{name: value for name, value in row.items() if name in names} for row in rows]
        uri = self.writer.lake.output("pretrain")
        version = self.writer.rows(uri, DOCUMENT, rows, ("doc_id",))
        self._stats(WRITE, version)
        self._step(4, WRITE, "pretrain", "write", line("write"), [MIX], rows_in=3, rows_kept=3)
        output = {"name": "pretrain", "uri": uri, "table_id": str(DeltaTable(uri).metadata().id), "version": version,
                  "step": WRITE, "made": True}  # fmt: skip
        made = [("pages", "source", SOURCE), ("clean", "select", CLEAN), ("wiki.units", "units", UNITS),
                ("wiki.ask", "ask", ASK), ("wiki", "derive", DERIVE), ("wiki", "select", WIKI),
                ("pretrain", "mix", MIX), ("pretrain", "write", WRITE)]  # fmt: skip
        steps = [{"name": n, "kind": k, "step": s, "made": s != SOURCE} for n, k, s in made]
        self.writer.ended(self.run(4), MADE + timedelta(days=4, minutes=1), steps, output)

    def _stats(self, step: str, version: int) -> None:
        row = {"step": step, "run_id": self.run(4), "output": "pretrain", "version": version, "source": "pages",
               "domain": "example", "lang": "en", "license": ""}  # fmt: skip
        self.writer.table(
            tables.STATS,
            {**row, "tier": "high", "origin": "organic", "rows": 2, "tokens": 200, "bytes": 9, "generated_tokens": 0},
            {**row, "tier": "low", "origin": "synthetic", "rows": 1, "tokens": 100, "bytes": 9, "generated_tokens": 90},
        )

    def take_for_newest(self) -> None:
        """Another run ends that found the table's newest version made; for tests that changed its rows."""
        uri = self.writer.lake.output("pretrain")
        table = DeltaTable(uri)
        output = {"name": "pretrain", "uri": uri, "table_id": str(table.metadata().id), "version": table.version(),
                  "step": WRITE, "made": True}  # fmt: skip
        self.writer.ended(self.run(5), MADE + timedelta(days=5), [], output)

    def change(self, table: tables.Table, where: str, values: Mapping[str, str]) -> None:
        """Damages rows: new values as SQL."""
        DeltaTable(self.writer.lake.table(table.name)).update(predicate=where, updates=dict(values))
