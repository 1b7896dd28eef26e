#include "decode/algorithm.h"

#include <stdlib.h>
#include <string.h>

static const um_algorithm *const algorithm_table[] = {
    &um_algorithm_entropy,
    &um_algorithm_maskgit_plus,
    &um_algorithm_topk_margin,
    &um_algorithm_origin,
    &um_algorithm_low_confidence,
    &um_algorithm_random,
    &um_algorithm_p2,
    &um_algorithm_threshold,
    &um_algorithm_factor,
    &um_algorithm_entropy_bounded,
    &um_algorithm_klass,
    &um_algorithm_prophet,
    &um_algorithm_hierarchical,
    &um_algorithm_credit,
    &um_algorithm_autoregressive,
};

#define ALGORITHMS (sizeof algorithm_table / sizeof algorithm_table[0])

const um_algorithm *um_algorithm_at(size_t index) {
    return index < ALGORITHMS ? algorithm_table[index] : NULL;
}

um_status um_algorithm_find(const char *name, const um_algorithm **algorithm, um_error *error) {
    char known[256] = "";
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (strcmp(algorithm_table[i]->name, name) == 0) {
            *algorithm = algorithm_table[i];
            return UM_OK;
        }
        strncat(known, i ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, algorithm_table[i]->name, sizeof known - strlen(known) - 1);
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT,
                    "there is no decoding algorithm \"%.40s\"; choose one of %s", name, known);
}

static int compare_ranked(const void *left, const void *right) {
    const um_ranked *a = left;
    const um_ranked *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->position > b->position) - (a->position < b->position);
}

void um_rank(um_ranked *ranking, size_t count) {
    qsort(ranking, count, sizeof *ranking, compare_ranked);
}

void um_commit_best(um_decode_step *step, size_t candidate_count, size_t count) {
    um_rank(step->ranking, candidate_count);
    for (size_t i = 0; i < candidate_count && i < count; i++) {
        step->actions[step->ranking[i].candidate] = UM_ACTION_COMMIT;
    }
}

void um_plan_masked(um_decode_step *step) {
    step->wanted_count = um_canvas_masked_positions(step->canvas, step->wanted);
}

void um_rank_by_probability(um_decode_step *step) {
    for (size_t i = 0; i < step->wanted_count; i++) {
        const um_candidate *candidate = &step->candidates[i];
        step->ranking[i] = (um_ranked){(double)candidate->probability, candidate->position, i};
    }
    um_rank(step->ranking, step->wanted_count);
}

void um_commit_probable(um_decode_step *step, size_t most) {
    const float threshold = (float)step->options->confidence_threshold;
    um_rank_by_probability(step);
    for (size_t i = 0; i < step->wanted_count && i < most; i++) {
        const size_t candidate = step->ranking[i].candidate;
        if (i == 0 || step->candidates[candidate].probability >= threshold) {
            step->actions[candidate] = UM_ACTION_COMMIT;
        }
    }
}

void um_number_answer(const um_canvas *canvas, size_t *places) {
    size_t answer = 0;
    for (size_t p = 0; p < canvas->length; p++) {
        if (canvas->states[p] != UM_POSITION_FIXED) {
            places[p] = answer++;
        }
    }
}

/* Whether the answer positions step->wanted[left] and [right] belong to the same block. */
static bool share_a_block(const um_decode_step *step, size_t left, size_t right) {
    const size_t length = step->options->block_length;
    const bool follows_attention =
        step->attention_block_length > 0 &&
        um_decode_options_is_given(step->options, UM_OPTION_BLOCK_LENGTH);
    return follows_attention ? step->wanted[left] / length == step->wanted[right] / length
                             : left / length == right / length;
}

void um_plan_first_block(um_decode_step *step) {
    const uint8_t *states = step->canvas->states;
    const size_t answer = um_canvas_answer_positions(step->canvas, step->wanted);
    size_t first = 0;
    while (first < answer && states[step->wanted[first]] != UM_POSITION_MASKED) {
        first++;
    }
    if (first == answer) {
        return;
    }
    size_t start = first;
    size_t end = first + 1;
    while (start > 0 && share_a_block(step, start - 1, first)) {
        start--;
    }
    while (end < answer && share_a_block(step, first, end)) {
        end++;
    }
    step->block_start = step->wanted[start];
    step->block_end = step->wanted[end - 1] + 1;
    for (size_t i = first; i < end; i++) {
        if (states[step->wanted[i]] == UM_POSITION_MASKED) {
            step->wanted[step->wanted_count++] = step->wanted[i];
        }
    }
}
