/* Left-to-right decoding with a causal model over the same interface: each step recomputes
 * only the rows that are new and wants the distribution of the one position after them. */
#include "decode/algorithm.h"

static um_status check(const um_decode_options *options, const um_canvas *canvas, um_error *error) {
    (void)options;
    const um_canvas_hole *hole = &canvas->holes[0];
    if (canvas->hole_count != 1 || hole->start + hole->length != canvas->length) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "autoregressive: the masks must be one hole at the end of the canvas");
    }
    if (hole->start == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "autoregressive: needs at least one token before the masks");
    }
    if (canvas->masked_count != canvas->answer_count) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "autoregressive: the hole is partly filled");
    }
    return UM_OK;
}

static void plan(um_decode_step *step) {
    const size_t position = step->canvas->holes[0].start + step->step;
    step->wanted[0] = position;
    step->wanted_count = 1;
    step->row_start = step->step == 0 ? 0 : position - 1;
    step->row_end = position;
}

static void commit(um_decode_step *step) {
    step->actions[0] = UM_ACTION_COMMIT;
}

const um_algorithm um_algorithm_autoregressive = {
    .name = "autoregressive",
    .summary = "left to right with a causal model, one token a step",
    .options = UM_OPTIONS_COMMON | UM_OPTION_BIT(UM_OPTION_TOP_P) | UM_OPTION_BIT(UM_OPTION_TOP_K) |
               UM_OPTION_BIT(UM_OPTION_STOP_TOKEN),
    .sampling = UM_SAMPLE_FILTERED,
    .shows_masks = false,
    .check = check,
    .plan = plan,
    .commit = commit,
};
