/* dInfer's vicinity refresh ("dInfer: An Efficient Inference Framework for Diffusion Language
 * Models", 2025): the rows near the current block change most, so they are recomputed with it. */
#include "decode/cache_policy.h"

static void mark(const um_cache_view *view, uint8_t *recompute) {
    const size_t before = view->window < view->block_start ? view->window : view->block_start;
    const size_t room = view->length - view->block_end;
    const size_t after = view->window < room ? view->window : room;
    um_cache_mark_range(view, view->block_start - before, view->block_end + after, recompute);
}

const um_cache_policy um_cache_vicinity = {
    .name = "vicinity",
    .summary = "recompute the block and cache_window rows on either side of it",
    .refreshes_at_block = true,
    .has_window = true,
    .mark = mark,
};
