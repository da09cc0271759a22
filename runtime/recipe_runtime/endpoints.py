"""Where a recipe's calls go: an endpoint's settings as a worker takes them, and the built-in rewriter's process."""

from __future__ import annotations

import os
from typing import Any

from recipe_runtime.asking import BUILTIN, Endpoint
from recipe_runtime.errors import StepError
from recipe_runtime.ops import Env

SAME = (
    "name", "model", "served_as", "weights", "api", "context", "timeout", "patience", "in_flight",
    "requests_per_minute", "tokens_per_minute", "max_calls", "max_tokens", "max_cost", "input_price", "output_price",
    "tokens_per_gpu_second", "gpu_hour_price",
)  # fmt: skip
"""Settings that a worker takes as the recipe has them."""


def spec(job: Any, wanted: Endpoint) -> Any:
    """The endpoint as a worker calls it, at its addresses; starts the built-in rewriter where it is one of them.
    Raises StepError for an address that the environment does not give."""
    urls = wanted.url if isinstance(wanted.url, tuple) else (wanted.url,)
    return at(wanted, tuple(_url(job, wanted, url) for url in urls))


def at(wanted: Endpoint, urls: tuple[str, ...]) -> Any:
    """The endpoint's settings for a worker. The key stays in the environment: only its variable's name travels."""
    from recipe_udfs.endpoint.request import EndpointSpec

    return EndpointSpec(
        url=urls[0],
        urls=urls,
        key_env=wanted.key.name if wanted.key else None,
        key_default=wanted.key.default if wanted.key else None,
        structured_output=None if wanted.structured_output == "none" else wanted.structured_output,
        **{name: getattr(wanted, name) for name in SAME},
    )


def _url(job: Any, wanted: Endpoint, url: str | Env) -> str:
    if isinstance(url, Env):
        found = os.environ.get(url.name, url.default)
        if not found:
            raise StepError(
                f"endpoint {wanted.name}: the environment variable {url.name} is not set",
                remedy=f"set {url.name} to the address of an OpenAI-compatible server, ending in /v1",
            )
        url = found
    return _builtin(job, wanted) if url == BUILTIN else url


def _builtin(job: Any, wanted: Endpoint) -> str:
    """The extractive rewriter on loopback, one process for the run."""
    from recipe_udfs import rewriter

    master = job.spark.sparkContext.master
    if not master.startswith("local"):
        raise StepError(
            f"endpoint {wanted.name} is the built-in rewriter, which listens on this machine only, and the master "
            f"is {master}",
            remedy="give the address of a server that the executors reach: --param url=http://…/v1",
        )
    if job.rewriter is None:
        job.rewriter = rewriter.start()
        job.progress.line(f"endpoint {wanted.name}: the built-in extractive rewriter, which is no language model")
    return job.rewriter.url


def coordinator(spark: Any) -> Any:
    """A coordinator that listens where Spark's driver does, on the port `spark.recipec.coordinator.port` (0: any
    that is free). Raises StepError where it cannot."""
    from recipe_runtime.coordinator import Coordinator

    conf = spark.sparkContext.getConf()
    host = conf.get("spark.driver.host")
    port = int(conf.get("spark.recipec.coordinator.port", "0"))
    made = Coordinator(conf.get("spark.driver.bindAddress", host), host, port)
    made.start()
    return made
