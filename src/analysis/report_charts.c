/* The curves of a report: one chart for each metric that a run has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report_internal.h"
#include "base/memory.h"
#include "page/curve.h"
#include "page/svg_plot.h"

#define CURVES_PER_RUN 3 /* raw, smooth, validation */
#define STYLE_SIZE 48
#define LABEL_SIZE 160
#define SMOOTHED_FROM 40 /* points */
#define MOST_COLUMNS 360
#define ALL_COLUMNS 1080 /* shared by the curves of a chart */
#define LEAST_COLUMNS 60
#define OTHER_CHARTS 64 /* of metrics that are not known */

typedef struct chart {
    um_plot_curve curves[UM_REPORT_RUNS * CURVES_PER_RUN];
    char styles[UM_REPORT_RUNS * CURVES_PER_RUN][STYLE_SIZE];
    char labels[UM_REPORT_RUNS * CURVES_PER_RUN][LABEL_SIZE];
    double *owned[UM_REPORT_RUNS * CURVES_PER_RUN];
    size_t count;
    double last_step; /* of all runs: all charts have the same x axis */
    bool validated;
    bool trained;
} chart;

static void chart_free(chart *made) {
    for (size_t i = 0; i < made->count; i++) {
        free(made->owned[i]);
    }
    free(made);
}

/* If `reach` > 0, smoothed over that many values on both sides. */
static um_status add_curve(chart *made, const um_report_run *runs, size_t run,
                           const um_run_series *series, const char *style, size_t reach,
                           double scale, um_error *error) {
    const size_t at = made->count;
    double *values = NULL;
    UM_TRY(um_allocate(&values, series->count, sizeof *values, "curve", error));
    made->owned[at] = values;
    made->count++;
    for (size_t i = 0; i < series->count; i++) {
        values[i] = scale * series->values[i];
    }
    if (reach > 0) {
        double *smooth = NULL;
        UM_TRY(um_allocate(&smooth, series->count, sizeof *smooth, "curve", error));
        made->owned[at] = smooth;
        const um_status status = um_curve_smooth(values, series->count, reach, smooth, error);
        free(values);
        UM_TRY(status);
        values = smooth;
    }
    const bool validation = strcmp(series->kind, "validation") == 0;
    (void)snprintf(made->styles[at], STYLE_SIZE, "%s c%zu g%zu%s", style, run % UM_REPORT_COLOURS,
                   run, run >= UM_REPORT_COLOURS ? " more" : "");
    (void)snprintf(made->labels[at], LABEL_SIZE, "%.120s%s", runs[run].name,
                   validation ? ", validation" : "");
    made->curves[at] = (um_plot_curve){.x = series->steps,
                                       .y = values,
                                       .count = series->count,
                                       .style = made->styles[at],
                                       .label = strcmp(style, "raw") == 0 ? NULL : made->labels[at],
                                       .group = run,
                                       .marked = validation};
    return UM_OK;
}

static bool has_points(const um_run_series *series) {
    for (size_t i = 0; series && i < series->count; i++) {
        if (isfinite(series->values[i])) {
            return true;
        }
    }
    return false;
}

static um_status add_run(chart *made, const um_report_run *runs, size_t run, const char *name,
                         double scale, um_error *error) {
    const um_run_series *steps = um_run_log_find(runs[run].log, "step", name);
    const um_run_series *validations = um_run_log_find(runs[run].log, "validation", name);
    if (has_points(steps)) {
        const bool smooth = steps->count >= SMOOTHED_FROM && strcmp(name, "learning_rate") != 0;
        made->trained = true;
        if (smooth) {
            UM_TRY(add_curve(made, runs, run, steps, "raw", 0, scale, error));
        }
        UM_TRY(add_curve(made, runs, run, steps, "line", smooth ? 4 + steps->count / 50 : 0, scale,
                         error));
    }
    if (has_points(validations)) {
        made->validated = true;
        UM_TRY(add_curve(made, runs, run, validations, "valid", 0, scale, error));
    }
    return UM_OK;
}

static size_t columns_of(const chart *made) {
    const size_t share = ALL_COLUMNS / (made->count > 0 ? made->count : 1);
    return share > MOST_COLUMNS ? MOST_COLUMNS : share < LEAST_COLUMNS ? LEAST_COLUMNS : share;
}

/* What the kinds of lines mean, if there are validations. */
static um_status put_key(const chart *made, um_buffer *page, um_error *error) {
    if (!made->validated) {
        return UM_OK;
    }
    return um_buffer_append_text(
        page,
        made->trained ? "<span class=\"key\"><i class=\"solid\"></i>training "
                        "<i class=\"dashed\"></i>validation</span>"
                      : "<span class=\"key\"><i class=\"dashed\"></i>validation</span>",
        error);
}

static um_status put_chart(const chart *made, const char *name, const um_report_metric *metric,
                           um_buffer *page, um_error *error) {
    const char *title = metric ? metric->title : name;
    const um_plot plot = {.title = title,
                          .x_name = "step",
                          .y_name = metric ? metric->unit : "",
                          .curves = made->curves,
                          .curve_count = made->count,
                          .x_last = made->last_step,
                          .columns = columns_of(made),
                          .may_be_log = metric && metric->may_be_log,
                          .starts_at_zero = metric && metric->starts_at_zero};
    UM_TRY(um_buffer_append_text(page, "<figure><figcaption>", error));
    UM_TRY(um_html_element(page, "b", NULL, title, error));
    if (metric && metric->note) {
        UM_TRY(um_html_element(page, "span", "note", metric->note, error));
    }
    UM_TRY(put_key(made, page, error));
    UM_TRY(um_buffer_append_text(page, "</figcaption>\n", error));
    UM_TRY(um_svg_plot(&plot, page, error));
    return um_buffer_append_text(page, "</figure>\n", error);
}

static um_status draw_metric(const um_report_run *runs, size_t count, const char *name,
                             const um_report_metric *metric, um_buffer *page, um_error *error) {
    chart *made = calloc(1, sizeof *made);
    if (!made) {
        return um_error_memory(error, "chart", sizeof *made);
    }
    for (size_t i = 0; i < count; i++) {
        made->last_step = fmax(made->last_step, um_run_log_last_step(runs[i].log));
    }
    const double scale = metric && strcmp(metric->unit, "%") == 0 ? 100 : 1;
    um_status status = UM_OK;
    for (size_t i = 0; i < count && status == UM_OK; i++) {
        status = add_run(made, runs, i, name, scale, error);
    }
    if (status == UM_OK && made->count > 0) {
        status = put_chart(made, name, metric, page, error);
    }
    chart_free(made);
    return status;
}

/* ---- Metrics that only the files know ------------------------------------ */

static bool is_listed(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static size_t list_others(const um_report_run *runs, size_t count, const char **names) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < runs[i].log->series_count && found < OTHER_CHARTS; j++) {
            const char *name = runs[i].log->series[j].name;
            if (!um_report_metric_find(name) && !is_listed(names, found, name)) {
                names[found++] = name;
            }
        }
    }
    return found;
}

um_status um_report_put_charts(const um_report_run *runs, size_t count, um_buffer *page,
                               um_error *error) {
    UM_TRY(um_buffer_append_text(page, "<div class=\"charts\">\n", error));
    for (size_t i = 0; um_report_metric_at(i); i++) {
        const um_report_metric *metric = um_report_metric_at(i);
        if (!metric->hidden) {
            UM_TRY(draw_metric(runs, count, metric->name, metric, page, error));
        }
    }
    const char *others[OTHER_CHARTS];
    const size_t other_count = list_others(runs, count, others);
    for (size_t i = 0; i < other_count; i++) {
        UM_TRY(draw_metric(runs, count, others[i], NULL, page, error));
    }
    return um_buffer_append_text(page, "</div>\n", error);
}
