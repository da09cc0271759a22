"""Data Prep Kit in its own environment: its document quality annotations with two processes, or its fuzzy dedup.

    python run_data_prep_kit.py filters INPUT OUTPUT      # measured: writes annotations
    python run_data_prep_kit.py dedup   INPUT OUTPUT      # measured: writes what stays
    python run_data_prep_kit.py decide  INPUT OUTPUT      # not measured: writes OUTPUT/kept.jsonl

INPUT is a folder of .jsonl files with id and text. The kit reads Parquet, so they are converted first, which is
counted. Document quality counts for most of gopher.quality and c4.page and decides nothing; its repetition annotator
needs NLTK's punkt, which no package carries. `decide` asks of the annotations what Gopher and C4 ask. Fuzzy dedup is
over 5 words in 14 bands of 8, without a threshold behind the bands; in plain Python it has no option for processes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pyarrow.json
import pyarrow.parquet as pq

PROCESSES = 2


def parquet(source: Path, folder: Path) -> Path:
    """The documents as Parquet, with a number each under the only name that the dedup takes."""
    folder.mkdir(parents=True)
    first = 0
    for path in sorted(source.glob("*.jsonl")):
        table = pyarrow.json.read_json(path, pyarrow.json.ReadOptions(block_size=16 << 20))
        table = table.append_column("int_id_column", pyarrow.array(range(first, first + len(table))))
        first += len(table)
        pq.write_table(table, folder / f"{path.stem}.parquet")
    return folder


def filters(source: Path, output: Path) -> int:
    from dpk_doc_quality.transform_python import DocQuality

    rows = parquet(source, output.with_name(output.name + "_parquet"))
    output.mkdir(parents=True)
    return DocQuality(
        input_folder=str(rows),
        output_folder=str(output),
        docq_doc_content_column="text",
        runtime_num_processors=PROCESSES,
    ).transform()


def dedup(source: Path, output: Path) -> int:
    from dpk_fdedup.transform_python import Fdedup

    rows = parquet(source, output.with_name(output.name + "_parquet"))
    output.mkdir(parents=True)
    return Fdedup(
        input_folder=str(rows),
        output_folder=str(output),
        contents_column="text",
        document_id_column="int_id_column",
        num_permutations=112,
        num_bands=14,
        num_minhashes_per_band=8,
        word_shingle_size=5,
        jaccard_similarity_threshold=0.0,
        operation_mode="filter_duplicates",
        num_segments=1,
    ).transform()


def keeps(row: dict) -> bool:
    """What gopher.quality and c4.page decide by the annotations, as far as they go."""
    return (
        50 <= row["docq_total_words"] <= 100_000
        and 3 <= row["docq_mean_word_len"] <= 10
        and row["docq_symbol_to_word_ratio"] <= 0.1
        and row["docq_bullet_point_ratio"] <= 0.9
        and row["docq_ellipsis_line_ratio"] <= 0.3
        and row["docq_alphabet_word_ratio"] >= 0.8
        and row["docq_contain_common_en_words"]
        and row["docq_sentence_count"] >= 5
        and not row["docq_lorem_ipsum_ratio"]
        and not row["docq_curly_bracket_ratio"]
    )


def decide(output: Path) -> None:
    cleaned = output / "cleaned"
    with (output / "kept.jsonl").open("w") as kept:
        for path in sorted((cleaned if cleaned.is_dir() else output).glob("*.parquet")):
            for row in pq.read_table(path).to_pylist():
                if cleaned.is_dir() or keeps(row):
                    kept.write(json.dumps({"id": row["id"]}) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["filters", "dedup", "decide"])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    if options.what == "decide":
        decide(options.output)
        return 0
    return {"filters": filters, "dedup": dedup}[options.what](options.input, options.output)


if __name__ == "__main__":
    sys.exit(main())
