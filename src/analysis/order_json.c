/* A study of decoding orders as JSON; docs/ANALYSIS.md describes it. */
#include <math.h>
#include <string.h>

#include "analysis/order_maps.h"
#include "analysis/order_study.h"
#include "base/json.h"

/* Nine digits; null if there is no number. */
static um_status put_number(double value, um_buffer *text, um_error *error) {
    return isfinite(value) ? um_buffer_append_format(text, error, "%.9g", value)
                           : um_buffer_append_text(text, "null", error);
}

typedef enum which { MEAN, LOW, HIGH, COUNT } which;

static um_status put_list(const char *name, const um_interval *intervals, size_t count, which part,
                          um_buffer *text, um_error *error) {
    UM_TRY(um_buffer_append_format(text, error, ",\"%s\":[", name));
    for (size_t i = 0; i < count; i++) {
        const um_interval *at = &intervals[i];
        UM_TRY(um_buffer_append_text(text, i > 0 ? "," : "", error));
        UM_TRY(put_number(part == MEAN   ? at->mean
                          : part == LOW  ? at->low
                          : part == HIGH ? at->high
                                         : (double)at->count,
                          text, error));
    }
    return um_buffer_append_text(text, "]", error);
}

static um_status put_lists(const um_interval *intervals, size_t count, um_buffer *text,
                           um_error *error) {
    UM_TRY(put_list("mean", intervals, count, MEAN, text, error));
    UM_TRY(put_list("low", intervals, count, LOW, text, error));
    UM_TRY(put_list("high", intervals, count, HIGH, text, error));
    return put_list("traces", intervals, count, COUNT, text, error);
}

static um_status put_interval(const char *name, const um_interval *interval, um_buffer *text,
                              um_error *error) {
    UM_TRY(um_buffer_append_format(text, error, ",\"%s\":{\"mean\":", name));
    UM_TRY(put_number(interval->mean, text, error));
    UM_TRY(um_buffer_append_text(text, ",\"low\":", error));
    UM_TRY(put_number(interval->low, text, error));
    UM_TRY(um_buffer_append_text(text, ",\"high\":", error));
    UM_TRY(put_number(interval->high, text, error));
    return um_buffer_append_format(text, error, ",\"traces\":%zu}", interval->count);
}

static um_status put_reading(const um_order_summary *summary, size_t index, um_buffer *text,
                             um_error *error) {
    const um_ar_ness_reading reading = um_ar_ness_reading_at(index);
    UM_TRY(um_buffer_append_format(text, error, "%s\n   {\"metric\":\"%s\",\"ties\":\"%s\"",
                                   index > 0 ? "," : "", reading.is_global ? "global" : "local",
                                   um_commit_ties_name(reading.ties)));
    if (!reading.is_global) {
        UM_TRY(um_buffer_append_format(text, error, ",\"pattern\":\"%s\",\"start\":\"%s\"",
                                       um_ar_ness_pattern_name(reading.pattern),
                                       um_ar_ness_start_name(reading.start)));
    }
    UM_TRY(
        um_buffer_append_format(text, error, ",\"default\":%s,\"k\":[1,2,3,4,5,6,7,8,9]",
                                index == um_ar_ness_default(reading.is_global) ? "true" : "false"));
    UM_TRY(put_lists(summary->ar_ness[index], UM_AR_NESS_MAXIMUM, text, error));
    return um_buffer_append_text(text, "}", error);
}

static um_status put_random(const char *name, const double *values, um_buffer *text,
                            um_error *error) {
    UM_TRY(um_buffer_append_format(text, error, "\"%s\":[", name));
    for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
        UM_TRY(um_buffer_append_text(text, k > 0 ? "," : "", error));
        UM_TRY(put_number(values[k], text, error));
    }
    return um_buffer_append_text(text, "]", error);
}

static um_status put_first_step(const um_order_summary *summary, um_buffer *text, um_error *error) {
    if (summary->with_profile == 0) {
        return um_buffer_append_text(text, ",\n  \"first_step\":null", error);
    }
    UM_TRY(um_buffer_append_format(text, error,
                                   ",\n  \"first_step\":{\"traces\":%zu,\n   \"confidence\":{"
                                   "\"places\":%zu",
                                   summary->with_profile, summary->profile_count));
    UM_TRY(put_lists(summary->confidence, summary->profile_count, text, error));
    UM_TRY(um_buffer_append_format(text, error, "},\n   \"entropy\":{\"places\":%zu",
                                   summary->profile_count));
    UM_TRY(put_lists(summary->entropy, summary->profile_count, text, error));
    return um_buffer_append_text(text, "}}", error);
}

/* Rows are steps, columns are places. */
static um_status put_map(const um_order_summary *summary, um_buffer *text, um_error *error) {
    double cells[UM_ORDER_BINS * UM_ORDER_BINS];
    um_order_relative_map(summary->set, cells);
    UM_TRY(um_buffer_append_text(text, ",\n  \"relative_map\":[", error));
    for (size_t i = 0; i < (size_t)UM_ORDER_BINS * UM_ORDER_BINS; i++) {
        const bool begins = i % UM_ORDER_BINS == 0;
        UM_TRY(um_buffer_append_format(text, error, "%s%.4g",
                                       i == 0   ? "\n   ["
                                       : begins ? "],\n   ["
                                                : ",",
                                       cells[i]));
    }
    return um_buffer_append_text(text, "]]", error);
}

static um_status put_facts(const um_order_summary *summary, um_buffer *text, um_error *error) {
    const um_order_set *set = summary->set;
    UM_TRY(um_buffer_append_text(text, "\n {\"label\":", error));
    UM_TRY(um_json_append_string(text, set->label, strlen(set->label), error));
    UM_TRY(um_buffer_append_text(text, ",\"temperature\":", error));
    UM_TRY(put_number(set->has_temperature ? set->temperature : (double)NAN, text, error));
    UM_TRY(um_buffer_append_format(
        text, error,
        ",\"traces\":%zu,\"prompts\":%zu,\"empty_traces\":%zu,\"tokens\":%zu,\"taken_back\":%zu,"
        "\"traces_with_several_commits_a_step\":%zu,\"positions\":%zu,"
        "\"positions_behind_end\":%zu,\"until_end\":%s",
        set->count, summary->prompts, set->empty, summary->commits, summary->taken_back,
        summary->several, set->positions, set->behind_end, set->until_end ? "true" : "false"));
    UM_TRY(put_interval("steps", &summary->steps, text, error));
    UM_TRY(put_interval("tokens_per_step", &summary->commits_per_step, text, error));
    return put_interval("distinct_answers", &summary->distinct, text, error);
}

static um_status put_set(const um_order_summary *summary, um_buffer *text, um_error *error) {
    UM_TRY(put_facts(summary, text, error));
    UM_TRY(um_buffer_append_text(text, ",\n  \"ar_ness\":[", error));
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        UM_TRY(put_reading(summary, i, text, error));
    }
    UM_TRY(um_buffer_append_text(text, "],\n  \"random_order\":{", error));
    UM_TRY(put_random("local", summary->random_local, text, error));
    UM_TRY(um_buffer_append_text(text, ",", error));
    UM_TRY(put_random("global", summary->random_global, text, error));
    UM_TRY(um_buffer_append_text(text, "}", error));
    UM_TRY(put_first_step(summary, text, error));
    UM_TRY(put_map(summary, text, error));
    return um_buffer_append_text(text, "}", error);
}

um_status um_order_json(const um_order_study *study, um_buffer *text, um_error *error) {
    UM_TRY(um_buffer_append_format(
        text, error, "{\"unmask\":\"%s\",\"interval\":%g,\"resamples\":%d,\"seed\":\"%llu\",",
        um_version(), UM_BOOTSTRAP_LEVEL, UM_BOOTSTRAP_RESAMPLES, (unsigned long long)study->seed));
    UM_TRY(um_buffer_append_text(text, "\"sets\":[", error));
    for (size_t i = 0; i < study->count; i++) {
        UM_TRY(um_buffer_append_text(text, i > 0 ? "," : "", error));
        UM_TRY(put_set(&study->summaries[i], text, error));
    }
    return um_buffer_append_text(text, "]}\n", error);
}
