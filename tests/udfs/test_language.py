"""Languages by lid.176, equal to the library whatever the shape of the column."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from recipe_udfs.carried import embedded_model
from recipe_udfs.language import fasttext_language, language_of
from recipe_udfs.operator import Call
from udf_texts import columns, shapes

TEXTS = {
    "en": "The lighthouse was built in the year of the storm.",
    "de": "Der Leuchtturm wurde im Jahr der Flut gebaut.",
    "fr": "Le phare a été construit l'année de la tempête.",
    "ja": "灯台は嵐の年に建てられました。",
    "ru": "Маяк был построен в год бури.",
    "ar": "بنيت المنارة في عام العاصفة.",
}


def languages(column, model="lid.176"):
    lang, score = fasttext_language({"text": column}, [Call("fasttext", {"model": model})])[0]
    assert (lang.type, score.type) == (pa.string(), pa.float64())
    return list(zip(lang.to_pylist(), score.to_pylist(), strict=True))


def test_languages():
    found = languages(pa.array([*TEXTS.values(), None, "", " \n\0"]))
    assert [lang for lang, _ in found] == [*TEXTS, None, None, None]
    assert all(0.5 < score < 1.001 for _, score in found[: len(TEXTS)])
    assert all(score is None for _, score in found[len(TEXTS) :])


def test_a_newline_is_white_space_and_not_the_end():
    text = TEXTS["de"]
    assert languages(pa.array([text])) == languages(pa.array([text.replace(" ", "\n")]))
    assert language_of("\n" + text) == "de"


def test_a_model_file_of_ones_own():
    column = pa.array(list(TEXTS.values()))
    assert languages(column, str(embedded_model())) == languages(column)


def test_a_missing_model_file():
    with pytest.raises(ValueError, match="cannot be opened"):
        languages(pa.array(["a"]), "/nowhere/model.bin")


def test_the_package_with_the_downloader_is_not_imported():
    code = (
        "import sys\nfrom recipe_udfs.language import language_of\nlanguage_of('text')\n"
        "assert 'recipe_udfs.language' in sys.modules and 'robust_downloader' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@settings(max_examples=150, deadline=None)
@given(columns)
def test_equals_the_library(values):
    import fasttext

    model = fasttext.load_model(str(embedded_model()))
    expected = []
    for value in values:
        line = (value or "").replace("\n", " ")
        labels, scores = model.predict(line) if line.strip(" \r\t\v\f\0") else ((), ())
        expected.append((labels[0].removeprefix("__label__"), scores[0]) if labels else (None, None))
    for column in shapes(values):
        assert languages(column) == expected
