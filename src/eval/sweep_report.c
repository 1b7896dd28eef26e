#include "eval/sweep_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "eval/sweep_internal.h"
#include "statistics/bootstrap.h"
#include "statistics/rates.h"

#define DESCRIPTION 64

/* ---- Making it -------------------------------------------------------------------- */

static json_t *describe_models(const um_sweep_grid *grid) {
    json_t *models = json_array();
    for (size_t i = 0; i < grid->model_count; i++) {
        const um_sweep_model *model = &grid->models[i];
        (void)json_array_append_new(
            models, json_pack("{s:o, s:s, s:b, s:I}", "name", um_json_repaired(model->name),
                              "algorithm", model->algorithm, "is_causal", model->is_causal,
                              "parameters", (json_int_t)model->parameter_count));
    }
    return models;
}

static json_t *describe_lines(const um_sweep_grid *grid) {
    json_t *lines = json_array();
    for (size_t i = 0; i < grid->line_count; i++) {
        const um_sweep_line *line = &grid->lines[i];
        char decoding[DESCRIPTION];
        char share[UM_STEP_SHARE_TEXT];
        um_sweep_describe_line(grid, line, decoding, sizeof decoding);
        um_step_share_format(line->steps, share);
        (void)json_array_append_new(
            lines, json_pack("{s:I, s:o, s:o, s:s?}", "model", (json_int_t)line->model, "name",
                             um_json_repaired(grid->models[line->model].name), "decoding",
                             um_json_repaired(decoding), "steps",
                             um_step_share_is_set(line->steps) ? share : NULL));
    }
    return lines;
}

/* A point holds what its evaluation reports for each format, and the options that it was decoded
 * with. */
static um_status describe_point(const um_sweep_grid *grid, size_t point, const json_t *report,
                                json_t *points, um_error *error) {
    char name[1024];
    json_t *formats = NULL;
    json_t *settings = NULL;
    json_t *decoding = NULL;
    UM_TRY(um_sweep_point_name(grid, point, name, sizeof name, error));
    UM_TRY(um_json_require_array(report, name, "formats", &formats, error));
    UM_TRY(um_json_require_object(report, name, "settings", &settings, error));
    UM_TRY(um_json_require_object(settings, name, "decoding", &decoding, error));
    json_t *made = json_pack(
        "{s:I, s:f, s:o, s:O*, s:O*, s:O, s:O, s:O*}", "line",
        (json_int_t)(point / grid->axes.temperatures.count), "temperature",
        um_sweep_temperature_at(grid, point), "directory", um_json_repaired(name), "samples_each",
        json_object_get(report, "samples_each"), "k", json_object_get(report, "k"), "formats",
        formats, "decoding", decoding, "seconds", json_object_get(report, "seconds"));
    return json_array_append_new(points, made) == 0 ? UM_OK
                                                    : um_error_memory(error, "the report", 0);
}

static json_t *temperatures_of(const um_sweep_grid *grid) {
    json_t *temperatures = json_array();
    for (size_t i = 0; i < grid->axes.temperatures.count; i++) {
        (void)json_array_append_new(temperatures, json_real(grid->axes.temperatures.values[i]));
    }
    return temperatures;
}

/* The formats of the problems, with the number of each; they are the same at every point. */
static json_t *formats_of(const json_t *report) {
    json_t *formats = json_array();
    size_t i = 0;
    const json_t *part = NULL;
    json_array_foreach (json_object_get(report, "formats"), i, part) {
        (void)json_array_append_new(formats, json_pack("{s:O*, s:O*}", "format",
                                                       json_object_get(part, "format"), "problems",
                                                       json_object_get(part, "problems")));
    }
    return formats;
}

static um_status fill(const um_sweep_grid *grid, json_t *const *reports, json_t *report,
                      um_error *error) {
    json_t *points = json_array();
    json_t *comparisons = NULL;
    (void)json_object_set_new(report, "points", points);
    for (size_t i = 0; i < um_sweep_point_count(grid); i++) {
        UM_TRY(describe_point(grid, i, reports[i], points, error));
    }
    UM_TRY(um_sweep_compare(grid, reports, &comparisons, error));
    return json_object_set_new(report, "comparisons", comparisons) == 0
               ? UM_OK
               : um_error_memory(error, "the report", 0);
}

um_status um_sweep_report_create(const um_sweep_grid *grid, json_t *const *reports, json_t **report,
                                 um_error *error) {
    const json_t *first = reports[0];
    *report = json_pack("{s:s, s:O*, s:O*, s:o, s:o, s:o, s:o, s:i, s:i}", "version", um_version(),
                        "problems_file", json_object_get(first, "problems_file"), "sandbox",
                        json_object_get(first, "sandbox"), "formats", formats_of(first),
                        "temperatures", temperatures_of(grid), "models", describe_models(grid),
                        "lines", describe_lines(grid), "bootstrap_resamples",
                        UM_BOOTSTRAP_RESAMPLES, "bootstrap_seed", UM_BOOTSTRAP_SEED);
    if (!*report) {
        return um_error_memory(error, "the report", 0);
    }
    const um_status status = fill(grid, reports, *report, error);
    if (status != UM_OK) {
        json_decref(*report);
        *report = NULL;
    }
    return status;
}

/* ---- Reading it ---------------------------------------------------------------------- */

double um_sweep_number(const json_t *object, const char *key) {
    const json_t *number = json_object_get(object, key);
    return json_is_number(number) ? json_number_value(number) : (double)NAN;
}

void um_sweep_format(double value, char text[UM_SWEEP_CELL]) {
    if (!isfinite(value)) {
        (void)snprintf(text, UM_SWEEP_CELL, "-");
    } else {
        (void)snprintf(text, UM_SWEEP_CELL, fabs(value) >= 100 ? "%.0f" : "%.3g", value);
    }
}

void um_sweep_label(const json_t *report, size_t index, char *label, size_t label_size) {
    const json_t *line = json_array_get(json_object_get(report, "lines"), index);
    (void)snprintf(label, label_size, "%.100s, %s", um_json_text(line, "name"),
                   um_json_text(line, "decoding"));
}

const json_t *um_sweep_point(const json_t *report, size_t line, size_t temperature) {
    const size_t temperatures = json_array_size(json_object_get(report, "temperatures"));
    return json_array_get(json_object_get(report, "points"), line * temperatures + temperature);
}

const json_t *um_sweep_part(const json_t *point, const char *format) {
    size_t i = 0;
    const json_t *part = NULL;
    json_array_foreach (json_object_get(point, "formats"), i, part) {
        if (strcmp(um_json_text(part, "format"), format) == 0) {
            return part;
        }
    }
    return NULL;
}

um_sweep_rate um_sweep_rate_of(const json_t *part, size_t k) {
    char name[32];
    (void)snprintf(name, sizeof name, "pass@%zu", k);
    const json_t *rate = json_object_get(part, name);
    return (um_sweep_rate){.value = 100 * um_sweep_number(rate, "value"),
                           .low = 100 * um_sweep_number(rate, "low"),
                           .high = 100 * um_sweep_number(rate, "high")};
}

size_t um_sweep_largest_k(const json_t *report) {
    size_t largest = 1;
    size_t i = 0;
    const json_t *point = NULL;
    json_array_foreach (json_object_get(report, "points"), i, point) {
        const json_t *ks = json_object_get(point, "k");
        for (size_t k = 0; k < json_array_size(ks); k++) {
            const size_t value = (size_t)json_integer_value(json_array_get(ks, k));
            largest = value > largest ? value : largest;
        }
    }
    return largest;
}
