"""Makes recipes/std/bpe.json, a small byte-level BPE tokenizer, and its card.

    python scripts/train/bpe.py

Trained on the training documents of `corpus`; held-out documents give the figures of the card. Another
machine has other text and makes another file.
"""

from __future__ import annotations

from cards import sha256, write_card
from corpus import STANDARD, pieces
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 6_000
SHARE_OF_CODE = 8
"""One in so many pieces of source code and file lists is taken: a tokenizer for prose should have seen some."""
END = "<|endoftext|>"


def training_texts() -> list[str]:
    """One text a piece, without what is held out."""
    seen = pieces(held_out=False)
    code = {"sources", "lists", "licences"}
    return [piece.text for number, piece in enumerate(seen) if piece.body not in code or number % SHARE_OF_CODE == 0]


def train(texts: list[str]) -> Tokenizer:
    """GPT-2's kind: bytes as characters, its regular expression before, nothing normalised."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], show_progress=False, min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    ))  # fmt: skip
    return tokenizer


def main() -> None:
    tokenizer = train(training_texts())
    path = STANDARD / "bpe.json"
    tokenizer.save(str(path), pretty=False)
    held_out = [piece.text for piece in pieces(held_out=True) if piece.kind == "p" and piece.body != "licences"]
    tokens = sum(len(one.ids) for one in tokenizer.encode_batch(held_out, add_special_tokens=False))
    size = sum(len(text.encode()) for text in held_out)
    words = sum(len(text.split()) for text in held_out)
    write_card("bpe", "A small byte-level BPE tokenizer, so that tokens can be counted without a download.", {
        "Kind": "byte-level BPE, GPT-2's pre-tokenisation, no normalisation; any text is encoded without loss; "
                "one special token, the end of a text, with id 0",
        "Vocabulary": f"{tokenizer.get_vocab_size()} tokens",
        "Data rule": "training documents of `scripts/train/corpus.py`: language reference, docstrings and comments of "
                     "the standard library, descriptions of the installed distributions; of source code, file lists "
                     f"and licences one piece in {SHARE_OF_CODE}",
        "Held out": f"{len(held_out)} paragraphs of documents it was not trained on, none of them also in "
                    "one that it was",
        "Quality": f"{size / tokens:.2f} bytes a token, {tokens / words:.2f} tokens a word on them",
        "Made by": "`python scripts/train/bpe.py`; other text on another machine gives another file",
        "Size": f"{path.stat().st_size:,} bytes",
        "SHA-256": f"`{sha256(path)}`",
    })  # fmt: skip


if __name__ == "__main__":
    main()
