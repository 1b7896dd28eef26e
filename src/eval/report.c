#include "eval/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/statistics.h"
#include "reward/sample.h"

/* Resamples are the same for every report, so that reports can be compared. */

/* The problems of one level and format, or all of them. */
typedef struct group {
    int64_t level;
    um_problem_format format;
    bool all;
    const size_t *problems; /* [count] numbers of the records */
    size_t count;
} group;

/* ---- Counts -------------------------------------------------------------------- */

static size_t passed_of(const um_eval_records *records, size_t problem) {
    size_t passed = 0;
    for (size_t i = 0; i < records->samples_each; i++) {
        const um_eval_sample *sample = &records->samples[problem * records->samples_each + i];
        passed += sample->verdict == UM_VERDICT_PASSED;
    }
    return passed;
}

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

/* ---- pass@k --------------------------------------------------------------------- */

/* The members pass@k of `object`, each {"value", "low", "high"}. */
static um_status add_pass_rates(const um_eval_records *records, const group *part,
                                const um_eval_ks *ks, json_t *object, um_error *error) {
    double *values = NULL;
    um_interval intervals[UM_EVAL_MAXIMUM_K];
    UM_TRY(um_allocate(&values, ks->count * part->count, sizeof *values, "pass rates", error));
    for (size_t i = 0; i < part->count; i++) {
        const size_t passed = passed_of(records, part->problems[i]);
        for (size_t k = 0; k < ks->count; k++) {
            values[i * ks->count + k] = um_pass_at_k(records->samples_each, passed, ks->values[k]);
        }
    }
    const um_status status = um_problem_means(values, part->count, ks->count, intervals, error);
    for (size_t k = 0; k < ks->count && status == UM_OK; k++) {
        char name[32];
        (void)snprintf(name, sizeof name, "pass@%zu", ks->values[k]);
        (void)json_object_set_new(object, name,
                                  json_pack("{s:f, s:f, s:f}", "value", intervals[k].mean, "low",
                                            intervals[k].low, "high", intervals[k].high));
    }
    free(values);
    return status;
}

static um_status add_group(const um_eval_records *records, const group *part, const um_eval_ks *ks,
                           json_t **object, um_error *error) {
    size_t passed = 0;
    for (size_t i = 0; i < part->count; i++) {
        passed += passed_of(records, part->problems[i]);
    }
    *object =
        json_pack("{s:I, s:I, s:I}", "problems", (json_int_t)part->count, "samples",
                  (json_int_t)(part->count * records->samples_each), "passed", (json_int_t)passed);
    if (!*object) {
        return um_error_memory(error, "the report", 0);
    }
    if (!part->all) {
        (void)json_object_set_new(*object, "level", json_integer((json_int_t)part->level));
        (void)json_object_set_new(*object, "format",
                                  json_string(um_problem_format_name(part->format)));
    }
    return add_pass_rates(records, part, ks, *object, error);
}

/* ---- Groups ---------------------------------------------------------------------- */

/* A problem with what it is sorted by. */
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

/* numbers[problem_count] has the problems in the order of `places`. */
static um_status add_groups(const um_eval_records *records, const place *places,
                            const size_t *numbers, const um_eval_ks *ks, json_t *groups,
                            um_error *error) {
    for (size_t first = 0; first < records->problem_count;) {
        group part = {.level = places[first].level,
                      .format = places[first].format,
                      .problems = numbers + first};
        while (first + part.count < records->problem_count &&
               places[first + part.count].level == part.level &&
               places[first + part.count].format == part.format) {
            part.count++;
        }
        json_t *object = NULL;
        const um_status status = add_group(records, &part, ks, &object, error);
        (void)json_array_append_new(groups, object);
        UM_TRY(status);
        first += part.count;
    }
    return UM_OK;
}

static um_status add_parts(const um_eval_records *records, const um_eval_ks *ks, json_t *report,
                           um_error *error) {
    place *places = NULL;
    size_t *numbers = NULL;
    json_t *groups = json_array();
    json_t *all = NULL;
    um_status status = sort_problems(records, &places, error);
    if (status == UM_OK) {
        status = um_allocate(&numbers, records->problem_count, sizeof *numbers, "problems", error);
    }
    for (size_t i = 0; i < records->problem_count && status == UM_OK; i++) {
        numbers[i] = places[i].number;
    }
    if (status == UM_OK) {
        status = add_groups(records, places, numbers, ks, groups, error);
    }
    if (status == UM_OK) {
        const group part = {.all = true, .problems = numbers, .count = records->problem_count};
        status = add_group(records, &part, ks, &all, error);
    }
    (void)json_object_set_new(report, "groups", groups);
    (void)json_object_set_new(report, "all", all ? all : json_null());
    free(numbers);
    free(places);
    return status;
}

/* "results": what became of each problem. */
static void add_results(const um_eval_records *records, json_t *report) {
    json_t *results = json_array();
    for (size_t i = 0; i < records->problem_count; i++) {
        (void)json_array_append_new(results,
                                    json_pack("{s:s, s:I}", "task_id", records->problems[i]->id,
                                              "passed", (json_int_t)passed_of(records, i)));
    }
    (void)json_object_set_new(report, "results", results);
}

/* ---- Cost ------------------------------------------------------------------------ */

static double measured(double seconds) {
    return isfinite(seconds) ? seconds : 0;
}

static json_t *quotient(double a, double b) {
    return b > 0 ? json_real(a / b) : json_null();
}

/* Rates are of the samples that were measured; counts are of all. */
static void add_cost(const um_eval_records *records, json_t *report) {
    double tokens = 0, forwards = 0, steps = 0, measured_tokens = 0;
    double decode = 0, forward = 0, projection = 0, sampling = 0, sandbox = 0;
    size_t unmeasured = 0;
    const size_t count = um_eval_records_count(records);
    for (size_t i = 0; i < count; i++) {
        const um_eval_sample *sample = &records->samples[i];
        const bool has_time = isfinite(sample->cost.decode_seconds);
        tokens += (double)sample->cost.answer_tokens;
        forwards += (double)sample->cost.forwards;
        steps += (double)sample->cost.steps;
        measured_tokens += has_time ? (double)sample->cost.answer_tokens : 0;
        unmeasured += !has_time;
        decode += measured(sample->cost.decode_seconds);
        forward += measured(sample->cost.forward_seconds);
        projection += measured(sample->cost.projection_seconds);
        sampling += measured(sample->cost.sampling_seconds);
        sandbox += sample->judge_seconds;
    }
    (void)json_object_set_new(report, "cost",
                              json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "forwards_per_answer",
                                        quotient(forwards, (double)count), "steps_per_answer",
                                        quotient(steps, (double)count), "tokens_per_answer",
                                        quotient(tokens, (double)count), "tokens_per_forward",
                                        quotient(tokens, forwards), "tokens_per_second",
                                        quotient(measured_tokens, decode), "answers_without_time",
                                        (json_int_t)unmeasured));
    (void)json_object_set_new(report, "seconds",
                              json_pack("{s:f, s:f, s:f, s:f, s:f}", "decoding", decode, "forward",
                                        forward, "projection", projection, "sampler", sampling,
                                        "sandbox", sandbox));
}

/* ---- The report -------------------------------------------------------------------- */

static um_eval_ks usable_ks(const um_eval_ks *ks, size_t samples) {
    um_eval_ks usable = {.count = 0};
    for (size_t i = 0; i < ks->count; i++) {
        if (ks->values[i] <= samples) {
            usable.values[usable.count++] = ks->values[i];
        }
    }
    return usable;
}

um_status um_eval_report_create(const um_eval_records *records, const um_eval_facts *facts,
                                const um_eval_ks *ks, json_t **report, um_error *error) {
    const um_eval_ks usable = usable_ks(ks, records->samples_each);
    json_t *pass_at = json_array();
    for (size_t i = 0; i < usable.count; i++) {
        (void)json_array_append_new(pass_at, json_integer((json_int_t)usable.values[i]));
    }
    *report = json_pack("{s:s, s:s, s:s, s:I, s:o, s:i, s:i}", "version", um_version(), "model",
                        facts->model, "problems_file", facts->problems, "samples_each",
                        (json_int_t)records->samples_each, "k", pass_at, "bootstrap_resamples",
                        UM_BOOTSTRAP_RESAMPLES, "bootstrap_seed", UM_EVAL_BOOTSTRAP_SEED);
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
