/* Parameters as views into a checkpoint. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/parameters.h"
#include "model/parameters_internal.h"
#include "model/row_order.h"

/* Longest list of missing tensors in a message, in bytes. */
#define MISSING_TEXT_MAXIMUM 300

typedef struct binding {
    const um_checkpoint *checkpoint;
    um_buffer missing; /* names, comma-separated */
    size_t missing_count;
    const um_model_config *config;
    um_tensor_naming naming;
    size_t owned_bytes; /* of vectors and of matrices whose rows are reordered, each rounded up */
    char *next_owned;
} binding;

/* ---- Check every tensor ------------------------------------------------ */

static um_status note_missing(binding *bound, const char *name, um_error *error) {
    bound->missing_count++;
    if (bound->missing.length > MISSING_TEXT_MAXIMUM) {
        return UM_OK;
    }
    return um_buffer_append_format(&bound->missing, error, "%s%s",
                                   bound->missing.length > 0 ? ", " : "", name);
}

um_status um_parameters_check_stored(const um_stored_tensor *stored, const um_tensor *expected,
                                     um_error *error) {
    if (!stored->supported) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: type %s, expected F32, F16 or BF16, or in a GGUF file Q8_0, Q4_0, "
                        "Q4_K, Q5_K or Q6_K",
                        stored->name, stored->dtype_name);
    }
    const size_t shape_size = expected->rank * sizeof *expected->shape;
    if (stored->tensor.rank != expected->rank ||
        memcmp(stored->tensor.shape, expected->shape, shape_size) != 0) {
        char found[112];
        char wanted[112];
        um_tensor_format_shape(&stored->tensor, found, sizeof found);
        um_tensor_format_shape(expected, wanted, sizeof wanted);
        return UM_RAISE(error, UM_ERR_MISMATCH, "%s: shape %s, expected %s", stored->name, found,
                        wanted);
    }
    return UM_OK;
}

/* Bytes that the tensor takes outside the file: vectors are widened, some rows reordered. */
static size_t copied_bytes(const binding *bound, const um_stored_tensor *stored,
                           const um_tensor *expected) {
    if (expected->rank == 1) {
        return um_size_round_up(expected->shape[0] * sizeof(float), UM_ALIGNMENT);
    }
    const bool reordered =
        bound->naming == UM_NAMES_GGUF && um_gguf_rows_interleaved(bound->config, stored->name);
    return reordered ? um_size_round_up(stored->bytes, UM_ALIGNMENT) : 0;
}

static um_status check_tensor(void *user, const char *name, um_tensor *tensor,
                              const um_tensor *expected, um_error *error) {
    (void)tensor;
    binding *bound = user;
    const um_stored_tensor *stored = um_checkpoint_lookup(bound->checkpoint, name);
    if (!stored) {
        return note_missing(bound, name, error);
    }
    UM_TRY(um_parameters_check_stored(stored, expected, error));
    bound->owned_bytes += copied_bytes(bound, stored, expected);
    return UM_OK;
}

static um_status check_all(binding *bound, const um_model_config *config, um_error *error) {
    UM_TRY(um_parameters_visit_named(NULL, config, bound->naming, check_tensor, bound, error));
    if (bound->missing_count > 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "%zu tensor%s missing: %s%s", bound->missing_count,
                        bound->missing_count == 1 ? " is" : "s are",
                        um_buffer_text(&bound->missing),
                        bound->missing.length > MISSING_TEXT_MAXIMUM ? ", ..." : "");
    }
    return UM_OK;
}

/* ---- Leftovers --------------------------------------------------------- */

typedef struct usage {
    const um_checkpoint *checkpoint;
    bool *used; /* [entries of the checkpoint] */
} usage;

static um_status mark_used(void *user, const char *name, um_tensor *tensor,
                           const um_tensor *expected, um_error *error) {
    (void)tensor;
    (void)expected;
    (void)error;
    const usage *marks = user;
    const um_stored_tensor *stored = um_checkpoint_lookup(marks->checkpoint, name);
    if (stored) {
        marks->used[stored - um_checkpoint_entry(marks->checkpoint, 0)] = true;
    }
    return UM_OK;
}

um_status um_parameters_leftovers(const um_model_config *config, const um_checkpoint *checkpoint,
                                  um_parameter_leftover *leftover, void *user, um_error *error) {
    const size_t count = um_checkpoint_count(checkpoint);
    usage marks = {.checkpoint = checkpoint};
    UM_TRY(um_allocate(&marks.used, count, sizeof *marks.used, "tensor marks", error));
    const um_status status = um_parameters_visit_named(
        NULL, config, um_parameters_naming(checkpoint), mark_used, &marks, error);
    for (size_t i = 0; i < count && status == UM_OK; i++) {
        if (!marks.used[i]) {
            const um_stored_tensor *stored = um_checkpoint_entry(checkpoint, i);
            leftover(user, stored, um_text_ends_with(stored->name, "rotary_emb.inv_freq"));
        }
    }
    free(marks.used);
    return status;
}

/* The first leftover whose name begins with `prefix`: computing without it would be silently wrong.
 */
typedef struct unknown_part {
    const char *prefix;
    const char *name;
} unknown_part;

static void find_unknown_part(void *user, const um_stored_tensor *stored, bool harmless) {
    unknown_part *unknown = user;
    if (!harmless && !unknown->name &&
        strncmp(stored->name, unknown->prefix, strlen(unknown->prefix)) == 0) {
        unknown->name = stored->name;
    }
}

/* In a GGUF file any leftover may be part of the computation, such as a bias of the head; a
 * directory may contain other heads and buffers besides the layers. */
static const char *known_prefix(const um_model_config *config, const um_checkpoint *checkpoint) {
    const um_tensor_naming naming = um_parameters_naming(checkpoint);
    return naming == UM_NAMES_GGUF ? "" : um_parameters_layer_prefix(config->family, naming);
}

static um_status refuse_unknown_parts(const um_model_config *config,
                                      const um_checkpoint *checkpoint, um_error *error) {
    unknown_part unknown = {.prefix = known_prefix(config, checkpoint)};
    UM_TRY(um_parameters_leftovers(config, checkpoint, find_unknown_part, &unknown, error));
    if (unknown.name) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%.120s: not part of a %s model with %zu layers and this config",
                        unknown.name, um_family_name(config->family), config->layer_count);
    }
    return UM_OK;
}

/* ---- Fill -------------------------------------------------------------- */

static um_status bind_vector(const um_stored_tensor *stored, float *values, um_tensor *tensor,
                             um_error *error) {
    const size_t count = stored->tensor.shape[0];
    um_convert_to_f32(stored->tensor.dtype, stored->tensor.data, values, count);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return UM_RAISE(error, UM_ERR_MISMATCH, "%s: element %zu is not a finite number",
                            stored->name, i);
        }
    }
    tensor->dtype = UM_DTYPE_F32;
    tensor->data = values;
    return UM_OK;
}

static um_status bind_tensor(void *user, const char *name, um_tensor *tensor,
                             const um_tensor *expected, um_error *error) {
    binding *bound = user;
    const um_stored_tensor *stored = um_checkpoint_lookup(bound->checkpoint, name);
    *tensor = stored->tensor;
    void *copy = bound->next_owned;
    const size_t bytes = copied_bytes(bound, stored, expected);
    bound->next_owned += bytes;
    if (expected->rank == 1) {
        UM_TRY(bind_vector(stored, copy, tensor, error));
    }
    if (bound->naming == UM_NAMES_GGUF && um_gguf_rows_interleaved(bound->config, stored->name)) {
        um_gguf_rows_to_halves(tensor, bound->config->head_dim, copy);
        um_checkpoint_release(bound->checkpoint, stored->tensor.data, stored->bytes);
    }
    return UM_OK;
}

static um_status fill(um_parameters *parameters, const um_model_config *config, binding *bound,
                      um_error *error) {
    UM_TRY(um_allocate(&bound->next_owned, bound->owned_bytes, 1, "norms and biases", error));
    parameters->owned = bound->next_owned;
    UM_TRY(um_parameters_visit_named(parameters, config, bound->naming, bind_tensor, bound, error));
    if (config->tied_head) {
        parameters->head = parameters->embedding;
    }
    return UM_OK;
}

um_status um_parameters_bind(um_parameters *parameters, um_model_config *config,
                             const um_checkpoint *checkpoint, um_error *error) {
    *parameters = (um_parameters){0};
    UM_TRY(um_model_config_check(config, "model", error));
    const um_tensor_naming naming = um_parameters_naming(checkpoint);
    config->tied_head =
        !um_checkpoint_lookup(checkpoint, um_parameters_head_name(config->family, naming));
    binding bound = {.checkpoint = checkpoint, .config = config, .naming = naming};
    um_status status = check_all(&bound, config, error);
    um_buffer_free(&bound.missing);
    if (status == UM_OK) {
        status = refuse_unknown_parts(config, checkpoint, error);
    }
    if (status == UM_OK) {
        status = um_parameters_allocate_layers(parameters, config, error);
    }
    if (status == UM_OK) {
        status = fill(parameters, config, &bound, error);
    }
    if (status != UM_OK) {
        um_parameters_free(parameters);
        return um_error_prefix(error, status, "%s", um_checkpoint_path(checkpoint));
    }
    return UM_OK;
}
