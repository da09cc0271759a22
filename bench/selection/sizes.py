"""What Spark moved between tasks, by the events that it logs."""

from __future__ import annotations

from pathlib import Path

import orjson


def logging(folder: Path) -> dict[str, str]:
    """Variables by which a Spark that Python starts logs its events in a folder."""
    folder.mkdir(parents=True)
    settings = {"enabled": "true", "dir": folder.as_uri(), "compress": "false"}
    words = [word for name, value in settings.items() for word in ("--conf", f"spark.eventLog.{name}={value}")]
    return {"PYSPARK_SUBMIT_ARGS": " ".join([*words, "pyspark-shell"])}


def shuffled(folder: Path) -> int:
    """Bytes that tasks wrote to be shuffled."""
    total = 0
    for path in folder.rglob("events_*"):
        for line in path.open("rb"):
            event = orjson.loads(line)
            if event["Event"] == "SparkListenerTaskEnd" and event.get("Task Metrics"):
                total += event["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
    return total
