/* Fast-dLLM's prefix cache (Wu et al., "Fast-dLLM: Training-free Acceleration of Diffusion LLM by
 * Enabling KV Cache and Parallel Decoding", 2025, section 3.2): the rows before the current block
 * are kept; the block and all that follows it are recomputed. */
#include "decode/cache_policy.h"

static void mark(const um_cache_view *view, uint8_t *recompute) {
    um_cache_mark_range(view, view->block_start, view->length, recompute);
}

const um_cache_policy um_cache_prefix = {
    .name = "prefix",
    .summary = "keep what is before the block; recompute the block and what follows",
    .refreshes_at_block = true,
    .mark = mark,
};
