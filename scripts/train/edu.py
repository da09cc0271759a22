"""Makes recipes/std/edu.onnx, a small regression of educational value, 0 to 5, over tokens, and its card.

    python scripts/train/edu.py

**Data rule.** Nobody graded the pages; a rule did. Each piece of `corpus` has a grade: by what it is (GRADES: running
text of a reference more than a list, a list more than a licence, source code or a file list), and for running text
and lists up to two points more by how often it explains (EXPLAINS, full at six in a hundred words). A page is drawn
from 3 to 14 pieces: a stretch of one document, often with pieces of others and of a site's furniture between. Its
label is the mean of the grades by bytes. Held-out pages are made of held-out documents alone.

**Model.** The mean of token embeddings → 32 hidden units → one number; the tokenizer is std/bpe.json.
"""

from __future__ import annotations

import re

import numpy as np
from cards import auc, sha256, spearman, write_card
from corpus import STANDARD, Piece, pieces
from furniture import furniture
from net import Adam, forward, gradients, head, head_nodes, minibatches, save

GRADES = {
    ("topics", "p"): 3.0, ("topics", "li"): 2.0, ("topics", "pre"): 1.5,
    ("library", "p"): 2.6, ("library", "li"): 1.8, ("library", "pre"): 1.2,
    ("comments", "p"): 2.6, ("comments", "li"): 1.6, ("comments", "pre"): 1.0,
    ("packages", "p"): 2.0, ("packages", "li"): 1.0, ("packages", "pre"): 1.0,
    ("licences", "p"): 0.5, ("licences", "li"): 0.5, ("sources", "pre"): 0.7, ("lists", "pre"): 0.0,
}  # fmt: skip
EXPLAINS = re.compile(
    r"\b(because|since|therefore|thus|hence|so that|in order to|that is|i\.e\.|e\.g\.|for example|for instance|such as|"
    r"means?|is called|are called|is defined|refers? to|consists? of|contains?|represents?|describes?|depends? on|"
    r"if|then|when|whenever|while|unless|otherwise|instead|however|although|whether|which|whose|where|note that|"
    r"the same|different|difference|similar|first|second|finally|usually|generally|always|never|example|reason|"
    r"result)\b",
    re.IGNORECASE,
)
FULL = 6 / 100
PAGES, HELD_OUT_PAGES = 16_000, 1_500
MAX_TOKENS, MAX_BYTES = 1_024, 8_192
DIMENSIONS, HIDDEN = 24, 32
PAD = 0


def grade(piece: Piece) -> float:
    """0 … 5."""
    base = GRADES.get((piece.body, piece.kind), 1.0)
    if piece.kind not in ("p", "li") or piece.body == "licences":
        return base
    words = max(len(piece.text.split()), 12)
    return base + 2 * min(1.0, len(EXPLAINS.findall(piece.text)) / words / FULL)


def pages(held_out: bool, count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """(texts, labels) made by the data rule from one part of the corpus."""
    rng = np.random.default_rng(seed)
    documents: dict[str, list[Piece]] = {}
    bodies: dict[str, list[Piece]] = {}
    for piece in pieces(held_out):
        documents.setdefault(f"{piece.document} {piece.body}", []).append(piece)
        bodies.setdefault(piece.body, []).append(piece)
    names, kinds = sorted(documents), sorted(bodies)
    weights = np.array([min(len(documents[name]), 60) for name in names], float)
    texts, labels = [], []
    for _ in range(count):
        document = documents[names[rng.choice(len(names), p=weights / weights.sum())]]
        size = int(rng.integers(3, 15))
        first = int(rng.integers(0, max(1, len(document) - size + 1)))
        chosen = [(piece.text, grade(piece), piece.kind) for piece in document[first : first + size]]
        strangers = rng.choice([0.0, 0.0, 0.3, 0.7])
        for place in range(len(chosen)):
            if rng.random() < strangers:
                body = bodies[kinds[rng.integers(len(kinds))]]
                piece = body[rng.integers(len(body))]
                chosen[place] = (piece.text, grade(piece), piece.kind)
            elif rng.random() < 0.06:
                chosen[place] = (furniture(rng), 0.0, "p")
        sizes = np.array([len(text.encode()) for text, _, _ in chosen], float)
        labels.append(float(sizes @ [value for _, value, _ in chosen] / sizes.sum()))
        texts.append("\n".join(f"- {text}" if kind == "li" else text for text, _, kind in chosen))
    return texts, np.array(labels, np.float32)


def token_shares(texts: list[str], tokenizer):
    """csr float32[texts, vocabulary]: each row the shares of its tokens, cut as the scorer cuts."""
    from scipy.sparse import csr_matrix

    cut = [text.encode()[:MAX_BYTES].decode(errors="ignore") for text in texts]
    lists = [one.ids[:MAX_TOKENS] for one in tokenizer.encode_batch(cut, add_special_tokens=False)]
    values = np.concatenate([np.full(len(ids), 1 / max(1, len(ids)), np.float32) for ids in lists])
    matrix = csr_matrix(
        (values, np.concatenate(lists), np.cumsum([0, *map(len, lists)])),
        shape=(len(texts), tokenizer.get_vocab_size()),
    )
    matrix.sum_duplicates()
    return matrix


def train(shares, labels: np.ndarray, seed: int = 1, epochs: int = 12) -> dict[str, np.ndarray]:
    """Weights; tokens are left out at random meanwhile, so that no single one carries a page."""
    rng = np.random.default_rng(seed)
    weights = {"embeddings": rng.standard_normal((shares.shape[1], DIMENSIONS)).astype(np.float32)}
    weights |= head(rng, DIMENSIONS, HIDDEN)
    adam = Adam(weights, rate=6e-3, decay=2e-3)
    for rows, rate in minibatches(rng, len(labels), 128, epochs):
        x = shares[rows]
        x.data = x.data * (rng.random(len(x.data)) < 0.8).astype(np.float32) / np.float32(0.8)
        own, by_z = gradients(weights, x @ weights["embeddings"], labels[rows] / 5)
        adam.step({"embeddings": x.T @ by_z, **own}, rate)
    return weights


def export(path, weights: dict[str, np.ndarray], tokenizer_json: str) -> None:
    """The mean over the tokens that the mask keeps, then the head."""
    from onnx import TensorProto, helper

    nodes, constants = head_nodes("mean", 5.0)
    before = [
        helper.make_node("Gather", ["embeddings", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "middle"], ["row"]),
        helper.make_node("MatMul", ["row", "vectors"], ["sums"]),
        helper.make_node("Squeeze", ["sums", "middle"], ["sum"]),
        helper.make_node("ReduceSum", ["mask", "middle"], ["tokens"], keepdims=1),
        helper.make_node("Max", ["tokens", "one"], ["divisor"]),
        helper.make_node("Div", ["sum", "divisor"], ["mean"]),
    ]
    ids = (TensorProto.INT64, ["rows", "length"])
    save(path, "edu", [*before, *nodes], {"input_ids": ids, "attention_mask": ids},
         {**weights, **constants, "middle": np.array([1]), "one": np.float32(1)},
         {"recipec.input": "tokens", "recipec.tokenizer": tokenizer_json, "recipec.max_tokens": str(MAX_TOKENS),
          "recipec.max_bytes": str(MAX_BYTES), "recipec.pad": str(PAD)})  # fmt: skip


def main() -> None:
    from tokenizers import Tokenizer

    json = (STANDARD / "bpe.json").read_text()
    tokenizer = Tokenizer.from_str(json)
    texts, labels = pages(held_out=False, count=PAGES, seed=1)
    weights = train(token_shares(texts, tokenizer), labels)
    texts, labels = pages(held_out=True, count=HELD_OUT_PAGES, seed=2)
    _, scores = forward(weights, token_shares(texts, tokenizer) @ weights["embeddings"])
    scores = np.round(5 * scores, 4)
    path = STANDARD / "edu.onnx"
    export(path, weights, json)
    write_card("edu", "A small regression of educational value, 0 to 5. Its labels come from a rule, not from people: "
               "it is a default to try a recipe with, not a judge of the web.", {
        "Kind": f"token embeddings ({DIMENSIONS}), mean, {HIDDEN} hidden units, one number; the first {MAX_TOKENS:,} "
                f"tokens of the first {MAX_BYTES:,} bytes under std/bpe.json, which the file carries",
        "Data rule": "pages drawn from `scripts/train/corpus.py`; each piece graded by what it is and by how often it "
                     "explains, a page by the mean over its bytes; exactly in `scripts/train/edu.py`",
        "Trained on": f"{PAGES:,} pages, by Adam in NumPy",
        "Held out": f"{HELD_OUT_PAGES:,} pages made by the same rule of documents it was not trained on, without any "
                    "piece that training has too; a site's furniture comes from the same word lists in both",
        "Spearman": f"{spearman(scores, labels):.3f} with the rule's labels",
        "Mean absolute error": f"{np.abs(scores - labels).mean():.3f}",
        "AUC": f"{auc(scores, labels >= np.quantile(labels, 0.8)):.3f} for the best fifth against the rest",
        "Distinct scores": f"{len(np.unique(scores)):,} of {len(scores):,}, from {scores.min():.2f} to "
                           f"{scores.max():.2f}",
        "Made by": "`python scripts/train/edu.py`; other text on another machine gives another file",
        "Size": f"{path.stat().st_size:,} bytes",
        "SHA-256": f"`{sha256(path)}`",
    })  # fmt: skip


if __name__ == "__main__":
    main()
