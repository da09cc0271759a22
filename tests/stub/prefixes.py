"""How much of the prompts a prefix cache would have had: as vLLM keeps them, in blocks, the least used going first."""

from __future__ import annotations

from collections import OrderedDict

WORDS = 16
"""Words of a block, where vLLM's hold 16 tokens."""


class Prefixes:
    """A prompt's leading blocks that some earlier prompt had too, in the same place behind the same blocks, are
    shared. `blocks`: how many are kept (None: all), the one used longest ago going first."""

    def __init__(self, blocks: int | None = None):
        self.blocks = blocks
        self.asked = self.shared = 0  # bytes of all prompts, and of those in shared blocks
        self._kept: OrderedDict[int, None] = OrderedDict()

    def take(self, text: str) -> tuple[int, int]:
        """(bytes shared, bytes in all) of a prompt, which is kept. White space counts as one byte."""
        words = text.split()
        chained, shared, known, total = 0, 0, True, 0
        path = []
        for start in range(0, len(words), WORDS):
            block = " ".join(words[start : start + WORDS])
            size = len(block.encode()) + 1
            total += size
            if start + WORDS > len(words):
                break  # a block that is not full is not kept
            chained = hash((chained, block))
            known = known and chained in self._kept
            shared += size if known else 0
            path.append(chained)
        for block_hash in reversed(path):  # the last block of a prompt goes before its first
            self._kept[block_hash] = None
            self._kept.move_to_end(block_hash)
        while self.blocks is not None and len(self._kept) > self.blocks:
            self._kept.popitem(last=False)
        self.asked += total
        self.shared += shared
        return shared, total

    @property
    def share(self) -> float:
        """Of all prompts' bytes, those that an earlier prompt had in front as well."""
        return self.shared / self.asked if self.asked else 0.0
