"""Each operator's output on a small corpus is pinned with its version: it may change only with the version.

    python tests/udfs/test_pinned_outputs.py

writes `pinned_outputs.json` anew; it refuses an operator whose output changed and whose version did not.
An operator that carries a library's results is compared under the library versions it was pinned with.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pyarrow as pa
import pytest
from recipe_udfs.catalogue import OPERATORS
from recipe_udfs.operator import IN_RUNTIME, Call, Operator

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
    "contains": [{"phrase": "Lorem Ipsum", "case": "ignore"}, {"phrase": "{", "case": "exact"}],
    "lines": [
        {"min_words": 3, "max_word_length": 1_000, "without": ["LOREM"], "terminal_punctuation": terminal}
        for terminal in (False, True)
    ],
    "minhash_bands": [
        {"shingle": "5 words", "bands": 4, "rows": 2, "seed": 1},
        {"shingle": "24 characters", "bands": 2, "rows": 3, "seed": 42},
    ],
    "shingle_hashes": [{"shingle": "3 words"}, {"shingle": "12 characters"}],
}


def output(op: Operator) -> dict:
    """The operator's version, library versions, and columns for each set of arguments."""
    inputs = {"html": pa.array(PAGES, pa.large_string()), "text": pa.array(TEXTS, pa.large_string())}
    cases = []
    for args in ARGUMENTS.get(op.name, [{}]):
        columns = op.load()({name: inputs[name] for name in op.reads}, [Call(op.name, args)])[0]
        cases.append({"args": args, "columns": [column.to_pylist() for column in columns]})
    libraries = {name: importlib.metadata.version(name) for name in op.libraries}
    return json.loads(json.dumps({"version": op.version, "libraries": libraries, "cases": cases}))


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
