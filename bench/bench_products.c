/* The rate of products with stored weights on one thread, by format and number of rows, and its
 * share of what the multiplying instructions can do (kernels/peak.h).  The time includes packing
 * the activations.
 *
 *   bench_products [OUT IN]      the shape of the weights; default 4864 896
 *
 * Shows the best of several runs, in processor time of the thread, so that other load counts
 * little.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/rng.h"
#include "kernels/linear.h"
#include "kernels/peak.h"

#define REPETITIONS 7
#define MOST_ROWS 512

static const um_dtype types[] = {UM_DTYPE_F32,  UM_DTYPE_F16,  UM_DTYPE_BF16, UM_DTYPE_Q8_0,
                                 UM_DTYPE_Q4_0, UM_DTYPE_Q4_K, UM_DTYPE_Q5_K, UM_DTYPE_Q6_K};
static const size_t row_counts[] = {1, 4, 8, 32, 128, MOST_ROWS};

static double processor_seconds(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *allocate(size_t count, size_t size) {
    void *memory = um_aligned_calloc(count, size);
    if (!memory) {
        (void)fprintf(stderr, "bench_products: out of memory\n");
        exit(1);
    }
    return memory;
}

static float random_value(uint32_t i) {
    return (float)um_rng_normal(1, (um_rng_place){.position = i});
}

/* Ordinary numbers in plain types; random bytes in blocks, whose values do not change the time. */
static void *random_weights(um_dtype dtype, size_t count) {
    const size_t bytes = um_dtype_row_bytes(dtype, count);
    uint8_t *weights = allocate(bytes, 1);
    for (size_t i = 0; um_dtype_is_plain(dtype) && i < count; i++) {
        const float value = 0.02f * random_value((uint32_t)(i % 65536));
        um_convert_from_f32(dtype, &value, weights + i * um_dtype_size(dtype), 1);
    }
    for (size_t i = 0; !um_dtype_is_plain(dtype) && i < bytes; i++) {
        weights[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    return weights;
}

static double rate_of(const um_compute *compute, const um_tensor *weight, const um_packing *packing,
                      size_t rows, const float *x, float *y) {
    double best = 1e9;
    for (size_t i = 0; i < REPETITIONS; i++) {
        const double start = processor_seconds();
        um_linear(compute, rows, x, packing, weight, NULL, y);
        const double seconds = processor_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    return 2.0 * (double)rows * (double)weight->shape[0] * (double)weight->shape[1] / best;
}

static void measure_type(const um_compute *compute, const double peaks[UM_PEAK_KINDS],
                         um_dtype dtype, size_t out, size_t in, const float *x, float *y) {
    um_packing packing = {0};
    um_error error = {0};
    if (um_packing_reserve(&packing, MOST_ROWS, in, &error) != UM_OK) {
        (void)fprintf(stderr, "bench_products: %s\n", error.message);
        exit(1);
    }
    void *weights = random_weights(dtype, out * in);
    const um_tensor weight = {.data = weights, .dtype = dtype, .rank = 2, .shape = {out, in}};
    (void)printf("%-5s", um_dtype_name(dtype));
    for (size_t i = 0; i < sizeof row_counts / sizeof *row_counts; i++) {
        const double rate = rate_of(compute, &weight, &packing, row_counts[i], x, y);
        (void)printf(" %8.1f %4.0f%%", rate / 1e9, 100 * rate / peaks[um_peak_kind_of(dtype)]);
    }
    (void)printf("\n");
    free(weights);
    um_packing_free(&packing);
}

int main(int argc, char **argv) {
    const size_t out = argc > 2 ? strtoul(argv[1], NULL, 10) : 4864;
    const size_t in = argc > 2 ? strtoul(argv[2], NULL, 10) : 896;
    um_compute compute = {0};
    um_error error = {0};
    if (out == 0 || in == 0 || um_kernels_select(NULL, &compute.kernels, &error) != UM_OK) {
        (void)fprintf(stderr, "bench_products: %s\n", *error.message ? error.message : "no shape");
        return 1;
    }
    double peaks[UM_PEAK_KINDS];
    for (size_t kind = 0; kind < UM_PEAK_KINDS; kind++) {
        peaks[kind] = um_peak_measure(&compute, (um_peak_kind)kind, 0.5);
        (void)printf("peak %-6s %8.1f Gop/s\n", um_peak_kind_name((um_peak_kind)kind),
                     peaks[kind] / 1e9);
    }
    (void)printf("weights [%zu, %zu], kernels %s, one thread: Gop/s and share of the peak\n%-5s",
                 out, in, compute.kernels.name, "rows");
    for (size_t i = 0; i < sizeof row_counts / sizeof *row_counts; i++) {
        (void)printf(" %14zu", row_counts[i]);
    }
    (void)printf("\n");
    float *x = allocate(MOST_ROWS * in, sizeof *x);
    float *y = allocate(MOST_ROWS * out, sizeof *y);
    for (size_t i = 0; i < MOST_ROWS * in; i++) {
        x[i] = random_value((uint32_t)i);
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (in % um_dtype_block(types[i]) == 0) {
            measure_type(&compute, peaks, types[i], out, in, x, y);
        }
    }
    free(x);
    free(y);
    return 0;
}
