/* top_p and top_k without sorting the vocabulary: the value at which the set ends is found by
 * radix selection on the bits of the floats, most significant digit first. */
#include <math.h>
#include <string.h>

#include "decode/sampler.h"

#define DIGITS 3
#define BUCKETS 2048

typedef struct digit {
    unsigned shift;
    uint32_t mask;
} digit;

static const digit digits[DIGITS] = {{21, 2047}, {10, 2047}, {0, 1023}};

/* An integer that orders as the float does; +0 and -0 are equal. */
static uint32_t order_key(float value) {
    uint32_t bits;
    const float normal = value + 0.0f;
    memcpy(&bits, &normal, sizeof bits);
    return (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
}

/* The part of the vocabulary that still competes: keys whose bits under `mask` are `prefix`,
 * and the mass (or number) of all keys above those. */
typedef struct selection {
    uint32_t mask;
    uint32_t prefix;
    double above;
} selection;

/* weights NULL: every token counts 1. */
static double token_mass(const double *weights, double total, size_t i) {
    return weights ? (double)(float)(weights[i] / total) : 1.0;
}

static void fill_histogram(const float *logits, const double *weights, double total, size_t count,
                           const selection *at, digit place, double *mass, bool *used) {
    memset(mass, 0, BUCKETS * sizeof *mass);
    memset(used, 0, BUCKETS * sizeof *used);
    for (size_t i = 0; i < count; i++) {
        const uint32_t key = order_key(logits[i]);
        if ((key & at->mask) == at->prefix) {
            const uint32_t bucket = (key >> place.shift) & place.mask;
            mass[bucket] += token_mass(weights, total, i);
            used[bucket] = true;
        }
    }
}

/* Narrow to the bucket in which the mass from above first exceeds `limit`, or to the lowest
 * one in use where rounding keeps the sum below it.  The float comparison is torch's: a
 * cumulative sum that is stored as float32. */
static void narrow(selection *at, digit place, const double *mass, const bool *used, double limit) {
    uint32_t chosen = 0;
    double before = at->above;
    double sum = at->above;
    for (uint32_t b = place.mask + 1; b-- > 0;) {
        if (!used[b]) {
            continue;
        }
        chosen = b;
        before = sum;
        sum += mass[b];
        if ((float)sum > (float)limit) {
            break;
        }
    }
    at->above = before;
    at->prefix |= chosen << place.shift;
    at->mask |= place.mask << place.shift;
}

static selection select_end(const float *logits, const double *weights, double total, size_t count,
                            double limit) {
    double mass[BUCKETS];
    bool used[BUCKETS];
    selection at = {0};
    for (size_t d = 0; d < DIGITS; d++) {
        fill_histogram(logits, weights, total, count, &at, digits[d], mass, used);
        narrow(&at, digits[d], mass, used, limit);
    }
    return at;
}

void um_filter_top_p(float *logits, const double *weights, double total, size_t count,
                     double top_p) {
    const selection end = select_end(logits, weights, total, count, top_p);
    double sum = end.above;
    for (size_t i = 0; i < count; i++) {
        const uint32_t key = order_key(logits[i]);
        const bool is_past_end = key == end.prefix && (float)sum > (float)top_p;
        if (key < end.prefix || is_past_end) {
            logits[i] = -INFINITY;
        } else if (key == end.prefix) {
            sum += token_mass(weights, total, i);
        }
    }
}

void um_filter_top_k(float *logits, size_t count, size_t top_k) {
    if (top_k == 0 || top_k >= count) {
        return;
    }
    /* The k-th is where the count exceeds k - 1; exact in float up to 2^24 tokens. */
    const selection end = select_end(logits, NULL, 1, count, (double)(top_k - 1));
    for (size_t i = 0; i < count; i++) {
        if (order_key(logits[i]) < end.prefix) {
            logits[i] = -INFINITY;
        }
    }
}
