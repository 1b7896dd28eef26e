#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "eval/sweep_internal.h"

#define LABEL 180

/* ---- Numbers ------------------------------------------------------------------------ */

static um_status append_rate(const json_t *part, size_t k, um_buffer *text, um_error *error) {
    const um_sweep_rate rate = um_sweep_rate_of(part, k);
    return isfinite(rate.value) ? um_buffer_append_format(text, error, "  %5.1f%% (%4.1f to %5.1f)",
                                                          rate.value, rate.low, rate.high)
                                : um_buffer_append_format(text, error, "  %22s", "-");
}

static um_status append_cell(double value, um_buffer *text, um_error *error) {
    char cell[UM_SWEEP_CELL];
    um_sweep_format(value, cell);
    return um_buffer_append_format(text, error, "  %8s", cell);
}

/* ---- Points -------------------------------------------------------------------------- */

static int widest_label(const json_t *report) {
    int widest = 5;
    for (size_t i = 0; i < json_array_size(json_object_get(report, "lines")); i++) {
        char label[LABEL];
        um_sweep_label(report, i, label, sizeof label);
        widest = (int)strlen(label) > widest ? (int)strlen(label) : widest;
    }
    return widest;
}

static um_status append_head(int width, size_t k, um_buffer *text, um_error *error) {
    char name[32];
    (void)snprintf(name, sizeof name, "pass@%zu", k);
    UM_TRY(um_buffer_append_format(text, error, "%-*s  %11s  %7s  %22s", width, "model",
                                   "temperature", "samples", "pass@1"));
    if (k > 1) {
        UM_TRY(um_buffer_append_format(text, error, "  %22s", name));
    }
    return um_buffer_append_format(text, error, "  %8s  %8s  %8s\n", "forwards", "seconds",
                                   "tokens/s");
}

static um_status append_point(const json_t *report, size_t line, size_t temperature,
                              const char *format, int width, size_t k, um_buffer *text,
                              um_error *error) {
    const json_t *point = um_sweep_point(report, line, temperature);
    const json_t *part = um_sweep_part(point, format);
    const json_t *cost = json_object_get(part, "cost");
    char label[LABEL];
    um_sweep_label(report, line, label, sizeof label);
    UM_TRY(um_buffer_append_format(text, error, "%-*s  %11g  %7.0f", width, label,
                                   um_sweep_number(point, "temperature"),
                                   um_sweep_number(part, "samples")));
    UM_TRY(append_rate(part, 1, text, error));
    if (k > 1) {
        UM_TRY(append_rate(part, k, text, error));
    }
    UM_TRY(append_cell(um_sweep_number(cost, "forwards_per_answer"), text, error));
    UM_TRY(append_cell(um_sweep_number(cost, "seconds_per_answer"), text, error));
    UM_TRY(append_cell(um_sweep_number(cost, "tokens_per_second"), text, error));
    return um_buffer_append_text(text, "\n", error);
}

static um_status append_format_points(const json_t *report, const json_t *format, um_buffer *text,
                                      um_error *error) {
    const char *name = um_json_text(format, "format");
    const int width = widest_label(report);
    const size_t k = um_sweep_largest_k(report);
    UM_TRY(um_buffer_append_format(text, error, "%s, %.0f problems\n", name,
                                   um_sweep_number(format, "problems")));
    UM_TRY(append_head(width, k, text, error));
    for (size_t i = 0; i < json_array_size(json_object_get(report, "lines")); i++) {
        for (size_t t = 0; t < json_array_size(json_object_get(report, "temperatures")); t++) {
            UM_TRY(append_point(report, i, t, name, width, k, text, error));
        }
    }
    return um_buffer_append_text(text, "\n", error);
}

/* ---- Comparisons ---------------------------------------------------------------------- */

static um_status append_comparison(const json_t *report, const json_t *each, int width,
                                   um_buffer *text, um_error *error) {
    const json_t *rate = json_object_get(each, "pass@1");
    char first[LABEL];
    char second[LABEL];
    um_sweep_label(report, (size_t)um_sweep_number(each, "first"), first, sizeof first);
    um_sweep_label(report, (size_t)um_sweep_number(each, "second"), second, sizeof second);
    return um_buffer_append_format(
        text, error, "%-10s  %11g  %-*s  %-*s  %+6.1f (%+6.1f to %+6.1f)  %8.3g\n",
        um_json_text(each, "format"), um_sweep_number(each, "temperature"), width, first, width,
        second, 100 * um_sweep_number(rate, "difference"), 100 * um_sweep_number(rate, "low"),
        100 * um_sweep_number(rate, "high"), um_sweep_number(json_object_get(each, "test"), "p"));
}

static um_status append_comparisons(const json_t *report, um_buffer *text, um_error *error) {
    const json_t *comparisons = json_object_get(report, "comparisons");
    const int width = widest_label(report);
    size_t i = 0;
    const json_t *each = NULL;
    if (json_array_size(comparisons) == 0) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_format(
        text, error,
        "points of pass@1, second less first, problem by problem\n%-10s  %11s  %-*s  %-*s  %26s  "
        "%8s\n",
        "format", "temperature", width, "first", width, "second", "difference", "p"));
    json_array_foreach (comparisons, i, each) {
        UM_TRY(append_comparison(report, each, width, text, error));
    }
    return UM_OK;
}

um_status um_sweep_report_text(const json_t *report, um_buffer *text, um_error *error) {
    size_t i = 0;
    const json_t *format = NULL;
    json_array_foreach (json_object_get(report, "formats"), i, format) {
        UM_TRY(append_format_points(report, format, text, error));
    }
    return append_comparisons(report, text, error);
}
