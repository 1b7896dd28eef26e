#include "eval/comparison.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "eval/record_log.h"
#include "eval/run_directory.h"
#include "statistics/rates.h"

/* A run as read from its directory. */
typedef struct kept_run {
    const char *path;
    json_t *settings;
    json_t *problems; /* maps id to [samples, passed] */
    size_t samples;   /* in all */
    size_t compared;  /* of those, the samples of problems that the other run has too */
} kept_run;

/* ---- Reading --------------------------------------------------------------------- */

static um_status add_result(void *user, const json_t *line, const char *where, um_error *error) {
    kept_run *run = user;
    char number[24];
    const char *id = NULL;
    bool passed = false;
    UM_TRY(um_json_require_id(line, where, "task_id", number, &id, error));
    UM_TRY(um_json_require_bool(line, where, "passed", &passed, error));
    const json_t *old = json_object_get(run->problems, id);
    const json_int_t samples = json_integer_value(json_array_get(old, 0));
    const json_int_t passes = json_integer_value(json_array_get(old, 1));
    run->samples++;
    return json_object_set_new(run->problems, id,
                               json_pack("[I, I]", samples + 1, passes + passed)) == 0
               ? UM_OK
               : um_error_memory(error, "results", 0);
}

static um_status read_run(const char *path, kept_run *run, um_error *error) {
    char file[UM_EVAL_PATH_SIZE + 32];
    *run = (kept_run){.path = path, .problems = json_object()};
    if (!run->problems) {
        return um_error_memory(error, "results", 0);
    }
    UM_TRY(um_eval_settings_read(path, &run->settings, error));
    UM_TRY(um_path_join(file, sizeof file, path, UM_EVAL_RESULTS_FILE, error));
    UM_TRY(um_record_log_open(file, add_result, run, NULL, error));
    return run->samples > 0 ? UM_OK
                            : UM_RAISE(error, UM_ERR_MISMATCH, "%s: has no results yet", path);
}

static void free_run(kept_run *run) {
    json_decref(run->settings);
    json_decref(run->problems);
}

/* ---- Comparing -------------------------------------------------------------------- */

static double rate_of(const json_t *counts) {
    return (double)json_integer_value(json_array_get(counts, 1)) /
           (double)json_integer_value(json_array_get(counts, 0));
}

static size_t samples_of(const json_t *counts) {
    return (size_t)json_integer_value(json_array_get(counts, 0));
}

static um_status find_pairs(kept_run *first, kept_run *second, um_rate_pair **pairs, size_t *count,
                            um_error *error) {
    const char *id = NULL;
    json_t *counts = NULL;
    *count = 0;
    UM_TRY(
        um_allocate(pairs, json_object_size(first->problems), sizeof **pairs, "problems", error));
    json_object_foreach (first->problems, id, counts) {
        const json_t *other = json_object_get(second->problems, id);
        if (other) {
            (*pairs)[(*count)++] =
                (um_rate_pair){.first = rate_of(counts), .second = rate_of(other)};
            first->compared += samples_of(counts);
            second->compared += samples_of(other);
        }
    }
    return *count > 0 ? UM_OK
                      : UM_RAISE(error, UM_ERR_MISMATCH, "%s and %s have no problem in common",
                                 first->path, second->path);
}

static bool has_one_each(const kept_run *run) {
    return run->samples == json_object_size(run->problems);
}

um_status um_eval_compare_rates(const um_rate_pair *pairs, size_t count, bool one_sample_each,
                                json_t **comparison, um_error *error) {
    double *differences = NULL;
    double means[2] = {0, 0};
    size_t better[2] = {0, 0};
    um_interval interval;
    UM_TRY(um_allocate(&differences, count, sizeof *differences, "differences", error));
    for (size_t i = 0; i < count; i++) {
        means[0] += pairs[i].first / (double)count;
        means[1] += pairs[i].second / (double)count;
        better[0] += pairs[i].first > pairs[i].second;
        better[1] += pairs[i].second > pairs[i].first;
        differences[i] = pairs[i].second - pairs[i].first;
    }
    const um_status status = um_problem_means(differences, count, 1, &interval, error);
    free(differences);
    UM_TRY(status);
    *comparison = json_pack(
        "{s:I, s:{s:f, s:f, s:f, s:f, s:f}, s:{s:s, s:I, s:I, s:I, s:f}}", "problems",
        (json_int_t)count, "pass@1", "first", means[0], "second", means[1], "difference",
        means[1] - means[0], "low", interval.low, "high", interval.high, "test", "name",
        one_sample_each ? "McNemar, exact" : "sign test, exact", "first_better",
        (json_int_t)better[0], "second_better", (json_int_t)better[1], "equal",
        (json_int_t)(count - better[0] - better[1]), "p", um_sign_test(better[0], better[1]));
    return *comparison ? UM_OK : um_error_memory(error, "the comparison", 0);
}

/* The members of the settings in which the runs differ: name to [first, second]. */
static json_t *differing_settings(const json_t *first, const json_t *second) {
    json_t *found = json_object();
    json_t *all = json_copy((json_t *)(uintptr_t)first);
    const char *key = NULL;
    json_t *value = NULL;
    (void)json_object_update_missing(all, (json_t *)(uintptr_t)second);
    json_object_foreach (all, key, value) {
        const json_t *one = json_object_get(first, key);
        const json_t *other = json_object_get(second, key);
        if (json_is_object(one) && json_is_object(other)) {
            json_t *inner = differing_settings(one, other);
            (void)json_object_update(found, inner);
            json_decref(inner);
        } else if (!one || !other || !json_equal(one, other)) {
            (void)json_object_set_new(
                found, key,
                json_pack("[O?, O?]", (json_t *)(uintptr_t)one, (json_t *)(uintptr_t)other));
        }
    }
    json_decref(all);
    return found;
}

static json_t *describe_run(const kept_run *run) {
    return json_pack("{s:o, s:I, s:I, s:I, s:O}", "path", um_json_repaired(run->path), "problems",
                     (json_int_t)json_object_size(run->problems), "samples",
                     (json_int_t)run->samples, "compared_samples", (json_int_t)run->compared,
                     "settings", run->settings);
}

static um_status compare_pairs(const kept_run *first, const kept_run *second,
                               const um_rate_pair *pairs, size_t count, json_t **comparison,
                               um_error *error) {
    json_t *rates = NULL;
    UM_TRY(um_eval_compare_rates(pairs, count, has_one_each(first) && has_one_each(second), &rates,
                                 error));
    *comparison =
        json_pack("{s:o, s:o}", "first", describe_run(first), "second", describe_run(second));
    json_t *rest = json_pack("{s:i, s:i, s:o}", "bootstrap_resamples", UM_BOOTSTRAP_RESAMPLES,
                             "bootstrap_seed", UM_BOOTSTRAP_SEED, "differing_settings",
                             differing_settings(first->settings, second->settings));
    const bool is_whole = *comparison && rest && json_object_update(*comparison, rates) == 0 &&
                          json_object_update(*comparison, rest) == 0;
    json_decref(rates);
    json_decref(rest);
    return is_whole ? UM_OK : um_error_memory(error, "the comparison", 0);
}

static um_status check_problems(const kept_run *first, const kept_run *second, um_error *error) {
    static const char *const key = "problems_hash";
    const json_t *one = json_object_get(first->settings, key);
    const json_t *other = json_object_get(second->settings, key);
    return one && other && json_equal(one, other)
               ? UM_OK
               : UM_RAISE(error, UM_ERR_MISMATCH,
                          "%s and %s were made with different files of problems; evaluate both "
                          "with the same one",
                          first->path, second->path);
}

um_status um_eval_compare(const char *first_path, const char *second_path, json_t **comparison,
                          um_error *error) {
    kept_run first;
    kept_run second = {0};
    um_rate_pair *pairs = NULL;
    size_t count = 0;
    *comparison = NULL;
    um_status status = read_run(first_path, &first, error);
    if (status == UM_OK) {
        status = read_run(second_path, &second, error);
    }
    if (status == UM_OK) {
        status = check_problems(&first, &second, error);
    }
    if (status == UM_OK) {
        status = find_pairs(&first, &second, &pairs, &count, error);
    }
    if (status == UM_OK) {
        status = compare_pairs(&first, &second, pairs, count, comparison, error);
    }
    free(pairs);
    free_run(&first);
    free_run(&second);
    return status;
}

/* ---- For people -------------------------------------------------------------------- */

static um_status append_settings(json_t *differing, um_buffer *text, um_error *error) {
    const char *name = NULL;
    json_t *values = NULL;
    json_object_foreach (differing, name, values) {
        char *both[2] = {NULL, NULL};
        for (size_t i = 0; i < 2; i++) {
            both[i] = json_dumps(json_array_get(values, i),
                                 JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        }
        const um_status status =
            um_buffer_append_format(text, error, "  %s: %.60s, and %.60s\n", name,
                                    both[0] ? both[0] : "?", both[1] ? both[1] : "?");
        free(both[0]);
        free(both[1]);
        UM_TRY(status);
    }
    return UM_OK;
}

/* Problems that only one run has do not count. */
static um_status append_left_out(const json_t *comparison, um_buffer *text, um_error *error) {
    static const char *const names[] = {"first", "second"};
    const double common = um_json_number(comparison, "problems");
    for (size_t i = 0; i < 2; i++) {
        const double own = um_json_number(json_object_get(comparison, names[i]), "problems");
        if (own > common) {
            UM_TRY(um_buffer_append_format(
                text, error, "left out: %.0f problem%s of the %s run, without a result in the %s\n",
                own - common, own - common == 1 ? "" : "s", names[i], names[1 - i]));
        }
    }
    return UM_OK;
}

um_status um_eval_comparison_text(const json_t *comparison, um_buffer *text, um_error *error) {
    static const char *const names[] = {"first", "second"};
    const json_t *rate = json_object_get(comparison, "pass@1");
    const json_t *test = json_object_get(comparison, "test");
    for (size_t i = 0; i < 2; i++) {
        const json_t *run = json_object_get(comparison, names[i]);
        UM_TRY(um_buffer_append_format(text, error, "%-6s  %5.1f%% pass@1, %.0f samples: %s\n",
                                       names[i], 100 * um_json_number(rate, names[i]),
                                       um_json_number(run, "compared_samples"),
                                       json_string_value(json_object_get(run, "path"))));
    }
    UM_TRY(append_left_out(comparison, text, error));
    UM_TRY(um_buffer_append_format(
        text, error, "second less first: %+.1f points (%+.1f to %+.1f), over %.0f problems\n",
        100 * um_json_number(rate, "difference"), 100 * um_json_number(rate, "low"),
        100 * um_json_number(rate, "high"), um_json_number(comparison, "problems")));
    UM_TRY(um_buffer_append_format(
        text, error, "%s: first better on %.0f, second on %.0f, equal on %.0f; p = %.3g\n",
        json_string_value(json_object_get(test, "name")), um_json_number(test, "first_better"),
        um_json_number(test, "second_better"), um_json_number(test, "equal"),
        um_json_number(test, "p")));
    json_t *differing = json_object_get(comparison, "differing_settings");
    if (json_object_size(differing) == 0) {
        return um_buffer_append_text(text, "the settings are the same\n", error);
    }
    UM_TRY(um_buffer_append_text(text, "settings that differ:\n", error));
    return append_settings(differing, text, error);
}
