"""Recipes that ask a model, the texts they ask about, and a stub that answers by what it is asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from recipe_runtime.delta_sql import query
from running import Ran
from stub_server import Fault, Reply, Stub

HEAD = '''
recipe asking
edition 2026
param input: path
param lake: path
param server: text
tokenizer bpe = hf("std/bpe.json")
endpoint writer {
  url       = server
  key       = env("ASKING_KEY", default = "none")
  model     = "stub-model"
  tokenizer = bpe
  in_flight = 8
  timeout   = 20 s
  patience  = 3 s
}
prompt anew(text) {
  system = "Be brief."
  user = """
    Tell this again:

    ${text}
    """
  reply = text
  clean lead_in("Answer:")
}
source pages = jsonl(input) {
  id      = id
  url     = url
  license = license
}
select base from pages {
  keep stats.words >= 5
}
'''
CLEAN_STEP = 'clean lead_in("Answer:")'
ASK = """
  ask writer using anew {
    segment     = lines(max = 40 tokens)
    rejoin      = "\\n"
    max_tokens  = 100
    temperature = 0.5
    seed        = 1
  }
  score support = lexical_support(answer, segment)
  verify {
    finish == stop
    support >= 0.50
  }
"""
RECIPE = HEAD + "transform told from base {" + ASK + "  on fail discard\n}\nwrite told to delta(lake)\n"

CLOSED = "http://127.0.0.1:9/v1"
"""Where nothing listens."""


def line(name: str, *more: str) -> str:
    """A line of more than 20 and at most 40 tokens of the embedded tokenizer: two of them are two segments."""
    return " ".join((name, *more, "walked along the old river path until the evening bells began to ring again"))


TEXTS = {
    **{f"plain-{i}": line(f"Anna{i}") for i in range(3)},
    "twin-a": line("Twin"),
    "twin-b": line("Twin") + "\n" + line("Other"),
    "same": line("Same") + "\n" + line("Same"),
    "three": line("First") + "\n" + line("Second", "EMPTY") + "\n" + line("Third"),
    "copied": line("Copied", "COPY"),
    "empty": line("Nobody", "EMPTY"),
    "blank": line("Noone", "BLANK"),
    "cut": line("Cutter", "LENGTH"),
    "filtered": line("Filterer", "FILTER"),
    "refused": line("Refuser", "REFUSE"),
    "unled": line("Leader", "UNLED"),
    "foreign": line("Stranger", "FOREIGN"),
    "long": "word " * 60,
    "short": "too few words",
}
FAILING = {"empty", "blank", "cut", "filtered", "refused", "unled", "foreign"}
"""Documents whose only segment gets no answer that can be used."""
GOOD = ("plain-0", "plain-1", "plain-2", "twin-a", "twin-b", "same", "three", "copied")


def write_texts(path: Path, texts: dict[str, str] = TEXTS) -> str:
    """The texts as JSONL; a page's URL ends in its name."""
    rows = [
        {"id": name, "text": text, "url": f"http://example.org/{name}", "license": "cc0-1.0"}
        for name, text in texts.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def segment(request: dict[str, Any]) -> str:
    """The piece that a request is about."""
    return request["messages"][-1]["content"].partition("Tell this again:\n\n")[2].rstrip("\n")


def told(piece: str) -> str:
    """What the stub makes of a piece: its words backwards."""
    return " ".join(reversed(piece.split()))


def foreign(request: dict[str, Any]) -> str:
    """Words that no piece has, other ones for each seed."""
    return f"zyx{request['seed']} wvu tsr qpo nml kji hgf edc"


def reply(request: dict[str, Any], number: int = 0) -> Reply:
    """The stub's answer, by content and seed alone."""
    piece = segment(request)
    kinds: dict[str, Reply] = {
        "EMPTY": Reply(""),
        "BLANK": Reply(" \n\t\n"),
        "LENGTH": Reply(f"Answer: {told(piece)}", finish="length"),
        "FILTER": Reply("", finish="content_filter"),
        "REFUSE": Reply(None, refusal="I would rather not."),
        "UNLED": Reply(told(piece)),
        "FOREIGN": Reply(f"Answer: {foreign(request)}"),
        "LATER": Reply(f"Answer: {foreign(request) if request['seed'] == 1 else told(piece)}"),
        "COPY": Reply(f"Answer: {piece}"),
    }
    return next((made for word, made in kinds.items() if word in piece.split()), Reply(f"Answer: {told(piece)}"))


def writer(faults: Callable[[dict[str, Any], int], Fault | None] | None = None, latency: float = 0.0) -> Stub:
    """The stub; `faults` by request."""
    return Stub(answer=reply, faults=faults or {}, latency=latency)


def pieces(stub: Stub) -> Counter[str]:
    """How often each piece was answered with a completion."""
    return Counter(segment(entry.body) for entry in stub.ledger if entry.completion)


# ---- what came of it --------------------------------------------------------------------------------


def generations(lake: Path, where: str = "true") -> list[dict[str, Any]]:
    """Rows of `generations`."""
    return query(f"select * from g where {where}", {"g": DeltaTable(str(lake / "_recipec" / "generations"))})


def steps(ran: Ran, *, newest: bool = True) -> dict[tuple[str, str], dict[str, Any]]:
    """(name, kind) → row of `steps`; of two of one name the later, or the earlier."""
    rows = sorted(ran.ledger("steps"), key=lambda row: row["made_at"], reverse=not newest)
    return {(row["name"], row["kind"]): row for row in rows}


def relation(ran: Ran, name: str, kind: str, sql: str = "select * from r") -> list[dict[str, Any]]:
    """Rows of what a step made, `r` in the statement."""
    table = DeltaTable(str(ran.lake / "_recipec" / "relations" / steps(ran)[name, kind]["step"]))
    return query(sql, {"r": table})


def rejects(ran: Ran, name: str, kind: str) -> dict[str, list[dict[str, Any]]]:
    """Page → its rows in `rejects` of a step."""
    step = steps(ran)[name, kind]["step"]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in ran.ledger("rejects"):
        if row["step"] == step:
            found.setdefault(page(row["url"]), []).append(row)
    return found


def page(url: str) -> str:
    """The name of a page, by its URL."""
    return url.rpartition("/")[2]


def output(ran: Ran, name: str) -> list[dict[str, Any]]:
    """Rows of an output, without a JVM."""
    return query("select * from o", {"o": DeltaTable(str(ran.lake / name))})


def by_page(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows by the page they come from."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(page(row["url"]), []).append(row)
    return found


def holds(folder: Path, secret: str) -> list[str]:
    """The files below a folder in which a text stands; Parquet and Arrow files are opened, for they are packed."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and secret.encode() in _unpacked(path)]


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".parquet":
        return str(pq.ParquetFile(path).read().to_pydict()).encode()
    if path.suffix == ".arrow":
        with pa.ipc.open_file(path) as file:
            return str(file.read_all().to_pydict()).encode()
    return path.read_bytes()


def log_of_words(path: Path, less: float) -> str:
    """An ONNX classifier: the logarithm of a text's words, its two ends counted, less a number; NaN below nothing."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("ReduceSum", ["counts", "axis"], ["sum"]),
        helper.make_node("Sub", ["sum", "less"], ["left"]),
        helper.make_node("Log", ["left"], ["score"]),
    ]
    constants = {"axis": np.array([1]), "less": np.float32(less)}
    graph = helper.make_graph(
        nodes, "words",
        [helper.make_tensor_value_info("counts", TensorProto.FLOAT, ["rows", 16])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    made = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    told = {"recipec.input": "hashed_ngrams", "recipec.buckets": "16", "recipec.words": "1 1"}
    helper.set_model_props(made, told)
    path.write_bytes(made.SerializeToString())
    return str(path)
