"""datatrove in its own environment: FineWeb's filters, the four stages of MinHash, or both with the language first.

    python run_datatrove.py filters|dedup|whole INPUT OUTPUT [--lid FILE]

INPUT is a folder of .jsonl files with id and text, OUTPUT a folder for what stays, as plain .jsonl. Two workers and a
task for each file (at least two), as its examples/fineweb.py and minhash_deduplication.py have it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig

WORKERS = 2
MINHASH = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))


def run(steps: list, tasks: int, logs: Path) -> None:
    LocalPipelineExecutor(steps, tasks=tasks, workers=WORKERS, logging_dir=str(logs)).run()


def written(folder: Path) -> JsonlWriter:
    return JsonlWriter(str(folder), output_filename="${rank}.jsonl", compression=None)


def filters() -> list:
    return [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
    ]


def dedup(source: Path, output: Path, between: Path, tasks: int) -> None:
    def reader() -> JsonlReader:
        return JsonlReader(str(source), glob_pattern="*.jsonl")

    signatures, buckets, removed = (str(between / name) for name in ("signatures", "buckets", "removed"))
    run([reader(), MinhashDedupSignature(signatures, config=MINHASH)], tasks, between / "log_1")
    run([MinhashDedupBuckets(signatures, buckets, config=MINHASH)], MINHASH.num_buckets, between / "log_2")
    run([MinhashDedupCluster(buckets, removed, config=MINHASH)], 1, between / "log_3")
    run([reader(), MinhashDedupFilter(removed), written(output)], tasks, between / "log_4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["filters", "dedup", "whole"])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--lid", help="file of a fastText model, in place of the one it would download")
    options = parser.parse_args()
    tasks = max(WORKERS, len(list(options.input.glob("*.jsonl"))))
    between = options.output.with_name(options.output.name + "_between")
    if options.what == "dedup":
        dedup(options.input, options.output, between, tasks)
        return
    source = JsonlReader(str(options.input), glob_pattern="*.jsonl")
    if options.what == "filters":
        run([source, *filters(), written(options.output)], tasks, between / "log")
        return
    language = LanguageFilter(languages=["en"], language_threshold=0.3)
    if options.lid:
        language.model.MODEL_URL = options.lid
    filtered = between / "filtered"
    run([source, language, *filters(), written(filtered)], tasks, between / "log")
    dedup(filtered, options.output, between, tasks)


if __name__ == "__main__":
    main()
