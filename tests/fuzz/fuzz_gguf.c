/* The input is a GGUF file.  Whatever it holds, every tensor and every view that the parser returns
 * lies inside it, and config and tokenizer are read or refused with a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/config_gguf.h"
#include "tokenizer/gguf_files.h"
#include "tokenizer/tokenizer.h"

/* A tokenizer.json that is longer is not loaded: it finds nothing that shorter ones do not. */
#define TOKENIZER_MAXIMUM ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_message(um_status status, const um_error *error) {
    require(status == UM_OK || error->message[0] != '\0');
}

static void check_tensor(const um_gguf_tensor *tensor, size_t size) {
    require(tensor->name[0] != '\0' && tensor->dtype_name != NULL);
    require(tensor->rank >= 1 && tensor->rank <= UM_TENSOR_MAXIMUM_RANK);
    require(tensor->begin <= size && tensor->bytes <= size - tensor->begin);
    if (tensor->supported) {
        um_tensor view = {.rank = tensor->rank};
        size_t count = 0;
        memcpy(view.shape, tensor->shape, sizeof view.shape);
        require(um_tensor_count(&view, &count));
        require(tensor->shape[tensor->rank - 1] % um_dtype_block(tensor->dtype) == 0);
        require(um_dtype_row_bytes(tensor->dtype, count) == tensor->bytes);
    }
}

/* Read every byte of a value, so that a sanitizer sees any that lies outside the file. */
static size_t touch(const uint8_t *data, size_t bytes) {
    size_t sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        sum += data[i];
    }
    return sum;
}

static void check_entry(const um_gguf *file, const um_gguf_entry *entry) {
    char key[256];
    um_error error = {0};
    um_gguf_string text = {"", 0};
    int64_t integer = 0;
    double number = 0;
    bool flag = false;
    volatile size_t sum = touch(entry->data, entry->bytes);
    (void)sum;
    if (entry->type == UM_GGUF_ARRAY && entry->element_type == UM_GGUF_STRING) {
        const uint8_t *at = entry->data;
        for (size_t i = 0; i < entry->count; i++) {
            (void)um_gguf_next_string(&at);
        }
        require(at == entry->data + entry->bytes);
    }
    if (entry->key.length >= sizeof key) {
        return;
    }
    memcpy(key, entry->key.text, entry->key.length);
    key[entry->key.length] = '\0';
    require(um_gguf_find(file, key) == entry);
    require_message(um_gguf_require_integer(file, key, -5, 5, &integer, &error), &error);
    require_message(um_gguf_require_number(file, key, &number, &error), &error);
    require_message(um_gguf_optional_bool(file, key, &flag, &error), &error);
    require_message(um_gguf_require_string(file, key, &text, &error), &error);
}

static void read_tokenizer(const um_gguf *file) {
    um_error error = {0};
    um_buffer json = {0};
    um_buffer configuration = {0};
    um_status status = um_tokenizer_files_from_gguf(file, &json, &configuration, &error);
    require_message(status, &error);
    um_tokenizer *tokenizer = NULL;
    if (status == UM_OK && json.length < TOKENIZER_MAXIMUM) {
        status =
            um_tokenizer_load_bytes(um_buffer_text(&json), json.length, "gguf", &tokenizer, &error);
        require_message(status, &error);
    }
    um_tokenizer_free(tokenizer);
    um_buffer_free(&json);
    um_buffer_free(&configuration);
}

static void check_file(const um_gguf *file, size_t size) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        check_tensor(&file->tensors[i], size);
    }
    for (size_t i = 0; i < file->entry_count; i++) {
        check_entry(file, &file->entries[i]);
    }
    um_error error = {0};
    um_model_config config;
    require_message(um_model_config_from_gguf(file, "file", NULL, &config, &error), &error);
    read_tokenizer(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_error error = {0};
    um_gguf file;
    if (um_gguf_parse(data, size, &file, &error) == UM_OK) {
        check_file(&file, size);
        um_gguf_free(&file);
    } else {
        require(error.message[0] != '\0' && file.entries == NULL && file.tensors == NULL);
    }
    return 0;
}
