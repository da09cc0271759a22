"""Answers on their way into `generations`: what is written, when, and what is never read."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from recipe_runtime import generations, landing
from recipe_runtime.lake import Lake
from recipe_runtime.landing import Landing, ReadLanded, delete, files, folders, keep_alive, landed, last_alive, schema


def row(key: str, **more: Any) -> dict[str, Any]:
    return {"call_class": "c" * 32, "key": key, "sample": 0, "round": 0, "text": f"answer {key}", **more}


def paths(lake: Path) -> list[Path]:
    return sorted((lake / "_recipec" / "landed").rglob("*.arrow"))


def keys(table: Any) -> list[str]:
    return sorted(table.column("key").to_pylist())


def test_every_column_comes_back_as_it_was(tmp_path: Path) -> None:
    full = row("k", at=datetime(2026, 11, 21, 15, 0, 0, 123456, tzinfo=UTC), seconds=1.5, span_start=3, text="ü\0 😀")
    with Landing(str(tmp_path), "run-1", 7) as out:
        out.add(full)
    table = landed(str(tmp_path))
    assert table.schema == schema()
    assert {name: value for name, value in table.to_pylist()[0].items() if value is not None} == full


def test_what_an_earlier_recipec_landed_and_folded_lacks_columns_and_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = pa.schema([field for field in schema() if field.name not in ("logprob", "step")])
    with monkeypatch.context() as before:
        before.setattr(landing, "schema", lambda: older)
        with Landing(str(tmp_path), "run-1", 0) as out:
            out.add(row("k"))
    table = landed(str(tmp_path))
    assert table.schema == schema() and table.to_pylist()[0]["step"] is None and keys(table) == ["k"]
    job = SimpleNamespace(lake=Lake(str(tmp_path)))
    uri = job.lake.table("generations")
    write_deltalake(uri, table.select(older.names), partition_by=["call_class"])
    generations.ready(job)
    assert [field.name for field in DeltaTable(uri).schema().fields] == schema().names
    generations.ready(job)
    assert DeltaTable(uri).version() == 1, "once is enough"


def test_a_file_is_full_at_256_answers(tmp_path: Path) -> None:
    out = Landing(str(tmp_path), "run", 0)
    for n in range(600):
        out.add(row(f"{n:04}"))
    assert len(paths(tmp_path)) == out.files == 2
    assert landed(str(tmp_path)).num_rows == out.answers == 512
    out.close()
    out.close()
    assert len(paths(tmp_path)) == 3
    assert keys(landed(str(tmp_path), "run", 0)) == [f"{n:04}" for n in range(600)]


def test_no_answer_stays_in_memory_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(landing.time, "monotonic", lambda: now[0])
    out = Landing(str(tmp_path), "run", 0)
    out.add(row("a"))
    now[0] += 4.9
    out.add(row("b"))
    assert paths(tmp_path) == []
    now[0] += 0.2
    out.flush_if_due()  # 5.1 s after the first, though the second is young
    assert keys(landed(str(tmp_path))) == ["a", "b"]
    now[0] += 60
    out.flush_if_due()  # nothing is due
    out.add(row("c"))
    assert len(paths(tmp_path)) == 1


def test_runs_and_partitions_are_told_apart(tmp_path: Path) -> None:
    lake = str(tmp_path)
    assert folders(lake) == [] and landed(lake).num_rows == 0
    for run, partition in (("one", 0), ("one", 1), ("two", 0)):
        with Landing(lake, run, partition) as out:
            out.add(row(f"{run}{partition}"))
    assert folders(lake) == ["one", "two"]
    assert keys(landed(lake, "one")) == ["one0", "one1"]
    assert keys(landed(lake, "one", 1, columns=["key"])) == ["one1"]
    assert landed(lake, "none").num_rows == 0
    delete(lake, "one")
    delete(lake, "one")
    assert folders(lake) == ["two"] and keys(landed(lake)) == ["two0"]


def test_two_copies_of_one_task_write_beside_each_other(tmp_path: Path) -> None:
    first, copy = Landing(str(tmp_path), "run", 0), Landing(str(tmp_path), "run", 0)
    first.add(row("same"))
    copy.add(row("same"))
    copy.add(row("later"))
    first.close()
    copy.close()
    assert keys(landed(str(tmp_path))) == ["later", "same", "same"]


@pytest.mark.parametrize("left", [0, 1, 100, -1])
def test_a_torn_file_is_never_read(tmp_path: Path, left: int) -> None:
    lake = str(tmp_path)
    for key in ("whole", "torn"):
        with Landing(lake, "run", key) as out:
            out.add(row(key))
    (torn,) = (path for path in paths(tmp_path) if path.parent.name == "torn")
    torn.write_bytes(torn.read_bytes()[:left])
    assert keys(landed(lake)) == ["whole"]


def test_a_file_that_was_changed_is_never_read(tmp_path: Path) -> None:
    with Landing(str(tmp_path), "run", 0) as out:
        out.add(row("a"))
    (path,) = paths(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert landed(str(tmp_path)).num_rows == 0


def test_a_writer_killed_in_the_middle_leaves_only_whole_files(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom recipe_runtime.landing import Landing\n"
        "out = Landing(sys.argv[1], 'run', 0)\nn = 0\n"
        "while True:\n    out.add({'key': f'{n:06}', 'text': 'x' * 2000})\n    n += 1\n"
        "    if n == 512: print('two', flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    child.stdout.readline()
    time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    found = keys(landed(str(tmp_path)))
    assert len(found) >= 512 and len(found) % 256 == 0
    assert found == [f"{n:06}" for n in range(len(found))]


def test_workers_read_the_files_they_are_given(tmp_path: Path) -> None:
    lake = str(tmp_path)
    for n in range(3):
        with Landing(lake, "run", n) as out:
            out.add(row(str(n), at=datetime(2026, 1, 1, tzinfo=UTC)))
    large = {pa.string(): pa.large_string()}
    wide = pa.schema([(field.name, large.get(field.type, field.type)) for field in schema()])
    task = pickle.loads(pickle.dumps(ReadLanded(tuple(files(lake, "run")), lake, wide)))
    batches = [pa.record_batch({"id": pa.array(ids, pa.int64())}) for ids in ([0], [2], [])]
    made = pa.Table.from_batches(task(iter(batches)), wide)
    assert keys(made) == ["0", "2"] and made.num_rows == 2
    Path(files(lake)[0]).write_bytes(b"torn")
    assert keys(pa.Table.from_batches(task(iter(batches)), wide)) == ["2"]


def test_a_full_disk_names_the_path_and_loses_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Landing(str(tmp_path), "run", 0)
    out.add(row("kept"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(landing.os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device.*_recipec/landed") as raised:
            out.close()
    assert raised.value.errno == 28
    assert list((tmp_path / "_recipec").rglob("*.part")) == []
    out.close()
    assert keys(landed(str(tmp_path))) == ["kept"]


def test_what_is_written_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}").rpartition("/")[2].rpartition(".")[2])
        fsync(descriptor)

    monkeypatch.setattr(landing.os, "fsync", noted_fsync)
    monkeypatch.setattr(landing.os, "replace", lambda a, b: (done.append("rename"), replace(a, b)))
    with Landing(str(tmp_path), "run", 5) as out:
        out.add(row("a"))
    assert done[-3:] == ["part", "rename", "5"]
    assert done[:-3] == [tmp_path.name.rpartition(".")[2], "_recipec", "landed", "run"]


def test_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = str(tmp_path)
    assert last_alive(lake, "run") is None
    keep_alive(lake, "run")
    first = last_alive(lake, "run")
    assert 0 <= time.time() - first < 5
    monkeypatch.setattr(landing.time, "time", lambda: first + 60)
    keep_alive(lake, "run")
    assert last_alive(lake, "run") == round(first + 60, 3)
    assert folders(lake) == ["run"] and landed(lake, "run").num_rows == 0


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "a\0b", "-rf"])
def test_no_name_leads_out_of_the_lake(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="folder"):
        delete(str(tmp_path), name)
    with pytest.raises(ValueError, match="folder"):
        Landing(str(tmp_path), name, 0)


def test_a_column_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="promt"):
        Landing(str(tmp_path), "run", 0).add({"key": "k", "promt": "x"})


@pytest.fixture
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A lake on a store that is no disk: fsspec's, in memory."""
    store = fsspec.filesystem("memory")
    monkeypatch.setattr(landing, "lake_fs", lambda uri: (store, "/" + uri.removeprefix("gs://")))
    yield "gs://bucket/lake"
    store.store.clear()


def test_on_an_object_store(object_store: str) -> None:
    with Landing(object_store, "run", 3) as out:
        out.add(row("a"))
    keep_alive(object_store, "run")
    assert folders(object_store) == ["run"]
    assert keys(landed(object_store, "run", 3)) == ["a"]
    assert last_alive(object_store, "run") is not None
    delete(object_store, "run")
    assert folders(object_store) == []


def test_many_writers_make_one_folder(tmp_path: Path) -> None:
    def write(key: str) -> None:
        with Landing(str(tmp_path), "run", 0) as out:
            out.add(row(key))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, map(str, range(8))))
    assert keys(landed(str(tmp_path))) == [str(n) for n in range(8)]
