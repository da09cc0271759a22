"""NeMo Curator in its own environment, its CPU path: Gopher's filters of its heuristics, on Ray Data with two CPUs.

    python run_nemo_curator.py filters INPUT OUTPUT

INPUT is a folder of .jsonl files with id and text; what stays are OUTPUT/*.jsonl. The filters and limits are those of
std/gopher (its `max_repeated_…` are the shares left without repetition); its fuzzy deduplication needs a GPU.
"""

from __future__ import annotations

import argparse

import ray
from nemo_curator.backends.ray_data import RayDataExecutor
from nemo_curator.pipeline import Pipeline
from nemo_curator.stages.text.filters import ScoreFilter
from nemo_curator.stages.text.filters.heuristic import (
    BulletsFilter,
    CommonEnglishWordsFilter,
    EllipsisFilter,
    MeanWordLengthFilter,
    SymbolsToWordsFilter,
    WordCountFilter,
    WordsWithoutAlphabetsFilter,
)
from nemo_curator.stages.text.filters.heuristic.repetition import (
    RepeatedLinesByCharFilter,
    RepeatedLinesFilter,
    RepeatedParagraphsByCharFilter,
    RepeatedParagraphsFilter,
    RepeatingDuplicateNGramsFilter,
    RepeatingTopNGramsFilter,
)
from nemo_curator.stages.text.io.reader import JsonlReader
from nemo_curator.stages.text.io.writer import JsonlWriter

CPUS = 2
FILTERS = [
    WordCountFilter(min_words=50, max_words=100_000),
    MeanWordLengthFilter(min_mean_word_length=3, max_mean_word_length=10),
    SymbolsToWordsFilter(max_symbol_to_word_ratio=0.1),
    BulletsFilter(max_bullet_lines_ratio=0.9),
    EllipsisFilter(max_num_lines_ending_with_ellipsis_ratio=0.3),
    WordsWithoutAlphabetsFilter(min_words_with_alphabets=0.8),
    CommonEnglishWordsFilter(min_num_common_words=2),
    RepeatedLinesFilter(max_repeated_line_fraction=0.7),
    RepeatedParagraphsFilter(max_repeated_paragraphs_ratio=0.7),
    RepeatedLinesByCharFilter(max_repeated_lines_char_ratio=0.8),
    RepeatedParagraphsByCharFilter(max_repeated_paragraphs_char_ratio=0.8),
    *(RepeatingTopNGramsFilter(n=n, max_repeating_ngram_ratio=most) for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))),
    *(RepeatingDuplicateNGramsFilter(n=n, max_repeating_duplicate_ngram_ratio=(20 - n) / 100) for n in range(5, 11)),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["filters"])
    parser.add_argument("input")
    parser.add_argument("output")
    options = parser.parse_args()
    ray.init(num_cpus=CPUS, include_dashboard=False)
    reader = JsonlReader(file_paths=options.input, files_per_partition=1, fields=["id", "text"])
    stages = [reader, *(ScoreFilter(one, text_field="text") for one in FILTERS), JsonlWriter(path=options.output)]
    pipeline = Pipeline(name="bench", stages=stages)
    pipeline.run(RayDataExecutor())


if __name__ == "__main__":
    main()
