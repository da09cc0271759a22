"""The tables over all code points say what Python's `str` says."""

from recipe_udfs.characters import CODE_POINTS, LETTER, LOWER, SPACE, classes, lower_case


def test_lower_case_of_every_code_point():
    table = lower_case()
    for code in range(CODE_POINTS):
        lowered = chr(code).lower()
        assert table[code] == (ord("i") if chr(code) == "İ" else ord(lowered)), hex(code)


def test_classes_of_every_code_point():
    table = classes()
    for code in range(CODE_POINTS):
        character, found = chr(code), table[code]
        assert (found & SPACE > 0, found & LETTER > 0, found & LOWER > 0) == (
            character.isspace(), character.isalpha(), character.islower(),
        ), hex(code)  # fmt: skip
