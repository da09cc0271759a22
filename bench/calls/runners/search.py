"""The search for misses over a lake whose `generations` has many rows of the class asked. Prints JSON.

    python search.py WORK URL ROWS RUNS

The lake is WORK/lake; its first answers come from the server at URL. Spark's own event log says what was read.
"""

from __future__ import annotations

import ast
import gc
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recipec.backend import Backend
from recipec.driver import Compilation

from bench.calls.pages import write_pages

RECIPE = Path(__file__).parents[1] / "recipes" / "busy.recipe"
ASKED = 10_000
WARM = 4
"""Runs that are not counted."""

work, url, wanted, runs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def script(pages: Path) -> str:
    params = {"input": str(pages), "lake": str(work / "lake"), "server": url, "window": "256"}
    return Backend(Compilation(params=params, text=RECIPE.read_text(), name="busy.recipe")).script


def run(pages: Path, until: str = "") -> dict[str, Any]:
    """The script, or the part before the statement that makes this variable."""
    variables: dict[str, Any] = {}
    for statement in ast.parse(script(pages)).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == until:
            break
        exec(compile(ast.Module([statement], []), "script.py", "exec"), variables)
    return variables


def fill(spark: Any, rows: int) -> str:
    """Adds answers of the class asked until there are so many, and as many more of another; its call class."""
    from pyspark.sql import functions as F

    uri = str(work / "lake" / "_recipec" / "generations")
    there = spark.read.format("delta").load(uri)
    (call_class,) = (row.call_class for row in there.select("call_class").distinct().collect())
    one = there.limit(1).drop("key", "call_class", "text")
    numbers = spark.range(rows - there.count()).select(
        F.substring(F.sha2(F.col("id").cast("string"), 256), 1, 32).alias("key"),
        F.concat(F.sha2(F.concat(F.lit("a"), "id"), 512), F.sha2(F.concat(F.lit("b"), "id"), 512)).alias("text"),
    )
    more = numbers.crossJoin(F.broadcast(one))
    for name in (call_class, "0" * 32):
        made = more.withColumn("call_class", F.lit(name)).select(*there.columns)
        made.repartition(8).write.format("delta").mode("append").save(uri)
    return call_class


def timed(spark: Any, works: Mapping[str, Callable[[], Any]]) -> dict[str, tuple[float, Any]]:
    """Of each the median of several times, in turn, under job groups that the event log shows; and what it gave."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    found = {}
    for _ in range(runs):
        for name, work_ in works.items():
            spark.sparkContext.setJobGroup(name, name)
            began = time.monotonic()
            found[name] = work_()
            seconds[name].append(time.monotonic() - began)
    return {name: (statistics.median(each[WARM:]), found[name]) for name, each in seconds.items()}


def heap(spark: Any) -> int:
    """Bytes of the driver's heap that are in use once what nobody holds is thrown away."""
    jvm = spark.sparkContext._jvm
    runtime = jvm.java.lang.Runtime.getRuntime()
    for _ in range(3):
        gc.collect()  # what Python holds in the JVM
        jvm.System.gc()
        time.sleep(0.5)
    return runtime.totalMemory() - runtime.freeMemory()


def key_bytes(call_class: str) -> int:
    """What the key column of a class takes in its files."""
    import pyarrow.parquet as pq

    total = 0
    for path in (work / "lake" / "_recipec" / "generations" / f"call_class={call_class}").glob("*.parquet"):
        data = pq.ParquetFile(path).metadata
        for group in range(data.num_row_groups):
            columns = (data.row_group(group).column(i) for i in range(data.num_columns))
            total += sum(column.total_compressed_size for column in columns if column.path_in_schema == "key")
    return total


def main() -> None:
    from recipe_runtime import calling, exits

    exits.exit_codes = lambda: None
    cached = write_pages(work / "cached", ASKED, 20)
    run(cached)
    made = run(cached, "told_answers")
    spark = made["job"].spark
    call_class = fill(spark, wanted)
    figures: dict[str, Any] = {"rows": wanted, "asked": ASKED, "key_bytes": key_bytes(call_class)}
    fresh = run(write_pages(work / "fresh", ASKED, 20, first=ASKED), "told_answers")

    def search(variables: dict[str, Any]) -> int:
        job, units = variables["job"], variables["told_units"]
        return calling.missing(job, units.asked, units.frame)[1]

    def scan() -> None:
        table = spark.read.format("delta").load(str(work / "lake" / "_recipec" / "generations"))
        keys = table.where(table.call_class == call_class).select("key")
        keys.write.format("noop").mode("overwrite").save()

    works = {"all": lambda: search(made), "none": lambda: search(fresh), "scan": scan}
    for name, (seconds, misses) in timed(spark, works).items():
        figures |= {f"{name}_seconds": seconds, f"{name}_misses": misses}
    figures["heap_bytes"] = heap(spark)
    figures["python_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    spark.stop()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
