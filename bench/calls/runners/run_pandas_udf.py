"""What is written by hand: a pandas_udf that asks for each batch of rows with a pool of threads.

    python run_pandas_udf.py PAGES URL WINDOW BATCH
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf
from pyspark.sql.types import StringType

TASKS = 2
os.environ["PYSPARK_PYTHON"] = sys.executable
pages, url, window, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


@pandas_udf(StringType())
def ask(texts: pd.Series) -> pd.Series:
    import openai

    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=600)

    def one(text: str) -> str:
        messages = [{"role": "user", "content": f"Tell this again:\n\n{text}"}]
        answer = client.chat.completions.create(model="stub-model", messages=messages, max_tokens=200)
        return answer.choices[0].message.content

    with ThreadPoolExecutor(window // TASKS) as pool:
        return pd.Series(list(pool.map(one, texts)))


spark = (
    SparkSession.builder.master(f"local[{TASKS}]")
    .config("spark.sql.execution.arrow.maxRecordsPerBatch", batch)
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
rows = spark.read.json(pages).repartition(TASKS)
rows.select("id", ask("text").alias("answer")).write.format("noop").mode("overwrite").save()
