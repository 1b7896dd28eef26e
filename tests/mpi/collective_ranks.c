/* Checks of the collective between the ranks that mpirun started, or of one process alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collective/collective.h"
#include "collective/launch.h"
#include "train/run/same_run.h"

/* More chunks than one window holds with two ranks; the last chunk is not full. */
#define COUNT ((size_t)600007)
#define ROUNDS 3

static um_collective *ranks;
static um_error failure;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "rank %zu, line %d: %s (%s)\n", um_collective_rank(ranks),       \
                          __LINE__, #condition, failure.message);                                  \
            um_collective_abort(ranks, 1);                                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)
#define CHECK_OK(call) CHECK((call) == UM_OK)

/* Numbers of very different sizes, whose sums depend on the order. */
static float value(size_t block, size_t i) {
    const uint32_t bits = (uint32_t)(i * 2654435761u + block * 40503u * (i | 1));
    const float fraction = (float)(bits >> 8) * 0x1p-24f - 0.5f;
    return fraction * (float)(1 << (bits >> 3) % 27);
}

static float *allocate(void) {
    float *block = calloc(COUNT, sizeof *block);
    CHECK(block != NULL);
    return block;
}

/* `last` ranks take part in the last of the rounds, all in those before. */
static void sums_are_in_the_order_of_the_blocks(size_t last) {
    const size_t size = um_collective_size(ranks);
    const size_t rank = um_collective_rank(ranks);
    float *block = allocate();
    float *sum = allocate();
    const size_t blocks = (ROUNDS - 1) * size + last;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            block[i] = value(round * size + rank, i);
        }
        CHECK_OK(um_collective_sum_in_order(ranks, round + 1 < ROUNDS ? size : last, round == 0,
                                            sum, block, COUNT, &failure));
    }
    CHECK_OK(um_collective_broadcast(ranks, sum, COUNT * sizeof *sum, &failure));
    for (size_t i = 0; i < COUNT; i++) {
        float expected = value(0, i);
        for (size_t j = 1; j < blocks; j++) {
            expected += value(j, i);
        }
        CHECK(memcmp(&sum[i], &expected, sizeof expected) == 0);
    }
    free(block);
    free(sum);
}

static void fast_sums_are_within_their_bound(void) {
    const size_t size = um_collective_size(ranks);
    float *block = allocate();
    for (size_t i = 0; i < COUNT; i++) {
        block[i] = value(um_collective_rank(ranks), i);
    }
    CHECK_OK(um_collective_sum_fast(ranks, block, COUNT, &failure));
    for (size_t i = 0; i < COUNT; i++) {
        double exact = 0;
        double size_of_terms = 0;
        for (size_t j = 0; j < size; j++) {
            exact += (double)value(j, i);
            size_of_terms += fabs((double)value(j, i));
        }
        const double bound = (double)(size - 1) * 0x1p-24 * size_of_terms;
        CHECK(fabs((double)block[i] - exact) <= 1.001 * bound);
    }
    free(block);
}

static void messages_of_any_length_reach_everyone(void) {
    const size_t size = um_collective_size(ranks);
    const size_t rank = um_collective_rank(ranks);
    um_gathered gathered = {0};
    for (size_t turn = 0; turn < 3; turn++) {
        unsigned char bytes[4096];
        memset(bytes, (int)(rank + turn), sizeof bytes);
        const size_t length = (rank + turn) % 3 * 1000;
        CHECK_OK(um_collective_gather(ranks, bytes, length, &gathered, &failure));
        for (size_t i = 0; i < size; i++) {
            CHECK(gathered.starts[i + 1] - gathered.starts[i] == (i + turn) % 3 * 1000);
            for (size_t at = gathered.starts[i]; at < gathered.starts[i + 1]; at++) {
                CHECK(gathered.bytes[at] == i + turn);
            }
        }
    }
    um_gathered_free(&gathered);
}

static void shared_records_are_complete(void) {
    for (size_t count = 0; count < 8; count++) {
        uint64_t records[8] = {0};
        for (size_t i = 0; i < count; i++) {
            records[i] = um_collective_owns(ranks, i) ? 100 + i : 0;
        }
        CHECK_OK(um_collective_share(ranks, records, count, sizeof *records, &failure));
        for (size_t i = 0; i < count; i++) {
            CHECK(records[i] == 100 + i);
        }
    }
}

static void agreements_are_the_same_everywhere(void) {
    const size_t rank = um_collective_rank(ranks);
    const size_t last = um_collective_size(ranks) - 1;
    unsigned agreed = 9;
    CHECK_OK(um_collective_agree_on_any(ranks, 0, &agreed, &failure));
    CHECK(agreed == 0);
    CHECK_OK(
        um_collective_agree_on_any(ranks, (rank == last ? 2 : 0) | (rank == 0), &agreed, &failure));
    CHECK(agreed == 3);
    CHECK_OK(um_collective_agree_on_status(ranks, UM_OK, &failure));
    um_error mine = {0};
    um_status status = UM_OK;
    if (rank == last) {
        status = UM_RAISE(&mine, UM_ERR_FORMAT, "its file is broken");
    }
    CHECK(um_collective_agree_on_status(ranks, status, &mine) == UM_ERR_FORMAT);
    char name[32];
    (void)snprintf(name, sizeof name, "rank %zu (", last);
    CHECK(last == 0 || strncmp(mine.message, name, strlen(name)) == 0);
    CHECK(strstr(mine.message, "its file is broken") != NULL);
    const um_error before = mine; /* agreed on again, within more: the rank is named once */
    CHECK(um_collective_agree_on_status(ranks, UM_ERR_FORMAT, &mine) == UM_ERR_FORMAT);
    CHECK(strcmp(mine.message, before.message) == 0);
}

/* A single bit of one weight of the last rank differs. */
static void weights_that_differ_are_found(void) {
    const size_t rank = um_collective_rank(ranks);
    const size_t last = um_collective_size(ranks) - 1;
    const um_compute compute = {0};
    float *weights = allocate();
    um_error found = {0};
    CHECK_OK(um_same_weights_check(ranks, &compute, weights, COUNT, 7, &found));
    if (rank == last) {
        weights[COUNT - 1] = 0x1p-149f;
    }
    const um_status status = um_same_weights_check(ranks, &compute, weights, COUNT, 7, &found);
    CHECK(status == (last > 0 ? UM_ERR_MISMATCH : UM_OK));
    char name[32];
    (void)snprintf(name, sizeof name, "rank %zu (", last);
    CHECK(last == 0 || (strncmp(found.message, name, strlen(name)) == 0 &&
                        strstr(found.message, "not those of rank 0 after step 7") != NULL));
    free(weights);
}

/* "fail": the last rank says that its work failed. */
static int end(const char *how) {
    const size_t rank = um_collective_rank(ranks);
    const size_t last = um_collective_size(ranks) - 1;
    const bool fails = strcmp(how, "fail") == 0 && rank == last;
    const um_collective_end outcome = um_collective_finish(ranks, fails, 5);
    CHECK(outcome == (strcmp(how, "fail") != 0 ? UM_COLLECTIVE_SUCCEEDED
                      : fails                  ? UM_COLLECTIVE_FAILED
                                               : UM_COLLECTIVE_FAILED_TOO));
    um_collective_free(ranks);
    return 0;
}

int main(int argc, char **argv) {
    const size_t processes = um_launch_processes();
    const um_status status = processes > 1
                                 ? um_collective_mpi_create(processes, NULL, &ranks, &failure)
                                 : um_collective_single_create(&ranks, &failure);
    if (status != UM_OK) {
        (void)fprintf(stderr, "%s\n", failure.message);
        return 1;
    }
    CHECK(um_collective_size(ranks) == processes);
    CHECK(um_collective_node_size(ranks) <= processes);
    sums_are_in_the_order_of_the_blocks(1);
    sums_are_in_the_order_of_the_blocks(processes / 2 + 1);
    sums_are_in_the_order_of_the_blocks(processes);
    fast_sums_are_within_their_bound();
    messages_of_any_length_reach_everyone();
    shared_records_are_complete();
    agreements_are_the_same_everywhere();
    weights_that_differ_are_found();
    return end(argc > 1 ? argv[1] : "succeed");
}
