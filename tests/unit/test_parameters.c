#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "base/memory.h"
#include "model/parameters.h"
#include "model/save.h"
#include "scratch.h"
#include "weights/safetensors_writer.h"

static um_model_config tiny_config(um_family family) {
    return (um_model_config){.family = family,
                             .vocabulary_size = 11,
                             .hidden_size = 8,
                             .intermediate_size = 6,
                             .layer_count = 2,
                             .head_count = 2,
                             .kv_head_count = 1,
                             .head_dim = 4,
                             .maximum_positions = 64,
                             .rms_norm_epsilon = 1e-6,
                             .rope_base = 1e4,
                             .qkv_bias = family == UM_FAMILY_DREAM || family == UM_FAMILY_QWEN2,
                             .qk_norm = family == UM_FAMILY_QWEN3,
                             .attention = UM_ATTENTION_FULL,
                             .logit_alignment = UM_LOGITS_SHIFTED,
                             .mask_token = 10,
                             .bos_token = UM_NO_TOKEN_ID,
                             .eos_token = 9,
                             .pad_token = 9};
}

/* Parameters in one block whose element i is (i / 8) modulo 16, which is exact in every type. */
static um_parameters filled_parameters(const um_model_config *config) {
    um_error error = {0};
    um_parameters parameters;
    float *block = NULL;
    size_t count = 0;
    assert_ok(um_parameters_lay_out(&parameters, config, &block, &count, &error), &error);
    for (size_t i = 0; i < count; i++) {
        block[i] = (float)(i % 128) / 8.0f;
    }
    return parameters;
}

typedef struct listing {
    char text[4096];
    size_t count;
} listing;

static um_status list_tensor(void *user, const char *name, um_tensor *tensor,
                             const um_tensor *expected, um_error *error) {
    (void)error;
    assert_null(tensor);
    assert_null(expected->data);
    listing *list = user;
    char shape[64];
    um_tensor_format_shape(expected, shape, sizeof shape);
    strcat(strcat(strcat(strcat(list->text, name), " "), shape), "\n");
    list->count++;
    return UM_OK;
}

static void dream_has_the_tensors_of_qwen2(void **state) {
    (void)state;
    um_model_config config = tiny_config(UM_FAMILY_DREAM);
    config.layer_count = 1;
    listing list = {0};
    assert_int_equal(um_parameters_visit(NULL, &config, list_tensor, &list, NULL), UM_OK);
    assert_string_equal(list.text, "model.embed_tokens.weight [11, 8]\n"
                                   "model.layers.0.input_layernorm.weight [8]\n"
                                   "model.layers.0.self_attn.q_proj.weight [8, 8]\n"
                                   "model.layers.0.self_attn.k_proj.weight [4, 8]\n"
                                   "model.layers.0.self_attn.v_proj.weight [4, 8]\n"
                                   "model.layers.0.self_attn.q_proj.bias [8]\n"
                                   "model.layers.0.self_attn.k_proj.bias [4]\n"
                                   "model.layers.0.self_attn.v_proj.bias [4]\n"
                                   "model.layers.0.self_attn.o_proj.weight [8, 8]\n"
                                   "model.layers.0.post_attention_layernorm.weight [8]\n"
                                   "model.layers.0.mlp.gate_proj.weight [6, 8]\n"
                                   "model.layers.0.mlp.up_proj.weight [6, 8]\n"
                                   "model.layers.0.mlp.down_proj.weight [8, 6]\n"
                                   "model.norm.weight [8]\n"
                                   "lm_head.weight [11, 8]\n");
}

static void llada_has_names_of_its_own(void **state) {
    (void)state;
    um_model_config config = tiny_config(UM_FAMILY_LLADA);
    config.layer_count = 1;
    listing list = {0};
    assert_int_equal(um_parameters_visit(NULL, &config, list_tensor, &list, NULL), UM_OK);
    assert_string_equal(list.text, "model.transformer.wte.weight [11, 8]\n"
                                   "model.transformer.blocks.0.attn_norm.weight [8]\n"
                                   "model.transformer.blocks.0.q_proj.weight [8, 8]\n"
                                   "model.transformer.blocks.0.k_proj.weight [4, 8]\n"
                                   "model.transformer.blocks.0.v_proj.weight [4, 8]\n"
                                   "model.transformer.blocks.0.attn_out.weight [8, 8]\n"
                                   "model.transformer.blocks.0.ff_norm.weight [8]\n"
                                   "model.transformer.blocks.0.ff_proj.weight [6, 8]\n"
                                   "model.transformer.blocks.0.up_proj.weight [6, 8]\n"
                                   "model.transformer.blocks.0.ff_out.weight [8, 6]\n"
                                   "model.transformer.ln_f.weight [8]\n"
                                   "model.transformer.ff_out.weight [11, 8]\n");
}

static void the_block_is_zeroed_aligned_and_without_overlap(void **state) {
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        um_model_config config = tiny_config(UM_FAMILY_QWEN3);
        config.tied_head = tied;
        um_error error = {0};
        um_parameters parameters;
        float *block = NULL;
        size_t count = 0;
        assert_ok(um_parameters_lay_out(&parameters, &config, &block, &count, &error), &error);
        for (size_t i = 0; i < count; i++) {
            assert_true(block[i] == 0.0f);
        }
        assert_int_equal(count % (UM_ALIGNMENT / sizeof(float)), 0);
        assert_ptr_equal(parameters.embedding.data, block);
        assert_int_equal((uintptr_t)parameters.layers[1].query_norm.data % UM_ALIGNMENT, 0);
        assert_ptr_equal(parameters.layers[0].query.data, block + 96 + 16);
        assert_ptr_equal(parameters.layers[0].key.data, block + 96 + 16 + 64);
        assert_int_equal(parameters.head.data == parameters.embedding.data, tied);
        assert_null(parameters.layers[0].query_bias.data);
        const um_tensor *last = tied ? &parameters.final_norm : &parameters.head;
        const size_t last_count = tied ? 16 : 96;
        assert_ptr_equal((const float *)last->data + last_count, block + count);
        um_parameters_free(&parameters);
    }
}

static void write_model(const um_model_config *config, um_dtype dtype, const char *source,
                        const char *target) {
    um_error error = {0};
    um_parameters parameters = filled_parameters(config);
    assert_ok(um_model_directory_write(config, &parameters, dtype, source, target, &error), &error);
    um_parameters_free(&parameters);
}

static void assert_same_values(const um_tensor *a, const um_tensor *b) {
    size_t count = 0;
    size_t other = 0;
    assert_true(um_tensor_count(a, &count) && um_tensor_count(b, &other));
    assert_int_equal(count, other);
    float left[128];
    float right[128];
    assert_true(count <= 128);
    um_convert_to_f32(a->dtype, a->data, left, count);
    um_convert_to_f32(b->dtype, b->data, right, count);
    assert_memory_equal(left, right, count * sizeof *left);
}

static void assert_same_parameters(const um_parameters *a, const um_parameters *b) {
    assert_same_values(&a->embedding, &b->embedding);
    assert_same_values(&a->final_norm, &b->final_norm);
    assert_same_values(&a->head, &b->head);
    for (size_t i = 0; i < a->layer_count; i++) {
        /* A layer consists of tensors only. */
        const um_tensor *left = (const um_tensor *)&a->layers[i];
        const um_tensor *right = (const um_tensor *)&b->layers[i];
        for (size_t j = 0; j < sizeof *a->layers / sizeof *left; j++) {
            assert_int_equal(left[j].data != NULL, right[j].data != NULL);
            if (left[j].data) {
                assert_same_values(&left[j], &right[j]);
            }
        }
    }
}

static void check_round_trip(um_family family, um_dtype dtype, bool tied) {
    um_model_config config = tiny_config(family);
    config.tied_head = tied;
    if (family == UM_FAMILY_LLADA) {
        config.logit_alignment = UM_LOGITS_AT_POSITION;
    }
    const scratch directory = scratch_make();
    write_model(&config, dtype, NULL, directory.path);
    um_error error = {0};
    um_model_config read;
    um_checkpoint *checkpoint = NULL;
    um_parameters bound;
    assert_ok(um_model_config_read(directory.path, &read, &error), &error);
    assert_ok(um_checkpoint_open(directory.path, &checkpoint, &error), &error);
    read.tied_head = !tied; /* the files decide, not the config */
    assert_ok(um_parameters_bind(&bound, &read, checkpoint, &error), &error);
    assert_int_equal(read.tied_head, tied);
    assert_int_equal(bound.head.data == bound.embedding.data, tied);
    assert_int_equal(bound.layers[1].down.dtype, dtype);
    assert_int_equal(bound.layers[1].mlp_norm.dtype, UM_DTYPE_F32);
    um_parameters original = filled_parameters(&config);
    assert_same_parameters(&original, &bound);
    um_parameters copy;
    float *block = NULL;
    size_t count = 0;
    assert_ok(um_parameters_lay_out(&copy, &config, &block, &count, &error), &error);
    assert_ok(um_parameters_copy(&copy, &bound, &config, &error), &error);
    assert_same_parameters(&original, &copy);
    um_parameters_free(&copy);
    um_parameters_free(&original);
    um_parameters_free(&bound);
    um_checkpoint_close(checkpoint);
    assert_true(um_file_exists(directory.path, "DONE"));
    scratch_remove(&directory);
}

static void every_family_survives_a_round_trip(void **state) {
    (void)state;
    for (int family = UM_FAMILY_DREAM; family <= UM_FAMILY_LLADA; family++) {
        for (int dtype = UM_DTYPE_F32; dtype <= UM_DTYPE_BF16; dtype++) {
            check_round_trip((um_family)family, (um_dtype)dtype, false);
        }
        check_round_trip((um_family)family, UM_DTYPE_BF16, true);
    }
}

/* ---- Failures of binding ----------------------------------------------- */

typedef struct collection {
    um_named_tensor tensors[64];
    char names[64][80];
    size_t count;
    const char *left_out; /* tensors whose name contains this are skipped */
} collection;

static um_status collect(void *user, const char *name, um_tensor *tensor, const um_tensor *expected,
                         um_error *error) {
    (void)expected;
    (void)error;
    collection *all = user;
    if (all->left_out && strstr(name, all->left_out)) {
        return UM_OK;
    }
    strcpy(all->names[all->count], name);
    all->tensors[all->count] = (um_named_tensor){all->names[all->count], *tensor};
    all->count++;
    return UM_OK;
}

/* Bind a Dream checkpoint without the tensors whose name contains `left_out`, but with the tensor
 * `extra`; either may be NULL. */
static um_status bind_changed(const char *left_out, const um_named_tensor *extra, um_error *error) {
    um_model_config config = tiny_config(UM_FAMILY_DREAM);
    um_parameters parameters = filled_parameters(&config);
    collection all = {.left_out = left_out};
    assert_int_equal(um_parameters_visit(&parameters, &config, collect, &all, NULL), UM_OK);
    if (extra) {
        all.tensors[all.count++] = *extra;
    }
    const scratch directory = scratch_make();
    um_error problem = {0};
    assert_ok(um_safetensors_write(scratch_path(&directory, "model.safetensors"), all.tensors,
                                   all.count, UM_DTYPE_F32, &problem),
              &problem);
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(directory.path, &checkpoint, &problem), &problem);
    um_parameters bound;
    const um_status status = um_parameters_bind(&bound, &config, checkpoint, error);
    if (status != UM_OK) {
        assert_null(bound.layers);
        /* Drop the name of the directory from the message. */
        const size_t prefix = strlen(directory.path) + 2;
        memmove(error->message, error->message + prefix, strlen(error->message + prefix) + 1);
    }
    um_parameters_free(&bound);
    um_parameters_free(&parameters);
    um_checkpoint_close(checkpoint);
    scratch_remove(&directory);
    return status;
}

static const float numbers[64] = {1.0f, 2.0f, INFINITY};

static void missing_tensors_are_listed(void **state) {
    (void)state;
    um_error error = {0};
    assert_int_equal(bind_changed("norm.weight", NULL, &error), UM_ERR_MISMATCH);
    assert_string_equal(error.message,
                        "5 tensors are missing: model.layers.0.input_layernorm.weight, "
                        "model.layers.0.post_attention_layernorm.weight, "
                        "model.layers.1.input_layernorm.weight, "
                        "model.layers.1.post_attention_layernorm.weight, model.norm.weight");
    assert_int_equal(bind_changed("model.norm", NULL, &error), UM_ERR_MISMATCH);
    assert_string_equal(error.message, "1 tensor is missing: model.norm.weight");
    assert_int_equal(bind_changed("model", NULL, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "26 tensors are missing: model.embed_tokens.weight, "));
    assert_non_null(strstr(error.message, ", ..."));
}

static void another_shape_is_named(void **state) {
    (void)state;
    um_error error = {0};
    const um_named_tensor extra = {"model.layers.1.mlp.up_proj.weight",
                                   {.data = numbers, .rank = 2, .shape = {8, 6}}};
    assert_int_equal(bind_changed(extra.name, &extra, &error), UM_ERR_MISMATCH);
    assert_string_equal(error.message,
                        "model.layers.1.mlp.up_proj.weight: shape [8, 6], expected [6, 8]");
    const um_named_tensor flat = {"model.norm.weight",
                                  {.data = numbers, .rank = 2, .shape = {8, 1}}};
    assert_int_equal(bind_changed(flat.name, &flat, &error), UM_ERR_MISMATCH);
    assert_string_equal(error.message, "model.norm.weight: shape [8, 1], expected [8]");
}

static void vectors_must_be_finite(void **state) {
    (void)state;
    um_error error = {0};
    const um_named_tensor extra = {"model.norm.weight", {.data = numbers, .rank = 1, .shape = {8}}};
    assert_int_equal(bind_changed(extra.name, &extra, &error), UM_ERR_MISMATCH);
    assert_string_equal(error.message, "model.norm.weight: element 2 is not a finite number");
}

static void unknown_tensors_of_a_layer_are_refused(void **state) {
    (void)state;
    um_error error = {0};
    um_named_tensor extra = {"model.layers.0.self_attn.q_norm.weight",
                             {.data = numbers, .rank = 1, .shape = {4}}};
    assert_int_equal(bind_changed(NULL, &extra, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "model.layers.0.self_attn.q_norm.weight: not part of"));
    extra.name = "model.layers.2.input_layernorm.weight";
    assert_int_equal(bind_changed(NULL, &extra, &error), UM_ERR_MISMATCH);
    assert_non_null(strstr(error.message, "dream model with 2 layers"));
    extra.name = "model.layers.0.self_attn.rotary_emb.inv_freq";
    assert_ok(bind_changed(NULL, &extra, &error), &error);
    extra.name = "value_head.weight";
    assert_ok(bind_changed(NULL, &extra, &error), &error);
}

static void a_head_that_is_missing_is_tied(void **state) {
    (void)state;
    um_error error = {0};
    assert_ok(bind_changed("lm_head", NULL, &error), &error);
}

/* ---- Directories ------------------------------------------------------- */

static void tokenizer_files_are_copied_byte_for_byte(void **state) {
    (void)state;
    const um_model_config config = tiny_config(UM_FAMILY_DREAM);
    const scratch source = scratch_make();
    const scratch target = scratch_make();
    scratch_write(&source, "merges.txt", "a\0b\r\n", 5);
    scratch_write(&source, "vocab.json", "{}", 2);
    scratch_write(&source, "unrelated.txt", "x", 1);
    write_model(&config, UM_DTYPE_F32, source.path, target.path);
    um_error error = {0};
    um_buffer contents = {0};
    assert_ok(um_file_read(scratch_path(&target, "merges.txt"), 100, &contents, &error), &error);
    assert_int_equal(contents.length, 5);
    assert_memory_equal(contents.data, "a\0b\r\n", 5);
    um_buffer_free(&contents);
    assert_true(um_file_exists(target.path, "vocab.json"));
    assert_false(um_file_exists(target.path, "unrelated.txt"));
    scratch_remove(&source);
    scratch_remove(&target);
}

static void an_interrupted_write_leaves_no_marker(void **state) {
    (void)state;
    const um_model_config config = tiny_config(UM_FAMILY_DREAM);
    const scratch directory = scratch_make();
    write_model(&config, UM_DTYPE_F32, NULL, directory.path);
    assert_true(um_file_exists(directory.path, "DONE"));
    um_parameters parameters = filled_parameters(&config);
    um_convert_to_f32(UM_DTYPE_F32, &(float){1e9f},
                      (float *)(uintptr_t)parameters.layers[1].down.data, 1);
    um_error error = {0};
    assert_int_equal(
        um_model_directory_write(&config, &parameters, UM_DTYPE_F16, NULL, directory.path, &error),
        UM_ERR_MISMATCH);
    assert_false(um_file_exists(directory.path, "DONE"));
    um_parameters_free(&parameters);
    scratch_remove(&directory);
}

static void a_sharded_checkpoint_is_not_replaced(void **state) {
    (void)state;
    const um_model_config config = tiny_config(UM_FAMILY_DREAM);
    const scratch directory = scratch_make();
    scratch_write(&directory, "model.safetensors.index.json", "{}", 2);
    um_parameters parameters = filled_parameters(&config);
    um_error error = {0};
    assert_int_equal(
        um_model_directory_write(&config, &parameters, UM_DTYPE_F32, NULL, directory.path, &error),
        UM_ERR_ARGUMENT);
    assert_false(um_file_exists(directory.path, "model.safetensors"));
    um_parameters_free(&parameters);
    scratch_remove(&directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dream_has_the_tensors_of_qwen2),
        cmocka_unit_test(llada_has_names_of_its_own),
        cmocka_unit_test(the_block_is_zeroed_aligned_and_without_overlap),
        cmocka_unit_test(every_family_survives_a_round_trip),
        cmocka_unit_test(missing_tensors_are_listed),
        cmocka_unit_test(another_shape_is_named),
        cmocka_unit_test(vectors_must_be_finite),
        cmocka_unit_test(unknown_tensors_of_a_layer_are_refused),
        cmocka_unit_test(a_head_that_is_missing_is_tied),
        cmocka_unit_test(tokenizer_files_are_copied_byte_for_byte),
        cmocka_unit_test(an_interrupted_write_leaves_no_marker),
        cmocka_unit_test(a_sharded_checkpoint_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
