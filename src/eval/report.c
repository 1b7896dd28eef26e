#include "eval/report.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "eval/report_parts.h"
#include "statistics/rates.h"

/* The problems of one level and format. */
typedef struct group {
    int64_t level;
    um_problem_format format;
    um_eval_part part;
} group;

/* ---- Counts -------------------------------------------------------------------- */

static json_t *verdict_counts(const um_eval_records *records) {
    size_t counts[UM_VERDICT_ENDED + 1] = {0};
    json_t *object = json_object();
    for (size_t i = 0; i < um_eval_records_count(records); i++) {
        counts[records->samples[i].verdict]++;
    }
    for (size_t i = 0; i <= UM_VERDICT_ENDED; i++) {
        (void)json_object_set_new(object, um_verdict_name((um_verdict)i),
                                  json_integer((json_int_t)counts[i]));
    }
    return object;
}

/* ---- Groups ---------------------------------------------------------------------- */

/* A problem with its sort keys. */
typedef struct place {
    int64_t level;
    um_problem_format format;
    size_t number;
} place;

static int order_of_places(const void *left, const void *right) {
    const place *a = left;
    const place *b = right;
    if (a->level != b->level) {
        return a->level < b->level ? -1 : 1;
    }
    if (a->format != b->format) {
        return a->format < b->format ? -1 : 1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

static um_status sort_problems(const um_eval_records *records, place **places, um_error *error) {
    UM_TRY(um_allocate(places, records->problem_count, sizeof **places, "problems", error));
    for (size_t i = 0; i < records->problem_count; i++) {
        (*places)[i] = (place){.level = records->problems[i]->level,
                               .format = records->problems[i]->format,
                               .number = i};
    }
    qsort(*places, records->problem_count, sizeof **places, order_of_places);
    return UM_OK;
}

static um_status add_group(const um_eval_records *records, const group *found, const um_pass_ks *ks,
                           json_t *groups, um_error *error) {
    json_t *object = NULL;
    UM_TRY(um_eval_part_rates(records, &found->part, ks, &object, error));
    (void)json_object_set_new(object, "level", json_integer((json_int_t)found->level));
    (void)json_object_set_new(object, "format", json_string(um_problem_format_name(found->format)));
    return json_array_append_new(groups, object) == 0 ? UM_OK
                                                      : um_error_memory(error, "the report", 0);
}

/* numbers[problem_count] holds the problems in the order of `places`. */
static um_status add_groups(const um_eval_records *records, const place *places,
                            const size_t *numbers, const um_pass_ks *ks, json_t *groups,
                            um_error *error) {
    for (size_t first = 0; first < records->problem_count;) {
        group found = {.level = places[first].level,
                       .format = places[first].format,
                       .part = {.problems = numbers + first}};
        size_t *count = &found.part.count;
        while (first + *count < records->problem_count &&
               places[first + *count].level == found.level &&
               places[first + *count].format == found.format) {
            (*count)++;
        }
        UM_TRY(add_group(records, &found, ks, groups, error));
        first += *count;
    }
    return UM_OK;
}

/* A member of "formats": the problems of one format, whatever their level, with their cost. */
static um_status add_format(const um_eval_records *records, um_problem_format format,
                            const um_pass_ks *ks, size_t *numbers, json_t *formats,
                            um_error *error) {
    um_eval_part part = {.problems = numbers};
    json_t *object = NULL;
    for (size_t i = 0; i < records->problem_count; i++) {
        if (records->problems[i]->format == format) {
            numbers[part.count++] = i;
        }
    }
    if (part.count == 0) {
        return UM_OK;
    }
    UM_TRY(um_eval_part_rates(records, &part, ks, &object, error));
    const um_eval_cost_sum cost = um_eval_part_cost(records, &part);
    (void)json_object_set_new(object, "format", json_string(um_problem_format_name(format)));
    (void)json_object_set_new(object, "cost", um_eval_cost_json(&cost));
    return json_array_append_new(formats, object) == 0 ? UM_OK
                                                       : um_error_memory(error, "the report", 0);
}

static um_status add_formats(const um_eval_records *records, const um_pass_ks *ks, size_t *numbers,
                             json_t *report, um_error *error) {
    json_t *formats = json_array();
    um_status status = UM_OK;
    for (int i = 0; i < UM_PROBLEM_FORMATS && status == UM_OK; i++) {
        status = add_format(records, (um_problem_format)i, ks, numbers, formats, error);
    }
    (void)json_object_set_new(report, "formats", formats);
    return status;
}

/* In the order of the file, as those of each format are: resamples depend on the order. */
static um_status rate_all(const um_eval_records *records, const um_pass_ks *ks, size_t *numbers,
                          json_t **all, um_error *error) {
    const um_eval_part part = {.problems = numbers, .count = records->problem_count};
    for (size_t i = 0; i < records->problem_count; i++) {
        numbers[i] = i;
    }
    return um_eval_part_rates(records, &part, ks, all, error);
}

static um_status fill_parts(const um_eval_records *records, const um_pass_ks *ks,
                            const place *places, size_t *numbers, json_t *report, um_error *error) {
    json_t *groups = json_array();
    json_t *all = NULL;
    um_status status = rate_all(records, ks, numbers, &all, error);
    for (size_t i = 0; i < records->problem_count; i++) {
        numbers[i] = places[i].number;
    }
    if (status == UM_OK) {
        status = add_groups(records, places, numbers, ks, groups, error);
    }
    (void)json_object_set_new(report, "groups", groups);
    (void)json_object_set_new(report, "all", all ? all : json_null());
    return status == UM_OK ? add_formats(records, ks, numbers, report, error) : status;
}

static um_status add_parts(const um_eval_records *records, const um_pass_ks *ks, json_t *report,
                           um_error *error) {
    place *places = NULL;
    size_t *numbers = NULL;
    um_status status = sort_problems(records, &places, error);
    if (status == UM_OK) {
        status = um_allocate(&numbers, records->problem_count, sizeof *numbers, "problems", error);
    }
    if (status == UM_OK) {
        status = fill_parts(records, ks, places, numbers, report, error);
    }
    free(numbers);
    free(places);
    return status;
}

/* "results": the outcome of each problem. */
static void add_results(const um_eval_records *records, json_t *report) {
    json_t *results = json_array();
    for (size_t i = 0; i < records->problem_count; i++) {
        (void)json_array_append_new(
            results, json_pack("{s:s, s:s, s:I}", "task_id", records->problems[i]->id, "format",
                               um_problem_format_name(records->problems[i]->format), "passed",
                               (json_int_t)um_eval_passed(records, i)));
    }
    (void)json_object_set_new(report, "results", results);
}

/* ---- Cost ------------------------------------------------------------------------ */

static void add_cost(const um_eval_records *records, json_t *report) {
    const um_eval_cost_sum sum = um_eval_part_cost(records, NULL);
    (void)json_object_set_new(report, "cost", um_eval_cost_json(&sum));
    (void)json_object_set_new(report, "seconds",
                              json_pack("{s:f, s:f, s:f, s:f, s:f}", "decoding", sum.decode,
                                        "forward", sum.forward, "projection", sum.projection,
                                        "sampler", sum.sampling, "sandbox", sum.sandbox));
}

/* ---- The report -------------------------------------------------------------------- */

static um_pass_ks usable_ks(const um_pass_ks *ks, size_t samples) {
    um_pass_ks usable = {.count = 0};
    for (size_t i = 0; i < ks->count; i++) {
        if (ks->values[i] <= samples) {
            usable.values[usable.count++] = ks->values[i];
        }
    }
    return usable;
}

um_status um_eval_report_create(const um_eval_records *records, const um_eval_facts *facts,
                                const um_pass_ks *ks, json_t **report, um_error *error) {
    const um_pass_ks usable = usable_ks(ks, records->samples_each);
    json_t *pass_at = json_array();
    for (size_t i = 0; i < usable.count; i++) {
        (void)json_array_append_new(pass_at, json_integer((json_int_t)usable.values[i]));
    }
    *report = json_pack("{s:s, s:o, s:o, s:I, s:o, s:i, s:i}", "version", um_version(), "model",
                        um_json_repaired(facts->model), "problems_file",
                        um_json_repaired(facts->problems), "samples_each",
                        (json_int_t)records->samples_each, "k", pass_at, "bootstrap_resamples",
                        UM_BOOTSTRAP_RESAMPLES, "bootstrap_seed", UM_BOOTSTRAP_SEED);
    if (!*report) {
        return um_error_memory(error, "the report", 0);
    }
    um_status status = add_parts(records, &usable, *report, error);
    (void)json_object_set_new(*report, "verdicts", verdict_counts(records));
    add_cost(records, *report);
    add_results(records, *report);
    (void)json_object_set_new(*report, "sandbox",
                              facts->sandbox ? json_string(facts->sandbox) : json_null());
    (void)json_object_set(*report, "settings", (json_t *)(uintptr_t)facts->settings);
    if (status != UM_OK) {
        json_decref(*report);
        *report = NULL;
    }
    return status;
}
