#include "model/gguf_save.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/config_gguf.h"
#include "model/row_order.h"
#include "model/weight_convert.h"

/* Bytes that are converted and then written at a time. */
#define PART_BYTES ((size_t)8 << 20)

/* A file being written. */
typedef struct saving {
    const um_model_config *config;
    const um_gguf_save_options *options;
    um_gguf_writer *writer;
    um_gguf_save_summary *summary;
    uint8_t *part; /* [part_bytes] */
    size_t part_bytes;
    size_t done; /* bytes of tensors, of summary->bytes */
} saving;

static um_weight_conversion conversion_of(const saving *work, const char *name,
                                          const um_tensor *tensor, bool *fell_back) {
    const bool interleaved = um_gguf_rows_interleaved(work->config, name);
    *fell_back = false;
    return (um_weight_conversion){
        .name = name,
        .source = tensor,
        .target_dtype = tensor->rank == 1 ? UM_DTYPE_F32
                                          : um_weight_mix_type(work->options->mix, work->config,
                                                               name, tensor->shape[1], fell_back),
        .interleave = interleaved ? work->config->head_dim : 0};
}

static um_status describe(void *user, const char *name, um_tensor *tensor,
                          const um_tensor *expected, um_error *error) {
    (void)expected;
    saving *work = user;
    bool fell_back = false;
    const um_weight_conversion conversion = conversion_of(work, name, tensor, &fell_back);
    work->summary->tensors++;
    work->summary->fallbacks += fell_back;
    const size_t row_bytes = um_weight_convert_row_bytes(&conversion);
    work->summary->bytes += um_weight_convert_row_count(&conversion) * row_bytes;
    work->part_bytes = row_bytes > work->part_bytes ? row_bytes : work->part_bytes;
    return um_gguf_add_tensor(work->writer, name, conversion.target_dtype, tensor->rank,
                              tensor->shape, error);
}

static um_status write_part(saving *work, const um_weight_conversion *conversion, size_t first,
                            size_t rows, um_error *error) {
    const size_t bytes = rows * um_weight_convert_row_bytes(conversion);
    UM_TRY(um_weight_convert_rows(conversion, first, rows, work->part, work->options->pool, error));
    UM_TRY(um_gguf_writer_write(work->writer, work->part, bytes, error));
    work->done += bytes;
    return um_watch_tell(&work->options->watch, work->done, work->summary->bytes, error);
}

static um_status write_tensor(void *user, const char *name, um_tensor *tensor,
                              const um_tensor *expected, um_error *error) {
    (void)expected;
    saving *work = user;
    bool fell_back = false;
    const um_weight_conversion conversion = conversion_of(work, name, tensor, &fell_back);
    const size_t rows = um_weight_convert_row_count(&conversion);
    const size_t step = work->part_bytes / um_weight_convert_row_bytes(&conversion);
    for (size_t first = 0; first < rows; first += step) {
        const size_t count = rows - first < step ? rows - first : step;
        UM_TRY(write_part(work, &conversion, first, count, error));
    }
    return UM_OK;
}

um_status um_model_gguf_write(const um_model_config *config, const um_parameters *parameters,
                              const char *name, const um_gguf_save_options *options,
                              um_gguf_writer *writer, const char *path,
                              um_gguf_save_summary *summary, um_error *error) {
    *summary = (um_gguf_save_summary){0};
    saving work = {.config = config,
                   .options = options,
                   .writer = writer,
                   .summary = summary,
                   .part_bytes = PART_BYTES};
    um_parameters readable = *parameters;
    UM_TRY(um_model_config_to_gguf(config, name, um_weight_mix_file_type(options->mix), writer,
                                   error));
    UM_TRY(um_parameters_visit_named(&readable, config, UM_NAMES_GGUF, describe, &work, error));
    UM_TRY(um_allocate(&work.part, work.part_bytes, 1, "weights being converted", error));
    um_status status = um_gguf_writer_begin(writer, path, error);
    if (status == UM_OK) {
        status =
            um_parameters_visit_named(&readable, config, UM_NAMES_GGUF, write_tensor, &work, error);
    }
    free(work.part);
    return status == UM_OK ? um_gguf_writer_commit(writer, error) : status;
}
