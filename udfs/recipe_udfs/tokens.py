"""Token counts under a tokenizer.json: counted by fastokens, a sample of them checked by tokenizers.

fastokens is many times faster and has to give the same tokens. Every text whose CRC-32 is divisible by
`CHECK_EVERY` is encoded by both, whatever its batch; a difference stops the run, naming the text's hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from zlib import crc32

import numpy as np
import pyarrow as pa

from recipe_udfs.buffers import Strings, large_string, numbers, valid_mask
from recipe_udfs.identity import text_hash
from recipe_udfs.operator import Call

CHECK_EVERY = 200


class TokenizersDisagree(RuntimeError):
    """fastokens and tokenizers see different tokens in one text."""


def count_tokens(inputs: Mapping[str, Strings], calls: Sequence[Call]) -> list[list[pa.Array]]:
    """`tokens(tokenizer)` → tokens of each text without special tokens; null for a null text.

    Raises TokenizersDisagree; ValueError or OSError of the libraries for a file they cannot read.
    """
    texts = large_string(inputs["text"])
    valid = valid_mask(texts)
    present = texts.drop_null().to_pylist()
    results = []
    for call in calls:
        counts = np.zeros(len(texts), np.int64)
        counts[valid] = token_counts(present, call.args["tokenizer"])
        results.append([numbers(counts, valid)])
    return results


def token_counts(texts: list[str], path: str) -> np.ndarray:
    """int64[n]: tokens of each text under the tokenizer.json at `path`, as `count_tokens` counts them."""
    flat, ends = _fast(path).encode_batch_flat(texts, add_special_tokens=False)
    ids, offsets = np.frombuffer(flat, np.uint32), np.frombuffer(ends, np.uint64).astype(np.int64)
    for i, text in enumerate(texts):
        if crc32(text.encode()) % CHECK_EVERY == 0:
            expected = _exact(path).encode(text, add_special_tokens=False).ids
            if ids[offsets[i] : offsets[i + 1]].tolist() != expected:
                raise TokenizersDisagree(
                    f"fastokens finds {offsets[i + 1] - offsets[i]} tokens, tokenizers {len(expected)}, in the text "
                    f"with the hash {text_hash(text)} under {path}; install another version of fastokens"
                )
    return np.diff(offsets)


@cache
def _fast(path: str):
    from fastokens import Tokenizer

    return _whole(Tokenizer.from_file(path))


@cache
def _exact(path: str):
    from tokenizers import Tokenizer

    return _whole(Tokenizer.from_file(path))


def _whole(tokenizer):
    """Counts are of whole texts, whatever the file says of cutting and padding."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
