#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "bound_model.h"
#include "cli/convert/convert_files.h"
#include "model/quantised_parameters.h"
#include "random_model.h"
#include "scratch.h"
#include "tokenizer/tokenizer.h"

#define TOKENIZER UM_TEST_DATA "/tokenizer/qwen_style"
#define TOKENIZER_FILES UM_TEST_DATA "/tokenizer/files"

/* Every family, and for Qwen2 every kind of attention. */
static const struct kind {
    um_family family;
    um_attention_kind attention;
    um_logit_alignment alignment;
    bool tied;
} kinds[] = {
    {UM_FAMILY_DREAM, UM_ATTENTION_FULL, UM_LOGITS_SHIFTED, true},
    {UM_FAMILY_DREAM, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION, false},
    {UM_FAMILY_QWEN2, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED, true},
    {UM_FAMILY_QWEN2, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION, false},
    {UM_FAMILY_QWEN2, UM_ATTENTION_BLOCK_CAUSAL, UM_LOGITS_SHIFTED, false},
    {UM_FAMILY_QWEN3, UM_ATTENTION_BLOCK_CAUSAL, UM_LOGITS_AT_POSITION, false},
    {UM_FAMILY_QWEN3, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED, true},
    {UM_FAMILY_LLAMA, UM_ATTENTION_CAUSAL, UM_LOGITS_SHIFTED, false},
    {UM_FAMILY_LLAMA, UM_ATTENTION_FULL, UM_LOGITS_SHIFTED, true},
    {UM_FAMILY_LLADA, UM_ATTENTION_FULL, UM_LOGITS_AT_POSITION, false},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static um_model_config config_of(const struct kind *kind) {
    um_model_config config = random_model_config();
    config.family = kind->family;
    config.attention = kind->attention;
    config.attention_block_length = kind->attention == UM_ATTENTION_BLOCK_CAUSAL ? 8 : 0;
    config.logit_alignment = kind->alignment;
    config.tied_head = kind->tied;
    config.qkv_bias = kind->family == UM_FAMILY_DREAM || kind->family == UM_FAMILY_QWEN2;
    config.qk_norm = kind->family == UM_FAMILY_QWEN3;
    config.rms_norm_epsilon = 1e-5;
    config.rope_base = 500000;
    config.head_dim = kind->family == UM_FAMILY_QWEN3 ? 6 : 4;
    return config;
}

/* directory/name in newly allocated memory. */
static char *path_in(const scratch *directory, const char *name) {
    return strdup(scratch_path(directory, name));
}

static void remove_model(char *path) {
    DIR *stream = opendir(path);
    for (struct dirent *entry = stream ? readdir(stream) : NULL; entry; entry = readdir(stream)) {
        (void)unlinkat(dirfd(stream), entry->d_name, 0);
    }
    if (stream) {
        (void)closedir(stream);
        (void)rmdir(path);
    } else {
        (void)unlink(path);
    }
    free(path);
}

static um_convert_result convert(const char *input, const char *output, const char *type) {
    um_error error = {0};
    um_convert_result result = {0};
    um_convert_request request = {.input = input, .output = output, .threads = 3};
    request.has_mix = type && um_weight_mix_from_name(type, &request.mix);
    assert_ok(um_cli_convert(&request, &result, &error), &error);
    return result;
}

static um_buffer contents(const char *directory, const char *name) {
    char path[512];
    um_error error = {0};
    um_buffer bytes = {0};
    assert_ok(um_path_join(path, sizeof path, directory, name, &error), &error);
    assert_ok(um_file_read(path, SIZE_MAX, &bytes, &error), &error);
    return bytes;
}

static void assert_same_file(const char *left, const char *right, const char *name) {
    um_buffer a = contents(left, name);
    um_buffer b = contents(right, name);
    if (a.length != b.length || memcmp(a.data, b.data, a.length) != 0) {
        fail_msg("%s differs", name);
    }
    um_buffer_free(&a);
    um_buffer_free(&b);
}

static void assert_same_json(const char *left, const char *right, const char *name) {
    um_buffer a = contents(left, name);
    um_buffer b = contents(right, name);
    json_t *first = json_loadb(a.data, a.length, 0, NULL);
    json_t *second = json_loadb(b.data, b.length, 0, NULL);
    assert_non_null(first);
    assert_true(json_equal(first, second));
    json_decref(first);
    json_decref(second);
    um_buffer_free(&a);
    um_buffer_free(&b);
}

static void round_trip(const scratch *directory, const struct kind *kind, const char *type) {
    um_error error = {0};
    char *original = path_in(directory, "original");
    char *typed = path_in(directory, "typed");
    char *file = path_in(directory, "model.gguf");
    char *back = path_in(directory, "back");
    const um_model_config config = config_of(kind);
    assert_ok(random_model_write(&config, TOKENIZER, original, &error), &error);
    (void)convert(original, typed, type);
    const um_convert_result result = convert(typed, file, NULL);
    assert_string_equal(um_weight_mix_name(result.mix), type);
    assert_int_equal(result.note_count, 0);
    (void)convert(file, back, NULL);
    assert_same_file(typed, back, "model.safetensors");
    assert_same_file(typed, back, "config.json");
    assert_same_json(typed, back, "tokenizer.json");
    assert_same_json(typed, back, "tokenizer_config.json");
    remove_model(original);
    remove_model(typed);
    remove_model(file);
    remove_model(back);
}

static void plain_models_come_back_byte_for_byte(void **state) {
    (void)state;
    static const char *const types[] = {"f32", "f16", "bf16"};
    const scratch directory = scratch_make();
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t j = 0; j < 3; j++) {
            round_trip(&directory, &kinds[i], types[j]);
        }
    }
    scratch_remove(&directory);
}

/* ---- Quantised weights ----------------------------------------------------- */

/* Wide enough for blocks of 256. */
static um_model_config wide_config(const struct kind *kind) {
    um_model_config config = config_of(kind);
    config.hidden_size = 256;
    config.intermediate_size = 512;
    config.head_count = 8;
    config.kv_head_count = 4;
    config.head_dim = 32;
    return config;
}

static void compare_ways(const char *original, const char *file, um_weight_mix mix) {
    um_error error = {0};
    um_thread_pool *pool = NULL;
    void *block = NULL;
    (void)convert(original, file, um_weight_mix_name(mix));
    bound_model converted = bind(file);
    bound_model quantised = bind(original);
    assert_ok(um_thread_pool_create(2, &pool, &error), &error);
    assert_ok(um_parameters_quantise(&quantised.parameters, &quantised.config, quantised.checkpoint,
                                     mix, pool, NULL, &block, &error),
              &error);
    assert_false(um_dtype_is_plain(quantised.parameters.layers[0].gate.dtype));
    assert_same_parameters(&quantised, &converted);
    assert_int_equal(quantised.parameters.head.data == quantised.parameters.embedding.data,
                     quantised.config.tied_head);
    unbind(&converted);
    unbind(&quantised);
    free(block);
    um_thread_pool_free(pool);
}

static void quantising_at_load_gives_the_blocks_of_the_file(void **state) {
    (void)state;
    static const um_weight_mix mixes[] = {UM_MIX_Q8_0, UM_MIX_Q4_0, UM_MIX_Q4_K, UM_MIX_Q6_K,
                                          UM_MIX_Q4_K_M};
    static const size_t tried[] = {0, 7, 9}; /* dream, llama, llada */
    const scratch directory = scratch_make();
    for (size_t i = 0; i < 3; i++) {
        um_error error = {0};
        char *original = path_in(&directory, "original");
        char *file = path_in(&directory, "model.gguf");
        const um_model_config config = wide_config(&kinds[tried[i]]);
        assert_ok(random_model_write(&config, TOKENIZER, original, &error), &error);
        for (size_t j = 0; j < sizeof mixes / sizeof *mixes; j++) {
            compare_ways(original, file, mixes[j]);
        }
        remove_model(original);
        remove_model(file);
    }
    scratch_remove(&directory);
}

static void narrow_rows_fall_back(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_error error = {0};
    char *original = path_in(&directory, "original");
    char *file = path_in(&directory, "model.gguf");
    um_model_config config = config_of(&kinds[0]);
    config.hidden_size = 64; /* not a multiple of 256 */
    config.head_count = 4;
    config.head_dim = 16;
    config.intermediate_size = 48; /* not a multiple of 32 */
    assert_ok(random_model_write(&config, TOKENIZER, original, &error), &error);
    const um_convert_result result = convert(original, file, "q4_k");
    assert_int_equal(result.fallbacks, 2 * 7 + 1);
    bound_model model = bind(file);
    assert_int_equal(model.parameters.layers[0].gate.dtype, UM_DTYPE_Q8_0);
    assert_int_equal(model.parameters.layers[0].down.dtype, UM_DTYPE_F16);
    assert_int_equal(model.parameters.layers[0].query_bias.dtype, UM_DTYPE_F32);
    unbind(&model);
    remove_model(original);
    remove_model(file);
    scratch_remove(&directory);
}

static void mixes_give_more_bits_where_the_usual_files_do(void **state) {
    (void)state;
    /* The layers out of 28 that have Q6_K in attn_v and ffn_down by llama.cpp's rule. */
    static const bool finer[28] = {1, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0,
                                   1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1};
    const um_model_config config = {.layer_count = 28, .tied_head = false};
    bool fell_back = false;
    for (size_t layer = 0; layer < 28; layer++) {
        char name[64];
        const um_dtype wanted = finer[layer] ? UM_DTYPE_Q6_K : UM_DTYPE_Q4_K;
        (void)snprintf(name, sizeof name, "blk.%zu.attn_v.weight", layer);
        assert_int_equal(um_weight_mix_type(UM_MIX_Q4_K_M, &config, name, 256, &fell_back), wanted);
        (void)snprintf(name, sizeof name, "blk.%zu.ffn_down.weight", layer);
        assert_int_equal(um_weight_mix_type(UM_MIX_Q4_K_M, &config, name, 256, &fell_back), wanted);
        (void)snprintf(name, sizeof name, "blk.%zu.attn_q.weight", layer);
        assert_int_equal(um_weight_mix_type(UM_MIX_Q4_K_M, &config, name, 256, &fell_back),
                         UM_DTYPE_Q4_K);
    }
    assert_int_equal(um_weight_mix_type(UM_MIX_Q4_0, &config, "output.weight", 256, &fell_back),
                     UM_DTYPE_Q6_K);
    assert_int_equal(um_weight_mix_type(UM_MIX_Q4_0, &config, "token_embd.weight", 256, &fell_back),
                     UM_DTYPE_Q4_0);
    assert_int_equal(um_weight_mix_type(UM_MIX_Q8_0, &config, "output.weight", 256, &fell_back),
                     UM_DTYPE_Q8_0);
}

/* ---- Tokenizers -------------------------------------------------------------- */

/* vocab.json and merges.txt become an equivalent tokenizer.json. */
static void a_tokenizer_of_several_files_is_carried(void **state) {
    (void)state;
    static const char text[] = "def caf\xC3\xA9(x):  return <|mask|> 12\n";
    const scratch directory = scratch_make();
    um_error error = {0};
    char *original = path_in(&directory, "original");
    char *file = path_in(&directory, "model.gguf");
    char *back = path_in(&directory, "back");
    const um_model_config config = config_of(&kinds[0]);
    assert_ok(random_model_write(&config, TOKENIZER_FILES, original, &error), &error);
    (void)convert(original, file, "q8_0");
    (void)convert(file, back, NULL);
    const char *const paths[] = {original, file, back};
    um_token_list expected = {0};
    for (size_t i = 0; i < 3; i++) {
        um_tokenizer *tokenizer = NULL;
        um_token_list ids = {0};
        assert_ok(um_tokenizer_load(paths[i], &tokenizer, &error), &error);
        assert_ok(um_tokenizer_encode(tokenizer, text, sizeof text - 1, true, &ids, &error),
                  &error);
        if (i == 0) {
            expected = ids;
        } else {
            assert_int_equal(ids.length, expected.length);
            assert_memory_equal(ids.ids, expected.ids, ids.length * sizeof *ids.ids);
            um_token_list_free(&ids);
        }
        um_tokenizer_free(tokenizer);
    }
    um_token_list_free(&expected);
    remove_model(original);
    remove_model(file);
    remove_model(back);
    scratch_remove(&directory);
}

/* The name tells other software how text is split; a pre-tokenizer without a name is noted. */
static void pre_tokenizers_are_named(void **state) {
    (void)state;
    static const struct {
        const char *tokenizer;
        const char *name;
        size_t notes;
    } cases[] = {{TOKENIZER, "qwen2", 0},
                 {TOKENIZER_FILES, "qwen2", 0},
                 {UM_TEST_DATA "/tokenizer/header_style", "gpt-2", 0},
                 {UM_TEST_DATA "/tokenizer/gpt2_style", "default", 1}};
    const scratch directory = scratch_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        um_error error = {0};
        char *original = path_in(&directory, "original");
        char *path = path_in(&directory, "model.gguf");
        const um_model_config config = config_of(&kinds[0]);
        assert_ok(random_model_write(&config, cases[i].tokenizer, original, &error), &error);
        const um_convert_result result = convert(original, path, "f32");
        assert_int_equal(result.note_count, cases[i].notes);
        um_gguf_file file;
        um_gguf_string name = {"", 0};
        assert_ok(um_gguf_open(path, &file, &error), &error);
        assert_ok(um_gguf_require_string(&file.contents, "tokenizer.ggml.pre", &name, &error),
                  &error);
        assert_true(um_gguf_string_is(name, cases[i].name));
        um_gguf_close(&file);
        remove_model(original);
        remove_model(path);
    }
    scratch_remove(&directory);
}

/* ---- Conventions ---------------------------------------------------------------- */

static um_status convert_as(const char *input, const char *output, const um_model_options *given,
                            um_error *error) {
    um_convert_result result = {0};
    const um_convert_request request = {
        .input = input, .output = output, .conventions = *given, .threads = 1};
    return um_cli_convert(&request, &result, error);
}

static void assert_blocks_of_8(const char *path) {
    um_error error = {0};
    um_model *model = NULL;
    um_model_info info;
    assert_ok(um_model_open(path, NULL, &model, &error), &error);
    um_model_get_info(model, &info);
    assert_string_equal(info.attention, "block-causal");
    assert_int_equal(info.attention_block_length, 8);
    assert_string_equal(info.logit_alignment, "position");
    assert_int_equal(info.mask_token, 804);
    um_model_close(model);
}

/* The files of a causal model that was adapted to diffusion need not say so. */
static void conventions_that_are_given_are_stored(void **state) {
    (void)state;
    static const size_t tried[] = {2, 7}; /* qwen2, llama */
    static const um_model_options given = {.attention = "block-causal",
                                           .attention_block_length = 8,
                                           .logit_alignment = "position",
                                           .mask_token = "<|mask|>"};
    const scratch directory = scratch_make();
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        um_error error = {0};
        char *original = path_in(&directory, "original");
        char *file = path_in(&directory, "model.gguf");
        char *other = path_in(&directory, "other");
        um_model_config config = config_of(&kinds[tried[i]]);
        config.mask_token = UM_NO_TOKEN_ID;
        assert_ok(random_model_write(&config, TOKENIZER, original, &error), &error);
        assert_ok(convert_as(original, file, &given, &error), &error);
        assert_ok(convert_as(original, other, &given, &error), &error);
        assert_blocks_of_8(file);
        assert_blocks_of_8(other);
        remove_model(original);
        remove_model(file);
        remove_model(other);
    }
    scratch_remove(&directory);
}

static void conventions_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const struct {
        um_model_options given;
        um_status status;
        const char *text;
    } cases[] = {
        {{.attention = "round"}, UM_ERR_ARGUMENT, "attention \"round\" is unknown"},
        {{.attention_block_length = 8}, UM_ERR_ARGUMENT, "means nothing to full attention"},
        {{.mask_token = "nothing"}, UM_ERR_ARGUMENT, "neither a token of the tokenizer nor an id"},
        {{.mask_token = "803"}, UM_ERR_MISMATCH, "--mask-token is 803, but the tokenizer's files"},
    };
    const scratch directory = scratch_make();
    um_error error = {0};
    char *original = path_in(&directory, "original");
    char *file = path_in(&directory, "model.gguf");
    const um_model_config config = config_of(&kinds[0]);
    assert_ok(random_model_write(&config, TOKENIZER, original, &error), &error);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(convert_as(original, file, &cases[i].given, &error), cases[i].status);
        assert_non_null(strstr(error.message, cases[i].text));
        assert_false(um_file_exists(directory.path, "model.gguf"));
    }
    remove_model(original);
    free(file);
    scratch_remove(&directory);
}

/* ---- Refusals ------------------------------------------------------------------ */

static void assert_refused(const char *input, const char *output, const char *type,
                           um_status status, const char *text) {
    um_error error = {0};
    um_convert_result result = {0};
    um_convert_request request = {.input = input, .output = output, .threads = 1};
    request.has_mix = type && um_weight_mix_from_name(type, &request.mix);
    assert_int_equal(um_cli_convert(&request, &result, &error), status);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\", expected \"%s\"", error.message, text);
    }
}

static bool give_up(void *user, size_t done, size_t total) {
    (void)done;
    (void)total;
    (*(size_t *)user)++;
    return false;
}

static size_t entries_of(const scratch *directory) {
    size_t count = 0;
    DIR *stream = opendir(directory->path);
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(stream);
    return count;
}

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_error error = {0};
    char *original = path_in(&directory, "original");
    char *file = path_in(&directory, "model.gguf");
    char *other = path_in(&directory, "other.gguf");
    char *target = path_in(&directory, "target");
    const um_model_config config = wide_config(&kinds[0]);
    assert_ok(random_model_write(&config, TOKENIZER, original, &error), &error);
    (void)convert(original, file, "q8_0");
    assert_refused(original, target, "q8_0", UM_ERR_ARGUMENT, "a directory cannot hold q8_0");
    assert_refused(original, original, "f16", UM_ERR_ARGUMENT, "exists already");
    assert_refused(file, other, NULL, UM_ERR_ARGUMENT, "choose the new type with --type");
    assert_refused(target, other, NULL, UM_ERR_IO, "config.json");
    for (size_t i = 0; i < 2; i++) {
        size_t calls = 0;
        um_convert_result result = {0};
        const um_convert_request request = {.input = original,
                                            .output = i == 0 ? other : target,
                                            .has_mix = true,
                                            .mix = UM_MIX_F16,
                                            .threads = 1,
                                            .watch = {give_up, &calls}};
        assert_int_equal(um_cli_convert(&request, &result, &error), UM_ERR_CANCELLED);
        assert_int_equal(calls, 1);
        assert_int_equal(entries_of(&directory), 2); /* what was there before */
    }
    remove_model(original);
    remove_model(file);
    free(other);
    free(target);
    scratch_remove(&directory);
}

static void weights_that_a_type_cannot_hold_are_named(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_error error = {0};
    char *original = path_in(&directory, "original");
    char *file = path_in(&directory, "model.gguf");
    um_model_config config = config_of(&kinds[0]);
    config.hidden_size = 32;
    config.head_dim = 8;
    um_parameters parameters = {0};
    float *block = NULL;
    size_t count = 0;
    assert_ok(um_parameters_lay_out(&parameters, &config, &block, &count, &error), &error);
    ((float *)(uintptr_t)parameters.layers[1].up.data)[3 * 32 + 5] = 1e10f;
    assert_ok(
        um_model_directory_write(&config, &parameters, UM_DTYPE_F32, TOKENIZER, original, &error),
        &error);
    assert_refused(original, file, "q8_0", UM_ERR_MISMATCH, "blk.1.ffn_up.weight: row 3 holds");
    assert_refused(original, file, "f16", UM_ERR_MISMATCH, "blk.1.ffn_up.weight: row 3 holds");
    um_parameters_free(&parameters);
    remove_model(original);
    free(file);
    scratch_remove(&directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_models_come_back_byte_for_byte),
        cmocka_unit_test(conventions_that_are_given_are_stored),
        cmocka_unit_test(conventions_that_cannot_be_are_refused),
        cmocka_unit_test(quantising_at_load_gives_the_blocks_of_the_file),
        cmocka_unit_test(narrow_rows_fall_back),
        cmocka_unit_test(mixes_give_more_bits_where_the_usual_files_do),
        cmocka_unit_test(a_tokenizer_of_several_files_is_carried),
        cmocka_unit_test(pre_tokenizers_are_named),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(weights_that_a_type_cannot_hold_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
