"""A real inference server with a tiny model of random weights: llama.cpp's, in its own environment.

    python tiny_model.py MODEL.gguf PORT

Writes the model where there is none, prints the server's address, and serves until its standard input ends.
"""

import pydoc_data.topics
import sys
from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, INNER, CONTEXT, WORDS = 64, 4, 128, 2_048, 3_000
UNKNOWN, CONTROL, NORMAL, BYTE = 2, 3, 1, 6


def vocabulary() -> list[tuple[str, int]]:
    """(piece, type): the control tokens, every byte, and words that end the text now and then."""
    words = sorted({word for text in pydoc_data.topics.topics.values() for word in text.split() if word.isalpha()})
    bytes_ = [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    control = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    return [*control, *bytes_, *((f"▁{word}", NORMAL) for word in words[:WORDS])]


def write(path: Path) -> None:
    pieces = vocabulary()
    random = np.random.default_rng(7)
    out = gguf.GGUFWriter(str(path), "llama")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_block_count(1)
    out.add_feed_forward_length(INNER)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_vocab_size(len(pieces))
    out.add_tokenizer_model("llama")
    out.add_token_list([piece.encode() for piece, _ in pieces])
    out.add_token_scores([0.0] * len(pieces))
    out.add_token_types([kind for _, kind in pieces])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    shapes = {
        "token_embd.weight": (len(pieces), WIDTH), "output.weight": (len(pieces), WIDTH),
        "blk.0.ffn_gate.weight": (INNER, WIDTH), "blk.0.ffn_up.weight": (INNER, WIDTH),
        "blk.0.ffn_down.weight": (WIDTH, INNER),
        **{f"blk.0.attn_{name}.weight": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")},
    }  # fmt: skip
    for name, shape in shapes.items():
        out.add_tensor(name, random.normal(0, 0.3, shape).astype(np.float32))
    for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"):
        out.add_tensor(name, np.ones(WIDTH, np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def main() -> None:
    import xllamacpp

    path, port = Path(sys.argv[1]), int(sys.argv[2])
    if not path.exists():
        write(path)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = 4 * CONTEXT
    params.n_parallel = 4
    params.hostnames, params.port = ["127.0.0.1"], port
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
