#include "eval/sweep_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "page/svg_plot.h"

#define LABEL 240
#define STYLE 24

/* A curve and the memory that it points into. */
typedef struct drawn {
    double x[UM_SWEEP_TEMPERATURES];
    double y[UM_SWEEP_TEMPERATURES];
    double low[UM_SWEEP_TEMPERATURES];
    double high[UM_SWEEP_TEMPERATURES];
    size_t count;
    char label[LABEL];
    char style[STYLE];
} drawn;

static size_t line_count_of(const json_t *report) {
    return json_array_size(json_object_get(report, "lines"));
}

static void add_point(drawn *curve, double x, um_sweep_rate rate) {
    if (isfinite(x) && curve->count < UM_SWEEP_TEMPERATURES) {
        curve->x[curve->count] = x;
        curve->y[curve->count] = rate.value;
        curve->low[curve->count] = rate.low;
        curve->high[curve->count] = rate.high;
        curve->count++;
    }
}

static um_plot_curve curve_of(const drawn *from, bool is_read) {
    return (um_plot_curve){.x = from->x,
                           .y = from->y,
                           .low = is_read ? from->low : NULL,
                           .high = is_read ? from->high : NULL,
                           .count = from->count,
                           .style = from->style,
                           .label = is_read ? from->label : NULL,
                           .marked = is_read};
}

/* ---- Over temperature ---------------------------------------------------------------- */

static void trace_line(const json_t *report, const char *format, size_t k, size_t line,
                       drawn *curve) {
    const json_t *temperatures = json_object_get(report, "temperatures");
    *curve = (drawn){0};
    um_sweep_label(report, line, curve->label, sizeof curve->label);
    (void)snprintf(curve->style, sizeof curve->style, "c%zu", line % UM_SWEEP_COLOURS);
    for (size_t t = 0; t < json_array_size(temperatures); t++) {
        const json_t *part = um_sweep_part(um_sweep_point(report, line, t), format);
        add_point(curve, json_number_value(json_array_get(temperatures, t)),
                  um_sweep_rate_of(part, k));
    }
}

um_status um_sweep_figure_temperature(const json_t *report, const char *format, size_t k,
                                      um_buffer *page, um_error *error) {
    const size_t count = line_count_of(report);
    drawn *lines = NULL;
    um_plot_curve *curves = NULL;
    char name[32];
    (void)snprintf(name, sizeof name, "pass@%zu, %%", k);
    um_status status = um_allocate(&lines, count, sizeof *lines, "curves", error);
    if (status == UM_OK) {
        status = um_allocate(&curves, count, sizeof *curves, "curves", error);
    }
    if (status == UM_OK) {
        for (size_t i = 0; i < count; i++) {
            trace_line(report, format, k, i, &lines[i]);
            curves[i] = curve_of(&lines[i], true);
        }
        const um_plot plot = {.title = name,
                              .x_name = "temperature",
                              .y_name = name,
                              .curves = curves,
                              .curve_count = count,
                              .has_fractions = true,
                              .x_read = "temperature",
                              .columns = UM_SWEEP_TEMPERATURES};
        status = um_svg_plot(&plot, page, error);
    }
    free(curves);
    free(lines);
    return status;
}

/* ---- Over cost ------------------------------------------------------------------------ */

static double cost_at(const json_t *report, const char *format, const char *cost, size_t line) {
    const json_t *part = um_sweep_part(um_sweep_point(report, line, 0), format);
    return um_sweep_number(json_object_get(part, "cost"), cost);
}

static void mark_line(const json_t *report, const char *format, const char *cost,
                      const char *cost_name, size_t line, drawn *curve) {
    char name[LABEL / 2 + 64];
    const double x = cost_at(report, format, cost, line);
    *curve = (drawn){0};
    um_sweep_label(report, line, name, sizeof name);
    (void)snprintf(curve->label, sizeof curve->label, "%s: %.3g %s", name, x, cost_name);
    (void)snprintf(curve->style, sizeof curve->style, "bar c%zu", line % UM_SWEEP_COLOURS);
    add_point(curve, x,
              um_sweep_rate_of(um_sweep_part(um_sweep_point(report, line, 0), format), 1));
}

static int order_of_places(const void *left, const void *right) {
    const double *a = left;
    const double *b = right;
    return (a[0] > b[0]) - (a[0] < b[0]);
}

/* The step budgets of a model, in the order of their cost. */
static void join_budgets(const json_t *report, const char *format, const char *cost, size_t model,
                         drawn *curve) {
    double places[UM_SWEEP_SHARES][2];
    size_t count = 0;
    *curve = (drawn){.style = "link"};
    for (size_t i = 0; i < line_count_of(report) && count < UM_SWEEP_SHARES; i++) {
        const json_t *line = json_array_get(json_object_get(report, "lines"), i);
        if (json_is_string(json_object_get(line, "steps")) &&
            um_sweep_number(line, "model") == (double)model) {
            const json_t *part = um_sweep_part(um_sweep_point(report, i, 0), format);
            places[count][0] = cost_at(report, format, cost, i);
            places[count++][1] = um_sweep_rate_of(part, 1).value;
        }
    }
    qsort(places, count, sizeof *places, order_of_places);
    for (size_t i = 0; i < count; i++) {
        add_point(curve, places[i][0], (um_sweep_rate){.value = places[i][1]});
    }
}

static um_status plot_cost(const json_t *report, const char *format, const char *cost,
                           const char *cost_name, drawn *lines, um_plot_curve *curves,
                           um_buffer *page, um_error *error) {
    const size_t models = json_array_size(json_object_get(report, "models"));
    const size_t count = models + line_count_of(report);
    for (size_t i = 0; i < count; i++) {
        if (i < models) { /* behind the points */
            join_budgets(report, format, cost, i, &lines[i]);
        } else {
            mark_line(report, format, cost, cost_name, i - models, &lines[i]);
        }
        curves[i] = curve_of(&lines[i], i >= models);
    }
    const um_plot plot = {.title = cost_name,
                          .x_name = cost_name,
                          .y_name = "pass@1, %",
                          .curves = curves,
                          .curve_count = count,
                          .x_first = 0,
                          .x_last = 1e-9, /* from zero on */
                          .has_fractions = true,
                          .x_read = "",
                          .columns = UM_SWEEP_TEMPERATURES};
    return um_svg_plot(&plot, page, error);
}

um_status um_sweep_figure_cost(const json_t *report, const char *format, const char *cost,
                               const char *cost_name, um_buffer *page, um_error *error) {
    const size_t most = line_count_of(report) + json_array_size(json_object_get(report, "models"));
    drawn *lines = NULL;
    um_plot_curve *curves = NULL;
    um_status status = um_allocate(&lines, most, sizeof *lines, "curves", error);
    if (status == UM_OK) {
        status = um_allocate(&curves, most, sizeof *curves, "curves", error);
    }
    if (status == UM_OK) {
        status = plot_cost(report, format, cost, cost_name, lines, curves, page, error);
    }
    free(curves);
    free(lines);
    return status;
}
