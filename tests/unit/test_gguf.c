#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "bound_model.h"
#include "gguf_building.h"
#include "golden_model.h"
#include "model/config_gguf.h"
#include "scratch.h"
#include "tensor/quantised.h"
#include "weights/gguf.h"
#include "weights/gguf_writer.h"

#define GOLDEN UM_TEST_DATA "/gguf/"

/* ---- The goldens ---------------------------------------------------------- */

static const um_stored_tensor *find(const um_checkpoint *checkpoint, const char *type,
                                    const char *what) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", type, what);
    const um_stored_tensor *stored = um_checkpoint_lookup(checkpoint, name);
    assert_non_null(stored);
    return stored;
}

static void quantised_blocks_have_the_values_of_the_reference(void **state) {
    (void)state;
    static const char *const types[] = {"Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"};
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(GOLDEN "blocks.gguf", &checkpoint, &error), &error);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const um_stored_tensor *blocks = find(checkpoint, types[i], "blocks");
        const um_stored_tensor *wanted = find(checkpoint, types[i], "values");
        size_t count = 0;
        assert_true(um_tensor_count(&blocks->tensor, &count));
        assert_int_equal(count * sizeof(float), wanted->bytes);
        float *values = calloc(count, sizeof *values);
        um_convert_to_f32(blocks->tensor.dtype, blocks->tensor.data, values, count);
        const float *expected = wanted->tensor.data;
        for (size_t j = 0; j < count; j++) {
            if (!(values[j] == expected[j])) { /* also where it is a NaN */
                fail_msg("%s: element %zu is %g, expected %g", types[i], j, (double)values[j],
                         (double)expected[j]);
            }
        }
        free(values);
    }
    um_checkpoint_close(checkpoint);
}

static void assert_same_config(const um_model_config *left, const um_model_config *right) {
    assert_int_equal(left->family, right->family);
    assert_int_equal(left->vocabulary_size, right->vocabulary_size);
    assert_int_equal(left->hidden_size, right->hidden_size);
    assert_int_equal(left->intermediate_size, right->intermediate_size);
    assert_int_equal(left->layer_count, right->layer_count);
    assert_int_equal(left->head_count, right->head_count);
    assert_int_equal(left->kv_head_count, right->kv_head_count);
    assert_int_equal(left->head_dim, right->head_dim);
    assert_int_equal(left->maximum_positions, right->maximum_positions);
    assert_true(memcmp(&left->rms_norm_epsilon, &right->rms_norm_epsilon, sizeof(double)) == 0);
    assert_true(memcmp(&left->rope_base, &right->rope_base, sizeof(double)) == 0);
    assert_int_equal(left->qkv_bias, right->qkv_bias);
    assert_int_equal(left->qk_norm, right->qk_norm);
    assert_int_equal(left->tied_head, right->tied_head);
    assert_int_equal(left->attention, right->attention);
    assert_int_equal(left->logit_alignment, right->logit_alignment);
    assert_int_equal(left->mask_token, right->mask_token);
    assert_int_equal(left->bos_token, right->bos_token);
    assert_int_equal(left->eos_token, right->eos_token);
    assert_int_equal(left->pad_token, right->pad_token);
}

/* Both files were written by the reference package, with rows interleaved. */
static void golden_files_hold_the_model_of_the_directory(void **state) {
    (void)state;
    static const char *const names[] = {"llama", "llada"};
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        char directory[512];
        (void)snprintf(path, sizeof path, "%s%s.gguf", GOLDEN, names[i]);
        (void)snprintf(directory, sizeof directory, "%s/transformer/%s", UM_TEST_DATA, names[i]);
        bound_model file = bind(path);
        bound_model files = bind(directory);
        assert_same_config(&file.config, &files.config);
        assert_same_parameters(&file, &files);
        unbind(&file);
        unbind(&files);
    }
}

/* ---- Values --------------------------------------------------------------- */

static um_gguf parse(const um_buffer *bytes) {
    um_error error = {0};
    um_gguf file;
    assert_ok(um_gguf_parse((const uint8_t *)bytes->data, bytes->length, &file, &error), &error);
    return file;
}

static void every_type_of_metadata_is_read(void **state) {
    (void)state;
    um_buffer bytes = gguf_start(3, 0, 8);
    gguf_key(&bytes, "i8", UM_GGUF_INT8);
    gguf_number(&bytes, 0xFE, 1);
    gguf_key(&bytes, "u16", UM_GGUF_UINT16);
    gguf_number(&bytes, 0xFFFE, 2);
    gguf_key(&bytes, "i32", UM_GGUF_INT32);
    gguf_number(&bytes, 0xFFFFFFFD, 4);
    gguf_key(&bytes, "u64", UM_GGUF_UINT64);
    gguf_number(&bytes, UINT64_C(1) << 40, 8);
    gguf_key(&bytes, "flag", UM_GGUF_BOOL);
    gguf_number(&bytes, 1, 1);
    gguf_key(&bytes, "half", UM_GGUF_FLOAT32);
    gguf_number(&bytes, 0x3F000000, 4);
    gguf_key(&bytes, "words", UM_GGUF_ARRAY);
    gguf_number(&bytes, UM_GGUF_STRING, 4);
    gguf_number(&bytes, 2, 8);
    gguf_string(&bytes, "one");
    gguf_string(&bytes, "");
    gguf_key(&bytes, "deep", UM_GGUF_ARRAY);
    gguf_number(&bytes, UM_GGUF_ARRAY, 4);
    gguf_number(&bytes, 1, 8);
    gguf_number(&bytes, UM_GGUF_UINT8, 4);
    gguf_number(&bytes, 3, 8);
    gguf_number(&bytes, 0, 3);
    um_gguf file = parse(&bytes);
    um_error error = {0};
    int64_t value = 0;
    assert_ok(um_gguf_require_integer(&file, "i8", -9, 9, &value, &error), &error);
    assert_int_equal(value, -2);
    assert_ok(um_gguf_require_integer(&file, "u16", 0, 65535, &value, &error), &error);
    assert_int_equal(value, 65534);
    assert_ok(um_gguf_require_integer(&file, "i32", -9, 9, &value, &error), &error);
    assert_int_equal(value, -3);
    assert_ok(um_gguf_require_integer(&file, "u64", 0, INT64_MAX, &value, &error), &error);
    assert_true(value == INT64_C(1) << 40);
    assert_int_equal(um_gguf_require_integer(&file, "u64", 0, 9, &value, &error), UM_ERR_FORMAT);
    assert_int_equal(um_gguf_require_integer(&file, "half", 0, 9, &value, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "metadata \"half\" is a number, expected an integer");
    assert_int_equal(um_gguf_require_integer(&file, "none", 0, 9, &value, &error), UM_ERR_FORMAT);
    bool flag = false;
    double number = 0;
    assert_ok(um_gguf_optional_bool(&file, "flag", &flag, &error), &error);
    assert_true(flag);
    assert_ok(um_gguf_require_number(&file, "half", &number, &error), &error);
    assert_true(number > 0.49 && number < 0.51);
    const um_gguf_entry *words = NULL;
    assert_ok(um_gguf_optional_array(&file, "words", UM_GGUF_STRING, &words, &error), &error);
    assert_int_equal(words->count, 2);
    const uint8_t *at = words->data;
    assert_true(um_gguf_string_is(um_gguf_next_string(&at), "one"));
    assert_int_equal(um_gguf_next_string(&at).length, 0);
    um_gguf_free(&file);
    um_buffer_free(&bytes);
}

/* ---- Hostile files -------------------------------------------------------- */

static void assert_refused(const um_buffer *bytes, um_status status, const char *text) {
    /* A copy of the exact size, so that a sanitizer sees a read beyond it. */
    uint8_t *copy = malloc(bytes->length);
    memcpy(copy, bytes->data, bytes->length);
    um_error error = {0};
    um_gguf file;
    const um_status found = um_gguf_parse(copy, bytes->length, &file, &error);
    free(copy);
    if (found != status || !strstr(error.message, text)) {
        fail_msg("\"%s\" (%d), expected \"%s\" (%d)", error.message, found, text, status);
    }
    assert_null(file.entries);
    assert_null(file.tensors);
}

static void refuse_and_free(um_buffer bytes, um_status status, const char *text) {
    assert_refused(&bytes, status, text);
    um_buffer_free(&bytes);
}

static void hostile_headers_are_refused(void **state) {
    (void)state;
    um_buffer bytes = {0};
    um_error error = {0};
    assert_ok(um_buffer_append_text(&bytes, "GGML....", &error), &error);
    refuse_and_free(bytes, UM_ERR_FORMAT, "not a GGUF file");
    refuse_and_free(gguf_start(1, 0, 0), UM_ERR_UNSUPPORTED, "version 1: only 2 and 3");
    refuse_and_free(gguf_start(3U << 24, 0, 0), UM_ERR_UNSUPPORTED, "big-endian");
    refuse_and_free(gguf_start(3, 0, UINT64_MAX), UM_ERR_FORMAT, "metadata entries do not fit");
    refuse_and_free(gguf_start(3, UINT64_MAX, 0), UM_ERR_FORMAT, "tensors do not fit");
    bytes = gguf_start(3, 0, 0);
    bytes.length -= 1;
    refuse_and_free(bytes, UM_ERR_FORMAT, "the file ends inside the header");
}

static um_buffer with_entry(const char *key, uint32_t type, uint64_t number, size_t size) {
    um_buffer bytes = gguf_start(3, 0, 1);
    gguf_key(&bytes, key, type);
    gguf_number(&bytes, number, size);
    gguf_number(&bytes, 0, 8);
    return bytes;
}

static void hostile_metadata_are_refused(void **state) {
    (void)state;
    refuse_and_free(with_entry("key", 13, 0, 8), UM_ERR_FORMAT, "13 is not a metadata type");
    refuse_and_free(with_entry("key", UM_GGUF_STRING, UINT64_MAX, 8), UM_ERR_FORMAT,
                    "the file ends inside a string");
    refuse_and_free(with_entry("", UM_GGUF_UINT8, 0, 8), UM_ERR_FORMAT, "a metadata key of 0");
    refuse_and_free(with_entry("general.alignment", UM_GGUF_UINT32, 24, 4), UM_ERR_FORMAT,
                    "expected a power of two");
    refuse_and_free(with_entry("general.alignment", UM_GGUF_UINT32, 0, 4), UM_ERR_FORMAT,
                    "expected 1 to");
    um_buffer bytes = gguf_start(3, 0, 1);
    gguf_key(&bytes, "key", UM_GGUF_ARRAY);
    gguf_number(&bytes, UM_GGUF_UINT64, 4);
    gguf_number(&bytes, UINT64_C(1) << 61, 8); /* times 8 is 2^64 */
    refuse_and_free(bytes, UM_ERR_FORMAT, "the file ends inside a value");
    bytes = gguf_start(3, 0, 1);
    gguf_key(&bytes, "key", UM_GGUF_ARRAY);
    for (size_t depth = 0; depth < 100; depth++) {
        gguf_number(&bytes, UM_GGUF_ARRAY, 4);
        gguf_number(&bytes, 1, 8);
    }
    refuse_and_free(bytes, UM_ERR_LIMIT, "arrays nested deeper than 4");
    bytes = gguf_start(3, 0, 2);
    for (size_t i = 0; i < 2; i++) {
        gguf_key(&bytes, "key", UM_GGUF_UINT8);
        gguf_number(&bytes, 0, 1);
    }
    refuse_and_free(bytes, UM_ERR_FORMAT, "\"key\" is there twice");
}

/* A file of `count` tensors [rows, columns] at `offset`, and 64 bytes of data. */
static um_buffer with_tensors(size_t count, uint32_t type, uint64_t rows, uint64_t columns,
                              uint64_t offset, const char *name) {
    um_buffer bytes = gguf_start(3, count, 0);
    for (size_t i = 0; i < count; i++) {
        const char numbered[] = {(char)('0' + i), '\0'};
        gguf_string(&bytes, name ? name : numbered);
        gguf_number(&bytes, 2, 4);
        gguf_number(&bytes, columns, 8);
        gguf_number(&bytes, rows, 8);
        gguf_number(&bytes, type, 4);
        gguf_number(&bytes, offset, 8);
    }
    gguf_pad(&bytes, 32);
    gguf_number(&bytes, 0, 64);
    return bytes;
}

static void hostile_tensors_are_refused(void **state) {
    (void)state;
    refuse_and_free(with_tensors(1, 99, 1, 1, 0, NULL), UM_ERR_UNSUPPORTED,
                    "element type 99 is not known; F32, F16");
    refuse_and_free(with_tensors(1, 0, 1, 17, 0, NULL), UM_ERR_FORMAT, "lie outside the file");
    refuse_and_free(with_tensors(1, 0, UINT64_C(1) << 31, UINT64_C(1) << 31, 0, NULL),
                    UM_ERR_FORMAT, "more bytes than there can be");
    refuse_and_free(with_tensors(1, 0, 0, 4, 0, NULL), UM_ERR_FORMAT, "an extent of 0");
    refuse_and_free(with_tensors(1, 0, 1, 4, 8, NULL), UM_ERR_FORMAT, "not a multiple of 32");
    refuse_and_free(with_tensors(1, 0, 1, 4, UINT64_MAX - 31, NULL), UM_ERR_FORMAT, "offset");
    refuse_and_free(with_tensors(1, 12, 1, 128, 0, NULL), UM_ERR_FORMAT,
                    "rows of 128 elements are not whole Q4_K blocks of 256");
    refuse_and_free(with_tensors(2, 0, 1, 4, 0, NULL), UM_ERR_FORMAT, "overlaps");
    um_buffer bytes = gguf_start(3, 1, 0);
    gguf_string(&bytes, "tensor");
    gguf_number(&bytes, 5, 4);
    gguf_number(&bytes, 0, 64);
    refuse_and_free(bytes, UM_ERR_LIMIT, "rank 5, expected 1 to 4");
}

static void tensors_of_other_types_are_described(void **state) {
    (void)state;
    um_buffer bytes = with_tensors(1, 22, 1, 256, 0, "exotic"); /* IQ2_S: 82 bytes */
    assert_refused(&bytes, UM_ERR_FORMAT, "its 82 bytes lie outside");
    gguf_number(&bytes, 0, 64);
    um_gguf file = parse(&bytes);
    assert_string_equal(file.tensors[0].dtype_name, "IQ2_S");
    assert_false(file.tensors[0].supported);
    assert_int_equal(file.tensors[0].shape[1], 256);
    um_gguf_free(&file);
    um_buffer_free(&bytes);
}

/* ---- Configs --------------------------------------------------------------- */

#define CONFIG_ENTRIES 8

/* A config of "qwen2" in a file of one tensor; `extra` more entries are still to be appended. */
static um_buffer config_file(uint64_t extra) {
    static const char *const sizes[CONFIG_ENTRIES - 2] = {
        "qwen2.block_count",         "qwen2.context_length",       "qwen2.embedding_length",
        "qwen2.feed_forward_length", "qwen2.attention.head_count", "qwen2.attention.key_length"};
    um_buffer bytes = gguf_start(3, 1, CONFIG_ENTRIES + extra);
    gguf_key(&bytes, "general.architecture", UM_GGUF_STRING);
    gguf_string(&bytes, "qwen2");
    gguf_key(&bytes, "qwen2.attention.layer_norm_rms_epsilon", UM_GGUF_FLOAT32);
    gguf_number(&bytes, 0x358637BD, 4); /* 1e-6 */
    for (size_t i = 0; i < CONFIG_ENTRIES - 2; i++) {
        gguf_key(&bytes, sizes[i], UM_GGUF_UINT32);
        gguf_number(&bytes, i == 4 ? 2 : 4, 4);
    }
    return bytes;
}

static um_status read_config_file(um_buffer *bytes, um_model_config *config, um_error *error) {
    gguf_string(bytes, "token_embd.weight");
    gguf_number(bytes, 2, 4);
    gguf_number(bytes, 4, 8);
    gguf_number(bytes, 4, 8);
    gguf_number(bytes, 0, 4);
    gguf_number(bytes, 0, 8);
    gguf_pad(bytes, 32);
    gguf_number(bytes, 0, 64);
    um_gguf file = parse(bytes);
    const um_status status = um_model_config_from_gguf(&file, "file", NULL, config, error);
    um_gguf_free(&file);
    um_buffer_free(bytes);
    return status;
}

static void conventions_follow_from_the_metadata(void **state) {
    (void)state;
    um_error error = {0};
    um_model_config config;
    um_buffer bytes = config_file(0);
    assert_ok(read_config_file(&bytes, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_CAUSAL);
    assert_true(config.causal_unless_masked);
    assert_int_equal(config.head_dim, 4);
    assert_int_equal(config.kv_head_count, 2);
    assert_true(config.qkv_bias && config.tied_head);
    assert_true(config.rms_norm_epsilon > 0.999e-6 && config.rms_norm_epsilon <= 1e-6);
    bytes = config_file(1);
    gguf_key(&bytes, "tokenizer.ggml.mask_token_id", UM_GGUF_UINT32);
    gguf_number(&bytes, 3, 4);
    assert_ok(read_config_file(&bytes, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_FULL);
    assert_int_equal(config.logit_alignment, UM_LOGITS_SHIFTED);
    bytes = config_file(2);
    gguf_key(&bytes, "qwen2.attention.causal", UM_GGUF_BOOL);
    gguf_number(&bytes, 0, 1);
    gguf_key(&bytes, "diffusion.shift_logits", UM_GGUF_BOOL);
    gguf_number(&bytes, 0, 1);
    assert_ok(read_config_file(&bytes, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_FULL);
    assert_int_equal(config.logit_alignment, UM_LOGITS_AT_POSITION);
    bytes = config_file(1);
    gguf_key(&bytes, "qwen2.attention.causal", UM_GGUF_BOOL);
    gguf_number(&bytes, 1, 1);
    assert_ok(read_config_file(&bytes, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_CAUSAL);
    assert_false(config.causal_unless_masked);
    bytes = config_file(1);
    gguf_key(&bytes, "unmask.attention", UM_GGUF_STRING);
    gguf_string(&bytes, "causal");
    assert_ok(read_config_file(&bytes, &config, &error), &error);
    assert_false(config.causal_unless_masked);
}

static void features_that_are_not_covered_are_named(void **state) {
    (void)state;
    static const struct {
        const char *key;
        uint32_t type;
        uint64_t value;
        size_t bytes;
        const char *text;
    } cases[] = {
        {"qwen2.expert_count", UM_GGUF_UINT32, 8, 4, "\"qwen2.expert_count\": mixture of experts"},
        {"qwen2.attention.sliding_window", UM_GGUF_UINT32, 8, 4, "a sliding window"},
        {"qwen2.rope.scaling.factor", UM_GGUF_FLOAT32, 0x40000000, 4, "only the unscaled rotation"},
        {"qwen2.rope.dimension_count", UM_GGUF_UINT32, 2, 4, "heads whose keys, values"},
        {"split.count", UM_GGUF_UINT16, 3, 2, "one of 3 parts of a model"},
        {"tokenizer.ggml.mask_token_id", UM_GGUF_UINT32, 1U << 31, 4, "not a token id"},
        {"tokenizer.ggml.eos_token_id", UM_GGUF_UINT32, 4, 4, "eos token 4 is outside"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        um_model_config config;
        um_buffer bytes = config_file(1);
        gguf_key(&bytes, cases[i].key, cases[i].type);
        gguf_number(&bytes, cases[i].value, cases[i].bytes);
        assert_int_not_equal(read_config_file(&bytes, &config, &error), UM_OK);
        if (!strstr(error.message, cases[i].text)) {
            fail_msg("\"%s\", expected \"%s\"", error.message, cases[i].text);
        }
    }
}

/* Otherwise a bias of the head, for example, would be ignored silently. */
static void tensors_without_a_role_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_model_config config;
    um_checkpoint *checkpoint = NULL;
    um_parameters parameters = {0};
    const scratch directory = scratch_make();
    um_buffer bytes = {0};
    assert_ok(um_file_read(GOLDEN "llama.gguf", SIZE_MAX, &bytes, &error), &error);
    char *name = bytes.data;
    while (strncmp(name, "output.weight", 13) != 0) {
        name++;
    }
    memcpy(name, "output.weighs", 13); /* without it, the embedding is the head */
    scratch_write(&directory, "m.gguf", bytes.data, bytes.length);
    um_buffer_free(&bytes);
    const char *path = scratch_path(&directory, "m.gguf");
    assert_ok(um_model_config_read(path, &config, &error), &error);
    assert_ok(um_checkpoint_open(path, &checkpoint, &error), &error);
    assert_int_equal(um_parameters_bind(&parameters, &config, checkpoint, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "output.weighs: not part of a llama model"));
    um_checkpoint_close(checkpoint);
    scratch_remove(&directory);
}

/* Every proper prefix of a good file is refused, and nothing behind its end is read. */
static void cut_files_are_refused(void **state) {
    (void)state;
    um_buffer bytes = with_tensors(1, 0, 1, 16, 0, NULL);
    const size_t whole = bytes.length;
    um_gguf file = parse(&bytes);
    um_gguf_free(&file);
    for (size_t length = 1; length < whole; length++) {
        bytes.length = length;
        assert_refused(&bytes, UM_ERR_FORMAT, "");
    }
    um_buffer_free(&bytes);
}

static void tensors_that_cannot_be_stored_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_gguf_writer *writer = NULL;
    const size_t half[] = {(size_t)1 << 61}; /* of the bytes that a size_t can count */
    const size_t too_large[] = {(size_t)1 << 32, (size_t)1 << 32};
    const size_t broken_row[] = {4, 33};
    assert_ok(um_gguf_writer_create(&writer, &error), &error);
    assert_int_equal(um_gguf_add_tensor(writer, "a", UM_DTYPE_F32, 2, too_large, &error),
                     UM_ERR_ARGUMENT);
    assert_int_equal(um_gguf_add_tensor(writer, "b", UM_DTYPE_Q8_0, 2, broken_row, &error),
                     UM_ERR_ARGUMENT);
    assert_ok(um_gguf_add_tensor(writer, "c", UM_DTYPE_F32, 1, half, &error), &error);
    assert_int_equal(um_gguf_add_tensor(writer, "d", UM_DTYPE_F32, 1, half, &error), UM_ERR_LIMIT);
    assert_non_null(strstr(error.message, "d: too large"));
    um_gguf_writer_free(writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantised_blocks_have_the_values_of_the_reference),
        cmocka_unit_test(golden_files_hold_the_model_of_the_directory),
        cmocka_unit_test(every_type_of_metadata_is_read),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(hostile_metadata_are_refused),
        cmocka_unit_test(hostile_tensors_are_refused),
        cmocka_unit_test(tensors_of_other_types_are_described),
        cmocka_unit_test(conventions_follow_from_the_metadata),
        cmocka_unit_test(features_that_are_not_covered_are_named),
        cmocka_unit_test(tensors_without_a_role_are_refused),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(tensors_that_cannot_be_stored_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
