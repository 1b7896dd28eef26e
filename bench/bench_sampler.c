/* How fast rows of logits become tokens: the filtered rule over a vocabulary of 152,064, compared
 * with the plain version of tests/plain_sampler.h.
 *
 *   bench_sampler [ROWS]
 *
 * Peaked and ranked rows have a few likely tokens far above the rest; flat and uniform rows have
 * only a normal distribution of logits.  Fast and plain run in turn on the same rows, which
 * together do not fit the caches, and medians of processor time are shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/sort.h"
#include "tests/plain_sampler.h"

#define VOCABULARY 152064
#define DEFAULT_ROWS 64

static double processor_seconds(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct row_shape {
    const char *name;
    float deviation;  /* of all logits */
    float peak;       /* logit of the most likely token; 0: no peak */
    float peak_slope; /* how much lower each of the next nine is than the one before */
} row_shape;

static void fill_row(const row_shape *shape, uint32_t row, float *logits) {
    for (uint32_t i = 0; i < VOCABULARY; i++) {
        const um_rng_place place = {UM_RNG_INITIALISATION, 0, row, i};
        logits[i] = shape->deviation * (float)um_rng_normal(1, place);
    }
    for (uint32_t i = 0; shape->peak > 0 && i < 10; i++) {
        const um_rng_place place = {UM_RNG_TOKEN, 0, row, i};
        logits[um_rng_below(1, place, VOCABULARY)] = shape->peak - shape->peak_slope * (float)i;
    }
}

static double median(double *values, size_t count) {
    um_sort_numbers(values, count);
    return values[count / 2];
}

typedef struct buffers {
    size_t rows;
    float *logits; /* [rows][VOCABULARY] */
    float *copy;   /* [VOCABULARY] */
    double *weights;
    um_row_scratch scratch;
    double *times[2]; /* [rows] */
} buffers;

static void measure(const um_sampler *sampler, const row_shape *shape, buffers *with) {
    size_t different = 0;
    for (uint32_t row = 0; row < with->rows; row++) {
        fill_row(shape, row, with->logits + (size_t)row * VOCABULARY);
    }
    for (size_t row = 0; row < with->rows; row++) {
        float *logits = with->logits + row * VOCABULARY;
        um_candidate fast = {.position = row};
        um_candidate plain = {.position = row};
        const double start = processor_seconds();
        um_sample(sampler, 0, logits, &with->scratch, &fast);
        with->times[0][row] = processor_seconds() - start;
        memcpy(with->copy, logits, VOCABULARY * sizeof(float));
        const double middle = processor_seconds();
        plain_sample(sampler, 0, with->copy, with->weights, &plain);
        with->times[1][row] = processor_seconds() - middle;
        different += fast.token != plain.token ? 1 : 0;
    }
    const double fast = median(with->times[0], with->rows);
    const double plain = median(with->times[1], with->rows);
    (void)printf("%-8s %6.2f %6.2f %6zu %10.4f %10.4f %10.0f %7.1f %9zu\n", shape->name,
                 sampler->temperature, sampler->top_p, sampler->top_k, 1e3 * fast, 1e3 * plain,
                 1 / fast, plain / fast, different);
}

static void *allocate(size_t count, size_t size) {
    void *memory = um_aligned_calloc(count, size);
    if (!memory) {
        (void)fprintf(stderr, "bench_sampler: out of memory\n");
        exit(1);
    }
    return memory;
}

int main(int count, char **arguments) {
    static const row_shape shapes[] = {{"peaked", 2, 24, 1.5f},
                                       {"ranked", 3, 14, 0.3f},
                                       {"flat", 1, 0, 0},
                                       {"uniform", 0.05f, 0, 0}};
    static const struct setting {
        double temperature, top_p;
        size_t top_k;
    } settings[] = {{0, 1, 0},   {0.2, 0.95, 0}, {0.4, 0.95, 0}, {1, 0.95, 0},
                    {1, 0.9, 0}, {1, 1, 0},      {0.4, 1, 50},   {0.4, 0.95, 50}};
    um_kernels kernels;
    um_error error = {0};
    buffers with = {.rows = count > 1 ? (size_t)strtoul(arguments[1], NULL, 10) : DEFAULT_ROWS};
    if (with.rows == 0 || um_kernels_select(NULL, &kernels, &error) != UM_OK ||
        um_row_scratch_create(VOCABULARY, &with.scratch, &error) != UM_OK) {
        (void)fprintf(stderr, "usage: bench_sampler [ROWS]\n%s\n", error.message);
        return 1;
    }
    with.logits = allocate(with.rows * VOCABULARY, sizeof(float));
    with.copy = allocate(VOCABULARY, sizeof(float));
    with.weights = allocate(VOCABULARY, sizeof(double));
    with.times[0] = allocate(with.rows, sizeof(double));
    with.times[1] = allocate(with.rows, sizeof(double));
    (void)printf("%zu rows of %d logits, %s kernels, one thread\n", with.rows, VOCABULARY,
                 kernels.name);
    (void)printf("%-8s %6s %6s %6s %10s %10s %10s %7s %9s\n", "logits", "T", "top_p", "top_k",
                 "ms a row", "plain, ms", "rows/s", "ratio", "different");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t j = 0; j < sizeof settings / sizeof *settings; j++) {
            const um_sampler sampler = {.kernels = &kernels,
                                        .rule = UM_SAMPLE_FILTERED,
                                        .vocabulary_size = VOCABULARY,
                                        .temperature = settings[j].temperature,
                                        .top_p = settings[j].top_p,
                                        .top_k = settings[j].top_k,
                                        .suppress_also = UM_NO_TOKEN_ID};
            measure(&sampler, &shapes[i], &with);
        }
    }
    um_row_scratch_free(&with.scratch);
    free(with.logits);
    free(with.copy);
    free(with.weights);
    free(with.times[0]);
    free(with.times[1]);
    return 0;
}
