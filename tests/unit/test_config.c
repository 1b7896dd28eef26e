#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/config.h"
#include "scratch.h"

#define TRANSFORMERS_FIELDS                                                                        \
    "\"vocab_size\":1000,\"hidden_size\":64,\"intermediate_size\":160,\"num_hidden_layers\":3,"    \
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"hidden_act\":\"silu\","                 \
    "\"rope_theta\":1000000.0,\"rope_scaling\":null,\"rms_norm_eps\":1e-06,"                       \
    "\"max_position_embeddings\":512,\"tie_word_embeddings\":false,\"bos_token_id\":900,"          \
    "\"eos_token_id\":901,\"some_field_of_tomorrow\":[1,2]"

#define DREAM                                                                                      \
    "{\"model_type\":\"Dream\",\"architectures\":[\"DreamModel\"],\"mask_token_id\":999,"          \
    "\"pad_token_id\":901,\"sliding_window\":null,\"use_sliding_window\":false,"                   \
    "\"use_mrope\":false," TRANSFORMERS_FIELDS "}"

#define LLADA                                                                                      \
    "{\"model_type\":\"llada\",\"d_model\":64,\"n_layers\":3,\"n_heads\":4,\"n_kv_heads\":4,"      \
    "\"mlp_hidden_size\":160,\"embedding_size\":1024,\"vocab_size\":1000,\"rope\":true,"           \
    "\"rope_theta\":500000.0,\"rms_norm_eps\":1e-05,\"max_sequence_length\":512,"                  \
    "\"weight_tying\":false,\"mask_token_id\":999,\"eos_token_id\":901,\"pad_token_id\":901,"      \
    "\"activation_type\":\"silu\",\"block_type\":\"llama\",\"layer_norm_type\":\"rms\","           \
    "\"alibi\":false,\"include_bias\":false,\"include_qkv_bias\":false,"                           \
    "\"multi_query_attention\":null,\"block_group_size\":1}"

static um_status parse_text(const char *text, um_model_config *config, um_error *error) {
    json_t *root = NULL;
    um_error problem = {0};
    assert_ok(um_json_load_bytes(text, strlen(text), "text", &root, &problem), &problem);
    const um_status status = um_model_config_parse(root, "c", config, error);
    json_decref(root);
    return status;
}

#define SAME(field)                                                                                \
    if (a->field != b->field) {                                                                    \
        fail_msg("%s differs", #field);                                                            \
    }

static void assert_same_config(const um_model_config *a, const um_model_config *b) {
    SAME(family)
    SAME(vocabulary_size)
    SAME(hidden_size)
    SAME(intermediate_size)
    SAME(layer_count)
    SAME(head_count)
    SAME(kv_head_count)
    SAME(head_dim)
    SAME(maximum_positions)
    SAME(rms_norm_epsilon)
    SAME(rope_base)
    SAME(qkv_bias)
    SAME(qk_norm)
    SAME(tied_head)
    SAME(attention)
    SAME(attention_block_length)
    SAME(logit_alignment)
    SAME(mask_token)
    SAME(bos_token)
    SAME(eos_token)
    SAME(pad_token)
}

static void every_field_of_dream_is_read(void **state) {
    (void)state;
    um_error error = {0};
    um_model_config config;
    assert_ok(parse_text(DREAM, &config, &error), &error);
    const um_model_config expected = {.family = UM_FAMILY_DREAM,
                                      .vocabulary_size = 1000,
                                      .hidden_size = 64,
                                      .intermediate_size = 160,
                                      .layer_count = 3,
                                      .head_count = 4,
                                      .kv_head_count = 2,
                                      .head_dim = 16,
                                      .maximum_positions = 512,
                                      .rms_norm_epsilon = 1e-6,
                                      .rope_base = 1e6,
                                      .qkv_bias = true,
                                      .attention = UM_ATTENTION_FULL,
                                      .logit_alignment = UM_LOGITS_SHIFTED,
                                      .mask_token = 999,
                                      .bos_token = 900,
                                      .eos_token = 901,
                                      .pad_token = 901};
    assert_same_config(&config, &expected);
}

static void every_field_of_llada_is_read(void **state) {
    (void)state;
    um_error error = {0};
    um_model_config config;
    assert_ok(parse_text(LLADA, &config, &error), &error);
    const um_model_config expected = {.family = UM_FAMILY_LLADA,
                                      .vocabulary_size = 1024,
                                      .hidden_size = 64,
                                      .intermediate_size = 160,
                                      .layer_count = 3,
                                      .head_count = 4,
                                      .kv_head_count = 4,
                                      .head_dim = 16,
                                      .maximum_positions = 512,
                                      .rms_norm_epsilon = 1e-5,
                                      .rope_base = 5e5,
                                      .attention = UM_ATTENTION_FULL,
                                      .logit_alignment = UM_LOGITS_AT_POSITION,
                                      .mask_token = 999,
                                      .bos_token = UM_NO_TOKEN_ID,
                                      .eos_token = 901,
                                      .pad_token = 901};
    assert_same_config(&config, &expected);
}

static const struct convention {
    const char *head; /* before TRANSFORMERS_FIELDS */
    um_family family;
    um_attention_kind attention;
    size_t block_length;
    um_logit_alignment alignment;
    int32_t mask_token;
    bool qkv_bias;
    bool qk_norm;
    size_t head_dim;
} conventions[] = {
    {"\"model_type\":\"qwen2\"", UM_FAMILY_QWEN2, UM_ATTENTION_CAUSAL, 0, UM_LOGITS_SHIFTED, -1,
     true, false, 16},
    {"\"model_type\":\"qwen2\",\"mask_token_id\":5", UM_FAMILY_QWEN2, UM_ATTENTION_FULL, 0,
     UM_LOGITS_SHIFTED, 5, true, false, 16},
    {"\"model_type\":\"qwen2\",\"auto_map\":"
     "{\"AutoModelForCausalLM\":\"modeling_qwen2.Qwen2ForCausalLM\"}",
     UM_FAMILY_QWEN2, UM_ATTENTION_FULL, 0, UM_LOGITS_SHIFTED, -1, true, false, 16},
    {"\"model_type\":\"a2d-qwen2\",\"attention_bias\":true", UM_FAMILY_QWEN2, UM_ATTENTION_FULL, 0,
     UM_LOGITS_AT_POSITION, -1, true, false, 16},
    {"\"model_type\":\"qwen3\",\"head_dim\":32", UM_FAMILY_QWEN3, UM_ATTENTION_CAUSAL, 0,
     UM_LOGITS_SHIFTED, -1, false, true, 32},
    {"\"model_type\":\"a2d-qwen3\",\"head_dim\":32,\"attention_bias\":false", UM_FAMILY_QWEN3,
     UM_ATTENTION_FULL, 0, UM_LOGITS_AT_POSITION, -1, false, true, 32},
    {"\"model_type\":\"a2d-qwen2\",\"block_size\":null,\"bd_size\":32", UM_FAMILY_QWEN2,
     UM_ATTENTION_BLOCK_CAUSAL, 32, UM_LOGITS_AT_POSITION, -1, true, false, 16},
    {"\"model_type\":\"a2d-qwen3\",\"head_dim\":32,\"block_size\":32,\"mask_token_id\":7",
     UM_FAMILY_QWEN3, UM_ATTENTION_BLOCK_CAUSAL, 32, UM_LOGITS_AT_POSITION, 7, false, true, 32},
    {"\"model_type\":\"a2d-qwen2\",\"block_size\":32,\"unmask\":{\"attention\":\"full\","
     "\"logit_alignment\":\"position\"}",
     UM_FAMILY_QWEN2, UM_ATTENTION_FULL, 0, UM_LOGITS_AT_POSITION, -1, true, false, 16},
    {"\"model_type\":\"qwen2\",\"block_size\":32", UM_FAMILY_QWEN2, UM_ATTENTION_CAUSAL, 0,
     UM_LOGITS_SHIFTED, -1, true, false, 16},
    {"\"model_type\":\"sdar\",\"head_dim\":32,\"block_size\":4,\"mask_token_id\":7",
     UM_FAMILY_QWEN3, UM_ATTENTION_BLOCK_CAUSAL, 4, UM_LOGITS_AT_POSITION, 7, false, true, 32},
    {"\"model_type\":\"Fast_dLLM_Qwen\",\"bd_size\":32", UM_FAMILY_QWEN2, UM_ATTENTION_BLOCK_CAUSAL,
     32, UM_LOGITS_SHIFTED, -1, true, false, 16},
    {"\"model_type\":\"llama\",\"attention_bias\":false,\"mlp_bias\":false", UM_FAMILY_LLAMA,
     UM_ATTENTION_CAUSAL, 0, UM_LOGITS_SHIFTED, -1, false, false, 16},
    {"\"model_type\":\"qwen2\",\"unmask\":{\"attention\":\"block-causal\","
     "\"attention_block_length\":8,\"logit_alignment\":\"position\"}",
     UM_FAMILY_QWEN2, UM_ATTENTION_BLOCK_CAUSAL, 8, UM_LOGITS_AT_POSITION, -1, true, false, 16},
    {"\"model_type\":\"qwen2\",\"sliding_window\":4096,\"use_sliding_window\":false",
     UM_FAMILY_QWEN2, UM_ATTENTION_CAUSAL, 0, UM_LOGITS_SHIFTED, -1, true, false, 16},
    {"\"model_type\":\"qwen3\",\"head_dim\":16,\"num_experts\":0,"
     "\"layer_types\":[\"full_attention\"]",
     UM_FAMILY_QWEN3, UM_ATTENTION_CAUSAL, 0, UM_LOGITS_SHIFTED, -1, false, true, 16},
};

static void conventions_follow_from_the_file(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof conventions / sizeof *conventions; i++) {
        const struct convention *wanted = &conventions[i];
        char text[2048];
        (void)snprintf(text, sizeof text, "{%s,%s}", wanted->head, TRANSFORMERS_FIELDS);
        um_error error = {0};
        um_model_config config;
        if (parse_text(text, &config, &error) != UM_OK) {
            fail_msg("%s: %s", wanted->head, error.message);
        }
        if (config.family != wanted->family || config.attention != wanted->attention ||
            config.attention_block_length != wanted->block_length ||
            config.logit_alignment != wanted->alignment ||
            config.mask_token != wanted->mask_token || config.qkv_bias != wanted->qkv_bias ||
            config.qk_norm != wanted->qk_norm || config.head_dim != wanted->head_dim) {
            fail_msg("%s: other conventions", wanted->head);
        }
    }
}

/* Parse `text` with the member `key` set to the JSON `value`, or removed if that is NULL. */
static um_status parse_changed(const char *text, const char *key, const char *value,
                               um_error *error) {
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    if (value) {
        json_t *member = json_loads(value, JSON_DECODE_ANY, NULL);
        assert_non_null(member);
        assert_int_equal(json_object_set_new(root, key, member), 0);
    } else {
        assert_int_equal(json_object_del(root, key), 0);
    }
    um_model_config config;
    const um_status status = um_model_config_parse(root, "c", &config, error);
    json_decref(root);
    return status;
}

static void missing_fields_are_named(void **state) {
    (void)state;
    static const char *const dream[] = {"model_type",
                                        "vocab_size",
                                        "hidden_size",
                                        "intermediate_size",
                                        "num_hidden_layers",
                                        "num_attention_heads",
                                        "num_key_value_heads",
                                        "hidden_act",
                                        "rope_theta",
                                        "rms_norm_eps",
                                        "max_position_embeddings"};
    static const char *const llada[] = {"d_model",         "n_layers",
                                        "n_heads",         "n_kv_heads",
                                        "mlp_hidden_size", "rope",
                                        "rope_theta",      "rms_norm_eps",
                                        "weight_tying",    "max_sequence_length",
                                        "activation_type", "block_type",
                                        "layer_norm_type"};
    const struct {
        const char *text;
        const char *const *keys;
        size_t count;
    } lists[] = {{DREAM, dream, sizeof dream / sizeof *dream},
                 {LLADA, llada, sizeof llada / sizeof *llada}};
    for (size_t list = 0; list < 2; list++) {
        for (size_t i = 0; i < lists[list].count; i++) {
            um_error error = {0};
            char wanted[80];
            (void)snprintf(wanted, sizeof wanted, "c: \"%s\" is missing", lists[list].keys[i]);
            assert_int_equal(parse_changed(lists[list].text, lists[list].keys[i], NULL, &error),
                             UM_ERR_FORMAT);
            assert_string_equal(error.message, wanted);
        }
    }
}

static void what_other_files_tell_may_be_missing(void **state) {
    (void)state;
    um_error error = {0};
    assert_ok(parse_changed(DREAM, "tie_word_embeddings", NULL, &error), &error);
    assert_ok(parse_changed(DREAM, "mask_token_id", NULL, &error), &error);
    assert_ok(parse_changed(LLADA, "mask_token_id", NULL, &error), &error);
}

static const struct change {
    const char *text;
    const char *key;
    const char *value;
    um_status status;
    const char *message;
} changes[] = {
    {DREAM, "model_type", "\"gpt2\"", UM_ERR_UNSUPPORTED, "\"model_type\": \"gpt2\""},
    {DREAM, "rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4.0}", UM_ERR_UNSUPPORTED,
     "\"rope_scaling\""},
    {DREAM, "rope_scaling", "{\"factor\":4.0}", UM_ERR_UNSUPPORTED, "\"rope_scaling\""},
    {DREAM, "rope_scaling", "{\"type\":\"default\"}", UM_OK, ""},
    {DREAM, "use_sliding_window", "true", UM_ERR_UNSUPPORTED, "\"use_sliding_window\""},
    {DREAM, "hidden_act", "\"gelu\"", UM_ERR_UNSUPPORTED, "\"hidden_act\""},
    {DREAM, "attention_bias", "false", UM_ERR_UNSUPPORTED, "\"attention_bias\""},
    {DREAM, "num_experts", "8", UM_ERR_UNSUPPORTED, "\"num_experts\""},
    {DREAM, "quantization_config", "{}", UM_ERR_UNSUPPORTED, "\"quantization_config\""},
    {DREAM, "use_mrope", "true", UM_ERR_UNSUPPORTED, "\"use_mrope\""},
    {DREAM, "layer_types", "[\"full_attention\",\"sliding_attention\"]", UM_ERR_UNSUPPORTED,
     "\"layer_types\""},
    {DREAM, "hidden_size", "65", UM_ERR_FORMAT, "4 heads do not divide hidden_size 65"},
    {DREAM, "num_key_value_heads", "3", UM_ERR_FORMAT, "3 key-value heads do not divide 4"},
    {DREAM, "head_dim", "15", UM_ERR_FORMAT, "head size 15 is odd"},
    {DREAM, "head_dim", "2048", UM_ERR_LIMIT, "head size is 2048"},
    {DREAM, "vocab_size", "2000000000", UM_ERR_LIMIT, "vocabulary size is 2000000000"},
    {DREAM, "num_hidden_layers", "0", UM_ERR_FORMAT, "\"num_hidden_layers\" is 0"},
    {DREAM, "num_hidden_layers", "-1", UM_ERR_FORMAT, "\"num_hidden_layers\" is -1"},
    {DREAM, "num_hidden_layers", "3.0", UM_ERR_FORMAT, "expected an integer"},
    {DREAM, "rms_norm_eps", "0", UM_ERR_FORMAT, "epsilon 0"},
    {DREAM, "rope_theta", "-1.0", UM_ERR_FORMAT, "rotation base -1"},
    {DREAM, "mask_token_id", "1000", UM_ERR_FORMAT, "mask token 1000 is outside"},
    {DREAM, "mask_token_id", "\"x\"", UM_ERR_FORMAT, "\"mask_token_id\" is not a token id"},
    {DREAM, "mask_token_id", "99999999999", UM_ERR_FORMAT, "\"mask_token_id\" is not a token id"},
    {DREAM, "eos_token_id", "[901, 902]", UM_OK, ""},
    {DREAM, "eos_token_id", "[]", UM_OK, ""},
    {DREAM, "unmask", "{\"attention\":\"sideways\",\"logit_alignment\":\"shifted\"}",
     UM_ERR_UNSUPPORTED, "\"attention\""},
    {DREAM, "unmask", "{\"attention\":\"block-causal\",\"logit_alignment\":\"shifted\"}",
     UM_ERR_FORMAT, "needs a block length"},
    {LLADA, "activation_type", "\"swiglu\"", UM_ERR_UNSUPPORTED, "\"activation_type\""},
    {LLADA, "block_type", "\"sequential\"", UM_ERR_UNSUPPORTED, "\"block_type\""},
    {LLADA, "include_bias", "true", UM_ERR_UNSUPPORTED, "\"include_bias\""},
    {LLADA, "rope", "false", UM_ERR_UNSUPPORTED, "\"rope\""},
    {LLADA, "block_group_size", "4", UM_ERR_UNSUPPORTED, "\"block_group_size\""},
    {LLADA, "num_experts", "64", UM_ERR_UNSUPPORTED, "\"num_experts\""},
};

static void features_that_are_not_covered_are_named(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        um_error error = {0};
        const um_status status =
            parse_changed(changes[i].text, changes[i].key, changes[i].value, &error);
        if (status != changes[i].status || !strstr(error.message, changes[i].message)) {
            fail_msg("%s = %s: status %d, \"%s\"", changes[i].key, changes[i].value, (int)status,
                     error.message);
        }
    }
}

static void a_rotation_base_inside_rope_parameters_is_read(void **state) {
    (void)state;
    um_error error = {0};
    json_t *root = json_loads(DREAM, 0, NULL);
    assert_int_equal(json_object_del(root, "rope_theta"), 0);
    json_t *rope = json_pack("{s:s,s:f}", "rope_type", "default", "rope_theta", 5000.0);
    assert_int_equal(json_object_set_new(root, "rope_parameters", rope), 0);
    um_model_config config;
    assert_ok(um_model_config_parse(root, "c", &config, &error), &error);
    assert_true(config.rope_base == 5000.0);
    json_decref(root);
}

static void overrides_replace_what_the_file_says(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    scratch_write(&directory, "config.json", DREAM, strlen(DREAM));
    um_error error = {0};
    um_model_config config;
    assert_ok(um_model_config_read(directory.path, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_FULL);
    const um_model_config_overrides overrides = {.has_attention = true,
                                                 .attention = UM_ATTENTION_BLOCK_CAUSAL,
                                                 .attention_block_length = 32,
                                                 .has_logit_alignment = true,
                                                 .logit_alignment = UM_LOGITS_AT_POSITION,
                                                 .has_mask_token = true,
                                                 .mask_token = 3};
    assert_ok(um_model_config_read_with(directory.path, &overrides, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_BLOCK_CAUSAL);
    assert_int_equal(config.attention_block_length, 32);
    assert_int_equal(config.logit_alignment, UM_LOGITS_AT_POSITION);
    assert_int_equal(config.mask_token, 3);
    const um_model_config_overrides outside = {.has_mask_token = true, .mask_token = 1000};
    assert_int_equal(um_model_config_override(&config, &outside, &error), UM_ERR_FORMAT);
    assert_int_equal(config.mask_token, 3);
    scratch_remove(&directory);
}

static void a_mask_token_found_later_decides_what_the_file_leaves_open(void **state) {
    (void)state;
    static const char *const open = "{\"model_type\":\"qwen2\"," TRANSFORMERS_FIELDS "}";
    static const char *const told =
        "{\"model_type\":\"qwen2\",\"unmask\":{\"attention\":\"causal\","
        "\"logit_alignment\":\"shifted\"}," TRANSFORMERS_FIELDS "}";
    um_error error = {0};
    um_model_config config;
    assert_ok(parse_text(open, &config, &error), &error);
    um_model_config_set_mask(&config, UM_NO_TOKEN_ID);
    assert_int_equal(config.attention, UM_ATTENTION_CAUSAL);
    um_model_config_set_mask(&config, 3);
    assert_int_equal(config.attention, UM_ATTENTION_FULL);
    assert_int_equal(config.logit_alignment, UM_LOGITS_SHIFTED);
    assert_int_equal(config.mask_token, 3);
    assert_ok(parse_text(told, &config, &error), &error);
    um_model_config_set_mask(&config, 3);
    assert_int_equal(config.attention, UM_ATTENTION_CAUSAL);
    json_t *root = json_loads(open, 0, NULL);
    um_model_config_overrides overrides = {.has_mask_token = true, .mask_token = 3};
    assert_ok(um_model_config_parse_with(root, "c", &overrides, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_FULL);
    overrides.has_attention = true;
    overrides.attention = UM_ATTENTION_CAUSAL;
    assert_ok(um_model_config_parse_with(root, "c", &overrides, &config, &error), &error);
    assert_int_equal(config.attention, UM_ATTENTION_CAUSAL);
    json_decref(root);
}

static void a_block_length_that_is_missing_can_be_given(void **state) {
    (void)state;
    const char *text = "{\"model_type\":\"sdar\",\"head_dim\":16," TRANSFORMERS_FIELDS "}";
    um_error error = {0};
    um_model_config config;
    assert_int_equal(parse_text(text, &config, &error), UM_ERR_FORMAT);
    assert_non_null(strstr(error.message, "needs a block length"));
    json_t *root = json_loads(text, 0, NULL);
    const um_model_config_overrides overrides = {.attention_block_length = 4};
    assert_ok(um_model_config_parse_with(root, "c", &overrides, &config, &error), &error);
    assert_int_equal(config.attention_block_length, 4);
    json_decref(root);
}

static void formatted_configs_read_back_equal(void **state) {
    (void)state;
    for (int family = UM_FAMILY_DREAM; family <= UM_FAMILY_LLADA; family++) {
        for (int attention = UM_ATTENTION_FULL; attention <= UM_ATTENTION_BLOCK_CAUSAL;
             attention++) {
            const bool blocks = attention == UM_ATTENTION_BLOCK_CAUSAL;
            const um_model_config config = {
                .family = (um_family)family,
                .vocabulary_size = 77,
                .hidden_size = 24,
                .intermediate_size = 40,
                .layer_count = 2,
                .head_count = 6,
                .kv_head_count = 3,
                .head_dim = family == UM_FAMILY_QWEN3 || family == UM_FAMILY_LLAMA ? 8 : 4,
                .maximum_positions = 99,
                .rms_norm_epsilon = 0x1.5p-20,
                .rope_base = 1e6 / 3,
                .qkv_bias = family == UM_FAMILY_DREAM || family == UM_FAMILY_QWEN2,
                .qk_norm = family == UM_FAMILY_QWEN3,
                .tied_head = attention == UM_ATTENTION_CAUSAL,
                .attention = (um_attention_kind)attention,
                .attention_block_length = blocks ? 4 : 0,
                .logit_alignment = blocks ? UM_LOGITS_AT_POSITION : UM_LOGITS_SHIFTED,
                .mask_token = 70,
                .bos_token = UM_NO_TOKEN_ID,
                .eos_token = 71,
                .pad_token = 72};
            um_error error = {0};
            um_buffer json = {0};
            assert_ok(um_model_config_format(&config, &json, &error), &error);
            um_model_config read;
            assert_ok(parse_text(um_buffer_text(&json), &read, &error), &error);
            um_buffer_free(&json);
            assert_same_config(&read, &config);
        }
    }
}

static void what_a_family_cannot_say_is_not_written(void **state) {
    (void)state;
    um_error error = {0};
    um_model_config config;
    assert_ok(parse_text(DREAM, &config, &error), &error);
    um_buffer json = {0};
    config.qkv_bias = false;
    assert_int_equal(um_model_config_format(&config, &json, &error), UM_ERR_UNSUPPORTED);
    config.qkv_bias = true;
    config.head_dim = 32;
    assert_int_equal(um_model_config_format(&config, &json, &error), UM_ERR_UNSUPPORTED);
    config.family = UM_FAMILY_QWEN2;
    assert_ok(um_model_config_format(&config, &json, &error), &error);
    um_buffer_free(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_dream_is_read),
        cmocka_unit_test(every_field_of_llada_is_read),
        cmocka_unit_test(conventions_follow_from_the_file),
        cmocka_unit_test(missing_fields_are_named),
        cmocka_unit_test(what_other_files_tell_may_be_missing),
        cmocka_unit_test(features_that_are_not_covered_are_named),
        cmocka_unit_test(a_rotation_base_inside_rope_parameters_is_read),
        cmocka_unit_test(overrides_replace_what_the_file_says),
        cmocka_unit_test(a_mask_token_found_later_decides_what_the_file_leaves_open),
        cmocka_unit_test(a_block_length_that_is_missing_can_be_given),
        cmocka_unit_test(formatted_configs_read_back_equal),
        cmocka_unit_test(what_a_family_cannot_say_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
