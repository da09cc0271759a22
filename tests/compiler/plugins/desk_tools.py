"""A second plug-in: tools for a model, and a figure with several parts."""

from __future__ import annotations

from recipe_udfs.operator import Column, Operator, Parameter

REPLAY = "struct<every_call_succeeded:boolean,same_results:boolean,end_state:string,calls:bigint>"

OPERATORS = (
    Operator("tools", "tools", 1, "The tools of the desk.", reads=()),
    Operator(
        "replay", "statistic", 1, "A trajectory's calls run again from a state.",
        (
            Parameter("answer", "text"), Parameter("start", "text"), Parameter("timeout", "duration"),
            Parameter("memory", "bytes"),
        ),
        (Column("replay", REPLAY),), reads=("answer",),
    ),
    Operator("shelve", "action", 1, "The answer is put on a shelf.", run="desk_tools:shelve"),
    Operator("tidy", "expect", 1, "The desk is tidy.", run="desk_tools:tidy"),
    Operator("drawer", "sink", 1, "A drawer of the desk.", run="desk_tools:drawer"),
    Operator("ruler", "tokenizer", 1, "Counts centimetres.", run="desk_tools:ruler"),
    Operator("ask_around", "source", 1, "What colleagues say.", (Parameter("namespace", "text?", None),), reads=()),
)  # fmt: skip
