"""delta: one version of a Delta table, as its active Parquet files. Read without a JVM."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from recipe_udfs.identity import file_id

from recipe_runtime.lake_fs import lake_fs
from recipe_runtime.sources import tables
from recipe_runtime.sources.spec import SourceError, SourceSpec
from recipe_runtime.sources.units import File

READER_FEATURES = frozenset({"timestampNtz", "vacuumProtocolCheck", "v2Checkpoint", "domainMetadata"})
"""Reader features under which a table's rows are still those of its Parquet files as they stand: not so for
deletion vectors, column mapping, type widening, variants."""

_ABSOLUTE = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*:/")


def snapshot(spec: SourceSpec) -> tuple[tuple[str, int], pa.Schema, list[File]]:
    """((table id, version), schema, active files in order of their paths). The files are immutable, so their
    identity is (table id, path). Raises SourceError: no table or version there, a feature this version cannot
    read, a file that VACUUM has taken."""
    import deltalake
    from deltalake.exceptions import DeltaError, TableNotFoundError

    asked, version = spec.args["path"], spec.args.get("version")
    fs, root = lake_fs(asked)
    uri = root if "://" not in asked else asked
    try:
        table = deltalake.DeltaTable(uri, version=version)
    except TableNotFoundError as error:
        raise SourceError(
            f"source {spec.name}: no Delta table at {asked}" + (f" (looked at {root})" if root != asked else ""),
            remedy="check the path; a relative one starts where the job was started",
        ) from error
    except DeltaError as error:
        what = "" if version is None else f" in version {version}"
        raise SourceError(
            f"source {spec.name}: the Delta table {asked} cannot be read{what} ({error})",
            remedy="check that the version exists and is still kept",
        ) from error
    _check_features(spec, asked, table)
    identity = table.metadata().id
    files = []
    for row in sorted(pa.table(table.get_add_actions(flatten=True)).to_pylist(), key=lambda row: row["path"]):
        partition = {
            name.removeprefix("partition."): value for name, value in row.items() if name.startswith("partition.")
        }
        files.append(_file(spec, fs, root, uri, identity, row, partition))
    return (identity, table.version()), pa.schema(table.schema()), files


def _check_features(spec: SourceSpec, asked: str, table: Any) -> None:
    protocol, mapping = table.protocol(), table.metadata().configuration.get("delta.columnMapping.mode", "none")
    unread = sorted(set(protocol.reader_features or ()) - READER_FEATURES)
    if mapping != "none" and "columnMapping" not in unread:
        unread.append("columnMapping")
    if mapping == "none" and "columnMapping" in unread:
        unread.remove("columnMapping")
    if unread or protocol.min_reader_version > 3:
        raise SourceError(
            f"source {spec.name}: the Delta table {asked} uses {', '.join(unread) or 'a newer protocol'}, which is "
            "not read here",
            remedy="read a copy of it without these features (in Spark: CREATE TABLE … AS SELECT)",
        )


def _file(
    spec: SourceSpec, fs: Any, root: str, uri: str, identity: str, row: dict[str, Any], partition: dict[str, Any]
) -> File:
    path = unquote(row["path"])
    where = path if _ABSOLUTE.match(path) else f"{uri.rstrip('/')}/{path}"
    place = lake_fs(where)[1]
    if not fs.exists(place):
        raise SourceError(
            f"source {spec.name}: {where}, a file of this version of the table, is gone",
            remedy="take a newer version: VACUUM has removed the files of this one",
        )
    checksum = f"{identity}/{row['path']}"
    said = f"{checksum}\n{path}" if spec.reads_path else checksum
    file = File(
        where, path, row["size_bytes"], checksum, file_id(row["size_bytes"], said), partition=tuple(partition.items())
    )
    return tables.footer(spec, file)[0]
