"""Rule by rule, what recipec and datatrove decide of the same texts.

Ours: the rules as `recipec compile --format plan` has them, and their figures by the product's own operators. Theirs:
`runners/datatrove_rules.py` in datatrove's environment. A rule that is null of a text drops it, as in a job.
"""

from __future__ import annotations

import json
import operator
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from recipe_udfs.carried import embedded_model
from recipe_udfs.catalogue import OPERATORS
from recipe_udfs.fasttext_file import read_model
from recipe_udfs.language import KernelModel, LibraryModel
from recipe_udfs.lines import END_MARKS
from recipe_udfs.operator import Call

from bench.extraction import read_pages
from bench.selection.data import read_books
from bench.selection.environments import Environment
from bench.selection.measure import measured

HERE = Path(__file__).parent

NGRAM = "stats.duplicate_ngram_character_share"
THEIRS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("gopher", "stats.words"): ("gopher_short_doc", "gopher_long_doc"),
    ("gopher", "stats.mean_word_length"): ("gopher_below_avg_threshold", "gopher_above_avg_threshold"),
    ("gopher", "stats.symbol_word_ratio"): ("gopher_too_many_hashes", "gopher_too_many_ellipsis"),
    ("gopher", "stats.bullet_line_share"): ("gopher_too_many_bullets",),
    ("gopher", "stats.ellipsis_line_share"): ("gopher_too_many_end_ellipsis",),
    ("gopher", "stats.alphabetic_word_share"): ("gopher_below_alpha_threshold",),
    ("gopher", "stats.distinct_words_of"): ("gopher_enough_stop_words",),
    ("gopher", "stats.duplicate_line_share"): ("dup_line_frac",),
    ("gopher", "stats.duplicate_paragraph_share"): ("dup_para_frac",),
    ("gopher", "stats.duplicate_line_character_share"): ("dup_line_char_frac",),
    ("gopher", "stats.duplicate_paragraph_character_share"): ("dup_para_char_frac",),
    **{("gopher", f"stats.top_ngram_character_share {n}"): (f"top_{n}_gram",) for n in (2, 3, 4)},
    **{("gopher", f"{NGRAM} {n}"): (f"duplicated_{n}_n_grams",) for n in range(5, 11)},
    ("c4", "stats.sentences"): ("too_few_sentences",),
    ("c4", "contains lorem ipsum"): ("lorem_ipsum",),
    ("c4", "contains {"): ("curly_bracket",),
    ("fineweb", "stats.line_end_share"): ("line_punct_ratio",),
    ("fineweb", "stats.short_line_share"): ("short_line_ratio",),
    ("fineweb", "stats.duplicate_line_character_share"): ("char_dup_ratio",),
    ("fineweb", "stats.newline_word_ratio"): ("list_ratio",),
}
"""Our rules, by library and operator, and the reasons for which datatrove's counterpart drops."""


@dataclass(frozen=True)
class Rule:
    """A rule of a recipe: the library it is from, its operator with what tells it from others, and the condition."""

    library: str
    operator: str
    column: str
    text: str
    condition: Mapping[str, Any]


@dataclass
class Agreement:
    """One rule over `documents` texts: how many both drop, and the ids of those that one alone drops. `by_reading` of
    those are decided alike where datatrove reads as we do: what stands between white space for words, and our marks at
    the ends of lines; `only_by_reading` others are decided alike only where it does not."""

    rule: str
    documents: int
    both: int = 0
    only_ours: list[str] = field(default_factory=list)
    only_theirs: list[str] = field(default_factory=list)
    by_reading: int = 0
    only_by_reading: int = 0

    @property
    def share(self) -> float:
        """Documents decided alike, 0 to 1."""
        return 1 - self.different / max(self.documents, 1)

    @property
    def share_read_alike(self) -> float:
        """The same where datatrove reads as we do."""
        return 1 - (self.different - self.by_reading + self.only_by_reading) / max(self.documents, 1)

    @property
    def better(self) -> float:
        """The share by the reading under which the two agree more: with our words datatrove's stop words keep their
        punctuation, which its own tokens have lost."""
        return max(self.share, self.share_read_alike)

    @property
    def different(self) -> int:
        return len(self.only_ours) + len(self.only_theirs)

    def count(self, name: str, ours: bool, theirs: bool) -> None:
        """Takes in what each decides of a document: does it drop it?"""
        self.both += ours and theirs
        if ours != theirs:
            (self.only_ours if ours else self.only_theirs).append(name)


class Rules:
    """The rules of a recipe, asked of texts without Spark."""

    def __init__(self, recipe: Path) -> None:
        command = [sys.executable, "-m", "recipec.cli", "compile", str(recipe), "--format", "plan"]
        parameters = ["--param", "input=unread", "--param", "lake=unwritten"]
        plan = subprocess.run([*command, *parameters], capture_output=True, text=True, check=True).stdout
        self.rules: list[Rule] = []
        self.calls: dict[str, Call] = {}
        self.lines: Call | None = None
        for line in plan.splitlines():
            name, _, value = line.strip().partition(": ")
            if name == "columns" and "operation" in value:
                for column in json.loads(value):
                    operation = column["operation"]
                    self.calls[column["outputs"][0]] = Call(operation["operator"], operation["args"])
            elif name == "operation":
                self.lines = Call(json.loads(value)["operator"], json.loads(value)["args"])
            elif name == "rules":
                self.rules += [self._rule(rule) for rule in json.loads(value)]

    @property
    def marks(self) -> Sequence[str]:
        """What FineWeb's rule takes for the end of a line."""
        return next(call.args["marks"] for call in self.calls.values() if call.operator == "stats.line_end_share")

    def _rule(self, rule: Mapping[str, Any]) -> Rule:
        call = self.calls[rule["value"]["name"]]
        told = {"contains": "phrase", "stats.top_ngram_character_share": "n", NGRAM: "n"}.get(call.operator)
        name = f"{call.operator} {call.args[told]}" if told else call.operator
        library = rule["at"].removeprefix("std/").partition(".")[0]
        return Rule(library, name, rule["value"]["name"], rule["text"], rule["expr"])

    def rows(self, texts: pa.Array) -> list[dict[str, Any]]:
        """What the rules read of each text, by column."""
        run = next(op for op in OPERATORS if op.name == "stats.words").load()
        found = run({"text": texts}, list(self.calls.values()))
        return pa.table({name: values[0] for name, values in zip(self.calls, found, strict=True)}).to_pylist()

    def cleaned(self, texts: pa.Array) -> pa.Array:
        """The texts after the recipe's `clean`."""
        run = next(op for op in OPERATORS if (op.kind, op.name) == ("clean", self.lines.operator)).load()
        return run({"text": texts}, [self.lines])[0][0]


COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq,
}  # fmt: skip


def holds(expr: Mapping[str, Any], row: Mapping[str, Any]) -> Any:
    """A plan's expression of one row; None where it is null."""
    match expr["kind"]:
        case "col":
            return row[expr["name"]]
        case "lit":
            return expr["value"]
        case "not":
            value = holds(expr["operand"], row)
            return None if value is None else not value
        case "compare":
            left, right = holds(expr["left"], row), holds(expr["right"], row)
            return None if left is None or right is None else COMPARE[expr["op"]](left, right)
        case "in_range":
            low, value, high = (holds(expr[part], row) for part in ("low", "value", "high"))
            return None if value is None else low <= value <= high
        case kind:
            raise SystemExit(f"a rule of the recipe holds `{kind}`, which bench/selection/agreement.py cannot ask")


def texts_of(name: str, data: Path) -> dict[str, str]:
    """id → text: `books` are the passages without the planted copies, `pages` what trafilatura takes from the pages."""
    if name == "books":
        return {passage.id: passage.text for passage in read_books(data).passages}
    pages = read_pages(data / "web.warc.gz")
    extract = next(op for op in OPERATORS if (op.kind, op.name) == ("extract", "trafilatura"))
    arguments = {p.name: p.default for p in extract.parameters if p.type != "html"}
    found = extract.load()(
        {"html": pa.array(list(pages.values()), pa.large_string())}, [Call("trafilatura", arguments)]
    )
    return {url: text for url, text in zip(pages, found[0][0].to_pylist(), strict=True) if text}


def theirs(
    texts: Mapping[str, str], environment: Environment, folder: Path, marks: Sequence[str]
) -> list[dict[str, Any]]:
    """What datatrove says of each text, in their order; marks: those of FineWeb's rule that end a line to us."""
    folder.mkdir(parents=True, exist_ok=True)
    source, target = folder / "texts.jsonl", folder / "datatrove.jsonl"
    source.write_bytes(b"".join(orjson.dumps({"id": i, "text": t}) + b"\n" for i, t in texts.items()))
    script = HERE / "runners" / "datatrove_rules.py"
    ours = json.dumps({"fineweb": list(marks), "c4": list(END_MARKS)})
    cost = measured([environment.python, script, source, target, ours], folder / "log.txt")
    if cost.code:
        raise SystemExit(f"{script.name} ended with {cost.code}:\n{cost.output}")
    with target.open("rb") as lines:
        return [orjson.loads(line) for line in lines]


def compare(texts: Mapping[str, str], environment: Environment, folder: Path) -> list[Agreement]:
    """Every rule of filters.recipe, C4's with terminal punctuation, the line rules' texts and the whole chain.

    `folder`/differences.jsonl gets every document of which the two say different things, with our figure.
    """
    judged = theirs(texts, environment, folder, Rules(HERE / "recipes" / "filters.recipe").marks)
    array = pa.array(list(texts.values()), pa.large_string())
    found: dict[str, Agreement] = {}
    differences = []

    def count(
        rule: str, name: str, ours: bool, dropped: bool, figure: Any = None, read_alike: bool | None = None
    ) -> None:
        one = found.setdefault(rule, Agreement(rule, len(texts)))
        one.count(name, ours, dropped)
        if ours != dropped:
            one.by_reading += ours == read_alike
            drops = "ours" if ours else "theirs"
            differences.append(
                {"rule": rule, "id": name, "drops": drops, "figure": figure, "by reading": ours == read_alike}
            )
        else:
            one.only_by_reading += read_alike is not None and ours != read_alike

    for recipe, suffix in (("filters", ""), ("gopher_c4", ", terminal")):
        rules = Rules(HERE / "recipes" / f"{recipe}.recipe")
        cleaned = rules.cleaned(array)
        raw, clean = rules.rows(array), rules.rows(cleaned)
        for i, (name, row) in enumerate(zip(texts, judged, strict=True)):
            failed, read_alike = (set(row[side]["failed"]) for side in ("theirs", "ours"))
            for rule in rules.rules:
                if suffix and rule.library != "c4":
                    continue
                mark = suffix if rule.library == "c4" else ""
                values = clean[i] if rule.library == "c4" else raw[i]
                reasons = {why + mark for why in THEIRS[rule.library, rule.operator]}
                ours = not holds(rule.condition, values)
                title = f"{rule.library}{mark}: {rule.text}"
                count(title, name, ours, bool(reasons & failed), values[rule.column], bool(reasons & read_alike))
            if not suffix:
                count(
                    "c4: the text that the line rules leave", name, not _same(cleaned[i].as_py(), row["lines"]), False
                )
                stage = {"gopher": raw[i], "c4": clean[i], "fineweb": clean[i]}
                ours = next((r.text for r in rules.rules if not holds(r.condition, stage[r.library])), None)
                chain, alike = (row[side]["chain"] for side in ("theirs", "ours"))
                count(
                    "all rules of the chain", name, ours is not None, chain is not None, [ours, chain],
                    alike is not None,
                )  # fmt: skip
    with (folder / "differences.jsonl").open("wb") as out:
        out.writelines(orjson.dumps(difference) + b"\n" for difference in differences)
    return list(found.values())


def _same(ours: str, others: str | None) -> bool:
    """The same lines, white space around them left out?"""
    return [line.strip() for line in ours.splitlines()] == [line.strip() for line in (others or "").splitlines()]


def language(texts: Mapping[str, str]) -> Agreement:
    """Our kernel of lid.176 against the fastText library: the label and the probability of each text."""
    path = embedded_model()
    array = pa.array(list(texts.values()), pa.large_string())
    ours, library = KernelModel(read_model(path)).languages(array), LibraryModel(path).languages(array)
    found = Agreement("lid.176: label and probability, against the fastText library", len(texts))
    pairs = zip(*(column.to_pylist() for column in (*ours, *library)), strict=True)
    for name, (label, score, their_label, their_score) in zip(texts, pairs, strict=True):
        found.count(name, (label, score) != (their_label, their_score), False)
    return found
