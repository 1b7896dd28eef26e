/* Which pairs of lines a sweep compares, problem by problem. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "eval/comparison.h"
#include "eval/sweep_internal.h"

/* Two points at one temperature, and the format of the problems to compare them over. */
typedef struct match {
    const char *kind;
    size_t first; /* lines */
    size_t second;
    size_t temperature;
    const char *format;
} match;

static json_t *const *report_at(const um_sweep_grid *grid, json_t *const *reports, size_t line,
                                size_t temperature) {
    return &reports[line * grid->axes.temperatures.count + temperature];
}

/* Collect the problems of the format from both reports into pairs[results]. */
static um_status find_pairs(const json_t *first, const json_t *second, const char *format,
                            um_rate_pair *pairs, size_t *count, um_error *error) {
    const json_t *results[2] = {json_object_get(first, "results"),
                                json_object_get(second, "results")};
    const double each[2] = {um_sweep_number(first, "samples_each"),
                            um_sweep_number(second, "samples_each")};
    *count = 0;
    for (size_t i = 0; i < json_array_size(results[0]); i++) {
        const json_t *one = json_array_get(results[0], i);
        const json_t *other = json_array_get(results[1], i);
        if (strcmp(um_json_text(one, "task_id"), um_json_text(other, "task_id")) != 0) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "the evaluations are of different problems: \"%.60s\" and \"%.60s\"",
                            um_json_text(one, "task_id"), um_json_text(other, "task_id"));
        }
        if (strcmp(um_json_text(one, "format"), format) == 0) {
            pairs[(*count)++] =
                (um_rate_pair){.first = um_sweep_number(one, "passed") / each[0],
                               .second = um_sweep_number(other, "passed") / each[1]};
        }
    }
    return UM_OK;
}

static um_status compare_pairs(const um_sweep_grid *grid, const match *each,
                               const um_rate_pair *pairs, size_t count, bool one_sample_each,
                               json_t *comparisons, um_error *error) {
    json_t *made = NULL;
    if (count == 0) {
        return UM_OK;
    }
    UM_TRY(um_eval_compare_rates(pairs, count, one_sample_each, &made, error));
    json_t *facts =
        json_pack("{s:s, s:s, s:f, s:I, s:I}", "kind", each->kind, "format", each->format,
                  "temperature", grid->axes.temperatures.values[each->temperature], "first",
                  (json_int_t)each->first, "second", (json_int_t)each->second);
    const bool is_whole =
        facts && json_object_update(made, facts) == 0 && json_array_append(comparisons, made) == 0;
    json_decref(facts);
    json_decref(made);
    return is_whole ? UM_OK : um_error_memory(error, "comparisons", 0);
}

static um_status compare_match(const um_sweep_grid *grid, json_t *const *reports, const match *each,
                               json_t *comparisons, um_error *error) {
    const json_t *first = *report_at(grid, reports, each->first, each->temperature);
    const json_t *second = *report_at(grid, reports, each->second, each->temperature);
    const size_t results = json_array_size(json_object_get(first, "results"));
    um_rate_pair *pairs = NULL;
    size_t count = 0;
    if (results != json_array_size(json_object_get(second, "results"))) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "the evaluations are of different problems");
    }
    UM_TRY(um_allocate(&pairs, results, sizeof *pairs, "problems", error));
    um_status status = find_pairs(first, second, each->format, pairs, &count, error);
    if (status == UM_OK) {
        const bool one_sample_each = um_sweep_number(first, "samples_each") == 1 &&
                                     um_sweep_number(second, "samples_each") == 1;
        status = compare_pairs(grid, each, pairs, count, one_sample_each, comparisons, error);
    }
    free(pairs);
    return status;
}

/* ---- Which pairs ------------------------------------------------------------------------ */

static bool have_equal_steps(const um_sweep_line *a, const um_sweep_line *b) {
    return a->steps.part == b->steps.part && a->steps.whole == b->steps.whole;
}

/* Of two models, lines with the same steps are compared; a causal model, which has no steps, is
 * compared with every line of a model that is not. */
static bool compares_models(const um_sweep_grid *grid, size_t first, size_t second) {
    const um_sweep_line *a = &grid->lines[first];
    const um_sweep_line *b = &grid->lines[second];
    return a->model < b->model &&
           (grid->models[a->model].is_causal != grid->models[b->model].is_causal ||
            have_equal_steps(a, b));
}

/* Of one model, the line with most steps is the first of each pair. */
static bool compares_steps(const um_sweep_grid *grid, size_t first, size_t second) {
    const um_sweep_line *a = &grid->lines[first];
    const um_sweep_line *b = &grid->lines[second];
    return a->model == b->model && first != second && grid->axes.share_count > 0 &&
           um_step_share_value(a->steps) == um_step_share_value(grid->axes.shares[0]);
}

static um_status compare_lines(const um_sweep_grid *grid, json_t *const *reports,
                               const match *lines, json_t *comparisons, um_error *error) {
    const json_t *formats = json_object_get(reports[0], "formats");
    for (size_t i = 0; i < json_array_size(formats); i++) {
        for (size_t t = 0; t < grid->axes.temperatures.count; t++) {
            match each = *lines;
            each.format = um_json_text(json_array_get(formats, i), "format");
            each.temperature = t;
            UM_TRY(compare_match(grid, reports, &each, comparisons, error));
        }
    }
    return UM_OK;
}

static um_status compare_kind(const um_sweep_grid *grid, json_t *const *reports, const char *kind,
                              bool (*compares)(const um_sweep_grid *grid, size_t first,
                                               size_t second),
                              json_t *comparisons, um_error *error) {
    for (size_t a = 0; a < grid->line_count; a++) {
        for (size_t b = 0; b < grid->line_count; b++) {
            if (compares(grid, a, b)) {
                const match lines = {.kind = kind, .first = a, .second = b};
                UM_TRY(compare_lines(grid, reports, &lines, comparisons, error));
            }
        }
    }
    return UM_OK;
}

um_status um_sweep_compare(const um_sweep_grid *grid, json_t *const *reports, json_t **comparisons,
                           um_error *error) {
    *comparisons = json_array();
    if (!*comparisons) {
        return um_error_memory(error, "comparisons", 0);
    }
    um_status status = compare_kind(grid, reports, "models", compares_models, *comparisons, error);
    if (status == UM_OK) {
        status = compare_kind(grid, reports, "steps", compares_steps, *comparisons, error);
    }
    if (status != UM_OK) {
        json_decref(*comparisons);
        *comparisons = NULL;
    }
    return status;
}
