"""Versions that Delta is about to give up are warned of while they can be saved."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from recipe_runtime.doctor import Health, lake_checks
from recipe_runtime.lineage import Unanswered, expiring, runs, trace, why
from small_lake import ONE, SmallLake

NOW = datetime(2027, 1, 1, tzinfo=UTC)
DAYS = 30  # of the lake's tables, for files and log


def only(lake: SmallLake) -> list[tuple[int, bool]]:
    return [(each.version, each.due) for each in expiring(lake.path, NOW)]


@pytest.mark.parametrize(
    ("replaced", "found"),
    [(1, []), (DAYS - 2.1, []), (DAYS - 1.9, [(0, False)]), (DAYS + 1, [(0, True)])],
)
def test_a_replaced_version_is_warned_of_two_days_before_its_files_may_go(own: SmallLake, replaced, found):
    own.age({0: replaced, 1: replaced, 2: 0}, NOW)  # replaced in the moment it was made
    assert [each for each in only(own) if each[0] == 0] == found


def test_files_may_go_before_the_log_does(own: SmallLake):
    table = DeltaTable(own.writer.lake.output("clean"))
    table.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 1 weeks"})
    own.age({0: 20, 1: 6, 2: 4, 3: 0}, NOW)
    (warning,) = expiring(own.path, NOW)
    assert (warning.version, warning.setting) == (0, "delta.deletedFileRetentionDuration")
    assert warning.until == NOW + timedelta(days=1)


def test_the_newest_version_that_counts_never_ends(own: SmallLake):
    own.age({0: 1, 1: 100, 2: 90}, NOW)
    assert 1 not in [version for version, _ in only(own)]


def test_the_warning_names_version_time_and_remedy(own: SmallLake):
    own.age({0: 29.5, 1: 29, 2: 29}, NOW)
    (warning,) = expiring(own.path, NOW)
    assert warning.until == NOW + timedelta(days=0.5)
    assert warning.setting == "delta.logRetentionDuration"
    text = warning.text(500)
    assert text.startswith("warning: version 0 of clean may be removed from 2027-01-01 12:00 UTC on")
    assert "set that property higher" in text


def test_lineage_warns(own: SmallLake):
    now = datetime.now(UTC)
    own.age({0: 29, 1: 28.5, 2: 0}, now)
    for answer in (trace(own.path, "clean", ONE.doc), why(own.path, ONE.url), runs(own.path)):
        assert [(each.output, each.version) for each in answer.warnings] == [("clean", 0)]
        assert "warning: version 0 of clean" in answer.text()


def test_a_version_whose_log_is_gone_is_no_longer_warned_of_and_says_so_when_asked(own: SmallLake):
    table = DeltaTable(own.writer.lake.output("clean"))
    table.create_checkpoint()
    (Path(own.path) / "clean" / "_delta_log" / f"{0:020}.json").unlink()
    own.age({1: 1, 2: 0}, NOW)
    assert only(own) == []
    with pytest.raises(Unanswered, match="version 0 of .* can no longer be read"):
        trace(own.path, "clean", ONE.doc, version=0)


def test_doctor_warns(own: SmallLake):
    own.age({0: 29, 1: 28.5, 2: 0}, datetime.now(UTC))
    checks = lake_checks(own.path)
    (warning,) = [check for check in checks if check.name == "retention"]
    assert warning.state == "warning"
    assert warning.found.startswith("version 0 of clean may be removed from")
    assert Health(tuple(checks)).exit_code == 0
