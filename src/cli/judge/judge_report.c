#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/memory.h"
#include "cli/judge/judge.h"
#include "judge/reward_weights.h"

/* The problems of one level and format, or all of them. */
typedef struct group {
    int64_t level;
    um_problem_format format;
    bool all;
    size_t problems; /* that have samples */
    size_t samples;
    size_t passed;
    size_t fewest; /* samples that any of its problems has */
    double pass_at[UM_PASS_KS];
} group;

/* The samples of one problem. */
typedef struct tally {
    const um_problem *problem;
    size_t samples;
    size_t passed;
} tally;

typedef struct summary {
    group *groups; /* [count]; the last one is of all */
    size_t count;
} summary;

static int order_of_tallies(const void *left, const void *right) {
    const um_problem *a = ((const tally *)left)->problem;
    const um_problem *b = ((const tally *)right)->problem;
    if (a->level != b->level) {
        return a->level < b->level ? -1 : 1;
    }
    if (a->format != b->format) {
        return a->format < b->format ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

/* One tally for each problem that has samples, sorted by level and format. */
static um_status tally_problems(const um_judged *judged, tally **tallies, size_t *count,
                                um_error *error) {
    const size_t samples = judged->samples->count;
    UM_TRY(um_allocate(tallies, samples, sizeof **tallies, "samples", error));
    for (size_t i = 0; i < samples; i++) {
        (*tallies)[i] = (tally){.problem = judged->samples->samples[i].problem,
                                .samples = 1,
                                .passed = judged->results[i].verdict == UM_VERDICT_PASSED};
    }
    qsort(*tallies, samples, sizeof **tallies, order_of_tallies);
    *count = 0;
    for (size_t i = 0; i < samples; i++) {
        tally *last = *count > 0 ? &(*tallies)[*count - 1] : NULL;
        if (last && last->problem == (*tallies)[i].problem) {
            last->samples++;
            last->passed += (*tallies)[i].passed;
        } else {
            (*tallies)[(*count)++] = (*tallies)[i];
        }
    }
    return UM_OK;
}

static void add_to_group(group *target, const tally *item, const um_pass_ks *ks) {
    target->problems++;
    target->samples += item->samples;
    target->passed += item->passed;
    if (target->problems == 1 || item->samples < target->fewest) {
        target->fewest = item->samples;
    }
    for (size_t i = 0; i < ks->count; i++) {
        if (ks->values[i] <= item->samples) {
            target->pass_at[i] += um_pass_at_k(item->samples, item->passed, ks->values[i]);
        }
    }
}

static um_status summarise(const um_judged *judged, const um_pass_ks *ks, summary *made,
                           um_error *error) {
    tally *tallies = NULL;
    size_t count = 0;
    UM_TRY(tally_problems(judged, &tallies, &count, error));
    const um_status status =
        um_allocate(&made->groups, count + 1, sizeof *made->groups, "groups", error);
    if (status != UM_OK) {
        free(tallies);
        return status;
    }
    group all = {.all = true};
    for (size_t i = 0; i < count; i++) {
        const um_problem *problem = tallies[i].problem;
        const group *last = made->count > 0 ? &made->groups[made->count - 1] : NULL;
        if (!last || last->level != problem->level || last->format != problem->format) {
            made->groups[made->count++] =
                (group){.level = problem->level, .format = problem->format};
        }
        add_to_group(&made->groups[made->count - 1], &tallies[i], ks);
        add_to_group(&all, &tallies[i], ks);
    }
    made->groups[made->count++] = all;
    free(tallies);
    return UM_OK;
}

/* Whether every problem of the group has as many samples as pass@k needs. */
static bool has_k(const group *item, size_t k) {
    return item->problems > 0 && k <= item->fewest;
}

/* Whether any row of the table has a number for pass@k. */
static bool any_has_k(const summary *made, size_t k) {
    for (size_t i = 0; i < made->count; i++) {
        if (has_k(&made->groups[i], k)) {
            return true;
        }
    }
    return false;
}

static void count_verdicts(const um_judged *judged, size_t counts[UM_VERDICT_ENDED + 1]) {
    memset(counts, 0, (UM_VERDICT_ENDED + 1) * sizeof *counts);
    for (size_t i = 0; i < judged->samples->count; i++) {
        counts[judged->results[i].verdict]++;
    }
}

/* ---- For people --------------------------------------------------------------- */

static um_status append_row(const summary *made, const group *item, const um_pass_ks *ks,
                            um_buffer *text, um_error *error) {
    char level[24] = "all";
    if (!item->all) {
        (void)snprintf(level, sizeof level, "%lld", (long long)item->level);
    }
    UM_TRY(um_buffer_append_format(text, error, "%5s  %-10s  %8zu  %7zu  %6zu", level,
                                   item->all ? "" : um_problem_format_name(item->format),
                                   item->problems, item->samples, item->passed));
    for (size_t i = 0; i < ks->count; i++) {
        if (has_k(item, ks->values[i])) {
            UM_TRY(um_buffer_append_format(text, error, "  %7.1f%%",
                                           100 * item->pass_at[i] / (double)item->problems));
        } else if (any_has_k(made, ks->values[i])) {
            UM_TRY(um_buffer_append_format(text, error, "  %8s", "-"));
        }
    }
    return um_buffer_append_text(text, "\n", error);
}

/* What the table does not show. */
static um_status append_notes(const um_judged *judged, const summary *made, const um_pass_ks *ks,
                              um_buffer *text, um_error *error) {
    const size_t all = um_problem_set_count(judged->problems);
    const size_t sampled = made->groups[made->count - 1].problems;
    for (size_t i = 0; judged->ks_are_asked_for && i < ks->count; i++) {
        if (!any_has_k(made, ks->values[i])) {
            UM_TRY(um_buffer_append_format(
                text, error, "pass@%zu is left out: not every problem has so many samples\n",
                ks->values[i]));
        }
    }
    return sampled < all
               ? um_buffer_append_format(text, error, "%zu of %zu problems have no samples here\n",
                                         all - sampled, all)
               : UM_OK;
}

static um_status append_table(const um_judged *judged, const summary *made, const um_pass_ks *ks,
                              um_buffer *text, um_error *error) {
    size_t counts[UM_VERDICT_ENDED + 1];
    UM_TRY(um_buffer_append_format(text, error, "%5s  %-10s  %8s  %7s  %6s", "level", "format",
                                   "problems", "samples", "passed"));
    for (size_t i = 0; i < ks->count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "pass@%zu", ks->values[i]);
        if (any_has_k(made, ks->values[i])) {
            UM_TRY(um_buffer_append_format(text, error, "  %8s", name));
        }
    }
    UM_TRY(um_buffer_append_text(text, "\n", error));
    for (size_t i = 0; i < made->count; i++) {
        UM_TRY(append_row(made, &made->groups[i], ks, text, error));
    }
    count_verdicts(judged, counts);
    const char *separator = "verdicts: ";
    for (size_t i = 0; i <= UM_VERDICT_ENDED; i++) {
        if (counts[i] > 0) {
            UM_TRY(um_buffer_append_format(text, error, "%s%zu %s", separator, counts[i],
                                           um_verdict_name((um_verdict)i)));
            separator = ", ";
        }
    }
    UM_TRY(um_buffer_append_text(text, "\n", error));
    return append_notes(judged, made, ks, text, error);
}

um_status um_judged_table(const um_judged *judged, const um_pass_ks *ks, um_buffer *text,
                          um_error *error) {
    summary made = {0};
    um_status status = summarise(judged, ks, &made, error);
    if (status == UM_OK) {
        status = append_table(judged, &made, ks, text, error);
    }
    free(made.groups);
    return status;
}

/* ---- For programs --------------------------------------------------------------- */

static json_t *group_object(const group *item, const um_pass_ks *ks) {
    json_t *object = json_pack("{s:I, s:I, s:I}", "problems", (json_int_t)item->problems, "samples",
                               (json_int_t)item->samples, "passed", (json_int_t)item->passed);
    if (!item->all) {
        (void)json_object_set_new(object, "level", json_integer((json_int_t)item->level));
        (void)json_object_set_new(object, "format",
                                  json_string(um_problem_format_name(item->format)));
    }
    for (size_t i = 0; i < ks->count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "pass@%zu", ks->values[i]);
        if (has_k(item, ks->values[i])) {
            (void)json_object_set_new(object, name,
                                      json_real(item->pass_at[i] / (double)item->problems));
        }
    }
    return object;
}

static json_t *report_object(const um_judged *judged, const summary *made, const um_pass_ks *ks) {
    size_t counts[UM_VERDICT_ENDED + 1];
    json_t *groups = json_array();
    json_t *verdicts = json_object();
    const um_reward_weights weights = um_reward_default_weights();
    double reward = 0;
    for (size_t i = 0; i + 1 < made->count; i++) {
        (void)json_array_append_new(groups, group_object(&made->groups[i], ks));
    }
    count_verdicts(judged, counts);
    for (size_t i = 0; i <= UM_VERDICT_ENDED; i++) {
        (void)json_object_set_new(verdicts, um_verdict_name((um_verdict)i),
                                  json_integer((json_int_t)counts[i]));
    }
    for (size_t i = 0; i < judged->samples->count; i++) {
        reward += um_reward_of(&weights, &judged->results[i]) / (double)judged->samples->count;
    }
    return json_pack("{s:s, s:f, s:b, s:I, s:f, s:o, s:o, s:o}", "sandbox", judged->sandbox,
                     "seconds", judged->seconds, "interrupted", judged->interrupted, "all_problems",
                     (json_int_t)um_problem_set_count(judged->problems), "mean_reward", reward,
                     "verdicts", verdicts, "groups", groups, "all",
                     group_object(&made->groups[made->count - 1], ks));
}

/* Append the object as one line and release it; NULL means that memory did not suffice for it. */
static um_status append_object(json_t *object, um_buffer *text, um_error *error) {
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!line) {
        return um_error_memory(error, "the results", 1);
    }
    const um_status status = um_buffer_append_format(text, error, "%s\n", line);
    free(line);
    return status;
}

um_status um_judged_json(const um_judged *judged, const um_pass_ks *ks, um_buffer *text,
                         um_error *error) {
    summary made = {0};
    um_status status = summarise(judged, ks, &made, error);
    if (status == UM_OK) {
        status = append_object(report_object(judged, &made, ks), text, error);
    }
    free(made.groups);
    return status;
}

static json_t *result_object(const um_sample *sample, const um_judgement *result) {
    json_t *object = json_copy(sample->line);
    const um_reward_weights weights = um_reward_default_weights();
    json_t *added = json_pack(
        "{s:b, s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f}", "passed",
        result->verdict == UM_VERDICT_PASSED, "result", result->text, "verdict",
        um_verdict_name(result->verdict), "tests_passed", (json_int_t)result->tests_passed, "tests",
        (json_int_t)result->tests_total, "format_reward", result->format, "code_reward",
        result->code, "reward", um_reward_of(&weights, result), "judge_seconds", result->seconds);
    if (!object || !added || json_object_update(object, added) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(added);
    return object;
}

um_status um_judged_write(const um_judged *judged, const char *path, um_error *error) {
    um_atomic_file *file = NULL;
    um_buffer line = {0};
    UM_TRY(um_atomic_file_open(path, &file, error));
    um_status status = UM_OK;
    for (size_t i = 0; i < judged->samples->count && status == UM_OK; i++) {
        um_buffer_clear(&line);
        status = append_object(result_object(&judged->samples->samples[i], &judged->results[i]),
                               &line, error);
        if (status == UM_OK) {
            status = um_atomic_file_write(file, line.data, line.length, error);
        }
    }
    um_buffer_free(&line);
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    return um_atomic_file_commit(file, error);
}
