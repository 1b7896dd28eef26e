#include "model/quantised_parameters.h"

#include "base/memory.h"
#include "model/weight_convert.h"

/* Bytes of the result between two reports to the watch. */
#define PART_BYTES ((size_t)8 << 20)

typedef struct quantising {
    const um_checkpoint *checkpoint;
    const um_model_config *config;
    um_weight_mix mix;
    um_thread_pool *pool;
    const um_watch *watch;
    uint8_t *next; /* in the block */
    size_t total;
    size_t done;
} quantising;

static um_weight_conversion conversion_of(const quantising *work, const char *name,
                                          const um_tensor *tensor) {
    bool fell_back = false;
    return (um_weight_conversion){.name = name,
                                  .source = tensor,
                                  .target_dtype = um_weight_mix_type(work->mix, work->config, name,
                                                                     tensor->shape[1], &fell_back)};
}

static size_t bytes_of(const um_weight_conversion *conversion) {
    return um_weight_convert_row_count(conversion) * um_weight_convert_row_bytes(conversion);
}

static um_status measure(void *user, const char *name, um_tensor *tensor, const um_tensor *expected,
                         um_error *error) {
    quantising *work = user;
    if (expected->rank == 1) {
        return UM_OK;
    }
    if (!um_dtype_is_plain(tensor->dtype)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s is %s already: open the model as it is, or quantise the original", name,
                        um_dtype_name(tensor->dtype));
    }
    const um_weight_conversion conversion = conversion_of(work, name, tensor);
    work->total += um_size_round_up(bytes_of(&conversion), UM_ALIGNMENT);
    return UM_OK;
}

static um_status convert_rows(quantising *work, const um_weight_conversion *conversion,
                              um_error *error) {
    const size_t row_bytes = um_weight_convert_row_bytes(conversion);
    const size_t rows = um_weight_convert_row_count(conversion);
    const um_tensor *source = conversion->source;
    const size_t source_bytes = um_dtype_row_bytes(source->dtype, source->shape[1]);
    const size_t step = row_bytes < PART_BYTES ? PART_BYTES / row_bytes : 1;
    for (size_t first = 0; first < rows; first += step) {
        const size_t count = rows - first < step ? rows - first : step;
        UM_TRY(um_weight_convert_rows(conversion, first, count, work->next + first * row_bytes,
                                      work->pool, error));
        um_checkpoint_release(work->checkpoint,
                              (const char *)conversion->source->data + first * source_bytes,
                              count * source_bytes);
        work->done += count * row_bytes;
        UM_TRY(um_watch_tell(work->watch, work->done, work->total, error));
    }
    return UM_OK;
}

static um_status quantise(void *user, const char *name, um_tensor *tensor,
                          const um_tensor *expected, um_error *error) {
    quantising *work = user;
    if (expected->rank == 1) {
        return UM_OK;
    }
    const um_weight_conversion conversion = conversion_of(work, name, tensor);
    UM_TRY(convert_rows(work, &conversion, error));
    tensor->data = work->next;
    tensor->dtype = conversion.target_dtype;
    work->next += um_size_round_up(bytes_of(&conversion), UM_ALIGNMENT);
    return UM_OK;
}

um_status um_parameters_quantise(um_parameters *parameters, const um_model_config *config,
                                 const um_checkpoint *checkpoint, um_weight_mix mix,
                                 um_thread_pool *pool, const um_watch *watch, void **block,
                                 um_error *error) {
    quantising work = {
        .checkpoint = checkpoint, .config = config, .mix = mix, .pool = pool, .watch = watch};
    *block = NULL;
    UM_TRY(um_parameters_visit_named(parameters, config, UM_NAMES_GGUF, measure, &work, error));
    UM_TRY(um_allocate(block, work.total, 1, "quantised weights", error));
    work.next = *block;
    UM_TRY(um_parameters_visit_named(parameters, config, UM_NAMES_GGUF, quantise, &work, error));
    if (config->tied_head) {
        parameters->head = parameters->embedding;
    }
    return UM_OK;
}
