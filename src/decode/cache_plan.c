#include "decode/cache_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

um_status um_cache_plan_create(um_cache_plan *plan, const um_denoiser *denoiser,
                               const um_canvas *canvas, const um_decode_options *options,
                               um_error *error) {
    *plan = (um_cache_plan){.policy = um_cache_policy_at(options->cache),
                            .refresh = options->cache_refresh,
                            .window = options->cache_window,
                            .is_shifted = denoiser->is_shifted,
                            .attention_block_length = denoiser->attention_block_length,
                            .length = canvas->length};
    UM_TRY(um_allocate(&plan->changed, plan->length, 1, "cache plan", error));
    UM_TRY(um_allocate(&plan->recompute, plan->length, 1, "cache plan", error));
    return um_allocate(&plan->rows, plan->length, sizeof *plan->rows, "cache plan", error);
}

void um_cache_plan_free(um_cache_plan *plan) {
    free(plan->changed);
    free(plan->recompute);
    free(plan->rows);
}

/* One past the last row that the positions before `end` can see. */
static size_t seen_end(const um_cache_plan *plan, size_t end) {
    const size_t length = plan->attention_block_length;
    const size_t last = length > 0 ? um_size_divide_up(end, length) * length : plan->length;
    return last < plan->length ? last : plan->length;
}

/* With block-causal attention, only the rows from the changed token's block on depend on it. */
void um_cache_plan_change(um_cache_plan *plan, size_t position) {
    const size_t length = plan->attention_block_length;
    const size_t first = length > 0 ? position - position % length : 0;
    plan->changed[position] = 1;
    plan->exact_end = first < plan->exact_end ? first : plan->exact_end;
}

static bool is_full(const um_cache_plan *plan, size_t block_start) {
    if (!plan->policy->mark || plan->since_full == 0) {
        return true;
    }
    const bool is_exact = plan->attention_block_length > 0;
    return (plan->refresh > 0 && plan->since_full >= plan->refresh) ||
           (plan->policy->refreshes_at_block && (is_exact || block_start != plan->block_start));
}

/* Mark the rows that the block can see and that are not exact already: with block-causal attention
 * few rows, so that the policies that follow the algorithm's block need no approximation; otherwise
 * every row. */
static void mark_all(um_cache_plan *plan, size_t visible_end) {
    const size_t start = plan->attention_block_length > 0 ? plan->exact_end : 0;
    if (start < visible_end) {
        memset(plan->recompute + start, 1, visible_end - start);
        plan->exact_end = visible_end;
    }
}

static void mark_some(um_cache_plan *plan, const um_canvas *canvas, size_t block_start,
                      size_t block_end) {
    const um_cache_view view = {.length = plan->length,
                                .states = canvas->states,
                                .changed = plan->changed,
                                .block_start = block_start,
                                .block_end = block_end,
                                .window = plan->window,
                                .is_shifted = plan->is_shifted};
    plan->policy->mark(&view, plan->recompute);
    for (size_t row = 0; row < plan->length; row++) {
        plan->recompute[row] |= plan->changed[row];
    }
}

const size_t *um_cache_plan_rows(um_cache_plan *plan, const um_canvas *canvas, size_t block_start,
                                 size_t block_end, size_t *row_count) {
    const size_t visible_end = seen_end(plan, block_end);
    const bool full = is_full(plan, block_start);
    const bool first = plan->since_full == 0 || !plan->policy->mark;
    memset(plan->recompute, 0, plan->length);
    if (full) {
        mark_all(plan, visible_end);
    } else {
        mark_some(plan, canvas, block_start, block_end);
        memset(plan->recompute + visible_end, 0, plan->length - visible_end);
    }
    plan->since_full = full ? 1 : plan->since_full + 1;
    plan->block_start = block_start;
    memset(plan->changed, 0, plan->length);
    *row_count = 0;
    for (size_t row = 0; row < plan->length && !first; row++) {
        if (plan->recompute[row]) {
            plan->rows[(*row_count)++] = row;
        }
    }
    return first ? NULL : plan->rows;
}
