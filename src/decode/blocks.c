#include "decode/blocks.h"

#include "base/memory.h"

/* The largest divisor of `count` that is at most `bound`. */
static size_t divisor_up_to(size_t bound, size_t count) {
    size_t divisor = bound < count ? bound : count;
    while (count % divisor != 0) {
        divisor--;
    }
    return divisor;
}

um_status um_blocks_check(const um_decode_options *options, const um_canvas *canvas,
                          um_error *error) {
    if (canvas->answer_count % options->block_length != 0) {
        return UM_RAISE(
            error, UM_ERR_ARGUMENT,
            "block_length is %zu, which does not divide the answer's %zu positions; %zu "
            "does",
            options->block_length, canvas->answer_count,
            divisor_up_to(options->block_length, canvas->answer_count));
    }
    const size_t blocks = canvas->answer_count / options->block_length;
    if (options->steps % blocks != 0) {
        return UM_RAISE(
            error, UM_ERR_ARGUMENT,
            "steps is %zu, which cannot be shared out equally among %zu blocks; %zu can",
            options->steps, blocks, um_size_divide_up(options->steps, blocks) * blocks);
    }
    return UM_OK;
}

um_block um_block_at(const um_decode_step *step) {
    const size_t length = step->options->block_length;
    const size_t blocks = step->canvas->answer_count / length;
    const size_t step_count = step->options->steps / blocks;
    const size_t index = step->step / step_count;
    return (um_block){index * length, (index + 1) * length, step_count, step->step % step_count};
}

size_t um_block_masked(const um_decode_step *step, const um_block *block) {
    const um_canvas *canvas = step->canvas;
    size_t masked = 0;
    size_t before = 0; /* answer positions of earlier holes */
    for (size_t h = 0; h < canvas->hole_count && before < block->end; h++) {
        const um_canvas_hole *hole = &canvas->holes[h];
        for (size_t i = 0; i < hole->length && before + i < block->end; i++) {
            masked += canvas->states[hole->start + i] == UM_POSITION_MASKED ? 1 : 0;
        }
        before += hole->length;
    }
    return masked;
}

void um_block_plan(um_decode_step *step, const um_block *block) {
    (void)um_canvas_answer_positions(step->canvas, step->wanted);
    step->block_start = step->wanted[block->start];
    step->block_end = step->wanted[block->end - 1] + 1;
    for (size_t i = 0; i < block->end; i++) {
        if (step->canvas->states[step->wanted[i]] == UM_POSITION_MASKED) {
            step->wanted[step->wanted_count++] = step->wanted[i];
        }
    }
}
