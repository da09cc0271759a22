"""HTML → main text by trafilatura, Resiliparse or jusText; an error in place of the text where they fail.

Pages are hostile: what a parser raises on one page becomes that row's `error`, and nothing else of the
batch is touched. Only the errors these libraries raise for bad input are caught; others are defects.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import pyarrow as pa

from recipe_udfs.buffers import Strings
from recipe_udfs.operator import Call
from recipe_udfs.page_limits import too_complex

Extractor = Callable[[str], str | None]


class ExtractionTimeout(BaseException):
    """A page took longer than its `timeout`. No Exception: the libraries catch those within themselves."""


def trafilatura_text(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`trafilatura(html, mode, favour, comments, timeout)` → text, error."""
    return [_extract_all(inputs["html"], _trafilatura(call.args), call.args["timeout"]) for call in calls]


def resiliparse_text(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`resiliparse(html, main_content, alt_texts)` → text, error."""
    return [_extract_all(inputs["html"], _resiliparse(call.args), None) for call in calls]


def justext_text(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`justext(html, timeout)` → text, error."""
    return [_extract_all(inputs["html"], _justext, call.args["timeout"]) for call in calls]


def _extract_all(pages: Strings, extract: Extractor, timeout: float | None) -> list[pa.Array]:
    texts: list[str | None] = []
    errors: list[str | None] = []
    for page in pages:
        utf8 = page.as_buffer()
        text, error = (None, None) if utf8 is None else _extract_one(utf8.to_pybytes(), extract, timeout)
        texts.append(text)
        errors.append(error)
    return [pa.array(texts, pa.large_string()), pa.array(errors, pa.string())]


def _extract_one(utf8: bytes, extract: Extractor, timeout: float | None) -> tuple[str | None, str | None]:
    from lxml.etree import LxmlError
    from resiliparse.parse.html import HTMLParserException

    # AssertionError and TypeError: lxml on trees it has built itself from broken markup.
    bad_page = (
        LxmlError, HTMLParserException, ValueError, TypeError, AssertionError, AttributeError, LookupError,
        RecursionError,
    )
    if reason := too_complex(utf8):
        return None, f"extraction_failed: {reason}"
    html = utf8.decode()
    try:
        with _deadline(timeout):
            text = extract(html)
    except ExtractionTimeout:
        return None, "extraction_timeout"
    except bad_page as error:
        return None, f"extraction_failed: {type(error).__name__}"
    text = (text or "").replace("\0", "\ufffd")
    return text if text.strip() else None, None


@contextmanager
def _deadline(seconds: float | None) -> Iterator[None]:
    """Raises ExtractionTimeout in the block once `seconds` have passed.

    By a signal, which Python delivers between two of its own instructions: a single long call into C
    ends first. Signals exist in the main thread alone, where Spark's Python workers run.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(signum, frame):
        raise ExtractionTimeout

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---- the libraries -------------------------------------------------------------------------------


def _trafilatura(args: Mapping[str, Any]) -> Extractor:
    from trafilatura import extract

    _silence("trafilatura")
    return partial(
        extract,
        fast=args["mode"] == "fast",
        favor_precision=args["favour"] == "precision",
        favor_recall=args["favour"] == "recall",
        include_comments=args["comments"],
    )


def _resiliparse(args: Mapping[str, Any]) -> Extractor:
    from resiliparse.extract.html2text import extract_plain_text

    return partial(extract_plain_text, main_content=args["main_content"], alt_texts=args["alt_texts"])


def _justext(html: str) -> str:
    from justext import justext

    paragraphs = justext(html.encode(), encoding="utf-8", **_justext_options(html))
    return "\n\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)


def _justext_options(html: str) -> dict[str, Any]:
    """The stop list of the page's language, or jusText's language-independent settings (its README)."""
    from justext import get_stoplist

    name = STOP_LISTS.get(_page_language(html))
    if name is None:
        return {"stoplist": frozenset(), "stopwords_low": 0, "stopwords_high": 0}
    return {"stoplist": cache(get_stoplist)(name)}


def _page_language(html: str) -> str | None:
    from resiliparse.extract.html2text import extract_plain_text

    from recipe_udfs.language import language_of

    return language_of(extract_plain_text(html, alt_texts=False))


@cache
def _silence(name: str) -> None:
    """What the library says of a single page goes nowhere: the row says it."""
    logging.getLogger(name).setLevel(logging.CRITICAL)


STOP_LISTS: Mapping[str, str] = {
    "af": "Afrikaans", "an": "Aragonese", "ar": "Arabic", "ast": "Asturian", "az": "Azerbaijani",
    "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali", "bpy": "Bishnupriya_Manipuri", "br": "Breton",
    "bs": "Bosnian", "ca": "Catalan", "ceb": "Cebuano", "cs": "Czech", "cv": "Chuvash", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "eo": "Esperanto", "es": "Spanish",
    "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "fy": "West_Frisian", "ga": "Irish", "gl": "Galician", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "ht": "Haitian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "io": "Ido",
    "is": "Icelandic", "it": "Italian", "jv": "Javanese", "ka": "Georgian", "kk": "Kazakh",
    "kn": "Kannada", "ko": "Korean", "ku": "Kurdish", "ky": "Kyrgyz", "la": "Latin",
    "lb": "Luxembourgish", "lmo": "Lombard", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian",
    "ml": "Malayalam", "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "nap": "Neapolitan",
    "nds": "Low_Saxon", "ne": "Nepali", "new": "Newar", "nl": "Dutch", "nn": "Norwegian_Nynorsk",
    "no": "Norwegian_Bokmal", "oc": "Occitan", "pl": "Polish", "pms": "Piedmontese",
    "pnb": "Western_Panjabi", "pt": "Portuguese", "qu": "Quechua", "ro": "Romanian", "ru": "Russian",
    "scn": "Sicilian", "sh": "Serbo_Croatian", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian",
    "sr": "Serbian", "su": "Sundanese", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu",
    "tk": "Turkmen", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek",
    "vi": "Vietnamese", "vo": "Volapuk", "wa": "Walloon", "war": "Waray_Waray", "yo": "Yoruba",
}  # fmt: skip
"""lid.176's code → the stop list jusText ships for the language."""
