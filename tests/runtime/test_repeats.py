"""Records that are there twice are looked for only where two ids begin alike."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recipe_runtime.repeats import SameKeys

NUMBER = st.integers(0, 2**128 - 1) | st.integers(0, 3)
IDS = st.lists(st.tuples(st.sampled_from("abc"), NUMBER, st.booleans()), max_size=8)


def asked(task: SameKeys) -> bool:
    (batch,) = task(iter([pa.RecordBatch.from_pydict({"id": [0]})]))
    return batch.column("same")[0].as_py()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parts=st.lists(IDS, max_size=3), wanted=st.none() | st.frozensets(st.sampled_from("abc")))
def test_two_documents_with_one_id_are_seen(tmp_path_factory, parts, wanted):
    folder, seen = tmp_path_factory.mktemp("ids"), []
    for i, rows in enumerate(parts):
        columns = {
            "file_id": pa.array([file for file, _, _ in rows], pa.string()),
            "origin_id": pa.array([f"{number:032x}" for _, number, _ in rows], pa.string()),
            "text_hash": pa.array(["h" if whole else None for _, _, whole in rows], pa.string()),
        }
        pq.write_table(pa.table(columns), folder / f"{i}.parquet")
        seen += [number >> 64 for file, number, whole in rows if whole and (wanted is None or file in wanted)]
    of = None if wanted is None else (wanted,) * len(parts)
    task = SameKeys(str(folder), tuple(f"{i}.parquet" for i in range(len(parts))), of)
    assert asked(task) == (len(set(seen)) < len(seen))


def test_a_task_without_a_row_gives_nothing(tmp_path):
    assert not list(SameKeys(str(tmp_path), (), None)(iter([])))
