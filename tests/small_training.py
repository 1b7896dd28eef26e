"""A small task for tests of whole training runs: the files that it needs, and the files that it leaves."""

import os
import random
import struct

# Whether the program under test has the sanitizers, under which steps take six times as long.
SANITIZED = os.environ.get("UNMASK_SANITIZED") == "1"

RESULTS = ("training.state", "model.safetensors", "config.json", "DONE")


def model_config(hidden_size, intermediate_size, layers):
    return {
        "model_type": "qwen2", "vocab_size": 64, "hidden_size": hidden_size, "intermediate_size": intermediate_size,
        "num_hidden_layers": layers, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 64, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "bos_token_id": None, "eos_token_id": 62, "pad_token_id": 62,
        "mask_token_id": 63,
    }


def write_shard(path, seed, count, longest):
    """Write documents of unequal length, below `longest`; the first third of each is its prompt."""
    numbers = random.Random(seed)
    documents = [[numbers.randrange(60) for _ in range(numbers.randrange(4, longest))] for _ in range(count)]
    index, first = b"", 0
    for tokens in documents:
        index += struct.pack("<QIIII", first, len(tokens), len(tokens) // 3, 0, 0)
        first += len(tokens)
    tokens = sum(documents, [])
    header = struct.pack("<8sIIQQ", b"UMSHARD1", 2, 2, len(documents), len(tokens))
    path.write_bytes(header + index + struct.pack(f"<{len(tokens)}H", *tokens))
