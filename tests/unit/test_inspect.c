#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/inspect.h"
#include "model/save.h"
#include "scratch.h"
#include "weights/safetensors_writer.h"

static const um_model_config tiny = {.family = UM_FAMILY_DREAM,
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
                                     .qkv_bias = true,
                                     .attention = UM_ATTENTION_FULL,
                                     .logit_alignment = UM_LOGITS_SHIFTED,
                                     .mask_token = 10,
                                     .bos_token = UM_NO_TOKEN_ID,
                                     .eos_token = 9,
                                     .pad_token = 9};

/* A model directory, in BF16, with one NaN and two infinities on request. */
static scratch write_tiny(bool broken_values) {
    um_error error = {0};
    um_parameters parameters;
    float *block = NULL;
    size_t count = 0;
    assert_ok(um_parameters_lay_out(&parameters, &tiny, &block, &count, &error), &error);
    if (broken_values) {
        float *down = (float *)(uintptr_t)parameters.layers[1].down.data;
        down[7] = NAN;
        down[9] = INFINITY;
        down[11] = -INFINITY;
    }
    const scratch directory = scratch_make();
    assert_ok(
        um_model_directory_write(&tiny, &parameters, UM_DTYPE_BF16, NULL, directory.path, &error),
        &error);
    um_parameters_free(&parameters);
    return directory;
}

static um_inspect_report inspect(const scratch *directory, bool scan) {
    um_error error = {0};
    um_inspect_report report;
    const um_inspect_options options = {.scan_values = scan};
    assert_ok(um_inspect(directory->path, &options, &report, &error), &error);
    return report;
}

static bool has_finding(const um_inspect_report *report, um_finding_kind kind, const char *text) {
    for (size_t i = 0; i < report->finding_count; i++) {
        if (report->findings[i].kind == kind && strstr(report->findings[i].text, text)) {
            return true;
        }
    }
    return false;
}

static void a_sound_model_has_no_findings(void **state) {
    (void)state;
    const scratch directory = write_tiny(false);
    um_inspect_report report = inspect(&directory, true);
    assert_int_equal(report.finding_count, 0);
    assert_int_equal(report.problem_count, 0);
    assert_true(report.has_config && report.scanned && report.written_to_the_end);
    assert_int_equal(report.groups[UM_PARAMETERS_EMBEDDING].elements, 88);
    assert_int_equal(report.groups[UM_PARAMETERS_HEAD].elements, 88);
    assert_int_equal(report.groups[UM_PARAMETERS_NORM].elements, 5 * 8);
    assert_int_equal(report.groups[UM_PARAMETERS_MLP].elements, 2 * 3 * 48);
    assert_int_equal(report.groups[UM_PARAMETERS_ATTENTION].elements,
                     2 * (64 + 32 + 32 + 64 + 8 + 4 + 4));
    assert_int_equal(report.used.tensors, 2 * 12 + 3);
    assert_int_equal(report.used.elements, 920);
    assert_int_equal(report.used.bytes, 2 * 920);
    assert_int_equal(report.dtype_count, 1);
    assert_string_equal(report.dtypes[0].dtype_name, "BF16");
    assert_int_equal(report.dtypes[0].totals.bytes, report.stored.bytes);
    assert_int_equal(report.weight_memory, 2 * 920 + 4 * (40 + 32));
    assert_int_equal(report.kv_memory_per_position, 2 * 4 * 2 * 4);
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void values_that_are_not_finite_are_found(void **state) {
    (void)state;
    const scratch directory = write_tiny(true);
    um_inspect_report report = inspect(&directory, false);
    assert_int_equal(report.problem_count, 0);
    um_inspect_free(&report);
    report = inspect(&directory, true);
    assert_int_equal(report.problem_count, 1);
    assert_string_equal(report.findings[0].text,
                        "model.layers.1.mlp.down_proj.weight: 1 NaN and 2 infinite of 48 "
                        "elements, the first at 7");
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void all_problems_are_collected(void **state) {
    (void)state;
    const scratch directory = write_tiny(false);
    const float values[16] = {0};
    const um_named_tensor tensors[] = {
        {"model.norm.weight", {.data = values, .rank = 1, .shape = {7}}},
        {"model.layers.0.strange.weight", {.data = values, .rank = 1, .shape = {2}}},
        {"model.layers.0.self_attn.rotary_emb.inv_freq", {.data = values, .rank = 1, .shape = {2}}},
        {"value_head.weight", {.data = values, .rank = 2, .shape = {1, 8}}},
    };
    um_error error = {0};
    assert_ok(um_safetensors_write(scratch_path(&directory, "model.safetensors"), tensors, 4,
                                   UM_DTYPE_F32, &error),
              &error);
    um_inspect_report report = inspect(&directory, false);
    /* 25 missing (the head counts as tied), 1 of another shape, 1 unknown to the layer. */
    assert_int_equal(report.problem_count, 25 + 1 + 1);
    assert_int_equal(report.note_count, 3);
    assert_true(
        has_finding(&report, UM_FINDING_PROBLEM, "model.norm.weight: shape [7], expected [8]"));
    assert_true(has_finding(&report, UM_FINDING_PROBLEM,
                            "model.embed_tokens.weight: missing, expected shape [11, 8]"));
    assert_true(has_finding(&report, UM_FINDING_PROBLEM, "model.layers.0.strange.weight: F32"));
    assert_true(has_finding(&report, UM_FINDING_NOTE, "inv_freq: F32 [2], not used"));
    assert_true(has_finding(&report, UM_FINDING_NOTE, "value_head.weight: F32 [1, 8], not used"));
    assert_true(has_finding(&report, UM_FINDING_NOTE, "the files decide"));
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void files_are_described_without_a_config(void **state) {
    (void)state;
    const scratch directory = write_tiny(false);
    scratch_write(&directory, "config.json", "{\"model_type\":\"gpt2\"}", 21);
    um_inspect_report report = inspect(&directory, false);
    assert_false(report.has_config);
    assert_int_equal(report.problem_count, 1);
    assert_true(has_finding(&report, UM_FINDING_PROBLEM, "\"gpt2\" is not covered"));
    assert_int_equal(report.stored.elements, 920);
    assert_int_equal(report.used.elements, 0);
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void a_diffusion_model_without_a_mask_token_is_noted(void **state) {
    (void)state;
    const scratch directory = write_tiny(false);
    const um_model_config_overrides no_mask = {.has_attention = true,
                                               .attention = UM_ATTENTION_FULL};
    um_error error = {0};
    um_model_config config = tiny;
    config.family = UM_FAMILY_QWEN2;
    config.mask_token = UM_NO_TOKEN_ID;
    um_buffer json = {0};
    assert_ok(um_model_config_format(&config, &json, &error), &error);
    scratch_write(&directory, "config.json", json.data, json.length);
    um_buffer_free(&json);
    (void)unlink(scratch_path(&directory, "generation_config.json"));
    um_inspect_report report;
    const um_inspect_options options = {.overrides = &no_mask};
    assert_ok(um_inspect(directory.path, &options, &report, &error), &error);
    assert_true(has_finding(&report, UM_FINDING_NOTE, "names no mask token"));
    assert_int_equal(report.problem_count, 0);
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void an_empty_directory_is_described(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_inspect_report report = inspect(&directory, true);
    assert_int_equal(report.problem_count, 2);
    assert_true(has_finding(&report, UM_FINDING_PROBLEM, "config.json: No such file"));
    assert_true(has_finding(&report, UM_FINDING_PROBLEM, "neither model.safetensors nor"));
    um_error error = {0};
    um_buffer text = {0};
    assert_ok(um_inspect_description_text(&report, &text, &error), &error);
    assert_ok(um_inspect_findings_text(&report, &text, &error), &error);
    assert_non_null(strstr(um_buffer_text(&text), "problems        2\n"));
    um_buffer_free(&text);
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void the_text_names_the_conventions(void **state) {
    (void)state;
    const scratch directory = write_tiny(false);
    um_inspect_report report = inspect(&directory, true);
    um_error error = {0};
    um_buffer text = {0};
    assert_ok(um_inspect_description_text(&report, &text, &error), &error);
    assert_ok(um_inspect_findings_text(&report, &text, &error), &error);
    static const char *const lines[] = {
        "family          dream\n",
        "shape           2 layers, hidden 8, mlp 6, 2 heads, 1 key-value heads of 4\n",
        "attention       full\n",
        "logits          shifted: row i-1 predicts token i\n",
        "tokens          mask 10, bos none, eos 9, pad 9\n",
        "memory          weights 2.13 kB, key-value cache 64.00 kB per 1000 positions\n",
        "problems        none, all values are finite\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!strstr(um_buffer_text(&text), lines[i])) {
            fail_msg("no line \"%s\" in\n%s", lines[i], um_buffer_text(&text));
        }
    }
    um_buffer_free(&text);
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void the_json_reads_back(void **state) {
    (void)state;
    const scratch directory = write_tiny(true);
    um_inspect_report report = inspect(&directory, true);
    um_error error = {0};
    um_buffer text = {0};
    assert_ok(um_inspect_json(&report, &text, &error), &error);
    json_t *root = NULL;
    assert_ok(um_json_load_bytes(text.data, text.length, "report", &root, &error), &error);
    json_t *config = NULL;
    json_t *findings = NULL;
    int64_t number = 0;
    assert_ok(um_json_require_object(root, "report", "config", &config, &error), &error);
    assert_ok(um_json_require_integer(config, "config", "mask_token", 0, 99, &number, &error),
              &error);
    assert_int_equal(number, 10);
    assert_ok(um_json_require_array(root, "report", "findings", &findings, &error), &error);
    assert_int_equal(json_array_size(findings), 1);
    assert_ok(um_json_require_integer(root, "report", "problem_count", 0, 9, &number, &error),
              &error);
    assert_int_equal(number, 1);
    json_decref(root);
    um_buffer_free(&text);
    um_inspect_free(&report);
    scratch_remove(&directory);
}

static void findings_are_limited_but_counted(void **state) {
    (void)state;
    um_inspect_report report = {0};
    for (size_t i = 0; i < UM_FINDINGS_MAXIMUM + 5; i++) {
        assert_int_equal(um_inspect_add(&report, UM_FINDING_PROBLEM, "x", NULL), UM_OK);
    }
    assert_int_equal(report.finding_count, UM_FINDINGS_MAXIMUM);
    assert_int_equal(report.problem_count, UM_FINDINGS_MAXIMUM + 5);
    um_inspect_free(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_model_has_no_findings),
        cmocka_unit_test(values_that_are_not_finite_are_found),
        cmocka_unit_test(all_problems_are_collected),
        cmocka_unit_test(files_are_described_without_a_config),
        cmocka_unit_test(a_diffusion_model_without_a_mask_token_is_noted),
        cmocka_unit_test(an_empty_directory_is_described),
        cmocka_unit_test(the_text_names_the_conventions),
        cmocka_unit_test(the_json_reads_back),
        cmocka_unit_test(findings_are_limited_but_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
