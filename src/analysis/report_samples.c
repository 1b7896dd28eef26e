/* What the model wrote: the samples of the newest validation, older ones folded away. */
#include <math.h>
#include <string.h>

#include "analysis/report_internal.h"
#include "base/json.h"

#define TEXT_SIZE 4000 /* bytes of a text that are shown */

/* The length of the whole characters within the first TEXT_SIZE bytes. */
static size_t cut_length(const char *text, size_t length) {
    if (length <= TEXT_SIZE) {
        return length;
    }
    size_t end = TEXT_SIZE;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) {
        end--;
    }
    return end;
}

static um_status put_code(const json_t *sample, const char *member, const char *kind,
                          um_buffer *page, um_error *error) {
    const json_t *value = json_object_get(sample, member);
    const char *text = json_string_value(value);
    if (!text) {
        return UM_OK;
    }
    const size_t length = json_string_length(value);
    const size_t shown = cut_length(text, length);
    UM_TRY(um_buffer_append_format(page, error, "<span class=\"%s\">", kind));
    UM_TRY(um_html_text(page, text, shown, error));
    UM_TRY(um_buffer_append_text(page, "</span>", error));
    if (shown < length) {
        UM_TRY(um_buffer_append_format(
            page, error, "<span class=\"cut\"> &hellip; %zu more bytes</span>", length - shown));
    }
    return UM_OK;
}

static const char *verdict_class(const char *verdict) {
    return strcmp(verdict, "passed") == 0 ? "verdict good" : "verdict bad";
}

static um_status put_sample(const json_t *sample, um_buffer *page, um_error *error) {
    const char *task = json_string_value(json_object_get(sample, "task_id"));
    const char *verdict = json_string_value(json_object_get(sample, "verdict"));
    const json_t *reward = json_object_get(sample, "reward");
    UM_TRY(um_buffer_append_text(page, "<div class=\"sample\"><p>", error));
    if (verdict) {
        UM_TRY(um_html_element(page, "span", verdict_class(verdict), verdict, error));
    }
    if (json_is_number(reward)) {
        UM_TRY(um_buffer_append_format(page, error, "<span class=\"verdict\">reward %.4g</span>",
                                       json_number_value(reward)));
    }
    if (task) {
        UM_TRY(um_html_element(page, "span", "task", task, error));
    }
    UM_TRY(um_buffer_append_text(page, "</p><pre>", error));
    UM_TRY(put_code(sample, "prompt", "given", page, error));
    UM_TRY(put_code(sample, "completion", "written", page, error));
    UM_TRY(put_code(sample, "suffix", "given", page, error));
    return um_buffer_append_text(page, "</pre></div>\n", error);
}

/* The first sample of the step whose last sample is end - 1. */
static size_t begin_of_step(const um_run_log *log, size_t end) {
    size_t first = end;
    while (first > 0 && um_json_number(log->samples[first - 1], "step") ==
                            um_json_number(log->samples[end - 1], "step")) {
        first--;
    }
    return first;
}

static um_status put_step(const um_run_log *log, size_t first, size_t end, um_buffer *page,
                          um_error *error) {
    UM_TRY(um_buffer_append_format(page, error,
                                   "<p class=\"note\">step %.0f</p>\n<div class=\"samples\">\n",
                                   um_json_number(log->samples[first], "step")));
    for (size_t i = first; i < end; i++) {
        UM_TRY(put_sample(log->samples[i], page, error));
    }
    return um_buffer_append_text(page, "</div>\n", error);
}

static um_status put_run(const um_run_log *log, um_buffer *page, um_error *error) {
    size_t first = begin_of_step(log, log->sample_count);
    UM_TRY(put_step(log, first, log->sample_count, page, error));
    if (first == 0) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_text(page, "<details><summary>earlier steps</summary>\n", error));
    while (first > 0) {
        const size_t end = first;
        first = begin_of_step(log, end);
        UM_TRY(put_step(log, first, end, page, error));
    }
    return um_buffer_append_text(page, "</details>\n", error);
}

um_status um_report_put_samples(const um_report_run *runs, size_t count, um_buffer *page,
                                um_error *error) {
    bool titled = false;
    for (size_t i = 0; i < count; i++) {
        if (runs[i].log->sample_count == 0) {
            continue;
        }
        if (!titled) {
            titled = true;
            UM_TRY(um_buffer_append_text(page, "<h2>Samples</h2>\n", error));
        }
        UM_TRY(um_buffer_append_format(page, error, "<div class=\"g%zu\">\n<h3>", i));
        UM_TRY(um_report_put_run_name(runs, i, page, error));
        UM_TRY(um_buffer_append_text(page, "</h3>\n", error));
        UM_TRY(put_run(runs[i].log, page, error));
        UM_TRY(um_buffer_append_text(page, "</div>\n", error));
    }
    return UM_OK;
}
