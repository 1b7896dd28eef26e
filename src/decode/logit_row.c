#include "decode/logit_row.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

um_status um_row_scratch_create(size_t vocabulary_size, um_row_scratch *scratch, um_error *error) {
    const size_t blocks = um_size_divide_up(vocabulary_size, UM_ROW_BLOCK);
    um_token_entries *entries = &scratch->entries;
    UM_TRY(um_allocate(&scratch->block_maxima, blocks, sizeof(float), "sampling", error));
    UM_TRY(um_allocate(&scratch->block_sums, blocks, sizeof(um_block_sums), "sampling", error));
    UM_TRY(um_allocate(&scratch->weights, vocabulary_size, sizeof(float), "sampling", error));
    UM_TRY(um_allocate(&entries->values, vocabulary_size, sizeof(float), "sampling", error));
    UM_TRY(um_allocate(&entries->weights, vocabulary_size, sizeof(float), "sampling", error));
    return um_allocate(&entries->tokens, vocabulary_size, sizeof(uint32_t), "sampling", error);
}

void um_row_scratch_free(um_row_scratch *scratch) {
    free(scratch->block_maxima);
    free(scratch->block_sums);
    free(scratch->weights);
    free(scratch->entries.values);
    free(scratch->entries.weights);
    free(scratch->entries.tokens);
    *scratch = (um_row_scratch){0};
}

static size_t block_length(const um_logit_row *row, size_t block) {
    const size_t rest = row->count - block * UM_ROW_BLOCK;
    return rest < UM_ROW_BLOCK ? rest : UM_ROW_BLOCK;
}

static float largest_value(const um_logit_row *row, size_t block) {
    return row->scratch->block_maxima[block] / row->divisor;
}

void um_logit_row_find_maximum(um_logit_row *row) {
    float maximum = -INFINITY;
    for (size_t b = 0; b < row->block_count; b++) {
        const float block = row->scratch->block_maxima[b];
        maximum = block > maximum ? block : maximum;
    }
    row->maximum = maximum / row->divisor;
}

bool um_logit_row_scan(um_logit_row *row) {
    bool is_finite = true;
    row->block_count = um_size_divide_up(row->count, UM_ROW_BLOCK);
    for (size_t b = 0; b < row->block_count; b++) {
        float magnitude = 0;
        row->kernels->logit_range(block_length(row, b), row->logits + b * UM_ROW_BLOCK,
                                  &row->scratch->block_maxima[b], &magnitude);
        is_finite = is_finite && isfinite(magnitude / row->divisor);
    }
    um_logit_row_find_maximum(row);
    return is_finite;
}

void um_logit_row_rescan(um_logit_row *row, size_t token) {
    const size_t b = token / UM_ROW_BLOCK;
    float magnitude = 0;
    row->kernels->logit_range(block_length(row, b), row->logits + b * UM_ROW_BLOCK,
                              &row->scratch->block_maxima[b], &magnitude);
}

um_block_sums um_logit_row_sum(const um_logit_row *row) {
    const float least = row->maximum - UM_ROW_DEPTH;
    um_block_sums total = {0, 0};
    for (size_t b = 0; b < row->block_count; b++) {
        um_block_sums *sums = &row->scratch->block_sums[b];
        *sums = (um_block_sums){0, 0};
        if (largest_value(row, b) > least) {
            row->kernels->exponential_sums(block_length(row, b), row->divisor, row->maximum, least,
                                           row->logits + b * UM_ROW_BLOCK, NULL, &sums->sum,
                                           &sums->weighted);
        }
        total.sum += sums->sum;
        total.weighted += sums->weighted;
    }
    return total;
}

double um_logit_row_total(const um_logit_row *row, bool keep_weights) {
    const float least = row->maximum - UM_ROW_DEPTH;
    double total = 0;
    for (size_t b = 0; b < row->block_count; b++) {
        const size_t start = b * UM_ROW_BLOCK;
        double sum = 0;
        if (largest_value(row, b) > least) {
            row->kernels->exponential_sums(
                block_length(row, b), row->divisor, row->maximum, least, row->logits + start,
                keep_weights ? row->scratch->weights + start : NULL, &sum, NULL);
        }
        total += sum;
    }
    return total;
}

bool um_logit_row_gather(const um_logit_row *row, float low, float high, size_t limit) {
    um_token_entries *entries = &row->scratch->entries;
    for (size_t b = 0; b < row->block_count && entries->count <= limit; b++) {
        if (largest_value(row, b) >= low) {
            row->kernels->gather_range(block_length(row, b), row->divisor, low, high,
                                       (uint32_t)(b * UM_ROW_BLOCK), row->logits + b * UM_ROW_BLOCK,
                                       entries);
        }
    }
    return entries->count <= limit;
}

um_block_sums um_logit_row_split(const um_logit_row *row, float low, float high) {
    um_row_scratch *scratch = row->scratch;
    um_token_entries *entries = &scratch->entries;
    const float largest = row->maximum * row->divisor;
    um_block_sums total = {0, 0};
    entries->count = 0;
    for (size_t b = 0; b < row->block_count; b++) {
        const size_t start = b * UM_ROW_BLOCK;
        um_block_sums *sums = &scratch->block_sums[b];
        *sums = (um_block_sums){0, 0};
        if (scratch->block_maxima[b] >= low) {
            row->kernels->split_range(block_length(row, b), low, high, largest, (uint32_t)start,
                                      row->logits + start, scratch->weights + start, entries,
                                      &sums->sum, &sums->weighted);
        }
        total.sum += sums->sum;
        total.weighted += sums->weighted / (double)row->divisor;
    }
    for (size_t i = 0; i < entries->count; i++) {
        entries->values[i] /= row->divisor;
    }
    return total;
}

/* ---- The largest --------------------------------------------------------- */

static size_t best_block(const um_logit_row *row) {
    const float *maxima = row->scratch->block_maxima;
    size_t best = 0;
    for (size_t b = 1; b < row->block_count; b++) {
        best = maxima[b] > maxima[best] ? b : best;
    }
    return best;
}

size_t um_logit_row_argmax(const um_logit_row *row) {
    const size_t block = best_block(row);
    size_t token = block * UM_ROW_BLOCK;
    while (token + 1 < row->count && row->logits[token] != row->scratch->block_maxima[block]) {
        token++;
    }
    return token;
}

float um_logit_row_second(const um_logit_row *row) {
    const size_t best = um_logit_row_argmax(row);
    const size_t block = best / UM_ROW_BLOCK;
    float second = -INFINITY;
    for (size_t b = 0; b < row->block_count; b++) {
        const float maximum = row->scratch->block_maxima[b];
        second = b != block && maximum > second ? maximum : second;
    }
    for (size_t i = 0; i < block_length(row, block); i++) {
        const size_t token = block * UM_ROW_BLOCK + i;
        second = token != best && row->logits[token] > second ? row->logits[token] : second;
    }
    return second / row->divisor;
}

/* ---- Drawing ------------------------------------------------------------- */

/* The progress of a draw: the sum so far, and the last token that was in it. */
typedef struct walk {
    double target;
    double sum;
    size_t last;
} walk;

/* Whether the walk ends at this token. */
static bool is_reached(walk *at, size_t token, float weight) {
    if (weight > 0) {
        at->last = token;
        at->sum += (double)weight;
    }
    return at->sum > at->target;
}

static size_t draw_of_entries(const um_token_entries *entries, double target) {
    walk at = {.target = target};
    for (size_t i = 0; i < entries->count; i++) {
        if (is_reached(&at, entries->tokens[i], entries->weights[i])) {
            break;
        }
    }
    return at.last;
}

/* Add the weights of the entries to the sums of their blocks, which cover the other tokens. */
static void add_entries_to_sums(const um_logit_row *row) {
    const um_token_entries *entries = &row->scratch->entries;
    for (size_t i = 0; i < entries->count; i++) {
        row->scratch->block_sums[entries->tokens[i] / UM_ROW_BLOCK].sum +=
            (double)entries->weights[i];
    }
}

/* The block in which the walk ends, or the last one with a kept token; *before is the sum over the
 * blocks in front of it. */
static size_t find_block(const um_logit_row *row, double target, double *before) {
    const um_block_sums *sums = row->scratch->block_sums;
    size_t found = 0;
    double sum = 0;
    for (size_t b = 0; b < row->block_count; b++) {
        if (sums[b].sum > 0) {
            found = b;
            *before = sum;
            sum += sums[b].sum;
            if (sum > target) {
                break;
            }
        }
    }
    return found;
}

size_t um_logit_row_draw(const um_logit_row *row, const um_kept_tokens *kept, double target) {
    const um_token_entries *entries = &row->scratch->entries;
    if (kept->above == INFINITY) {
        return draw_of_entries(entries, target);
    }
    add_entries_to_sums(row);
    walk at = {.target = target};
    const size_t block = find_block(row, target, &at.sum);
    const size_t start = block * UM_ROW_BLOCK;
    const size_t count = block_length(row, block);
    float values[UM_ROW_BLOCK];
    float weights[UM_ROW_BLOCK];
    for (size_t i = 0; i < count; i++) {
        values[i] = row->logits[start + i] / row->divisor;
    }
    row->kernels->exponential(count, row->maximum, values, weights);
    size_t entry = 0;
    while (entry < entries->count && entries->tokens[entry] < start) {
        entry++;
    }
    at.last = start;
    for (size_t i = 0; i < count; i++) {
        const bool is_entry = entry < entries->count && entries->tokens[entry] == start + i;
        entry += is_entry ? 1 : 0;
        const bool is_kept = row->logits[start + i] > kept->above || is_entry;
        if (is_reached(&at, start + i, is_kept ? weights[i] : 0)) {
            break;
        }
    }
    return at.last;
}
