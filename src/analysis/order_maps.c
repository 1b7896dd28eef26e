/* Heat maps of a set: which position is decided when. */
#include <math.h>
#include <stdlib.h>

#include "analysis/order_maps.h"
#include "base/memory.h"
#include "page/heat_map.h"

/* ---- Relative ------------------------------------------------------------------- */

/* A commit fills its share of the unit square: the width of its place, the height of its step.  Add
 * to every bin the part of the rectangle that lies in it. */
static void spread(double x0, double x1, double y0, double y1, double mass, double *cells) {
    const double area = (x1 - x0) * (y1 - y0);
    const size_t bins = UM_ORDER_BINS;
    for (size_t row = (size_t)(y0 * (double)bins); row < bins && (double)row < y1 * (double)bins;
         row++) {
        const double top = fmax(y0, (double)row / (double)bins);
        const double bottom = fmin(y1, (double)(row + 1) / (double)bins);
        for (size_t column = (size_t)(x0 * (double)bins);
             column < bins && (double)column < x1 * (double)bins; column++) {
            const double left = fmax(x0, (double)column / (double)bins);
            const double right = fmin(x1, (double)(column + 1) / (double)bins);
            if (right > left && bottom > top) {
                cells[row * bins + column] += mass * (right - left) * (bottom - top) / area;
            }
        }
    }
}

void um_order_relative_map(const um_order_set *set, double cells[UM_ORDER_BINS * UM_ORDER_BINS]) {
    const size_t cell_count = (size_t)UM_ORDER_BINS * UM_ORDER_BINS;
    for (size_t i = 0; i < cell_count; i++) {
        cells[i] = 0;
    }
    for (size_t i = 0; i < set->count; i++) {
        const um_commit_order *order = &set->runs[i].order;
        const double width = 1 / (double)order->place_count;
        const double height = 1 / (double)order->steps;
        const double mass = (double)cell_count / ((double)order->count * (double)set->count);
        for (size_t t = 0; t < order->count; t++) {
            const um_commit *commit = &order->commits[t];
            spread((double)commit->place * width, (double)(commit->place + 1) * width,
                   (double)commit->step * height, (double)(commit->step + 1) * height, mass, cells);
        }
    }
}

um_status um_order_put_relative(const um_order_summary *summary, const char *title, um_buffer *page,
                                um_error *error) {
    double cells[UM_ORDER_BINS * UM_ORDER_BINS];
    um_order_relative_map(summary->set, cells);
    const um_heat_map map = {.title = title,
                             .x_name = "position in the answer, %",
                             .y_name = "step, % of the run",
                             .unit = "commits; 1: as by chance",
                             .cells = cells,
                             .rows = UM_ORDER_BINS,
                             .columns = UM_ORDER_BINS,
                             .x_last = 100,
                             .y_last = 100};
    return um_heat_map_put(&map, page, error);
}

/* ---- Absolute ------------------------------------------------------------------- */

/* Places or steps per cell, so that at most UM_ORDER_CELLS cells lie side by side. */
static size_t cell_size(size_t count) {
    return um_size_divide_up(count, UM_ORDER_CELLS);
}

static void fill_absolute(const um_order_summary *summary, size_t place_step, size_t step_step,
                          size_t columns, double *cells) {
    const um_order_set *set = summary->set;
    const double share = 1 / ((double)set->count * (double)place_step);
    for (size_t i = 0; i < set->count; i++) {
        const um_commit_order *order = &set->runs[i].order;
        for (size_t t = 0; t < order->count; t++) {
            const um_commit *commit = &order->commits[t];
            cells[commit->step / step_step * columns + commit->place / place_step] += share;
        }
    }
}

um_status um_order_put_absolute(const um_order_summary *summary, const char *title, um_buffer *page,
                                um_error *error) {
    const size_t place_step = cell_size(summary->longest);
    const size_t step_step = cell_size(summary->most_steps);
    const size_t columns = um_size_divide_up(summary->longest, place_step);
    const size_t rows = um_size_divide_up(summary->most_steps, step_step);
    double *cells = NULL;
    UM_TRY(um_allocate(&cells, rows * columns, sizeof *cells, "heat-map", error));
    fill_absolute(summary, place_step, step_step, columns, cells);
    const um_heat_map map = {.title = title,
                             .x_name = "position in the answer",
                             .y_name = "step",
                             .unit = "share of the positions, over all traces",
                             .cells = cells,
                             .rows = rows,
                             .columns = columns,
                             .x_last = (double)(columns * place_step),
                             .y_last = (double)(rows * step_step)};
    const um_status status = um_heat_map_put(&map, page, error);
    free(cells);
    return status;
}
