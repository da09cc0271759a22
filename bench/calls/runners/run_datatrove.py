"""datatrove's InferenceRunner with an endpoint, in its own environment.

    python run_datatrove.py PAGES URL WINDOW WORK
"""

import sys

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

pages, url, window, work = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


async def rollout(document, generate):
    messages = [{"role": "user", "content": f"Tell this again:\n\n{document.text}"}]
    return await generate({"messages": messages, "max_tokens": 200})


if __name__ == "__main__":
    config = InferenceConfig(
        server_type="endpoint",
        model_name_or_path="stub-model",
        endpoint_url=url.removesuffix("/v1"),
        max_concurrent_generations=window,
    )
    runner = InferenceRunner(rollout, config, JsonlWriter(f"{work}/out"))
    LocalPipelineExecutor(
        pipeline=[JsonlReader(pages), runner], tasks=1, workers=1, logging_dir=f"{work}/logs"
    ).run()
