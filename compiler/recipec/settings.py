"""The settings of blocks that belong to the language itself: their types, and which must be given.

Types are those of operator parameters (`recipec.operators`), and besides them `secret` (a text, or `env(…)`),
`addresses` (one such, or a list of them), `money`, and `segment` (a segment operator).
"""

from __future__ import annotations

from recipec.record import Record


class SettingType(Record):
    type: str
    required: bool = False


def _table(**types: str) -> dict[str, SettingType]:
    return {name: SettingType(type_.removesuffix("!"), type_.endswith("!")) for name, type_ in types.items()}


ENDPOINT = _table(
    url="addresses!",
    weights="list[number]",
    key="secret",
    model="text!",
    revision="text",
    deployment="text",
    served_as="list[text]",
    tokenizer="tokenizer",
    context="tokens",
    api="chat|completions",
    structured_output="none|json_schema|vllm",
    in_flight="int",
    requests_per_minute="int",
    tokens_per_minute="int",
    tokens_per_gpu_second="number",
    timeout="duration",
    patience="duration",
    max_calls="int",
    max_tokens="tokens",
    max_cost="money",
    input_price="money",
    output_price="money",
    gpu_hour_price="money",
    terms="text",
    coordinator="none",
)
ASK = _table(
    segment="segment",
    rejoin="text",
    samples="int",
    max_prompt="tokens",
    max_tokens="tokens",
    temperature="number",
    top_p="number",
    top_k="int",
    min_p="number",
    frequency_penalty="number",
    presence_penalty="number",
    stop="list[text]",
    seed="int",
    logprobs="bool",
    tools="tools",
    max_turns="int",
    timeout="duration",
)
SAMPLE = _table(by="documents|bytes|tokens!", each="column", seed="int!")
PAIR = _table(each="int!", seed="int!")
MIX = _table(tokenizer="tokenizer", tolerance="share", seed="int")
PHASE = _table(tolerance="share")
MERGE = _table(rounds="rounds")
WRITE = _table(partition="columns", schema="error|evolve")
TRAIN = _table(
    target="column!",
    features="any!",
    head="head!",
    epochs="int",
    learning_rate="number",
    held_out="share",
    batch_size="int",
    seed="int!",
)
COMPUTE = _table(training="gpu_hours", multiplier="x")
PROMPT = _table(system="text", user="text!", reply="any")
