"""From texts to what an ONNX model is given: the two preparations that `onnx_scores` describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from recipe_udfs.identity import text_hash
from recipe_udfs.onnx_file import ModelFile, OnnxError, Port
from recipe_udfs.tokens import CHECK_EVERY, TokenizersDisagree

BATCH_TOKENS = 4096
"""Places of a batch of tokens: rows times length."""
NGRAM_ROWS = 32
"""Rows of a batch of n-gram counts."""
SHORTEST_CLASS = 16
METADATA_REMEDY = "write the model's metadata as recipe_udfs.onnx_scores describes it"


@dataclass(frozen=True)
class Batch:
    """What the model is given, and which texts its first rows are."""

    feeds: dict[str, np.ndarray]
    texts: np.ndarray


class Tokens:
    """Token ids, cut and padded. A tokenizer of BPE runs in fastokens, a sample checked by tokenizers."""

    def __init__(self, path: str, model: ModelFile, max_tokens: int | None) -> None:
        from tokenizers import Tokenizer

        settings = Settings(path, model.metadata)
        json = settings.text("recipec.tokenizer")
        own = settings.number("recipec.max_tokens", 1)
        self.most = min(own, int(max_tokens)) if max_tokens is not None else own
        if self.most < 1:
            raise OnnxError(f"max_tokens is {self.most}", remedy="give at least 1 token")
        self._pad = settings.number("recipec.pad", 0, default=0)
        self._special = settings.choice("recipec.special_tokens", ("false", "true")) == "true"
        self._inputs = tuple(model.inputs)
        self._budget = 1 if model.one_row else BATCH_TOKENS
        needed, possible = {"input_ids", "attention_mask"}, {"input_ids", "attention_mask", "token_type_ids"}
        if not needed <= set(self._inputs) <= possible or any(
            port.type != "INT64" or port.shape is None or tuple(port.shape) != (None, None)
            for port in model.inputs.values()
        ):
            raise settings.wrong(
                f"a tokens model has the inputs input_ids and attention_mask, int64[rows, length]; "
                f"it has {ports(model.inputs)}"
            )
        try:
            self._exact = Tokenizer.from_buffer(json.encode())  # from_str raises bare Exception
        except ValueError as error:
            raise settings.wrong(f"recipec.tokenizer is no tokenizer.json: {str(error)[:200]}") from error
        self._exact.no_padding()
        self._exact.no_truncation()
        self._fast = None
        if self._special:
            self._exact.enable_truncation(self.most)
        elif type(self._exact.model).__name__ == "BPE":
            from fastokens import Tokenizer as Fast

            self._fast = Fast.from_json_str(json)
            self._fast.no_truncation()
            self._fast.no_padding()

    def batches(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Iterator[Batch]:
        """All texts, by length class."""
        view = memoryview(data)
        texts = [str(view[a:b], "utf-8") for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        ids, offsets = self._ids(texts)
        sizes = np.minimum(np.diff(offsets), self.most)
        classes = _length_classes(self.most)
        of = np.searchsorted(classes, sizes)
        for number in np.unique(of).tolist():
            length = int(classes[number])
            rows = max(1, self._budget // length)
            places = np.arange(length)
            members = np.flatnonzero(of == number)
            for first in range(0, len(members), rows):
                some = members[first : first + rows]
                mask = np.zeros((rows, length), np.int64)
                mask[: len(some)] = places < sizes[some, None]
                batch = np.full((rows, length), self._pad, np.int64)
                there = mask[: len(some)].astype(np.bool_)
                batch[: len(some)][there] = ids[(offsets[some, None] + places)[there]]
                feeds = {"input_ids": batch, "attention_mask": mask, "token_type_ids": np.zeros_like(batch)}
                yield Batch({name: feeds[name] for name in self._inputs}, some)

    def _ids(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """(ids of all texts, joined; offsets int64)."""
        if self._fast is None:
            found = self._exact.encode_batch_fast(texts, add_special_tokens=self._special)
            lists = [one.ids for one in found]
            offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
            return np.fromiter((i for ids in lists for i in ids), np.int64, int(offsets[-1])), offsets
        flat, cuts = self._fast.encode_batch_flat(texts, add_special_tokens=False)
        ids, offsets = np.frombuffer(flat, np.uint32), np.frombuffer(cuts, np.uint64).astype(np.int64)
        for i, text in enumerate(texts):
            if crc32(text.encode()) % CHECK_EVERY == 0:
                exact = self._exact.encode(text, add_special_tokens=False).ids
                if ids[offsets[i] : offsets[i + 1]].tolist() != exact:
                    raise TokenizersDisagree(
                        f"fastokens and tokenizers find other tokens in the text with the hash {text_hash(text)} "
                        "under the tokenizer of an ONNX model; install another version of fastokens"
                    )
        return ids, offsets


class HashedNgrams:
    """Counts of hashed n-grams, one row a text."""

    def __init__(self, path: str, model: ModelFile) -> None:
        from recipe_udfs import ngram_kernels as k

        settings = Settings(path, model.metadata)
        self._kernel, self._table = k.count_ngrams, k.byte_map()
        self._buckets = settings.number("recipec.buckets", 2)
        self._words = settings.pair("recipec.words", k.LONGEST_WORD_GRAM)
        self._characters = settings.pair("recipec.characters", k.LONGEST_CHARACTER_GRAM)
        if self._buckets & (self._buckets - 1):
            raise settings.wrong(f"recipec.buckets is {self._buckets}, no power of two")
        if not self._words[1] and not self._characters[1]:
            raise settings.wrong("it asks for n-grams neither of words nor of characters")
        ((self._input, port), *others) = model.inputs.items() or [("", None)]
        if others or port is None or port.type != "FLOAT" or port.shape != (None, self._buckets):
            raise settings.wrong(
                f"a hashed_ngrams model has one input, float[rows, {self._buckets}]; it has {ports(model.inputs)}"
            )
        self._rows = 1 if model.one_row else NGRAM_ROWS

    def batches(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> Iterator[Batch]:
        """All texts, in their order."""
        for first in range(0, len(starts), self._rows):
            some = np.arange(first, min(first + self._rows, len(starts)))
            counts = np.zeros((self._rows, self._buckets), np.float32)
            self._kernel(data, starts[some], ends[some], self._table, self._words, self._characters, counts)
            yield Batch({self._input: counts}, some)


def _length_classes(most: int) -> np.ndarray:
    """16, 24, 32, 48 … up to the first that holds `most`, which becomes the last."""
    classes, power = [], SHORTEST_CLASS
    while power < most:
        classes += [size for size in (power, power + power // 2) if size < most]
        power *= 2
    return np.array([*classes, most], np.int64)


def cut(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, most: int) -> np.ndarray:
    """The ends of texts of at most so many bytes, each before the first byte of a character."""
    long = ends - starts > most
    places = starts[long] + most
    for _ in range(3):
        places -= (data[places] & 0xC0) == 0x80
    ends = ends.copy()
    ends[long] = places
    return ends


def ports(ports: Mapping[str, Port]) -> str:
    return (
        ", ".join(
            f"{name}: {port.type.lower()}[{', '.join('?' if n is None else str(n) for n in port.shape or ())}]"
            for name, port in ports.items()
        )
        or "none"
    )


@dataclass(frozen=True)
class Settings:
    """The metadata of a model, read with what is expected of it."""

    path: str
    metadata: Mapping[str, str]

    def wrong(self, what: str) -> OnnxError:
        return OnnxError(f"{self.path} cannot be used: {what}", remedy=METADATA_REMEDY)

    def text(self, key: str) -> str:
        if key not in self.metadata:
            raise self.wrong(f"its metadata has no {key}")
        return self.metadata[key]

    def number(self, key: str, least: int, default: int | None = None) -> int:
        text = self.text(key) if default is None else self.metadata.get(key, str(default))
        if not text.isascii() or not text.isdigit() or not least <= int(text[:12]) <= 1 << 31:
            raise self.wrong(f"{key} is {text[:40]!r}, not a whole number from {least} on")
        return int(text)

    def choice(self, key: str, values: tuple[str, ...]) -> str:
        text = self.metadata.get(key, values[0])
        if text not in values:
            raise self.wrong(f"{key} is {text[:40]!r}, not one of {', '.join(values)}")
        return text

    def pair(self, key: str, most: int) -> tuple[int, int]:
        text = self.metadata.get(key, "0 0")
        words = text.split()
        if len(words) == 2 and all(word.isascii() and word.isdigit() and len(word) == 1 for word in words):
            low, high = int(words[0]), int(words[1])
            if low == high == 0 or 1 <= low <= high <= most:
                return low, high
        raise self.wrong(f"{key} is {text[:40]!r}, not two numbers from 1 to {most}")
