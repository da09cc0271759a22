"""Jobs as processes of their own: killed, out of disk."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from children import child, ended
from deltalake import DeltaTable
from recipe_runtime.delta_sql import query
from running import compile_recipe, versions
from small_jobs import RECIPE, texts, wanted, write_files


def markers(lake: Path) -> dict[str, str]:
    """file_id → run, of the documents read so far."""
    for first in (lake / "_recipec" / "relations").glob("*/_delta_log/00000000000000000000.json"):
        table = DeltaTable(str(first.parent.parent))
        if "raw_hash" in [field.name for field in table.schema().fields]:
            rows = query("select file_id, run_id from documents where marker", {"documents": table})
            return {row["file_id"]: row["run_id"] for row in rows}
    return {}


def test_a_run_killed_in_mid_extraction_loses_only_its_open_shard(run_recipe, tmp_path):
    """Fault 3."""
    files = write_files(tmp_path / "in", 5)
    lake = tmp_path / "lake"
    params = {"input": str(tmp_path / "in"), "lake": str(lake)}
    script = compile_recipe(RECIPE, params)
    code, log = ended(child(script, tmp_path, RECIPEC_SHARD_BYTES="1", RECIPEC_FAILPOINT="shard:2"), tmp_path)
    assert code == -signal.SIGKILL, log
    before = markers(lake)
    assert len(before) == 2 and not (lake / "clean").exists()
    run_recipe(RECIPE, lake, input=params["input"])
    after = markers(lake)
    assert len(after) == 5 and {file: after[file] for file in before} == before
    assert versions(lake)["clean"] == 0
    assert texts(lake) == wanted(files), "as of an undisturbed run"


@pytest.fixture
def small_disk(tmp_path, request):
    """A file system of so many MB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def bulk(folder: Path, megabytes: int) -> None:
    """One JSONL file of text that does not compress well."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bulk.jsonl").open("w") as out:
        for i in range(megabytes):
            out.write(json.dumps({"id": str(i), "text": base64.b64encode(os.urandom(750_000)).decode()}) + "\n")


@pytest.mark.parametrize("small_disk", [16], indirect=True)
def test_a_full_disk_is_named_and_the_old_version_stays(run_recipe, tmp_path, small_disk):
    """Fault 14, the lake's disk."""
    write_files(tmp_path / "in", 1)
    lake = small_disk / "lake"
    run_recipe(RECIPE, lake, input=str(tmp_path / "in"))
    before = texts(lake)
    bulk(tmp_path / "in", 32)
    script = compile_recipe(RECIPE, {"input": str(tmp_path / "in"), "lake": str(lake), "least": "0"})
    code, log = ended(child(script, tmp_path), tmp_path)
    assert code == 4, log
    assert f"no space left in {lake}" in log
    assert texts(lake) == before and versions(lake)["clean"] == 0


def fill(folder: Path) -> None:
    """Leaves no room on the file system of a folder."""
    with (folder / "filling").open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(4096))


@pytest.mark.parametrize("small_disk", [100], indirect=True)
def test_a_full_local_folder_of_spark_is_named(tmp_path, small_disk):
    """Fault 14, Spark's disk: full once the jars are there and the files are read, before anything is shuffled."""
    write_files(tmp_path / "in", 3)
    lake = tmp_path / "lake"
    script = compile_recipe(RECIPE, {"input": str(tmp_path / "in"), "lake": str(lake), "least": "0"})
    arguments = f"--conf spark.local.dir={small_disk} --conf spark.sql.autoBroadcastJoinThreshold=-1 pyspark-shell"
    process = child(script, tmp_path, PYSPARK_SUBMIT_ARGS=arguments)
    deadline = time.monotonic() + 200
    while not markers(lake) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    fill(small_disk)
    code, log = ended(process, tmp_path)
    assert code == 4, log
    assert f"no space left in {small_disk}" in log
    assert not (tmp_path / "lake" / "clean" / "_delta_log" / "00000000000000000000.json").exists()
