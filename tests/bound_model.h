/* The weights of a directory or GGUF file, for tests that look at them. */
#ifndef UM_TESTS_BOUND_MODEL_H
#define UM_TESTS_BOUND_MODEL_H

#include <string.h>

#include "testing.h"

#include "model/parameters.h"

typedef struct bound_model {
    um_model_config config;
    um_checkpoint *checkpoint;
    um_parameters parameters;
} bound_model;

static inline bound_model bind(const char *path) {
    um_error error = {0};
    bound_model model = {0};
    assert_ok(um_model_config_read(path, &model.config, &error), &error);
    assert_ok(um_checkpoint_open(path, &model.checkpoint, &error), &error);
    assert_ok(um_parameters_bind(&model.parameters, &model.config, model.checkpoint, &error),
              &error);
    return model;
}

static inline void unbind(bound_model *model) {
    um_parameters_free(&model->parameters);
    um_checkpoint_close(model->checkpoint);
}

/* The tensors of one model, to be compared one by one with those of another. */
typedef struct tensor_walk {
    const um_tensor *tensors[64];
    size_t count;
    size_t at;
} tensor_walk;

static inline um_status collect_tensor(void *user, const char *name, um_tensor *tensor,
                                       const um_tensor *expected, um_error *error) {
    (void)name;
    (void)expected;
    (void)error;
    tensor_walk *walk = user;
    assert_true(walk->count < 64);
    walk->tensors[walk->count++] = tensor;
    return UM_OK;
}

static inline um_status compare_tensor(void *user, const char *name, um_tensor *tensor,
                                       const um_tensor *expected, um_error *error) {
    (void)error;
    tensor_walk *walk = user;
    const um_tensor *other = walk->tensors[walk->at++];
    size_t count = 0;
    assert_true(um_tensor_count(expected, &count));
    assert_int_equal(tensor->rank, other->rank);
    assert_memory_equal(tensor->shape, other->shape, tensor->rank * sizeof *tensor->shape);
    if (tensor->dtype != other->dtype ||
        memcmp(tensor->data, other->data, um_dtype_row_bytes(tensor->dtype, count)) != 0) {
        fail_msg("%s differs: %s and %s", name, um_dtype_name(tensor->dtype),
                 um_dtype_name(other->dtype));
    }
    return UM_OK;
}

/* All tensors have the same types, shapes and bytes. */
static inline void assert_same_parameters(bound_model *left, bound_model *right) {
    um_error error = {0};
    tensor_walk walk = {0};
    assert_ok(um_parameters_visit(&left->parameters, &left->config, collect_tensor, &walk, &error),
              &error);
    assert_ok(
        um_parameters_visit(&right->parameters, &right->config, compare_tensor, &walk, &error),
        &error);
    assert_int_equal(walk.at, walk.count);
}

#endif
