/* An inspection as text and as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/inspect.h"
#include "weights/gguf.h"

/* Positions for which the cache's memory is given. */
#define CACHE_POSITIONS 1000

static const char *finding_name(um_finding_kind kind) {
    switch (kind) {
#define FINDING_CASE(name, text)                                                                   \
    case name:                                                                                     \
        return text;
        UM_FINDING_KIND_LIST(FINDING_CASE)
#undef FINDING_CASE
    }
    return "unknown";
}

/* "15.2 GB", powers of 1000. */
static const char *size_text(char text[32], size_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
    return text;
}

static const char *token_text(char text[32], int32_t token) {
    if (token == UM_NO_TOKEN_ID) {
        return "none";
    }
    (void)snprintf(text, 32, "%d", (int)token);
    return text;
}

/* ---- Text -------------------------------------------------------------- */

static um_status put_attention(const um_model_config *config, um_buffer *text, um_error *error) {
    if (config->attention == UM_ATTENTION_BLOCK_CAUSAL) {
        return um_buffer_append_format(text, error, "attention       %s, blocks of %zu\n",
                                       um_attention_name(config->attention),
                                       config->attention_block_length);
    }
    return um_buffer_append_format(text, error, "attention       %s\n",
                                   um_attention_name(config->attention));
}

static um_status put_config(const um_model_config *config, um_buffer *text, um_error *error) {
    char mask[32];
    char bos[32];
    char eos[32];
    char pad[32];
    UM_TRY(um_buffer_append_format(
        text, error,
        "family          %s\n"
        "shape           %zu layers, hidden %zu, mlp %zu, %zu heads, %zu key-value heads of %zu\n"
        "vocabulary      %zu\n"
        "positions       %zu, rotation base %g\n"
        "projections     %s biases, %s query-key norms, %s head\n",
        um_family_name(config->family), config->layer_count, config->hidden_size,
        config->intermediate_size, config->head_count, config->kv_head_count, config->head_dim,
        config->vocabulary_size, config->maximum_positions, config->rope_base,
        config->qkv_bias ? "with" : "no", config->qk_norm ? "with" : "no",
        config->tied_head ? "tied" : "separate"));
    UM_TRY(put_attention(config, text, error));
    return um_buffer_append_format(
        text, error,
        "logits          %s\n"
        "tokens          mask %s, bos %s, eos %s, pad %s\n",
        config->logit_alignment == UM_LOGITS_SHIFTED ? "shifted: row i-1 predicts token i"
                                                     : "at position: row i predicts token i",
        token_text(mask, config->mask_token), token_text(bos, config->bos_token),
        token_text(eos, config->eos_token), token_text(pad, config->pad_token));
}

static um_status put_totals(const char *label, const char *name, const um_tensor_totals *totals,
                            um_buffer *text, um_error *error) {
    char size[32];
    return um_buffer_append_format(text, error, "%-15s %-10s %8zu tensors %15zu elements %12s\n",
                                   label, name, totals->tensors, totals->elements,
                                   size_text(size, totals->bytes));
}

static um_status put_weights(const um_inspect_report *report, um_buffer *text, um_error *error) {
    for (size_t i = 0; i < report->dtype_count; i++) {
        UM_TRY(put_totals(i == 0 ? "files" : "", report->dtypes[i].dtype_name,
                          &report->dtypes[i].totals, text, error));
    }
    if (!report->has_config || report->used.tensors == 0) {
        return UM_OK;
    }
    for (size_t i = 0; i < UM_PARAMETER_GROUPS; i++) {
        UM_TRY(put_totals(i == 0 ? "parameters" : "",
                          um_parameter_group_name((um_parameter_group)i), &report->groups[i], text,
                          error));
    }
    return put_totals("", "all", &report->used, text, error);
}

static um_status put_memory(const um_inspect_report *report, um_buffer *text, um_error *error) {
    if (!report->has_config) {
        return UM_OK;
    }
    char weights[32];
    char cache[32];
    return um_buffer_append_format(
        text, error, "memory          weights %s, key-value cache %s per %d positions\n",
        size_text(weights, report->weight_memory),
        size_text(cache, CACHE_POSITIONS * report->kv_memory_per_position), CACHE_POSITIONS);
}

um_status um_inspect_findings_text(const um_inspect_report *report, um_buffer *text,
                                   um_error *error) {
    for (size_t i = 0; i < report->finding_count; i++) {
        UM_TRY(um_buffer_append_format(text, error, "%-15s %s\n",
                                       finding_name(report->findings[i].kind),
                                       report->findings[i].text));
    }
    const size_t all = report->problem_count + report->note_count;
    if (all > report->finding_count) {
        UM_TRY(um_buffer_append_format(text, error, "                and %zu more\n",
                                       all - report->finding_count));
    }
    if (report->problem_count == 0) {
        return um_buffer_append_format(text, error, "problems        none%s\n",
                                       report->scanned ? ", all values are finite" : "");
    }
    return um_buffer_append_format(text, error, "problems        %zu\n", report->problem_count);
}

um_status um_inspect_description_text(const um_inspect_report *report, um_buffer *text,
                                      um_error *error) {
    UM_TRY(um_buffer_append_format(text, error, "%-15s %s\n",
                                   um_gguf_is_path(report->directory) ? "file" : "directory",
                                   report->directory));
    if (report->has_config) {
        UM_TRY(put_config(&report->config, text, error));
    }
    UM_TRY(put_weights(report, text, error));
    return put_memory(report, text, error);
}

/* ---- JSON -------------------------------------------------------------- */

static json_t *token_json(int32_t token) {
    return token == UM_NO_TOKEN_ID ? json_null() : json_integer(token);
}

static json_t *config_json(const um_model_config *config) {
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:b, s:b, s:b, s:s, s:I, s:s,"
        " s:o, s:o, s:o, s:o}",
        "family", um_family_name(config->family), "vocabulary_size",
        (json_int_t)config->vocabulary_size, "hidden_size", (json_int_t)config->hidden_size,
        "intermediate_size", (json_int_t)config->intermediate_size, "layer_count",
        (json_int_t)config->layer_count, "head_count", (json_int_t)config->head_count,
        "kv_head_count", (json_int_t)config->kv_head_count, "head_dim",
        (json_int_t)config->head_dim, "maximum_positions", (json_int_t)config->maximum_positions,
        "rms_norm_epsilon", config->rms_norm_epsilon, "rope_base", config->rope_base, "qkv_bias",
        config->qkv_bias, "qk_norm", config->qk_norm, "tied_head", config->tied_head, "attention",
        um_attention_name(config->attention), "attention_block_length",
        (json_int_t)config->attention_block_length, "logit_alignment",
        um_logit_alignment_name(config->logit_alignment), "mask_token",
        token_json(config->mask_token), "bos_token", token_json(config->bos_token), "eos_token",
        token_json(config->eos_token), "pad_token", token_json(config->pad_token));
}

static json_t *totals_json(const um_tensor_totals *totals) {
    return json_pack("{s:I, s:I, s:I}", "tensors", (json_int_t)totals->tensors, "elements",
                     (json_int_t)totals->elements, "bytes", (json_int_t)totals->bytes);
}

static json_t *dtypes_json(const um_inspect_report *report) {
    json_t *object = json_object();
    for (size_t i = 0; i < report->dtype_count; i++) {
        (void)json_object_set_new(object, report->dtypes[i].dtype_name,
                                  totals_json(&report->dtypes[i].totals));
    }
    return object;
}

static json_t *groups_json(const um_inspect_report *report) {
    json_t *object = json_object();
    for (size_t i = 0; i < UM_PARAMETER_GROUPS; i++) {
        (void)json_object_set_new(object, um_parameter_group_name((um_parameter_group)i),
                                  totals_json(&report->groups[i]));
    }
    return object;
}

static json_t *findings_json(const um_inspect_report *report) {
    json_t *array = json_array();
    for (size_t i = 0; i < report->finding_count; i++) {
        (void)json_array_append_new(array, json_pack("{s:s, s:s}", "kind",
                                                     finding_name(report->findings[i].kind), "text",
                                                     report->findings[i].text));
    }
    return array;
}

/* A directory name need not be UTF-8, which jansson requires. */
static json_t *directory_json(const um_inspect_report *report, um_error *error) {
    um_buffer quoted = {0};
    json_t *value = NULL;
    if (um_json_append_string(&quoted, report->directory, strlen(report->directory), error) ==
        UM_OK) {
        value = json_loadb(quoted.data, quoted.length, JSON_DECODE_ANY, NULL);
    }
    um_buffer_free(&quoted);
    return value;
}

um_status um_inspect_json(const um_inspect_report *report, um_buffer *json, um_error *error) {
    json_t *root = json_pack(
        "{s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "directory",
        directory_json(report, error), "config",
        report->has_config ? config_json(&report->config) : json_null(), "written_to_the_end",
        report->written_to_the_end, "scanned", report->scanned, "stored",
        totals_json(&report->stored), "dtypes", dtypes_json(report), "groups", groups_json(report),
        "used", totals_json(&report->used), "weight_memory", (json_int_t)report->weight_memory,
        "kv_memory_per_position", (json_int_t)report->kv_memory_per_position, "problem_count",
        (json_int_t)report->problem_count, "note_count", (json_int_t)report->note_count, "findings",
        findings_json(report));
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(root);
    if (!text) {
        return um_error_memory(error, "report", 0);
    }
    um_status status = um_buffer_append_text(json, text, error);
    if (status == UM_OK) {
        status = um_buffer_append_text(json, "\n", error);
    }
    free(text);
    return status;
}
