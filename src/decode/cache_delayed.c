/* dKV-Cache (Ma et al., "dKV-Cache: The Cache for Diffusion Language Models", 2025): a token's keys
 * and values change most around the step that decides it, so a row is kept only from one forward
 * after that step on.  With shifted logits row i also predicts position i + 1 and changes with it,
 * so the row is kept once both positions are decided. */
#include "decode/cache_policy.h"

#include "decode/canvas.h"

/* Open, or decided since the last forward. */
static bool is_unsettled(const um_cache_view *view, size_t position) {
    return view->states[position] == UM_POSITION_MASKED || view->changed[position];
}

static void mark(const um_cache_view *view, uint8_t *recompute) {
    for (size_t row = 0; row < view->length; row++) {
        const bool predicts_unsettled =
            view->is_shifted && row + 1 < view->length && is_unsettled(view, row + 1);
        recompute[row] = is_unsettled(view, row) || predicts_unsettled;
    }
}

const um_cache_policy um_cache_delayed = {
    .name = "delayed",
    .summary = "keep a row from the step after its token was decided on",
    .default_refresh = 8,
    .mark = mark,
};
