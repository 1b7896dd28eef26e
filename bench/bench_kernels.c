/* How fast the kernels are: matrix products compared with cblas_sgemm on one thread, and for every
 * kernel of the list the plain version compared with the fastest.
 *
 *   bench_kernels [matmul | kernels]
 *
 * The two sides run in turn, so that other load on the machine affects both; medians of processor
 * time are shown.
 */
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/sort.h"
#include "kernels/linear.h"

#define REPETITIONS 25
#define MEASURED_SECONDS 0.002

/* Sizes of every kernel's arguments; each array has ELEMENTS floats. */
#define ROWS 32
#define DIM 256
#define ELEMENTS (ROWS * DIM)
#define ARRAYS 6

/* The last array is never written. */
typedef struct arrays {
    float *values[ARRAYS]; /* [ELEMENTS] each */
    const um_kernels *kernels;
} arrays;

typedef void benchmark_function(const arrays *with);

/* Give an array of a kernel that works in place its first values back, so that they do not grow or
 * vanish from call to call.  The copy is timed with the kernel. */
static void restore(const arrays *with, size_t index) {
    memcpy(with->values[index], with->values[ARRAYS - 1], ELEMENTS * sizeof(float));
}

static void bench_matmul(const arrays *with) {
    with->kernels->matmul(ROWS, ROWS, DIM, with->values[0], DIM, with->values[1], DIM, NULL,
                          with->values[2], ROWS);
}

static void bench_weighted_sum(const arrays *with) {
    with->kernels->weighted_sum(ROWS, 64, 128, with->values[0], 128, with->values[1], 64,
                                with->values[2], 64);
}

static void bench_weighted_sum_add(const arrays *with) {
    with->kernels->weighted_sum_add(ROWS, 64, 128, with->values[0], 128, with->values[1], 64,
                                    with->values[2], 64);
}

static void bench_transposed_sum_add(const arrays *with) {
    with->kernels->transposed_sum_add(ROWS, 64, 128, with->values[0], ROWS, with->values[1], 64,
                                      with->values[2], 64);
}

static void bench_matmul_bf16(const arrays *with) {
    with->kernels->matmul_bf16(ROWS, ROWS, DIM, with->values[0], DIM, with->values[1], DIM, NULL,
                               with->values[2], ROWS);
}

static void bench_weighted_sum_bf16(const arrays *with) {
    with->kernels->weighted_sum_bf16(ROWS, 64, 128, with->values[0], 128, with->values[1], 64,
                                     with->values[2], 64);
}

static void bench_weighted_sum_add_bf16(const arrays *with) {
    with->kernels->weighted_sum_add_bf16(ROWS, 64, 128, with->values[0], 128, with->values[1], 64,
                                         with->values[2], 64);
}

static void bench_transposed_sum_add_bf16(const arrays *with) {
    with->kernels->transposed_sum_add_bf16(ROWS, 64, 128, with->values[0], ROWS, with->values[1],
                                           64, with->values[2], 64);
}

static void bench_softmax(const arrays *with) {
    with->kernels->softmax(ELEMENTS, 1.0f, with->values[0]);
}

static void bench_rms_norm(const arrays *with) {
    with->kernels->rms_norm(ELEMENTS, 1e-6f, with->values[0], with->values[1], with->values[2],
                            NULL);
}

static void bench_rotate_half(const arrays *with) {
    restore(with, 2);
    with->kernels->rotate_half(ELEMENTS, with->values[0], with->values[1], with->values[2]);
}

static void bench_swiglu(const arrays *with) {
    with->kernels->swiglu(ELEMENTS, with->values[0], with->values[1], with->values[2]);
}

static void bench_rms_norm_backward(const arrays *with) {
    with->kernels->rms_norm_backward(ELEMENTS, with->values[0], with->values[1], 0.0f,
                                     with->values[2], with->values[3], with->values[4]);
}

static void bench_swiglu_backward(const arrays *with) {
    restore(with, 1);
    restore(with, 2);
    with->kernels->swiglu_backward(ELEMENTS, with->values[0], with->values[1], with->values[2]);
}

static void bench_softmax_backward(const arrays *with) {
    restore(with, 1);
    with->kernels->softmax_backward(ELEMENTS, 1.0f, with->values[0], with->values[1]);
}

static void bench_cross_entropy(const arrays *with) {
    float log_probability = 0;
    with->kernels->cross_entropy(ELEMENTS, with->values[0], 7, &log_probability, with->values[1]);
}

static void bench_adamw(const arrays *with) {
    const um_adamw_step step = {.beta1 = 0.9f,
                                .beta2 = 0.95f,
                                .epsilon = 1e-8f,
                                .gradient_scale = 1.0f,
                                .first_correction = 1.0f,
                                .second_correction = 1.0f};
    with->kernels->adamw(ELEMENTS, &step, with->values[0], with->values[1], with->values[2],
                         with->values[3]);
}

static void bench_logit_range(const arrays *with) {
    float maximum = 0;
    float magnitude = 0;
    with->kernels->logit_range(ELEMENTS, with->values[1], &maximum, &magnitude);
}

static void bench_exponential(const arrays *with) {
    with->kernels->exponential(ELEMENTS, 1.0f, with->values[1], with->values[2]);
}

static void bench_exponential_sums(const arrays *with) {
    double sums[2];
    with->kernels->exponential_sums(ELEMENTS, 0.3f, 4.0f, -50.0f, with->values[1], NULL, &sums[0],
                                    &sums[1]);
}

/* The bounds hold about one in 40 of the values, as do those of bench_split_range. */
static void bench_gather_range(const arrays *with) {
    uint32_t tokens[ELEMENTS];
    um_token_entries entries = {.values = with->values[2], .tokens = tokens};
    with->kernels->gather_range(ELEMENTS, 0.3f, 3.17f, 3.5f, 0, with->values[1], &entries);
}

static void bench_split_range(const arrays *with) {
    uint32_t tokens[ELEMENTS];
    double sums[2];
    um_token_entries entries = {
        .values = with->values[2], .weights = with->values[3], .tokens = tokens};
    with->kernels->split_range(ELEMENTS, 0.0f, 0.05f, 1.0f, 0, with->values[1], with->values[4],
                               &entries, &sums[0], &sums[1]);
}

static const struct kernel_benchmark {
    const char *name;
    benchmark_function *function;
} benchmarks[] = {
#define ENTRY(name, parameters) {#name, bench_##name},
    UM_FLOAT_KERNEL_LIST(ENTRY) UM_BF16_KERNEL_LIST(ENTRY)
#undef ENTRY
};

/* ---- Time --------------------------------------------------------------- */

typedef void timed_function(void *user);

static double processor_seconds(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double seconds_of(timed_function *function, void *user, size_t calls) {
    const double start = processor_seconds();
    for (size_t i = 0; i < calls; i++) {
        function(user);
    }
    return (processor_seconds() - start) / (double)calls;
}

/* The number of calls that take about MEASURED_SECONDS. */
static size_t calls_for(timed_function *function, void *user) {
    size_t calls = 1;
    while (seconds_of(function, user, calls) * (double)calls < MEASURED_SECONDS / 2) {
        calls *= 2;
    }
    return calls;
}

/* Median seconds of two functions, called in turn. */
static void race(timed_function *const functions[2], void *const users[2], double seconds[2]) {
    double times[2][REPETITIONS];
    const size_t calls[2] = {calls_for(functions[0], users[0]), calls_for(functions[1], users[1])};
    for (size_t i = 0; i < REPETITIONS; i++) {
        for (size_t j = 0; j < 2; j++) {
            times[j][i] = seconds_of(functions[j], users[j], calls[j]);
        }
    }
    for (size_t j = 0; j < 2; j++) {
        um_sort_numbers(times[j], REPETITIONS);
        seconds[j] = times[j][REPETITIONS / 2];
    }
}

/* ---- Matrix products ----------------------------------------------------- */

typedef struct product {
    um_compute compute;
    size_t rows;
    size_t k;
    size_t n;
    float *x;
    um_packing packing;
    um_tensor weight;
    float *y;
} product;

static void run_linear(void *user) {
    const product *with = user;
    um_linear(&with->compute, with->rows, with->x, &with->packing, &with->weight, NULL, with->y);
}

static void run_sgemm(void *user) {
    const product *with = user;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)with->rows, (blasint)with->n,
                (blasint)with->k, 1.0f, with->x, (blasint)with->k, with->weight.data,
                (blasint)with->k, 0.0f, with->y, (blasint)with->n);
}

/* From -1 to 1. */
static void fill_randomly(float *values, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
}

static float *random_floats(size_t count) {
    float *values = um_aligned_calloc(count, sizeof *values);
    if (!values) {
        (void)fprintf(stderr, "bench_kernels: out of memory\n");
        exit(1);
    }
    fill_randomly(values, count);
    return values;
}

static void measure_product(const um_kernels *kernels, um_dtype dtype, size_t rows, size_t k,
                            size_t n) {
    float *weight = random_floats(n * k);
    void *stored = random_floats(n * k);
    um_convert_from_f32(dtype, weight, stored, n * k);
    product ours = {.compute = {.kernels = *kernels},
                    .rows = rows,
                    .k = k,
                    .n = n,
                    .x = random_floats(rows * k),
                    .weight = {.data = stored, .dtype = dtype, .rank = 2, .shape = {n, k}},
                    .y = random_floats(rows * n)};
    um_error error = {0};
    if (um_packing_reserve(&ours.packing, rows, k, &error) != UM_OK) {
        (void)fprintf(stderr, "bench_kernels: %s\n", error.message);
        exit(1);
    }
    product theirs = ours;
    theirs.weight.data = weight;
    timed_function *const functions[2] = {run_linear, run_sgemm};
    void *const users[2] = {&ours, &theirs};
    double seconds[2];
    race(functions, users, seconds);
    const double work = 2e-9 * (double)rows * (double)k * (double)n;
    (void)printf("%-5s %6zu %6zu %6zu %10.1f %10.1f %8.0f%%\n", um_dtype_name(dtype), rows, k, n,
                 work / seconds[0], work / seconds[1], 100 * seconds[1] / seconds[0]);
    free(weight);
    free(stored);
    free(ours.x);
    free(ours.y);
    um_packing_free(&ours.packing);
}

static void measure_products(const um_kernels *kernels) {
    openblas_set_num_threads(1); /* only the calling thread's time is taken */
    static const size_t row_counts[] = {1, 8, 32, 96, 512, 2048};
    static const size_t shapes[][2] = {{256, 256}, {256, 704}, {704, 256}, {256, 1024}};
    (void)printf("um_linear with %s kernels and cblas_sgemm of f32, one thread, GFLOP/s\n",
                 kernels->name);
    (void)printf("%-5s %6s %6s %6s %10s %10s %9s\n", "type", "rows", "k", "n", "um_linear", "sgemm",
                 "share");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t j = 0; j < sizeof row_counts / sizeof *row_counts; j++) {
            measure_product(kernels, UM_DTYPE_F32, row_counts[j], shapes[i][0], shapes[i][1]);
        }
    }
    for (size_t j = 0; j < sizeof row_counts / sizeof *row_counts; j++) {
        measure_product(kernels, UM_DTYPE_BF16, row_counts[j], 256, 704);
    }
}

/* ---- Every kernel -------------------------------------------------------- */

typedef struct kernel_call {
    arrays with;
    benchmark_function *function;
} kernel_call;

static void run_kernel(void *user) {
    const kernel_call *call = user;
    call->function(&call->with);
}

/* The values that every benchmark starts from. */
static void prepare(const arrays *with) {
    for (size_t i = 0; i < ARRAYS; i++) {
        fill_randomly(with->values[i], ELEMENTS);
    }
    for (size_t i = 0; i < ELEMENTS; i++) { /* the second moments of adamw are not negative */
        with->values[3][i] *= with->values[3][i];
    }
}

/* Times of numbers that are none mean nothing. */
static void check_values(const arrays *with, const char *name) {
    for (size_t i = 0; i < ARRAYS * ELEMENTS; i++) {
        if (!isfinite(with->values[i / ELEMENTS][i % ELEMENTS])) {
            (void)fprintf(stderr, "bench_kernels: %s left a value that is not finite\n", name);
            exit(1);
        }
    }
}

static void measure_kernels(const um_kernels *fast) {
    um_kernels plain;
    um_kernels_reference(&plain);
    kernel_call calls[2] = {{.with = {.kernels = fast}}, {.with = {.kernels = &plain}}};
    for (size_t i = 0; i < ARRAYS; i++) {
        calls[0].with.values[i] = calls[1].with.values[i] = random_floats(ELEMENTS);
    }
    (void)printf("\n%-24s %12s %12s %8s\n", "kernel, us a call", fast->name, plain.name, "ratio");
    for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++) {
        calls[0].function = calls[1].function = benchmarks[i].function;
        timed_function *const functions[2] = {run_kernel, run_kernel};
        void *const users[2] = {&calls[0], &calls[1]};
        double seconds[2];
        prepare(&calls[0].with);
        race(functions, users, seconds);
        check_values(&calls[0].with, benchmarks[i].name);
        (void)printf("%-24s %12.2f %12.2f %8.1f\n", benchmarks[i].name, 1e6 * seconds[0],
                     1e6 * seconds[1], seconds[1] / seconds[0]);
    }
    for (size_t i = 0; i < ARRAYS; i++) {
        free(calls[0].with.values[i]);
    }
}

int main(int count, char **arguments) {
    um_kernels kernels;
    um_error error = {0};
    if (um_kernels_select(NULL, &kernels, &error) != UM_OK) {
        (void)fprintf(stderr, "bench_kernels: %s\n", error.message);
        return 1;
    }
    if (count < 2 || strcmp(arguments[1], "matmul") == 0) {
        measure_products(&kernels);
    }
    if (count < 2 || strcmp(arguments[1], "kernels") == 0) {
        measure_kernels(&kernels);
    }
    return 0;
}
