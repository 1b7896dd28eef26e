#include "cli/convert/convert_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/parts.h"
#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "cli/output_check.h"
#include "model/save.h"
#include "tokenizer/gguf_export.h"
#include "tokenizer/gguf_files.h"
#include "tokenizer/tokenizer.h"

/* A model being converted. */
typedef struct conversion {
    const um_convert_request *request;
    um_convert_result *result;
    um_model_config config;
    um_checkpoint *checkpoint;
    um_parameters parameters;
    um_thread_pool *pool;
    size_t elements;
    bool from_gguf;
    bool to_gguf;
} conversion;

static bool is_gguf_name(const char *path) {
    return um_text_ends_with(path, ".gguf");
}

static void note(um_convert_result *result, const char *text) {
    if (result->note_count < UM_CONVERT_NOTES_MAXIMUM) {
        result->notes[result->note_count++] = text;
    }
}

/* ---- The type ---------------------------------------------------------------- */

static um_status count_source(void *user, const char *name, um_tensor *tensor,
                              const um_tensor *expected, um_error *error) {
    (void)name;
    (void)error;
    conversion *work = user;
    size_t count = 0;
    (void)um_tensor_count(expected, &count);
    work->elements += count;
    work->result->tensors++;
    work->result->source_bytes += um_dtype_row_bytes(tensor->dtype, count);
    return UM_OK;
}

/* The mix of one plain type. */
static um_weight_mix mix_of(um_dtype dtype) {
    return dtype == UM_DTYPE_F16 ? UM_MIX_F16 : dtype == UM_DTYPE_BF16 ? UM_MIX_BF16 : UM_MIX_F32;
}

static um_status choose_mix(conversion *work, um_error *error) {
    const um_convert_request *request = work->request;
    /* A matrix of a layer: the head and the embedding may have more bits. */
    const um_dtype stored = work->parameters.layers[0].gate.dtype;
    const bool quantised = !um_dtype_is_plain(stored);
    if (!request->has_mix && quantised && work->to_gguf) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: its weights are already %s; choose the new type with --type",
                        request->input, um_dtype_name(stored));
    }
    work->result->mix = request->has_mix ? request->mix : quantised ? UM_MIX_F16 : mix_of(stored);
    const bool plain = um_dtype_is_plain(um_weight_mix_main_type(work->result->mix));
    if (!plain && !work->to_gguf) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: a directory cannot hold %s; choose f32, f16 or bf16, or a name that "
                        "ends in .gguf",
                        request->output, um_weight_mix_name(work->result->mix));
    }
    if (quantised && !plain) {
        note(work->result, "the weights were quantised before: their errors add up");
    }
    return UM_OK;
}

/* ---- To a GGUF file ------------------------------------------------------------ */

static int32_t first_of(int32_t first, int32_t second) {
    return first >= 0 ? first : second;
}

/* The file has one place for each special token, while a directory may name it in two files. */
static um_status add_tokens(conversion *work, um_error *error) {
    if (!um_tokenizer_exists(work->request->input)) {
        note(work->result, "there is no tokenizer: only token ids can be given to the model");
        return UM_OK;
    }
    um_tokenizer *tokenizer = NULL;
    UM_TRY(um_tokenizer_load(work->request->input, &tokenizer, error));
    um_model_config *config = &work->config;
    config->mask_token = first_of(config->mask_token, um_tokenizer_mask(tokenizer));
    config->bos_token = first_of(config->bos_token, um_tokenizer_bos(tokenizer));
    config->eos_token = first_of(config->eos_token, um_tokenizer_eos(tokenizer));
    config->pad_token = first_of(config->pad_token, um_tokenizer_pad(tokenizer));
    um_tokenizer_free(tokenizer);
    return um_model_config_check(config, work->request->input, error);
}

static um_status write_with(conversion *work, um_gguf_writer *writer, um_error *error) {
    char *name = NULL;
    bool named = true;
    um_gguf_save_summary summary;
    const um_gguf_save_options options = {work->result->mix, work->pool, work->request->watch};
    UM_TRY(um_tokenizer_to_gguf(work->request->input, work->config.vocabulary_size, writer, &named,
                                error));
    UM_TRY(um_path_stem(work->request->input, ".gguf", &name, error));
    const um_status status = um_model_gguf_write(&work->config, &work->parameters, name, &options,
                                                 writer, work->request->output, &summary, error);
    free(name);
    UM_TRY(status);
    if (!named) {
        note(work->result,
             "GGUF has no name for how this tokenizer cuts text: llama.cpp will cut differently");
    }
    work->result->tensors = summary.tensors;
    work->result->fallbacks = summary.fallbacks;
    work->result->bytes = summary.bytes;
    return UM_OK;
}

static um_status write_gguf(conversion *work, um_error *error) {
    um_gguf_writer *writer = NULL;
    UM_TRY(add_tokens(work, error));
    UM_TRY(um_gguf_writer_create(&writer, error));
    const um_status status = write_with(work, writer, error);
    um_gguf_writer_free(writer);
    return status;
}

/* ---- To a directory ------------------------------------------------------------- */

static um_status write_text(const char *directory, const char *name, const um_buffer *text,
                            um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_file_write(path, um_buffer_text(text), text->length, error);
}

static um_status write_tokenizer_texts(const um_gguf *file, const char *directory,
                                       um_error *error) {
    um_buffer tokenizer = {0};
    um_buffer configuration = {0};
    um_status status = um_tokenizer_files_from_gguf(file, &tokenizer, &configuration, error);
    if (status == UM_OK) {
        status = write_text(directory, "tokenizer.json", &tokenizer, error);
    }
    if (status == UM_OK) {
        status = write_text(directory, "tokenizer_config.json", &configuration, error);
    }
    um_buffer_free(&tokenizer);
    um_buffer_free(&configuration);
    return status;
}

static um_status write_tokenizer(conversion *work, const char *directory, um_error *error) {
    if (!um_tokenizer_exists(work->request->input)) {
        note(work->result, "there is no tokenizer: only token ids can be given to the model");
        return UM_OK;
    }
    um_gguf_file file;
    UM_TRY(um_gguf_open(work->request->input, &file, error));
    const um_status status = write_tokenizer_texts(&file.contents, directory, error);
    um_gguf_close(&file);
    return status;
}

static void remove_directory(const char *directory) {
    DIR *stream = opendir(directory);
    for (struct dirent *entry = stream ? readdir(stream) : NULL; entry; entry = readdir(stream)) {
        (void)unlinkat(dirfd(stream), entry->d_name, 0);
    }
    if (stream) {
        (void)closedir(stream);
    }
    (void)rmdir(directory);
}

static um_status fill_directory(conversion *work, const char *directory, um_error *error) {
    const char *source = work->from_gguf ? NULL : work->request->input;
    const um_dtype dtype = um_weight_mix_main_type(work->result->mix);
    UM_TRY(um_model_directory_write_watched(&work->config, &work->parameters, dtype, source,
                                            directory, &work->request->watch, error));
    if (work->from_gguf) {
        UM_TRY(write_tokenizer(work, directory, error));
    }
    work->result->bytes = work->elements * um_dtype_size(dtype);
    return rename(directory, work->request->output) == 0
               ? UM_OK
               : um_error_set_errno(error, errno, "%s: cannot rename into place",
                                    work->request->output);
}

static um_status write_directory(conversion *work, um_error *error) {
    char directory[4096];
    struct stat information;
    if (lstat(work->request->output, &information) == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: exists already; choose a new directory",
                        work->request->output);
    }
    size_t name_length = strlen(work->request->output);
    while (name_length > 1 && work->request->output[name_length - 1] == '/') {
        name_length--;
    }
    const int length = snprintf(directory, sizeof directory, "%.*s.part-%ld", (int)name_length,
                                work->request->output, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof directory) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", work->request->output);
    }
    const um_status status = fill_directory(work, directory, error);
    if (status != UM_OK) {
        remove_directory(directory);
    }
    return status;
}

/* ---- All ------------------------------------------------------------------------- */

/* What is written says which attention the model has, so it must be known: a mask token of the
 * tokenizer may decide it.  A tokenizer that cannot be read is reported where it is needed. */
static void settle_attention(um_model_config *config, const char *input) {
    um_tokenizer *tokenizer = NULL;
    if (config->causal_unless_masked && um_tokenizer_exists(input) &&
        um_tokenizer_load(input, &tokenizer, NULL) == UM_OK) {
        um_model_config_set_mask(config, um_tokenizer_mask(tokenizer));
        um_tokenizer_free(tokenizer);
    }
}

/* The tokenizer's files are stored as they are, and a model whose config contradicts them does not
 * open. */
static um_status check_mask(const char *input, int32_t mask, um_error *error) {
    um_tokenizer *tokenizer = NULL;
    if (!um_tokenizer_exists(input)) {
        return UM_OK;
    }
    UM_TRY(um_tokenizer_load(input, &tokenizer, error));
    const int32_t named = um_tokenizer_mask(tokenizer);
    um_tokenizer_free(tokenizer);
    return named < 0 || named == mask
               ? UM_OK
               : UM_RAISE(error, UM_ERR_MISMATCH,
                          "%s: --mask-token is %d, but the tokenizer's files, which are stored as "
                          "they are, name %d: change their \"mask_token\"",
                          input, (int)mask, (int)named);
}

static um_status read_config(conversion *work, um_error *error) {
    const char *input = work->request->input;
    um_model_config_overrides overrides;
    UM_TRY(um_model_overrides_read(input, &work->request->conventions, &overrides, error));
    UM_TRY(um_model_config_read_with(input, &overrides, &work->config, error));
    return overrides.has_mask_token ? check_mask(input, overrides.mask_token, error) : UM_OK;
}

static um_status open_input(conversion *work, um_error *error) {
    const char *input = work->request->input;
    UM_TRY(read_config(work, error));
    settle_attention(&work->config, input);
    UM_TRY(um_checkpoint_open(input, &work->checkpoint, error));
    UM_TRY(um_parameters_bind(&work->parameters, &work->config, work->checkpoint, error));
    UM_TRY(um_parameters_visit(&work->parameters, &work->config, count_source, work, error));
    work->from_gguf = um_checkpoint_is_gguf(work->checkpoint);
    work->to_gguf = is_gguf_name(work->request->output);
    UM_TRY(choose_mix(work, error));
    return um_thread_pool_create(work->request->threads, &work->pool, error);
}

um_status um_cli_convert(const um_convert_request *request, um_convert_result *result,
                         um_error *error) {
    *result = (um_convert_result){0};
    conversion work = {.request = request, .result = result};
    um_status status = open_input(&work, error);
    if (status == UM_OK && work.to_gguf) { /* a directory must be new anyway */
        status = um_cli_check_not_an_input(request->output, &request->input, 1, error);
    }
    if (status == UM_OK && request->opened) {
        request->opened();
    }
    if (status == UM_OK) {
        status = work.to_gguf ? write_gguf(&work, error) : write_directory(&work, error);
    }
    um_thread_pool_free(work.pool);
    um_parameters_free(&work.parameters);
    um_checkpoint_close(work.checkpoint);
    return status;
}
