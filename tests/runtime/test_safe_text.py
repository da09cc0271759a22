"""Hostile text is shown as text."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from recipe_runtime.safe_text import safe, safe_html


def test_escape_codes_and_direction_marks_are_named():
    assert safe("\x1b[2J\x9b31m\u202egnp\u2066\ttab\nline\x7f") == r"\x1b[2J\x9b31m\u202egnp\u2066\ttab\nline\x7f"
    assert safe("\U000e0041\ud800\u2028\ufeff") == r"\U000e0041\ud800\u2028\ufeff"


def test_text_of_every_script_stays_as_it_is():
    text = "Grüße, 日本語, العربية, עברית, हिन्दी, 👩‍👩‍👧"
    assert safe(text) == text


def test_markup_is_shown_in_html():
    assert safe_html("<script>alert('x')</script>\x1b") == "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;\\x1b"


@given(st.text(st.characters(codec=None)), st.integers(1, 40))
def test_nothing_that_acts_is_left_and_the_limit_holds(text, limit):
    shown = safe(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    shown.encode()
