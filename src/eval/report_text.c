#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "eval/report.h"

static size_t whole(const json_t *object, const char *key) {
    return (size_t)json_integer_value(json_object_get(object, key));
}

/* ---- pass@k ---------------------------------------------------------------------- */

static void name_of_k(const json_t *k, char *name, size_t name_size) {
    (void)snprintf(name, name_size, "pass@%lld", (long long)json_integer_value(k));
}

static um_status append_head(const json_t *report, um_buffer *text, um_error *error) {
    size_t i = 0;
    const json_t *k = NULL;
    UM_TRY(um_buffer_append_format(text, error, "%5s  %-10s  %8s  %7s  %6s", "level", "format",
                                   "problems", "samples", "passed"));
    json_array_foreach (json_object_get(report, "k"), i, k) {
        char name[32];
        name_of_k(k, name, sizeof name);
        UM_TRY(um_buffer_append_format(text, error, "  %22s", name));
    }
    return um_buffer_append_text(text, "\n", error);
}

static um_status append_row(const json_t *report, const json_t *part, um_buffer *text,
                            um_error *error) {
    char level[24] = "all";
    const char *format = json_string_value(json_object_get(part, "format"));
    if (format) {
        (void)snprintf(level, sizeof level, "%lld",
                       (long long)json_integer_value(json_object_get(part, "level")));
    }
    UM_TRY(um_buffer_append_format(text, error, "%5s  %-10s  %8zu  %7zu  %6zu", level,
                                   format ? format : "", whole(part, "problems"),
                                   whole(part, "samples"), whole(part, "passed")));
    size_t i = 0;
    const json_t *k = NULL;
    json_array_foreach (json_object_get(report, "k"), i, k) {
        char name[32];
        name_of_k(k, name, sizeof name);
        const json_t *rate = json_object_get(part, name);
        UM_TRY(um_buffer_append_format(
            text, error, "  %5.1f%% (%4.1f to %5.1f)", 100 * um_json_number(rate, "value"),
            100 * um_json_number(rate, "low"), 100 * um_json_number(rate, "high")));
    }
    return um_buffer_append_text(text, "\n", error);
}

static um_status append_parts(const json_t *report, um_buffer *text, um_error *error) {
    const json_t *groups = json_object_get(report, "groups");
    UM_TRY(append_head(report, text, error));
    for (size_t i = 0; json_array_size(groups) > 1 && i < json_array_size(groups); i++) {
        UM_TRY(append_row(report, json_array_get(groups, i), text, error));
    }
    return append_row(report, json_object_get(report, "all"), text, error);
}

/* ---- What else there is to tell ----------------------------------------------------- */

static um_status append_verdicts(const json_t *report, um_buffer *text, um_error *error) {
    const char *name = NULL;
    json_t *count = NULL;
    const char *separator = "verdicts: ";
    json_object_foreach (json_object_get(report, "verdicts"), name, count) {
        if (json_integer_value(count) > 0) {
            UM_TRY(um_buffer_append_format(text, error, "%s%lld %s", separator,
                                           (long long)json_integer_value(count), name));
            separator = ", ";
        }
    }
    return um_buffer_append_text(text, "\n", error);
}

static um_status append_cost(const json_t *report, um_buffer *text, um_error *error) {
    const json_t *cost = json_object_get(report, "cost");
    const json_t *seconds = json_object_get(report, "seconds");
    UM_TRY(um_buffer_append_format(
        text, error,
        "an answer: %.1f forwards, %.1f steps, %.1f tokens; %.2f tokens a forward, %.1f a "
        "second\n",
        um_json_number(cost, "forwards_per_answer"), um_json_number(cost, "steps_per_answer"),
        um_json_number(cost, "tokens_per_answer"), um_json_number(cost, "tokens_per_forward"),
        um_json_number(cost, "tokens_per_second")));
    return um_buffer_append_format(
        text, error,
        "seconds: %.1f decoding (forward %.1f, projection %.1f, sampler %.1f), %.1f in the "
        "sandbox\n",
        um_json_number(seconds, "decoding"), um_json_number(seconds, "forward"),
        um_json_number(seconds, "projection"), um_json_number(seconds, "sampler"),
        um_json_number(seconds, "sandbox"));
}

/* ---- How the run was made ------------------------------------------------------------ */

static um_status append_setting(const char *name, const json_t *value, um_buffer *text,
                                um_error *error) {
    if (!value) {
        return UM_OK;
    }
    if (json_is_string(value)) {
        return um_buffer_append_format(text, error, ", %s %s", name, json_string_value(value));
    }
    char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    const um_status status = dumped ? um_buffer_append_format(text, error, ", %s %s", name, dumped)
                                    : um_error_memory(error, "settings", 0);
    free(dumped);
    return status;
}

static um_status append_settings(const json_t *report, um_buffer *text, um_error *error) {
    static const char *const asked[] = {
        "length",   "infilling_length", "form",  "instruct", "bos",     "shots",
        "first_id", "last_id",          "limit", "quantize", "timeout", "sandbox_level"};
    const json_t *settings = json_object_get(report, "settings");
    const char *name = NULL;
    json_t *value = NULL;
    UM_TRY(um_buffer_append_format(
        text, error, "model: %s, hash %s; problems: %s, hash %s\n", um_json_text(report, "model"),
        um_json_text(settings, "model_hash"), um_json_text(report, "problems_file"),
        um_json_text(settings, "problems_hash")));
    UM_TRY(um_buffer_append_format(text, error, "unmask %s", um_json_text(report, "version")));
    json_object_foreach (json_object_get(settings, "decoding"), name, value) {
        UM_TRY(append_setting(name, value, text, error));
    }
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        UM_TRY(append_setting(asked[i], json_object_get(settings, asked[i]), text, error));
    }
    return um_buffer_append_text(text, "\n", error);
}

um_status um_eval_report_table(const json_t *report, um_buffer *text, um_error *error) {
    UM_TRY(append_parts(report, text, error));
    UM_TRY(append_verdicts(report, text, error));
    UM_TRY(append_cost(report, text, error));
    return append_settings(report, text, error);
}
