#include "model/save.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/buffer.h"
#include "base/directory.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "model/tokenizer_copy.h"
#include "weights/checkpoint.h"
#include "weights/safetensors_writer.h"

#define GENERATION_CONFIG "generation_config.json"

/* ---- Weights ----------------------------------------------------------- */

typedef struct tensor_list {
    um_named_tensor *tensors; /* the names are owned */
    size_t count;
    size_t capacity;
} tensor_list;

static um_status collect_tensor(void *user, const char *name, um_tensor *tensor,
                                const um_tensor *expected, um_error *error) {
    (void)expected;
    tensor_list *list = user;
    UM_TRY(um_grow(&list->tensors, &list->capacity, list->count + 1, sizeof *list->tensors,
                   "tensor list", error));
    char *copy = strdup(name);
    if (!copy) {
        return um_error_memory(error, "tensor name", strlen(name) + 1);
    }
    list->tensors[list->count++] = (um_named_tensor){copy, *tensor};
    return UM_OK;
}

static um_status write_weights(const um_model_config *config, const um_parameters *parameters,
                               um_dtype dtype, const char *directory, const um_watch *watch,
                               um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, UM_CHECKPOINT_FILE, error));
    tensor_list list = {0};
    um_parameters readable = *parameters;
    um_status status = um_parameters_visit(&readable, config, collect_tensor, &list, error);
    if (status == UM_OK) {
        status = um_safetensors_write_watched(path, list.tensors, list.count, dtype, watch, error);
    }
    for (size_t i = 0; i < list.count; i++) {
        free((void *)(uintptr_t)list.tensors[i].name);
    }
    free(list.tensors);
    return status;
}

/* ---- The other files --------------------------------------------------- */

static um_status write_config(const um_model_config *config, um_dtype dtype, const char *directory,
                              um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, "config.json", error));
    um_buffer json = {0};
    um_status status =
        um_model_config_format_with_dtype(config, um_dtype_name(dtype), &json, error);
    if (status == UM_OK) {
        status = um_file_write(path, json.data, json.length, error);
    }
    um_buffer_free(&json);
    return status;
}

static um_status append_member(um_buffer *json, const char *name, int32_t token, um_error *error) {
    const char *separator = json->length > 1 ? "," : "";
    return token == UM_NO_TOKEN_ID ? UM_OK
                                   : um_buffer_append_format(json, error, "%s\n  \"%s\": %d",
                                                             separator, name, (int)token);
}

static um_status format_generation_config(const um_model_config *config, um_buffer *json,
                                          um_error *error) {
    UM_TRY(um_buffer_append_text(json, "{", error));
    UM_TRY(append_member(json, "bos_token_id", config->bos_token, error));
    UM_TRY(append_member(json, "eos_token_id", config->eos_token, error));
    UM_TRY(append_member(json, "mask_token_id", config->mask_token, error));
    UM_TRY(append_member(json, "pad_token_id", config->pad_token, error));
    return um_buffer_append_text(json, "\n}\n", error);
}

/* The code of DreamModel does not load a directory without generation_config.json. */
static um_status complete_dream(const um_model_config *config, const char *directory,
                                um_error *error) {
    if (config->family != UM_FAMILY_DREAM || um_file_exists(directory, GENERATION_CONFIG)) {
        return UM_OK;
    }
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, GENERATION_CONFIG, error));
    um_buffer json = {0};
    um_status status = format_generation_config(config, &json, error);
    if (status == UM_OK) {
        status = um_file_write(path, json.data, json.length, error);
    }
    um_buffer_free(&json);
    return status;
}

/* ---- The directory ----------------------------------------------------- */

bool um_model_directory_has_weights(const char *directory) {
    return um_file_exists(directory, UM_CHECKPOINT_FILE) ||
           um_file_exists(directory, UM_CHECKPOINT_INDEX_FILE);
}

static um_status prepare_directory(const char *directory, um_error *error) {
    UM_TRY(um_directory_make(directory, false, error));
    if (um_file_exists(directory, UM_CHECKPOINT_INDEX_FILE)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: holds a sharded checkpoint, choose another directory", directory);
    }
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, UM_MODEL_DONE_FILE, error));
    if (unlink(path) != 0 && errno != ENOENT) {
        return um_error_set_errno(error, errno, "%s: cannot remove", path);
    }
    return UM_OK;
}

static um_status remove_leftovers(const char *directory, const char *name, um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_atomic_file_remove_leftovers(path, error);
}

um_status um_model_directory_remove_leftovers(const char *directory, um_error *error) {
    static const char *const own[] = {"config.json", UM_CHECKPOINT_FILE, UM_MODEL_DONE_FILE};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        UM_TRY(remove_leftovers(directory, own[i], error));
    }
    for (size_t i = 0; um_model_tokenizer_file(i); i++) { /* generation_config.json among them */
        UM_TRY(remove_leftovers(directory, um_model_tokenizer_file(i), error));
    }
    return UM_OK;
}

um_status um_model_directory_write(const um_model_config *config, const um_parameters *parameters,
                                   um_dtype dtype, const char *tokenizer_source_directory,
                                   const char *target_directory, um_error *error) {
    return um_model_directory_write_watched(config, parameters, dtype, tokenizer_source_directory,
                                            target_directory, NULL, error);
}

um_status um_model_directory_write_watched(const um_model_config *config,
                                           const um_parameters *parameters, um_dtype dtype,
                                           const char *tokenizer_source_directory,
                                           const char *target_directory, const um_watch *watch,
                                           um_error *error) {
    UM_TRY(prepare_directory(target_directory, error));
    UM_TRY(write_config(config, dtype, target_directory, error));
    UM_TRY(write_weights(config, parameters, dtype, target_directory, watch, error));
    if (tokenizer_source_directory) {
        UM_TRY(
            um_model_copy_tokenizer(config, tokenizer_source_directory, target_directory, error));
    }
    UM_TRY(complete_dream(config, target_directory, error));
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, target_directory, UM_MODEL_DONE_FILE, error));
    return um_file_write(path, "", 0, error);
}
