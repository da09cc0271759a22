"""Answers taken apart: what a prompt asked for is found in spite of what models do to it, or the answer is null."""

from __future__ import annotations

import re
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_udfs.answers import clean_answers
from recipe_udfs.operator import Call
from udf_texts import columns, shapes, texts

CALLS = [
    Call("lead_in", {"line": "Paraphrase:"}),
    Call("enclosing_quotes"),
    Call("markdown"),
    Call("marker_lines", {"marker": "Passage"}),
    Call("list_items", {"bullet": "-"}),
    Call("pairs", {"question": "- Question:", "answer": "- Answer:", "at_least": 1}),
]


def cleaned(text: str, name: str, **args) -> str | None:
    return clean_answers({"text": pa.array([text])}, [Call(name, args)])[0][0].to_pylist()[0]


# ---- every cleaner ------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(columns)
def test_shapes_nulls_and_white_space(values):
    results = [clean_answers({"text": column}, CALLS) for column in shapes(values)]
    for call, column in zip(CALLS, results[0], strict=True):
        assert column[0].type == pa.large_string()
        assert column[0].null_count >= sum(value is None for value in values), call
        for text in column[0].drop_null().to_pylist():
            assert text == text.strip() != ""
            assert "\r\n" not in text
    assert all([c[0].to_pylist() for c in r] == [c[0].to_pylist() for c in results[0]] for r in results)


@settings(max_examples=200, deadline=None)
@given(texts)
def test_nothing_is_invented(text):
    for (column,) in clean_answers({"text": pa.array([text])}, CALLS):
        left = iter(text)
        assert all(c in "\n |" or c in left for c in column.to_pylist()[0] or ""), "in the order of the answer"


@pytest.mark.parametrize(
    "unit",
    ["*a", "[a](", "[", "`", "``a`", "_a", "> ", "# ", "- ", '"', "“", "|-", "<http://", "- Question: a\n", " ", "\\*"],
)  # fmt: skip
def test_many_marks_take_no_time(unit):
    column = pa.array([unit * (200_000 // len(unit))])
    for call in CALLS:
        begun = time.perf_counter()
        clean_answers({"text": column}, [call])
        assert time.perf_counter() - begun < 60, call  # a quadratic walk takes minutes


# ---- one by one ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        "Paraphrase:\nThe lamp.", "Paraphrase:\r\n\r\nThe lamp.\r\n", "  \n Paraphrase: \nThe lamp.",
        "**Paraphrase:**\nThe lamp.", "**Paraphrase**:\nThe lamp.", "__Paraphrase:__ The lamp.",
        "## Paraphrase:\nThe lamp.", "## **Paraphrase:**\n\nThe lamp.", '"Paraphrase:"\nThe lamp.',
        "**“Paraphrase:”**\nThe lamp.", "“Paraphrase:\nThe lamp.”", "PARAPHRASE:\nThe lamp.", "Paraphrase: The lamp.",
    ],
)  # fmt: skip
def test_a_lead_in_is_found_and_goes(answer):
    assert cleaned(answer, "lead_in", line="Paraphrase:") == "The lamp."


@pytest.mark.parametrize(
    "answer",
    ["The lamp.", "Paraphrased:\nThe lamp.", "Sure!\nParaphrase:\nThe lamp.", "Paraphrase\nThe lamp.", "Paraphrase:x",
     "Paraphrase:", "Paraphrase:\n \n", "", " ", "**Paraphrase: The lamp**"],
)  # fmt: skip
def test_without_its_lead_in_an_answer_fails(answer):
    assert cleaned(answer, "lead_in", line="Paraphrase:") is None


def test_a_lead_in_of_words_with_quotes_and_signs():
    line = "Here's the text (new):"
    assert cleaned("Here’s  the text (new):\nx", "lead_in", line=line) == "x"
    assert cleaned("Here's the text new:\nx", "lead_in", line=line) is None


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ('"The lamp."', "The lamp."), ("“The lamp.”\n", "The lamp."), ("„Ja.“", "Ja."), ("«Oui.»", "Oui."),
        ("「はい」", "はい"), ("'It's lit.'", "It's lit."), ("‘It’s lit.’", "It’s lit."), ('"“x”"', "x"),
        ('"He said "hi" to me."', 'He said "hi" to me.'), ("“He said “hi” to me.”", "He said “hi” to me."),
        ('"A" and "B"', '"A" and "B"'), ("“A” and “B”", "“A” and “B”"),
        ("「はい」と「いいえ」", "「はい」と「いいえ」"),
        ('"The lamp.', '"The lamp.'), ('The "lamp"', 'The "lamp"'), ("plain", "plain"), ('"', '"'), ('""', None),
    ],
)  # fmt: skip
def test_enclosing_quotes(answer, text):
    assert cleaned(answer, "enclosing_quotes") == text


@pytest.mark.parametrize(
    "line", ["Passage", "**Passage 2**", "### Passage 2: The cape", "Passage - the cape", "- Passage 3.", "Passage B",
             "passage iv:", "Passage One:", "(Passage 1)", "**Passage 1:** *The cape*"],
)  # fmt: skip
def test_marker_lines_go(line):
    answer = f"{line}\nThe lamp.\r\n{line}\r\nIt is lit."
    assert cleaned(answer, "marker_lines", marker="Passage") == "The lamp.\nIt is lit."
    assert cleaned(line, "marker_lines", marker="Passage") is None


@pytest.mark.parametrize(
    "line", ["Passage of ships was slow.", "Passages 1", "The passage: a", "Passageway", "Passage by sea"]
)
def test_lines_that_only_begin_with_the_marker_stay(line):
    assert cleaned(line, "marker_lines", marker="Passage") == line


def test_list_items():
    answer = "Here is the list:\n\n- The lamp\n  is lit.\n* **Two** lamps\r\n\r\n  - nested\nlazy\n\nI hope this helps!"
    assert cleaned(answer, "list_items", bullet="-") == "The lamp is lit.\n**Two** lamps\nnested lazy"
    assert cleaned("1) a\n2) b", "list_items", bullet="-") is None
    assert cleaned("=> a\n- b\n=> c", "list_items", bullet="=>") == "a - b\nc"
    assert cleaned("No list - here.\n-5 degrees\n-", "list_items", bullet="-") is None
    with pytest.raises(ValueError, match="names nothing"):
        cleaned("- a", "list_items", bullet=" ")


QA = {"question": "- Question:", "answer": "- Answer:"}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("- Question: A?\n- Answer: b", "A?\nb"),
        ("Sure:\n- Question: A?\r\n- Answer: b\r\n\r\n- Question: C?\r\n- Answer: d\r\n", "A?\nb\n\nC?\nd"),
        ("Question: A?\nAnswer: b\nQuestion:C?\nAnswer:d", "A?\nb\n\nC?\nd"),
        ("1. **Question:** A?\n   **Answer**: b\n2. **Question 2:** C?\n* Answer 2: d", "A?\nb\n\nC?\nd"),
        ("- Question: A?\n  A) x\n\n  B) y\n- Answer: B\nbecause\n\nHope this helps!", "A?\nA) x\nB) y\nB\nbecause"),
        ("- Question:\nA?\n- Answer:\n\nb", "A?\nb"),
        ("- Question: A?\n- Answer: b\n- Question: cut", "A?\nb"),
        ("- Question: A?\n- Answer: b\n- Question: cut?\n- Answer:", "A?\nb"),
        ("- Question: lost?\n- Question: A?\n- Answer: b\n- Answer: c", "A?\nb"),
        ("- Answer: b\n- Question: A?", None),
        ("- Questions: A?\n- Answer: b", None),
        ("No pairs.", None),
        ("", None),
    ],
)
def test_pairs(answer, text):
    assert cleaned(answer, "pairs", **QA, at_least=1) == text


def test_too_few_pairs_fail():
    two = "- Question: A?\n- Answer: b\n- Question: C?\n- Answer: d"
    assert cleaned(two, "pairs", **QA, at_least=2) is not None
    assert cleaned(two, "pairs", **QA, at_least=3) is None


def test_the_prompts_in_their_order():
    """As recipes/prompts/nemotron_cc.recipe takes answers apart."""

    def through(answer, *steps):
        for name, args in steps:
            answer = answer and cleaned(answer, name, **args)
        return answer

    paraphrase = (("lead_in", {"line": "Paraphrase:"}), ("enclosing_quotes", {}), ("markdown", {}))
    assert through("**Paraphrase:**\n\n“The **lamp** is lit.”", *paraphrase) == "The lamp is lit."
    facts = (("list_items", {"bullet": "-"}), ("markdown", {}))
    assert through("Facts:\n- **Lamp**: lit\n- 3 * 4 = 12", *facts) == "Lamp: lit\n3 * 4 = 12"
    questions = (("markdown", {}), ("pairs", {**QA, "at_least": 1}))
    assert through("## Pairs\n- **Question:** A?\n- **Answer:** *b*", *questions) == "A?\nb"


# ---- Markdown -----------------------------------------------------------------------------------

WORDS = ["The", "lamp", "über", "42", "don't", "日本語", "snake_case", "x", "C#", "5%"]
words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
inlines = st.one_of(
    words,
    words.map("**{}**".format), words.map("*{}*".format), words.map("__{}__".format), words.map("_{}_".format),
    words.map("***{}***".format), words.map("`{}`".format), words.map("~~{}~~".format), words.map("[{}](u)".format),
    words.map("![{}](<u>)".format), words.map("[**{}**](u_(v) 'w')".format), words.map("**a `{}` b**".format),
    words.map("\\*{}\\*".format),
)  # fmt: skip
blocks = st.lists(inlines, min_size=1, max_size=4).map(" ".join).flatmap(
    lambda line: st.sampled_from(
        [line, f"# {line}", f"### {line} ###", f"- {line}", f"  * {line}", f"1. {line}", f"> {line}", f"{line}\n====",
         f"```\n{line}\n```", f"~~~text\n{line}\n~~~", f"| {line} | b |\n|---|:-:|\n| c | {line} |",
         f"{line}<br>{line}", f"{line}\n\n---\n", f"```markdown\n# {line}\n```"]
    )
)  # fmt: skip


def spoken(markdown_: str) -> list[str]:
    """The words, without what only Markdown sees; in code nothing is Markdown but the fence."""
    markdown_ = re.sub(r"^```markdown\n(.*?)\n```$", r"\1", markdown_, flags=re.MULTILINE | re.DOTALL)
    parts = re.split(r"^(```|~~~)(?:text)?\n(.*?)\n\1$", markdown_, flags=re.MULTILINE | re.DOTALL)
    for i in range(0, len(parts), 3):
        parts[i] = re.sub(r"\]\((?:<u>|u|u_\(v\) 'w')\)|<br>", " ", parts[i])
    return re.findall(r"[^\W_]+", " ".join(parts))


@settings(max_examples=200, deadline=None)
@given(st.lists(blocks, min_size=1, max_size=5).map("\n\n".join))
def test_markdown_goes_and_words_stay(answer):
    text = cleaned(answer, "markdown")
    assert re.findall(r"[^\W_]+", text) == spoken(answer)
    outside = re.sub(r"^(```|~~~).*?^\1$", "", answer, flags=re.MULTILINE | re.DOTALL)
    if outside == answer and "\\*" not in answer and "`" not in answer:
        assert not re.search(r"\*|~~|\]\(|^#+ |^[>|-]|__|---|===", text, flags=re.MULTILINE), text


SIGNS = ["2*3*4", "f[i](x)", "a_b", "$x_1 * y_2$", "5 * 3", "(a)", "[1]", "|x|", "#tag"]
plain = st.lists(st.sampled_from([*WORDS, *SIGNS]))


@given(plain.map(" ".join))
def test_text_without_markdown_stays(text):
    text = "So " + text
    assert cleaned(text, "markdown") == text.strip()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("日本**語**です", "日本語です"), ("a**b**c", "a**b**c"), ("**Note:**The", "**Note:**The"),
        ("`a*b*` and ``c ` d``", "a*b* and c ` d"), ("an `open tick", "an `open tick"), ("**open", "**open"),
        ("```python\nx = a*b*c  # [l](u)\n```\nend", "x = a*b*c  # [l](u)\nend"), ("```\nunclosed *x*", "unclosed *x*"),
        ("- [nested](<http://x y>) <https://z.org/>", "nested https://z.org/"), ("***", None),
        ("a\n\n\n\nb\n", "a\n\nb"),
        ("| a | b |\n|---|--:|\n| 1 | |", "a | b\n1 |"), ("\\# one \\(x\\)", "# one \\(x\\)"),
        ("Name: ____", "Name: ____"),
        ("* one\n+ two\n• three\n2. four", "one\ntwo\nthree\n2. four"), ("#tag\n#\n# x", "#tag\n\nx"),
        ("```md\n**a**\n```\n**b**", "a\nb"), ("*a **b** c*", "a b c"), ("(*) [x] [a][b]", "(*) [x] [a][b]"),
    ],
)  # fmt: skip
def test_markdown(answer, text):
    assert cleaned(answer, "markdown") == text
