#include "api/quantised_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/directory.h"
#include "base/mapped_file.h"
#include "model/gguf_save.h"
#include "model/quantised_parameters.h"

/* What a kept file was made from.  The file also holds this text, which tells two models apart
 * whose file names have the same hash. */
#define KEY_OF_ORIGIN "unmask.quantised_from"

/* To be changed whenever the same weights would be quantised to different blocks. */
#define QUANTISER_VERSION 1

/* One call of um_model_quantise. */
typedef struct quantising {
    um_model *model;
    const um_model_options *options;
    um_weight_mix mix;
    um_buffer origin; /* path, sizes and times of the files, type */
    char file[4096];  /* where the weights are kept, or "" */
} quantising;

/* ---- The place of a kept file ------------------------------------------------ */

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv. */
static uint64_t hash_of(const um_buffer *text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text->length; i++) {
        hash = (hash ^ (uint8_t)text->data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static um_status describe_origin(quantising *work, const char *path, um_error *error) {
    char *resolved = realpath(path, NULL);
    um_status status = um_buffer_append_format(&work->origin, error, "%s\n%s\nquantiser %d\n",
                                               resolved ? resolved : path,
                                               um_weight_mix_name(work->mix), QUANTISER_VERSION);
    free(resolved);
    return status == UM_OK
               ? um_checkpoint_describe_files(work->model->checkpoint, &work->origin, error)
               : status;
}

static void choose_file(quantising *work) {
    const char *directory = work->options->quantize_cache;
    if (!directory) {
        return;
    }
    const int length = snprintf(work->file, sizeof work->file, "%s/%.100s-%s-%016llx.gguf",
                                directory, work->model->name, um_weight_mix_name(work->mix),
                                (unsigned long long)hash_of(&work->origin));
    if (length < 0 || (size_t)length >= sizeof work->file) {
        work->file[0] = '\0';
    }
}

/* ---- Reading and writing it ---------------------------------------------------- */

static bool has_origin(const quantising *work) {
    um_gguf_file file;
    um_gguf_string origin = {"", 0};
    if (um_gguf_open(work->file, &file, NULL) != UM_OK) {
        return false;
    }
    (void)um_gguf_optional_string(&file.contents, KEY_OF_ORIGIN, &origin, NULL);
    const bool same = um_gguf_string_is(origin, um_buffer_text(&work->origin));
    um_gguf_close(&file);
    return same;
}

/* Bind the kept file in place of the model's weights; false, with the model as it was, if there is
 * none that fits. */
static bool bind_kept(quantising *work) {
    um_model *model = work->model;
    um_checkpoint *checkpoint = NULL;
    um_parameters parameters = {0};
    um_model_config config = model->config;
    if (!work->file[0] || !um_gguf_is_path(work->file) || !has_origin(work) ||
        um_checkpoint_open(work->file, &checkpoint, NULL) != UM_OK) {
        return false;
    }
    if (um_parameters_bind(&parameters, &config, checkpoint, NULL) != UM_OK ||
        config.tied_head != model->config.tied_head) {
        um_parameters_free(&parameters);
        um_checkpoint_close(checkpoint);
        return false;
    }
    um_parameters_free(&model->parameters);
    um_checkpoint_close(model->checkpoint);
    free(model->quantised);
    model->quantised = NULL;
    model->parameters = parameters;
    model->checkpoint = checkpoint;
    return true;
}

static um_status write_kept(quantising *work, um_gguf_writer *writer, um_error *error) {
    const um_gguf_save_options options = {.mix = work->mix};
    um_gguf_save_summary summary;
    UM_TRY(um_gguf_put_string(writer, KEY_OF_ORIGIN, um_buffer_text(&work->origin),
                              work->origin.length, error));
    UM_TRY(um_gguf_put_string(writer, "tokenizer.ggml.model", "none", 4, error));
    return um_model_gguf_write(&work->model->config, &work->model->parameters, work->model->name,
                               &options, writer, work->file, &summary, error);
}

static void keep(quantising *work) {
    um_gguf_writer *writer = NULL;
    (void)um_atomic_file_remove_leftovers(work->file, NULL); /* each is as large as the model */
    if (um_directory_make(work->options->quantize_cache, true, NULL) == UM_OK &&
        um_gguf_writer_create(&writer, NULL) == UM_OK && write_kept(work, writer, NULL) == UM_OK) {
        (void)bind_kept(work); /* mapped memory can be reclaimed, the process's own cannot */
    }
    um_gguf_writer_free(writer);
}

/* ---- Quantising ------------------------------------------------------------------ */

static um_status quantise_now(quantising *work, um_error *error) {
    um_model *model = work->model;
    const um_watch watch = {work->options->progress, work->options->progress_user};
    um_thread_pool *pool = NULL;
    UM_TRY(um_thread_pool_create(0, &pool, error));
    const um_status status =
        um_parameters_quantise(&model->parameters, &model->config, model->checkpoint, work->mix,
                               pool, &watch, &model->quantised, error);
    um_thread_pool_free(pool);
    UM_TRY(status);
    um_checkpoint_close(model->checkpoint);
    model->checkpoint = NULL;
    return UM_OK;
}

static um_status run(quantising *work, const char *path, double patience, um_error *error) {
    UM_TRY(describe_origin(work, path, error));
    choose_file(work);
    if (bind_kept(work)) {
        return UM_OK;
    }
    const double start = um_clock_seconds();
    UM_TRY(quantise_now(work, error));
    if (work->file[0] && um_clock_seconds() - start > patience) {
        keep(work);
    }
    return UM_OK;
}

um_status um_model_quantise(um_model *model, const char *path, const um_model_options *options,
                            double patience, um_error *error) {
    quantising work = {.model = model, .options = options};
    if (!um_weight_mix_from_name(options->quantize, &work.mix) ||
        um_dtype_is_plain(um_weight_mix_main_type(work.mix))) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "quantize \"%.40s\" is unknown: use q8_0, q4_0, q4_k, q6_k or q4_k_m",
                        options->quantize);
    }
    const um_status status = run(&work, path, patience, error);
    um_buffer_free(&work.origin);
    return status;
}
