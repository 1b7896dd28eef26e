/* What the tests of whole runs share, whatever the objective: compute to run on, and a comparison
 * of what two runs wrote. */
#ifndef UM_TESTS_TRAINING_RUN_H
#define UM_TESTS_TRAINING_RUN_H

#include "base/mapped_file.h"
#include "kernels/compute.h"
#include "scratch.h"
#include "train/trainer/trainer.h"

static inline um_compute make_compute(size_t threads) {
    um_error error = {0};
    um_compute compute = {0};
    assert_ok(um_kernels_select(NULL, &compute.kernels, &error), &error);
    if (threads > 1) {
        assert_ok(um_thread_pool_create(threads, &compute.pool, &error), &error);
    }
    return compute;
}

static inline um_buffer read_output(const scratch *output, const char *name) {
    um_error error = {0};
    um_buffer contents = {0};
    assert_ok(um_file_read(scratch_path(output, name), SIZE_MAX / 2, &contents, &error), &error);
    return contents;
}

/* State, weights and configuration of two runs are the same bytes. */
static inline void assert_same_output(const scratch *a, const scratch *b) {
    static const char *const names[] = {UM_TRAINING_STATE_FILE, "model.safetensors", "config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        um_buffer one = read_output(a, names[i]);
        um_buffer other = read_output(b, names[i]);
        assert_int_equal(one.length, other.length);
        if (memcmp(one.data, other.data, one.length) != 0) {
            fail_msg("%s differs", names[i]);
        }
        um_buffer_free(&one);
        um_buffer_free(&other);
    }
}

#endif
