"""distilabel's TextGeneration with an OpenAI-compatible endpoint, in its own environment.

    python run_distilabel.py PAGES URL WINDOW WORK
"""

import json
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

pages, url, window, work = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]

if __name__ == "__main__":
    rows = [json.loads(line) for path in sorted(Path(pages).iterdir()) for line in path.open()]
    asked = [{"instruction": f"Tell this again:\n\n{row['text']}"} for row in rows]
    with Pipeline("bench", cache_dir=work) as pipeline:
        load = LoadDataFromDicts(data=asked, batch_size=window)
        model = OpenAILLM(
            model="stub-model", base_url=url, api_key="none", timeout=600, generation_kwargs={"max_new_tokens": 200}
        )
        load >> TextGeneration(llm=model, input_batch_size=window)
    pipeline.run(use_cache=False)
