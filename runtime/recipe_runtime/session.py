"""The Spark session of a job: Delta in place, Arrow types checked, small settings for a local master only."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from recipe_runtime.errors import StepError

SPARK_VERSION = "4.2.0"
DELTA_JAR = "io.delta:delta-spark_4.2_2.13:4.4.0"
"""Goes with pyspark 4.2.0 and delta-spark 4.4.0; pyproject.toml pins those three together."""

_ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # A worker whose columns differ from what was announced is a defect to be seen at once.
    "spark.sql.execution.arrow.pyspark.validateSchema.enabled": "true",
    # 32-bit offsets end at 2 GB a batch; text columns pass that.
    "spark.sql.execution.arrow.useLargeVarTypes": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.log.level": "ERROR",  # progress is ours to show; what fails comes back as an error
    # Spark's own pattern misses `api_key`, and so writes keys into the event log.
    "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|api[._-]?key|credential",
    # Java compiles no method of more bytecode than this; Spark's own limit is eight times as high, and what it made of
    # a table of forty columns was interpreted for as long as it ran.
    "spark.sql.codegen.hugeMethodLimit": "8000",
}
_LOCAL = {
    # The same small job took 23 s with Spark's and Delta's defaults and 15 s with these.
    "spark.databricks.delta.snapshotPartitions": "1",
    # Which files to read is decided by a Spark job over their statistics; here there are few files.
    "spark.databricks.delta.stats.skipping": "false",
    "spark.sql.shuffle.partitions": str(max(2, os.cpu_count() or 2)),
    # One process has nothing to learn between stages, and planning again after each took a second in eight.
    "spark.sql.adaptive.enabled": "false",
    # What is computed once (Job.once) is on disk for a minute: to compress it cost more than to read it.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    # After a shuffle file was lost a local master's executor is asked to register again, for which there is nobody, and
    # ten minutes later it would end the JVM that it shares with the driver.
    "spark.executor.heartbeat.maxFailures": str(2**31 - 1),
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
}
_LAUNCHED_HERE = {
    # Rows are worked on by Python; what the JVM does for them is done before Java's optimising compiler is through with
    # it, which took half of the JVM's processor time in a run over 1 GB, and in a small one more.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}
"""Options of the JVM of a local master that this process starts."""


_gateway: Future[Any] | None = None
"""To the JVM that `launch` starts."""


def launch() -> None:
    """Starts the JVM that `create` will use, beside what this process does until then: it takes a second or two. Where
    a JVM is there already nothing is done."""
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway

    global _gateway
    if _gateway is None and not _launched():
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        conf = SparkConf(loadDefaults=False).setAll(list(_settings(None, False).items()))
        starter = ThreadPoolExecutor(1)
        _gateway = starter.submit(launch_gateway, conf)
        starter.shutdown(wait=False)


def context(app: str) -> Any:
    """A SparkContext whose session can read and write Delta; raises StepError where the jar is not there."""
    from pyspark import SparkConf, SparkContext

    global _gateway
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    launched = _launched()
    settings = _settings(SparkConf() if launched else None, launched)
    if _gateway is not None:
        gateway, _gateway = _gateway, None
        SparkContext._ensure_initialized(gateway=gateway.result())
    spark = SparkContext.getOrCreate(SparkConf().setAppName(app).setAll(list(settings.items())))
    # As a session has it for its workers, so that they are the same as those of a stage without one.
    spark.environment["SPARK_SIMPLIFIED_TRACEBACK"] = "1"
    _require_delta(spark)
    if "spark.jars.packages" in settings:
        _remember_jars(spark)
    return spark


def create(app: str) -> Any:
    """The SparkSession of such a context, which is started where there is none."""
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    context(app)
    builder = SparkSession.builder.appName(app)
    for name, value in _settings(SparkConf(), True).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _launched() -> bool:
    """Whether a JVM is there that we cannot give options."""
    from pyspark import SparkContext

    return SparkContext._gateway is not None or "PYSPARK_GATEWAY_PORT" in os.environ


def _settings(given: Any, launched: bool) -> dict[str, str]:
    """Ours, less what the user has said otherwise."""
    wanted = {} if launched else _jars(os.environ.get("PYSPARK_SUBMIT_ARGS", ""))
    if _is_local(given):
        wanted |= _LOCAL if launched else {**_LOCAL, **_LAUNCHED_HERE}
    return {**_ALWAYS, **{name: value for name, value in wanted.items() if not _already_given(given, name)}}


def local_folders() -> list[str]:
    """Where Spark on this machine will put shuffle files and copies of its jars, as far as it can be told before it
    starts."""
    words = os.environ.get("PYSPARK_SUBMIT_ARGS", "").split()
    given = [word.partition("=")[2] for word in words if word.startswith("spark.local.dir=")]
    named = os.environ.get("SPARK_LOCAL_DIRS") or (given[-1] if given else tempfile.gettempdir())
    return named.split(",")


def _is_local(conf) -> bool:
    if conf is not None:
        master = conf.get("spark.master", "local")
    else:
        arguments = os.environ.get("PYSPARK_SUBMIT_ARGS", "").split()
        masters = [b for a, b in zip(arguments, arguments[1:], strict=False) if a == "--master"]
        masters += [a.partition("=")[2] for a in arguments if a.startswith(("--master=", "spark.master="))]
        master = masters[-1] if masters else _defaults().get("spark.master", "local")
    return master.startswith("local") and not master.startswith("local-")


def _already_given(conf, name: str) -> bool:
    if conf is not None:
        return conf.contains(name)
    # Jars are the exception: without Delta's nothing can be written (`_jars`).
    by_default = name in _defaults() and not name.startswith("spark.jars")
    return name in os.environ.get("PYSPARK_SUBMIT_ARGS", "") or by_default


def _defaults() -> dict[str, str]:
    """What the user's spark-defaults.conf says, which the JVM will read and ours would otherwise replace."""
    from pyspark.find_spark_home import _find_spark_home

    folder = os.environ.get("SPARK_CONF_DIR") or Path(_find_spark_home(), "conf")
    path = Path(folder, "spark-defaults.conf")
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    parts = (re.split(r"[\s=:]+", line, maxsplit=1) for line in lines if line and not line.startswith(("#", "!")))
    return {name: "".join(rest) for name, *rest in parts}


def _jars(submit_arguments: str) -> dict[str, str]:
    """How Delta gets onto the class path: by the jars that an earlier start resolved, where they are still
    there, so that neither Ivy nor a network is asked again; else by its Maven coordinate, beside the packages
    the user asked for (our setting replaces theirs)."""
    words = submit_arguments.split()
    theirs = [b for a, b in zip(words, words[1:], strict=False) if a == "--packages"]
    packages = [p for p in ",".join(theirs).split(",") if p]
    if not packages and "spark.jars" not in submit_arguments and "--jars" not in words:
        known = _known_jars()
        if known:
            return {"spark.jars": ",".join(known)}
    if not any(":delta-spark" in p for p in packages):
        packages.append(DELTA_JAR)
    return {"spark.jars.packages": ",".join(packages)}


def _jar_list() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache, "recipec", f"{DELTA_JAR.replace(':', '_')}.json")


def _known_jars() -> list[str]:
    path = _jar_list()
    if not path.exists():
        return []
    jars = json.loads(path.read_text())
    return jars if all(os.path.exists(jar) for jar in jars) else []


def _remember_jars(spark) -> None:
    jars = [jar.removeprefix("file://") for jar in spark.getConf().get("spark.jars", "").split(",") if jar]
    if jars and all(os.path.exists(jar) for jar in jars):
        path = _jar_list()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(jars))


def _require_delta(spark) -> None:
    loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
    if loader.getResource("org/apache/spark/sql/delta/catalog/DeltaCatalog.class") is None:
        raise StepError(
            "Spark was started without Delta's jar",
            remedy=f"spark-submit --packages {DELTA_JAR} …, or `recipec submit`, which adds it",
        )
