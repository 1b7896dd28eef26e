/* top_p and top_k without sorting the vocabulary: the few tokens that can be the last of the kept
 * ones are gathered, and radix selection among them finds the value at which the set ends. */
#include <math.h>
#include <string.h>

#include "decode/logit_row.h"

#define DIGIT_BITS 8
#define BUCKETS ((size_t)1 << DIGIT_BITS)

/* With more candidates than this, the end of the set is bracketed first. */
#define FEW_CANDIDATES 4096

/* ---- Selection among entries --------------------------------------------- */

/* An integer that orders as the float does; +0 and -0 are equal. */
static uint32_t order_key(float value) {
    uint32_t bits;
    const float normal = value + 0.0f;
    memcpy(&bits, &normal, sizeof bits);
    return (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
}

static float value_of_key(uint32_t key) {
    const uint32_t bits = (key & 0x80000000u) ? key & 0x7fffffffu : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Entries that compete, and the rule: in descending order of values, the set ends with the entry
 * at which (above + sum of weights) / total first exceeds `limit`. */
typedef struct contest {
    const float *values;
    const float *weights; /* NULL: each counts 1 */
    size_t count;
    double above; /* mass of what lies above all entries */
    double total;
    float limit;
} contest;

/* The value of the last entry of the set, and the mass above that value. */
typedef struct set_end {
    float value;
    double above;
} set_end;

/* Keys from `low` on, 2^bits of them, and the mass above those. */
typedef struct key_range {
    uint32_t low;
    unsigned bits;
    double above;
} key_range;

static key_range whole_range(const contest *of) {
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    for (size_t i = 0; i < of->count; i++) {
        const uint32_t key = order_key(of->values[i]);
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    key_range range = {.low = low, .above = of->above};
    while (range.bits < 32 && (high - low) >> range.bits != 0) {
        range.bits++;
    }
    return range;
}

static bool exceeds(const contest *of, double sum) {
    return (float)(sum / of->total) > of->limit;
}

/* Narrow to the bucket in which the mass from above first exceeds the limit, or to the lowest one
 * in use if rounding keeps the sum below it. */
static void narrow(const contest *of, key_range *range) {
    const unsigned shift = range->bits > DIGIT_BITS ? range->bits - DIGIT_BITS : 0;
    double mass[BUCKETS] = {0};
    bool used[BUCKETS] = {false};
    for (size_t i = 0; i < of->count; i++) {
        const uint64_t offset = (uint64_t)order_key(of->values[i]) - range->low;
        if (offset >> range->bits == 0) { /* a key below `low` wraps around */
            mass[offset >> shift] += of->weights ? (double)of->weights[i] : 1.0;
            used[offset >> shift] = true;
        }
    }
    size_t chosen = 0;
    double before = range->above;
    double sum = range->above;
    for (size_t b = BUCKETS; b-- > 0;) {
        if (!used[b]) {
            continue;
        }
        chosen = b;
        before = sum;
        sum += mass[b];
        if (exceeds(of, sum)) {
            break;
        }
    }
    *range = (key_range){range->low + ((uint32_t)chosen << shift), shift, before};
}

static set_end find_end(const contest *of) {
    key_range range = whole_range(of);
    do {
        narrow(of, &range);
    } while (range.bits > 0);
    return (set_end){value_of_key(range.low), range.above};
}

/* ---- A sample of the row -------------------------------------------------- */

#define SAMPLED 16 /* tokens of each block */

/* The first tokens of each block become the entries; their ids and weights are not set. */
static void sample_blocks(const um_logit_row *row) {
    um_token_entries *entries = &row->scratch->entries;
    entries->count = 0;
    for (size_t start = 0; start < row->count; start += UM_ROW_BLOCK) {
        for (size_t i = start; i < row->count && i < start + SAMPLED; i++) {
            entries->values[entries->count++] = row->logits[i] / row->divisor;
        }
    }
}

/* The `rank`-th largest value, counted from 1. */
static float value_at_rank(const float *values, size_t count, size_t rank) {
    const contest of = {.values = values, .count = count, .total = 1, .limit = (float)(rank - 1)};
    return find_end(&of).value; /* exact in float up to 2^24 tokens */
}

/* ---- top_k ---------------------------------------------------------------- */

/* A value that at least top_k tokens should reach, and not many more: the top_k-th largest block
 * maximum or, if top_k exceeds the number of blocks, a value from a sample that is four standard
 * deviations too low. */
static float value_below_top_k(const um_logit_row *row, size_t top_k) {
    if (top_k <= row->block_count) {
        const float maximum = value_at_rank(row->scratch->block_maxima, row->block_count, top_k);
        return maximum / row->divisor;
    }
    sample_blocks(row);
    const um_token_entries *sample = &row->scratch->entries;
    const double expected = (double)top_k * (double)sample->count / (double)row->count;
    const double rank = expected + 4 * sqrt(expected) + 4;
    return rank < (double)sample->count ? value_at_rank(sample->values, sample->count, (size_t)rank)
                                        : -INFINITY;
}

static void gather_top_k(const um_logit_row *row, size_t top_k) {
    um_token_entries *entries = &row->scratch->entries;
    const float low = value_below_top_k(row, top_k);
    entries->count = 0;
    (void)um_logit_row_gather(row, low, INFINITY, row->count);
    if (entries->count < top_k) { /* the sample misled */
        entries->count = 0;
        (void)um_logit_row_gather(row, -INFINITY, INFINITY, row->count);
    }
    const float last = value_at_rank(entries->values, entries->count, top_k);
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++) {
        if (entries->values[i] >= last) {
            entries->values[kept] = entries->values[i];
            entries->tokens[kept++] = entries->tokens[i];
        }
    }
    entries->count = kept;
}

/* ---- top_p ---------------------------------------------------------------- */

static void weigh_entries(const um_logit_row *row) {
    um_token_entries *entries = &row->scratch->entries;
    if (entries->count > 0) {
        row->kernels->exponential(entries->count, row->maximum, entries->values, entries->weights);
    }
}

/* Keep the entries that belong to the nucleus, and return the value of the last of them; `above` is
 * the mass of what lies above the entries. */
static float keep_nucleus(const um_logit_row *row, double above, double total, float top_p) {
    um_token_entries *entries = &row->scratch->entries;
    const contest of = {entries->values, entries->weights, entries->count, above, total, top_p};
    const set_end end = find_end(&of);
    double sum = end.above;
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++) {
        const float value = entries->values[i];
        bool is_kept = value > end.value;
        if (value == end.value) {
            is_kept = !exceeds(&of, sum);
            sum += (double)entries->weights[i];
        }
        entries->values[kept] = value;
        entries->weights[kept] = entries->weights[i];
        entries->tokens[kept] = entries->tokens[i];
        kept += is_kept ? 1 : 0; /* mostly unpredictable: no branch */
    }
    entries->count = kept;
    return end.value;
}

/* No token of the nucleus is lower than this: the tokens below it weigh at most e^-depth each and
 * together have less mass than the nucleus leaves out of a row with a mass of at least 1. */
static float lowest_of_nucleus(const um_logit_row *row, double top_p) {
    const double left_out = 0.99 * (1 - top_p) - 3e-7; /* the latter: float rounding of masses */
    const double depth = left_out > 0 ? log((double)row->count / left_out) : INFINITY;
    return depth < (double)UM_ROW_DEPTH ? row->maximum - (float)depth : -INFINITY;
}

/* Values between which the nucleus should end. */
typedef struct bracket {
    float low;
    float high;
} bracket;

#define SAMPLE_BUCKETS 512

/* Mass of a sample of tokens by their distance from the maximum, and the sum of their squared
 * weights. */
typedef struct sample_histogram {
    double mass[SAMPLE_BUCKETS];
    double square[SAMPLE_BUCKETS];
} sample_histogram;

static void fill_sample(const um_logit_row *row, float width, sample_histogram *histogram) {
    const um_token_entries *sample = &row->scratch->entries;
    *histogram = (sample_histogram){.mass = {0}};
    sample_blocks(row);
    weigh_entries(row);
    for (size_t i = 0; i < sample->count; i++) {
        const float distance = (row->maximum - sample->values[i]) / width;
        const size_t bucket = distance < SAMPLE_BUCKETS ? (size_t)distance : SAMPLE_BUCKETS - 1;
        const double weight = (double)sample->weights[i];
        histogram->mass[bucket] += weight;
        histogram->square[bucket] += weight * weight;
    }
}

/* Estimate, from a sample of every block, where the mass below reaches `tail`, to within three
 * standard deviations.  The tail is estimated, not the head, because none of its weights is large.
 * The caller checks the bracket, so a misleading sample only costs time. */
static bracket estimate_end(const um_logit_row *row, double tail, float low) {
    const float depth = low == -INFINITY ? UM_ROW_DEPTH : row->maximum - low;
    const float width = depth / SAMPLE_BUCKETS;
    sample_histogram histogram;
    fill_sample(row, width, &histogram);
    const double ratio = (double)row->count / (double)row->scratch->entries.count;
    bracket end = {low, INFINITY};
    double mass = 0, square = 0;
    for (size_t b = SAMPLE_BUCKETS; b-- > 0;) {
        mass += ratio * histogram.mass[b];
        square += ratio * ratio * histogram.square[b];
        const float edge = row->maximum - width * (float)b;
        const double unseen = ratio * exp(-(double)width * (double)b);
        if (mass + 3 * sqrt(square) + 4 * unseen < tail && edge > end.low) {
            end.low = edge;
        }
        if (mass - 3 * sqrt(square) > tail) {
            end.high = edge;
            break;
        }
    }
    return end;
}

static double sum_of_entries(const um_token_entries *entries) {
    double sum = 0;
    for (size_t i = 0; i < entries->count; i++) {
        sum += (double)entries->weights[i];
    }
    return sum;
}

/* Keep the nucleus of a row with many candidates, using only the entries around its end.  False if
 * the bracket does not contain the end: the entries are then of no use.  The last entry kept must
 * also differ in value from what lies outside the bracket, because division can make logits
 * equal. */
static bool keep_around_end(const um_logit_row *row, double total, float top_p, float low,
                            um_kept_tokens *kept) {
    const bracket end = estimate_end(row, (1 - (double)top_p) * total, low);
    const float low_logit = end.low * row->divisor;
    const float high_logit = end.high * row->divisor;
    if (low == -INFINITY || !(high_logit < INFINITY) || !(low_logit <= high_logit)) {
        return false;
    }
    const contest of = {.total = total, .limit = top_p};
    const um_block_sums above = um_logit_row_split(row, low_logit, high_logit);
    if (exceeds(&of, above.sum) ||
        !exceeds(&of, above.sum + sum_of_entries(&row->scratch->entries))) {
        return false;
    }
    const float last = keep_nucleus(row, above.sum, total, top_p);
    *kept = (um_kept_tokens){high_logit, above.sum, above.weighted};
    return last > low_logit / row->divisor && last < high_logit / row->divisor;
}

/* *kept receives what is kept besides the entries. */
static void keep_top_p(const um_logit_row *row, double top_p, um_kept_tokens *kept) {
    const float low = lowest_of_nucleus(row, top_p);
    const bool are_few = um_logit_row_gather(row, low, INFINITY, FEW_CANDIDATES);
    const double total = um_logit_row_total(row, !are_few);
    if (!are_few && keep_around_end(row, total, (float)top_p, low, kept)) {
        return;
    }
    if (!are_few) {
        row->scratch->entries.count = 0;
        (void)um_logit_row_gather(row, low, INFINITY, row->count);
    }
    weigh_entries(row);
    (void)keep_nucleus(row, 0, total, (float)top_p);
    *kept = (um_kept_tokens){.above = INFINITY};
}

/* ---- Both ------------------------------------------------------------------ */

static void add_entries(const um_logit_row *row, um_kept_tokens *kept) {
    const um_token_entries *entries = &row->scratch->entries;
    for (size_t i = 0; i < entries->count; i++) {
        const double weight = (double)entries->weights[i];
        kept->sum += weight;
        kept->weighted += weight > 0 ? weight * (double)(entries->values[i] - row->maximum) : 0;
    }
}

um_kept_tokens um_keep_all(const um_logit_row *row) {
    row->scratch->entries.count = 0;
    const um_block_sums sums = um_logit_row_sum(row);
    return (um_kept_tokens){-INFINITY, sums.sum, sums.weighted};
}

um_kept_tokens um_keep_filtered(const um_logit_row *row, double top_p, size_t top_k) {
    const bool has_top_k = top_k > 0 && top_k < row->count;
    um_kept_tokens kept = {.above = INFINITY};
    if (!has_top_k && top_p >= 1) {
        return um_keep_all(row);
    }
    row->scratch->entries.count = 0;
    if (has_top_k) {
        gather_top_k(row, top_k);
        weigh_entries(row);
        if (top_p < 1) {
            (void)keep_nucleus(row, 0, um_logit_row_total(row, false), (float)top_p);
        }
    } else {
        keep_top_p(row, top_p, &kept);
    }
    add_entries(row, &kept);
    return kept;
}
