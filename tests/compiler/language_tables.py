"""The tables of docs/language.md that the compiler and the operators say themselves: settings, units, columns,
operators, rules of the library. `made(name)` gives one; `refreshed(page)` puts all of them in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from recipec import ast, columns, settings, units
from recipec.imports import library_folder
from recipec.lowering.asks import NOT_SENT, SENT
from recipec.operators import KIND_CALLED, REQUIRED, installed
from recipec.parse import parse

MARKED = re.compile(r"(?P<head><!-- generated: (?P<name>[^>]+?) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
OWN = ("source", "extract", "language", "statistic", "score", "clean", "dedup")
"""Kinds of operators with a table of their own; `others` are in one."""
OTHERS = ("segment", "action", "expect", "sink", "tokenizer", "head")
BLOCKS = ("sample", "prompt", "mix", "write", "phase", "merge", "pair", "train", "compute")
"""Blocks whose settings are in one table."""

SETTINGS: dict[str, tuple[dict[str, settings.SettingType], Callable[[str], bool], dict[str, str]]] = {
    "endpoint": (
        settings.ENDPOINT,
        lambda name: True,
        {
            "url": "base URL of an OpenAI-compatible server, or a list of several that serve one model; `builtin`: the "
            "built-in extractive one",
            "weights": "how often each address of a list is asked; alike without it",
            "key": "API key, `env(…)` only",
            "model": "the model asked for; `builtin-extractive` with the built-in URL",
            "revision": "pins the weights behind the name (W0503 without)",
            "deployment": "how it is served, such as `fp8`: answers of another deployment are other answers",
            "served_as": "names by which the server may report the model; any other is refused",
            "tokenizer": "a `tokenizer` item; counts segments and answers",
            "context": "longest prompt and answer together; a question that does not fit is rejected, not asked",
            "api": "`chat` (unless set), or `completions` for a model that continues a text",
            "structured_output": "what the server keeps a reply to: `none` (unless set), `json_schema` or `vllm`",
            "in_flight": "most requests open at once; 64 without it",
            "requests_per_minute": "rate limit",
            "tokens_per_minute": "rate limit, of prompts and answers",
            "tokens_per_gpu_second": "tokens of answers that a GPU makes, for GPU seconds and their price",
            "timeout": "for one request; 10 minutes without it",
            "patience": "how long an unavailable server is waited for; 30 minutes without it",
            "max_calls": "most calls of one run",
            "max_tokens": "most tokens of one run, of prompts and answers",
            "max_cost": "most money spent by one run; needs a price",
            "input_price": "dollars for a million tokens of prompts",
            "output_price": "dollars for a million tokens of answers",
            "gpu_hour_price": "dollars for an hour of a GPU, in place of the two",
            "terms": "what the answers may be used for; kept with every generation",
            "coordinator": "`none`: limits are divided evenly among the tasks, and not shared by them",
        },
    ),
    "ask": (
        settings.ASK,
        lambda name: name in (*SENT, *NOT_SENT),
        {
            "segment": "how the text is cut; without it the whole text is one segment",
            "rejoin": "what stands between the answers of one row, which become one document",
            "samples": "answers to each question; 1 without it",
            "max_prompt": "longest prompt as a whole; a longer one is rejected, not asked",
            "max_tokens": "longest answer",
            "temperature": "sampling",
            "top_p": "sampling",
            "top_k": "sampling; not every server knows it",
            "min_p": "sampling; not every server knows it",
            "frequency_penalty": "sampling",
            "presence_penalty": "sampling",
            "stop": "texts that end the answer",
            "seed": "sent with each call: seed + sample + samples × retry round",
            "logprobs": "asks how probable the answer is: the column `logprob`",
            "tools": "tools the model may call",
            "max_turns": "most turns of a tool conversation",
            "timeout": "for one request of this `ask`, in place of the endpoint's",
        },
    ),
    "sample": (
        settings.SAMPLE,
        lambda name: name != "each",
        {
            "by": "what the size counts; only `documents` runs",
            "each": "a column: the sample is drawn for each of its values",
            "seed": "the same seed draws the same rows",
        },
    ),
    "pair": (settings.PAIR, lambda name: False, {"each": "partners of each row", "seed": "of the draw"}),
    "mix": (
        settings.MIX,
        lambda name: True,
        {
            "tokenizer": "whose tokens are counted; may be left out where the recipe has one",
            "tolerance": "how far a share may miss what was asked",
            "seed": "of the draw; must be given in a mix that is written",
        },
    ),
    "phase": (settings.PHASE, lambda name: False, {"tolerance": "as in the mix, for this phase"}),
    "merge": (settings.MERGE, lambda name: False, {"rounds": "`all`, `latest` or `last(n)`: which rounds' rows"}),
    "write": (
        settings.WRITE,
        lambda name: True,
        {
            "partition": "columns the table is partitioned by",
            "schema": "`error` (unless set) refuses a version with other columns, `evolve` changes the table",
        },
    ),
    "train": (
        settings.TRAIN,
        lambda name: False,
        {
            "target": "column of the labels",
            "features": "what the head sees, such as `onnx(…, output = vector)`",
            "head": "what is fitted, such as `linear(output = regression)`",
            "epochs": "passes over the labels",
            "learning_rate": "of the optimiser",
            "held_out": "share of the labels kept for the measures",
            "batch_size": "labels in one step",
            "seed": "of split and initialisation",
        },
    ),
    "compute": (
        settings.COMPUTE,
        lambda name: False,
        {"training": "GPU hours of training", "multiplier": "m: training compute at baseline ÷ with this data"},
    ),
    "prompt": (
        settings.PROMPT,
        lambda name: True,
        {
            "system": "system message",
            "user": "user message",
            "reply": "`text` (unless set), `number(0 .. 5)`, `choice(…)`, `json(…)`, `regex(…)`, `trajectory`, which "
            "does not run",
        },
    ),
}  # fmt: skip
"""Block → its settings, which of them run, and what each means."""

DOCUMENT = {
    "doc_id": "id of the document, from what it is and not where it stands",
    "origin_id": "id of the record it comes from",
    "text": "the text",
    "text_hash": "hash of the text",
    "bytes": "length of the text in UTF-8",
    "source": "name of the source",
    "url": "address of the page",
    "url_id": "hash of the normalised address",
    "domain": "domain of the address",
    "license": "licences declared",
    "fetched_at": "when it was fetched",
    "origin": "`organic`, `synthetic`, or `mixed` (an answer together with its source text)",
    "root_ids": "the documents of sources it goes back to",
    "parent_ids": "the documents it was made from",
    "step": "the relation that made it",
    "generations": "keys of the calls that made it",
    "tokens": "tokens, by the recipe's tokenizer",
    "generated_tokens": "of these, written by a model",
    "copied_tokens": "of these, copied from the source by the model",
    "meta": "what else is known of the record, as texts",
}
ADDED = {
    "`lang by`": columns.LANGUAGE,
    "`tier by`": columns.TIER,
    "`ask`": columns.ANSWER,
    "a mix": columns.MIXED,
    "`write`": columns.TABLE,
}


def refreshed(page: str) -> str:
    """The page with every generated part made anew."""
    return MARKED.sub(lambda part: f"{part['head']}{made(part['name'])}\n{part['end']}", page)


def made(name: str) -> str:
    """The part of that name: `settings ask`, `operators others`, `units`, `document`, `columns`, `library`."""
    what, _, of = name.partition(" ")
    return {
        "settings": _settings, "operators": _operators, "units": _units, "document": _document,
        "columns": _columns, "library": _library,
    }[what](of)  # fmt: skip


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in row) + " |" for row in lines
    )


def _yes(value: bool, word: str = "yes") -> str:
    return word if value else ""


def _settings(of: str) -> str:
    blocks = BLOCKS if of == "others" else (of,)
    rows = []
    for block in blocks:
        table, runs, means = SETTINGS[block]
        assert set(means) == set(table), f"say what the settings of {block} mean: {set(means) ^ set(table)}"
        for name, one in table.items():
            first = [f"`{block}`"] if len(blocks) > 1 else []
            rows.append([*first, f"`{name}`", f"`{one.type}`", _yes(one.required), _yes(runs(name)), means[name]])
    head = ["block"] if len(blocks) > 1 else []
    return _table([*head, "setting", "type", "must be given", "runs", "meaning"], rows)


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)


def _parameter(one: object, variadic: bool) -> str:
    shown = json.dumps(one.default) if one.type == "text" else _value(one.default)
    shown += " s" if one.type.startswith("duration") and one.default is not None else ""
    default = "" if one.default == REQUIRED else f" = {shown}"
    later = getattr(one, "later", False)
    return f"{one.name}{'…' * variadic}: {one.type}{default}{'*' * bool(later)}"


def _operators(of: str) -> str:
    catalogue = installed()
    kinds = OTHERS if of == "others" else (of,)
    rows = []
    for key in sorted(catalogue.operators, key=lambda one: (kinds.index(one[0]) if one[0] in kinds else 0, one[1])):
        operator = catalogue.operators[key]
        if key[0] not in kinds or catalogue.packages[key] != "recipec":
            continue
        inner = ", ".join(_parameter(one, operator.variadic and not i) for i, one in enumerate(operator.parameters))
        first = [KIND_CALLED[key[0]].partition(" ")[2]] if len(kinds) > 1 else []
        shown = f"`{operator.name}({inner})`" if inner else f"`{operator.name}`"
        rows.append([*first, shown, _yes(bool(operator.run)), operator.doc])
    head = ["kind", "operator"] if len(kinds) > 1 else [KIND_CALLED[of].partition(" ")[2]]
    return _table([*head, "runs", "what it does"], rows)


def _units(_: str) -> str:
    spelled: dict[str, list[str]] = {}
    for unit, (tag, factor) in units.UNITS.items():
        spelled.setdefault(tag, []).append(f"`{unit}`" + ("" if factor == 1 else f" ({factor.normalize():f})"))
    called = {"share": "share", "x": "multiple", "$": "money, written before the number", "s": "time, in seconds"}
    return _table(
        ("measures", "units (and their size)"), [(called.get(t, t), ", ".join(u)) for t, u in spelled.items()]
    )


def _document(_: str) -> str:
    assert set(DOCUMENT) == set(columns.DOCUMENT), "say what each column of the document means"
    return _table(
        ("column", "type", "meaning"), [(f"`{n}`", f"`{t}`", DOCUMENT[n]) for n, t in columns.DOCUMENT.items()]
    )


def _columns(_: str) -> str:
    rows = [(by, ", ".join(f"`{n}` ({t})" for n, t in added.items())) for by, added in ADDED.items()]
    return _table(("made by", "columns"), rows)


def _library(_: str) -> str:
    """The rules of each filter; one without a comment of its own stands with the one above it."""
    rows: list[list[str]] = []
    for path in sorted((library_folder() / "std").glob("*.recipe")):
        text = path.read_text("utf-8")
        items = parse(path.name, text).file.items
        about = " ".join(next(one.doc for one in items if isinstance(one, ast.Header)).split())
        source = re.search(r"\(([^()]+\d{4}[^()]*)\)", about)[1]
        for item in items:
            if isinstance(item, ast.Filter):
                name = f"`{path.stem}.{item.name.text}`"
                for rule in item.rules:
                    shown = "`" + " ".join(text[rule.expr.span.start : rule.expr.span.end].split()) + "`"
                    if rule.doc or not rows or rows[-1][0] != name:
                        rows.append([name, shown, rule.doc, source])
                    else:
                        rows[-1][1] += f"; {shown}"
            elif isinstance(item, ast.Block):
                name = f"{path.stem}.{item.name.text}"
                rows.append([f"`{name}`", f"a block, `use {name}`", item.doc.partition(". ")[0] + ".", source])
    return _table(("rule of", "rules", "what they look at", "source"), rows)
