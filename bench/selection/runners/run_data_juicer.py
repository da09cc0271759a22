"""Data-Juicer in its own environment: eight text filters, or its MinHash deduplicator, with np = 2.

    python run_data_juicer.py filters|dedup INPUT OUTPUT

INPUT is a folder of .jsonl files with id and text; what stays is OUTPUT/kept.jsonl. Filters stand at their defaults:
its own measures, not Gopher's. MinHash is over 5 words, in 14 bands of 8.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

PROCESSES = 2
OPERATORS = {
    "filters": [
        "alphanumeric_filter",
        "average_line_length_filter",
        "character_repetition_filter",
        "maximum_line_length_filter",
        "special_characters_filter",
        "text_length_filter",
        "word_repetition_filter",
        "words_num_filter",
    ],
    "dedup": [
        {
            "document_minhash_deduplicator": {
                "tokenization": "space",
                "window_size": 5,
                "num_permutations": 112,
                "num_bands": 14,
                "num_rows_per_band": 8,
            }
        }
    ],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=list(OPERATORS))
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True)
    config = options.output / "config.yaml"
    settings = {
        "project_name": "bench",
        "dataset_path": str(options.input),
        "export_path": str(options.output / "kept.jsonl"),
        "np": PROCESSES,
        "text_keys": "text",
        "process": [op if isinstance(op, dict) else {op: {}} for op in OPERATORS[options.what]],
    }
    config.write_text(json.dumps(settings))  # JSON is YAML
    command = [Path(sys.executable).with_name("dj-process"), "--config", config]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
