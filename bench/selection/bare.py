"""The least that a job on Spark does: reads JSONL of the rows that stay and writes them to Delta.

    python bare.py ROWS TABLE

ROWS is a folder of .jsonl files with id and text. The session is a job's own (`recipe_runtime.session`), started
here, so that both pay the same for it.
"""

from __future__ import annotations

import sys

from recipe_runtime.session import create


def main(rows: str, table: str) -> None:
    spark = create("bare copy")
    spark.read.schema("id string, text string").json(rows).write.format("delta").save(table)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
