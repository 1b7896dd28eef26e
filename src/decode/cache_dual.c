/* Fast-dLLM's dual cache (Wu et al., 2025, section 3.2): only the current block is recomputed; the
 * masks after it are kept like the prefix. */
#include "decode/cache_policy.h"

static void mark(const um_cache_view *view, uint8_t *recompute) {
    um_cache_mark_range(view, view->block_start, view->block_end, recompute);
}

const um_cache_policy um_cache_dual = {
    .name = "dual",
    .summary = "keep what is before and after the block; recompute the block",
    .refreshes_at_block = true,
    .mark = mark,
};
