#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report_internal.h"

/* ---- About a run --------------------------------------------------------- */

double um_report_total_steps(const um_run_log *log) {
    const json_t *value = json_object_get(log->run, "steps");
    const double steps = json_number_value(value);
    return json_is_number(value) && steps >= 0 && steps < 1e15 ? steps : (double)NAN;
}

/* How the run ended, in words of our own, not the file's, because the text goes to terminals; NULL:
 * it has not ended. */
static const char *outcome_of(const um_run_log *log) {
    static const char *const known[] = {"finished", "stopped", "failed"};
    const char *outcome = json_string_value(json_object_get(log->end, "outcome"));
    for (size_t i = 0; outcome && i < sizeof known / sizeof *known; i++) {
        if (strcmp(outcome, known[i]) == 0) {
            return known[i];
        }
    }
    return log->end ? "ended" : NULL;
}

void um_report_state(const um_run_log *log, char *text, size_t text_size) {
    const double step = um_run_log_last_step(log);
    const double total = um_report_total_steps(log);
    const char *outcome = outcome_of(log);
    char of[48] = "";
    if (isfinite(total)) {
        (void)snprintf(of, sizeof of, " of %.0f", total);
    }
    if (step == 0 && !outcome) {
        (void)snprintf(text, text_size, "no steps yet%s", of);
    } else if (outcome && strcmp(outcome, "finished") == 0) {
        (void)snprintf(text, text_size, "finished, %.0f steps", step);
    } else {
        (void)snprintf(text, text_size, "%s at step %.0f%s",
                       outcome ? outcome : "running or killed", step, of);
    }
}

double um_report_step_seconds(const um_run_log *log) {
    const um_run_series *series = um_run_log_find(log, "step", "seconds");
    double sum = 0;
    for (size_t i = 0; series && i < series->count; i++) {
        sum += isfinite(series->values[i]) ? fabs(series->values[i]) : 0;
    }
    return sum;
}

um_status um_report_put_run_name(const um_report_run *runs, size_t index, um_buffer *page,
                                 um_error *error) {
    UM_TRY(um_buffer_append_format(page, error, "<span class=\"swatch c%zu\"></span>",
                                   index % UM_REPORT_COLOURS));
    return um_html_text(page, runs[index].name, strlen(runs[index].name), error);
}

/* ---- The page ------------------------------------------------------------ */

/* A hidden checkbox for each run before everything else, so that the style sheet can tell what
 * follows a cleared one; its label in the legend is what people see and click. */
static um_status put_switches(size_t count, um_buffer *page, um_error *error) {
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_buffer_append_format(
            page, error, "<input type=\"checkbox\" class=\"switch\" id=\"run%zu\" checked>\n", i));
    }
    UM_TRY(um_buffer_append_text(page, "<style>\n", error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_buffer_append_format(page, error,
                                       "#run%zu:not(:checked)~main .g%zu{display:none}"
                                       "#run%zu:not(:checked)~main label[for=run%zu]{opacity:.4;"
                                       "text-decoration:line-through}"
                                       "#run%zu:focus-visible~main label[for=run%zu]{"
                                       "outline:2px solid var(--c0)}\n",
                                       i, i, i, i, i, i));
    }
    return um_buffer_append_text(page, "</style>\n", error);
}

static um_status put_legend(const um_report_run *runs, size_t count, um_buffer *page,
                            um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<div class=\"legend\">\n", error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_buffer_append_format(page, error, "<label for=\"run%zu\">", i));
        UM_TRY(um_report_put_run_name(runs, i, page, error));
        UM_TRY(um_buffer_append_text(page, "</label>\n", error));
    }
    return um_buffer_append_text(page, "</div>\n", error);
}

static um_status put_problems(const um_report_run *runs, size_t count, um_buffer *page,
                              um_error *error) {
    for (size_t i = 0; i < count; i++) {
        const um_run_log *log = runs[i].log;
        if (log->problem_count == 0) {
            continue;
        }
        UM_TRY(um_buffer_append_text(page, "<div class=\"problems\">\n", error));
        for (size_t j = 0; j < log->problem_count && j < UM_RUN_LOG_PROBLEMS; j++) {
            UM_TRY(um_html_element(page, "p", NULL, log->problems[j], error));
        }
        if (log->problem_count > UM_RUN_LOG_PROBLEMS) {
            UM_TRY(um_buffer_append_format(page, error, "<p>and %zu more</p>\n",
                                           log->problem_count - UM_RUN_LOG_PROBLEMS));
        }
        UM_TRY(um_buffer_append_text(page, "</div>\n", error));
    }
    return UM_OK;
}

static um_status put_body(const um_report_run *runs, size_t count, um_buffer *page,
                          um_error *error) {
    UM_TRY(put_switches(count, page, error));
    UM_TRY(um_buffer_append_text(page, "<main>\n<h1>Training report</h1>\n", error));
    UM_TRY(put_problems(runs, count, page, error));
    UM_TRY(put_legend(runs, count, page, error));
    UM_TRY(um_report_put_charts(runs, count, page, error));
    UM_TRY(um_buffer_append_text(
        page,
        "<p class=\"note\">Faint lines are single steps (of long runs, lowest and highest of a few "
        "neighbours); strong ones are means over the neighbouring 2% of the run, weighted by "
        "nearness.</p>\n",
        error));
    UM_TRY(um_report_put_results(runs, count, page, error));
    UM_TRY(um_report_put_samples(runs, count, page, error));
    UM_TRY(um_report_put_recipes(runs, count, page, error));
    return um_buffer_append_text(page, "</main>\n", error);
}

um_status um_report_page(const um_report_run *runs, size_t count, um_buffer *page,
                         um_error *error) {
    char title[128];
    (void)snprintf(title, sizeof title, "Training report: %.60s%s", runs[0].name,
                   count > 1 ? " and others" : "");
    const um_html_page parts = {.title = title,
                                .style = um_page_style,
                                .scripts = {{um_page_script, um_page_script_sha256}}};
    UM_TRY(um_html_begin(page, &parts, error));
    UM_TRY(put_body(runs, count, page, error));
    return um_html_end(page, &parts, error);
}
