"""Each operator's output on a small corpus is pinned with its version: it may change only with the version.

    python tests/udfs/test_pinned_outputs.py

writes `pinned_outputs.json` anew; it refuses an operator whose output changed and whose version did not.
An operator that carries a library's results is compared under the library versions it was pinned with.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from recipe_runtime.ops import versions
from recipe_udfs.catalogue import OPERATORS
from recipe_udfs.operator import IN_RUNTIME, Call, Operator

ROOT = Path(__file__).resolve().parents[2]
PINNED = Path(__file__).with_name("pinned_outputs.json")
RUNNABLE = [op for op in OPERATORS if op.run not in ("", IN_RUNTIME) and op.name != "tokens"]
"""`tokens` stands apart: its output is its tokenizer's, which test_tokens compares with `tokenizers`."""

PROSE = (
    "The lighthouse on the northern cape was built in the year of the great storm. It has been kept by the same "
    "family ever since, and every evening one of them climbs the stairs to see that the lamp is lit."
)
TEXTS = [
    PROSE,
    f"{PROSE}\n\n{PROSE}\nHome\n- one\n• two…\nwait...\n#tag # {{x}} lorem IPSUM",
    "Der Leuchtturm wurde im Jahr der großen Flut gebaut.\r\nEr steht noch. »Ja.« z. B. heute!",
    "灯台は嵐の年に建てられました。「はい！」と言った。\n灯台は嵐の年に建てられました。",
    "بنيت المنارة في عام العاصفة الكبيرة. هل هي مضاءة؟",
    "e\u0301te\u0301 ÉTÉ Ⱥ İstanbul \u00a0\u2003x\u200by\x1cz\0\n\n \nlast",
    "a b c a b c a b c a b c a b c",
    "word",
    " \n\t ",
    "",
    None,
]
PAGES = [
    f"<html><head><title>Cape</title><meta name=robots content=noai></head><body><nav><a href=/>Home</a></nav><article>"
    f"<h1>The cape</h1><p>{PROSE}</p><p>{PROSE.replace('storm', 'flood')}</p><ul><li>One</li><li>Two</li></ul>"
    "</article><div class=comments><p>Nice.</p></div><footer><a rel=license href='https://creativecommons.org/licenses/by/4.0/'>"
    "CC BY</a></footer></body></html>",
    f"<p>{PROSE}",
    "<div>",
    "",
    None,
]
ANSWERS = [
    f"**Paraphrase:**\r\n\r\n“{PROSE}”\r\n",
    "Paraphrase: The *lamp* is [lit](https://example.org/a_(b)).\n\n```\nx = a*b\n```\n"
    "| a | b |\n|---|---|\n| 1 | **2** |",
    "Here you are:\n\n- The lamp is lit.\n  Every evening.\n* **Two** stairs\n\nDone.",
    "### Passage 1: The cape\nA storm.\nPassage of ships was slow.\n---\n"
    "**Passage 2**\n> 日本**語**です 2*3*4 snake_case",
    "- Question: Who?\n- Answer: She.\n\n1. **Question 2:** When?\n"
    "  A) now\n  B) then\n**Answer:** B\n\nBye.\n- Question: cut",
    '"A" and "B"',
    "Paraphrase:",
    " \n",
    None,
]
URLS = [
    "https://www.example.org/a?b=c", "http://bad.example.com:80/", "https://example.com/Lamp_casino/lamp", "lamp", "",
    None,
]  # fmt: skip
TOKENIZER, URL_LIST = "tests/udfs/tokenizer.json", "tests/udfs/url_list.txt"
ARGUMENTS = {
    "trafilatura": [
        {"mode": mode, "favour": None, "comments": True, "timeout": 60} for mode in ("precise", "fast")
    ],
    "resiliparse": [{"main_content": main, "alt_texts": True} for main in (True, False)],
    "justext": [{"timeout": 60}],
    "fasttext": [{"model": "lid.176"}],
    "stats.symbol_word_ratio": [{"symbols": ["#", "...", "…"]}],
    "stats.distinct_words_of": [{"words": ["the", "of", "and", "été", "der"]}],
    "stats.top_ngram_character_share": [{"n": n} for n in (1, 2, 4)],
    "stats.duplicate_ngram_character_share": [{"n": n} for n in (2, 5, 10)],
    "stats.line_end_share": [{"marks": [".", "?", "!", "”", "。"]}],
    "stats.short_line_share": [{"max": 30}],
    "stats.boilerplate_paragraph_share": [{"phrases": ["LAMP is lit", "Lorem Ipsum", "建て", "été"]}],
    "contains": [{"phrase": "Lorem Ipsum", "case": "ignore"}, {"phrase": "{", "case": "exact"}],
    "lines": [
        {"min_words": 3, "max_word_length": 1_000, "without": ["LOREM"], "terminal_punctuation": terminal}
        for terminal in (False, True)
    ],
    "minhash_bands": [
        {"shingle": "5 words", "bands": 4, "rows": 2, "seed": 1},
        {"shingle": "24 characters", "bands": 2, "rows": 3, "seed": 42},
    ],
    "onnx": [
        {"file": "recipes/std/edu.onnx"},
        {"file": "recipes/std/edu.onnx", "max_tokens": 20, "clamp": [1, 3], "device": "cpu"},
        {"file": "recipes/std/tidy.onnx"},
    ],
    "segment lines": [{"max": most, "min": least, "tokenizer": TOKENIZER} for most, least in ((200, None), (40, 5))],
    "head": [{"max": 40, "at": "newline", "tokenizer": TOKENIZER}],
    "copied_tokens": [{"tokenizer": TOKENIZER}],
    "lead_in": [{"line": "Paraphrase:"}],
    "marker_lines": [{"marker": "Passage"}],
    "list_items": [{"bullet": "-"}],
    "pairs": [{"question": "- Question:", "answer": "- Answer:", "at_least": n} for n in (1, 2)],
    "url_in": [{"domains": URL_LIST, "words": None}, {"domains": URL_LIST, "words": URL_LIST}],
    "url_words_in": [{"words": URL_LIST}],
    "shingle_hashes": [{"shingle": "3 words"}, {"shingle": "12 characters"}],
}


def located(args: dict) -> dict:
    """Files are named from the root of the checkout."""
    return {
        name: str(ROOT / value) if isinstance(value, str) and (ROOT / value).is_file() else value
        for name, value in args.items()
    }


def output(op: Operator) -> dict:
    """The operator's version, library versions, and columns for each set of arguments."""
    texts = ANSWERS if op.run == "recipe_udfs.answers:clean_answers" else TEXTS
    columns = {"html": PAGES, "text": texts, "answer": TEXTS, "segment": [TEXTS[1], PROSE, *TEXTS[2:]], "url": URLS}
    inputs = {name: pa.array(values, pa.large_string()) for name, values in columns.items()}
    cases = []
    for args in ARGUMENTS.get(key(op)) or ARGUMENTS.get(op.name, [{}]):
        columns = op.load()({name: inputs[name] for name in op.reads}, [Call(op.name, located(args))])[0]
        cases.append({"args": args, "columns": [column.to_pylist() for column in columns]})
    return json.loads(json.dumps({"version": op.version, "libraries": versions([op]), "cases": cases}))


def key(op: Operator) -> str:
    return f"{op.kind} {op.name}"


def test_every_operator_is_pinned():
    assert sorted(json.loads(PINNED.read_text())) == sorted(map(key, RUNNABLE))


@pytest.mark.parametrize("op", RUNNABLE, ids=key)
def test_an_output_changes_only_with_its_version(op):
    pinned, now = json.loads(PINNED.read_text())[key(op)], output(op)
    assert pinned["version"] == op.version, "pin the new version: python tests/udfs/test_pinned_outputs.py"
    if pinned["libraries"] != now["libraries"]:
        pytest.skip(f"pinned with {pinned['libraries']}, here {now['libraries']}")
    assert now["cases"] == pinned["cases"], f"the output of {op.name} changed: raise its version"


def main() -> None:
    before = json.loads(PINNED.read_text()) if PINNED.exists() else {}
    after = {key(op): output(op) for op in RUNNABLE}
    for name, now in after.items():
        was = before.get(name)
        if was and was["libraries"] == now["libraries"] and was["version"] == now["version"] and was != now:
            raise SystemExit(f"{name}: the output changed and version {now['version']} did not")
    PINNED.write_text(json.dumps(after, ensure_ascii=True, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
