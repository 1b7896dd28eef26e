/* The summaries of a report: for people and for programs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_internal.h"
#include "base/text.h"

/* ---- For people ---------------------------------------------------------- */

static um_status put_number(const um_run_log *log, const char *kind, const um_report_metric *metric,
                            um_buffer *text, um_error *error) {
    const um_run_series *series = um_run_log_find(log, kind, metric->name);
    char last[64];
    char best[64];
    if (!series || series->count == 0 || metric->hidden) {
        return UM_OK;
    }
    const um_report_summary summary = um_report_summarise(series, metric->better);
    um_report_format_of_series(metric, series, summary.last, last, sizeof last);
    UM_TRY(um_buffer_append_format(text, error, "  %-10s %-24s %s",
                                   strcmp(kind, "step") == 0 ? "training" : kind, metric->title,
                                   last));
    if (strcmp(kind, "validation") == 0 && isfinite(summary.best)) {
        um_report_metric_format(metric, summary.best, best, sizeof best);
        UM_TRY(
            um_buffer_append_format(text, error, ", best %s at step %.0f", best, summary.best_at));
    }
    return um_buffer_append_text(text, "\n", error);
}

um_status um_report_text(const um_report_run *runs, size_t count, um_buffer *text,
                         um_error *error) {
    static const char *const kinds[] = {"validation", "step"};
    for (size_t i = 0; i < count; i++) {
        char state[96];
        char duration[32];
        um_report_state(runs[i].log, state, sizeof state);
        um_text_of_duration(um_report_step_seconds(runs[i].log), duration, sizeof duration);
        UM_TRY(um_buffer_append_format(text, error, "%s: %s, %s of training\n", runs[i].name, state,
                                       duration));
        for (size_t j = 0; j < sizeof kinds / sizeof *kinds; j++) {
            for (size_t k = 0; um_report_metric_at(k); k++) {
                UM_TRY(put_number(runs[i].log, kinds[j], um_report_metric_at(k), text, error));
            }
        }
    }
    return UM_OK;
}

/* ---- For programs -------------------------------------------------------- */

static json_t *number_or_null(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_of_series(const um_run_series *series) {
    const um_report_metric *metric = um_report_metric_find(series->name);
    const um_report_summary summary = um_report_summarise(series, metric ? metric->better : 0);
    json_t *object = json_pack("{s:I, s:o}", "count", (json_int_t)series->count, "last",
                               number_or_null(summary.last));
    if (object && isfinite(summary.best)) {
        (void)json_object_set_new(object, "best", json_real(summary.best));
        (void)json_object_set_new(object, "best_step", json_integer((json_int_t)summary.best_at));
    }
    return object;
}

static json_t *json_of_kind(const um_run_log *log, const char *kind) {
    json_t *object = json_object();
    for (size_t i = 0; object && i < log->series_count; i++) {
        const um_run_series *series = &log->series[i];
        if (strcmp(series->kind, kind) == 0 && series->count > 0) {
            (void)json_object_set_new(object, series->name, json_of_series(series));
        }
    }
    return object;
}

static json_t *text_or_null(const char *text) {
    json_t *value = json_string(text);
    return value ? value : json_null(); /* not UTF-8 */
}

static json_t *json_of_run(const um_report_run *run) {
    const um_run_log *log = run->log;
    json_t *problems = json_array();
    for (size_t i = 0; i < log->problem_count && i < UM_RUN_LOG_PROBLEMS; i++) {
        (void)json_array_append_new(problems, text_or_null(log->problems[i]));
    }
    return json_pack("{s:o, s:o, s:O*, s:O*, s:I, s:o, s:I, s:f, s:o, s:o, s:I, s:o}", "name",
                     text_or_null(run->name), "file", text_or_null(log->path), "run", log->run,
                     "end", log->end, "step", (json_int_t)um_run_log_last_step(log), "total_steps",
                     number_or_null(um_report_total_steps(log)), "resumptions",
                     (json_int_t)log->resumptions, "step_seconds", um_report_step_seconds(log),
                     "training", json_of_kind(log, "step"), "validation",
                     json_of_kind(log, "validation"), "problem_count",
                     (json_int_t)log->problem_count, "problems", problems);
}

um_status um_report_json(const um_report_run *runs, size_t count, um_buffer *text,
                         um_error *error) {
    json_t *list = json_array();
    bool complete = list != NULL;
    for (size_t i = 0; complete && i < count; i++) {
        complete = json_array_append_new(list, json_of_run(&runs[i])) == 0;
    }
    json_t *root = json_pack("{s:o}", "runs", list);
    char *dumped =
        complete && root ? json_dumps(root, JSON_REAL_PRECISION(9) | JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!dumped) {
        return um_error_memory(error, "report", count);
    }
    um_status status = um_buffer_append_text(text, dumped, error);
    free(dumped);
    return status == UM_OK ? um_buffer_append_text(text, "\n", error) : status;
}
