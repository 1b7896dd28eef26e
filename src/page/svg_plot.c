#include "page/svg_plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/sort.h"
#include "page/curve.h"
#include "page/html.h"
#include "page/plot_ticks.h"
#include "page/svg_text.h"

#define WIDTH 480.0
#define HEIGHT 250.0
#define LEFT 54.0
#define RIGHT 18.0
#define TOP 20.0
#define BOTTOM 36.0
#define X_TICKS 6
#define Y_TICKS 5
#define WIDE_RANGE 10.0 /* ratio of highest to lowest value from which an axis is logarithmic */
#define LARGEST 1e100   /* from here on values are not drawn */
#define MOST_MARKS 40   /* more dots side by side would be a band */
#define OUTLIERS 0.01   /* share of a background curve's points, at each end, left off the axis */

typedef struct axes {
    double x0, x1;
    double y0, y1; /* logarithms on a logarithmic axis */
    bool log;
} axes;

/* ---- Ranges -------------------------------------------------------------- */

static bool drawable(double value) {
    return isfinite(value) && fabs(value) < LARGEST;
}

typedef struct extent {
    double low;
    double high;
    size_t count;
} extent;

static void widen(extent *range, const double *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (drawable(values[i])) {
            range->low = fmin(range->low, values[i]);
            range->high = fmax(range->high, values[i]);
            range->count++;
        }
    }
}

/* The same for a background curve, but without the few of its drawn points that may lie far out.
 * `indices` [2 * columns] is scratch. */
static um_status widen_by_most(extent *range, const um_plot_curve *curve, size_t columns,
                               size_t *indices, um_error *error) {
    double *sorted = NULL;
    size_t kept = 0;
    const size_t count = um_curve_thin(curve->x, curve->y, curve->count, columns, indices);
    UM_TRY(um_allocate(&sorted, count, sizeof *sorted, "range of a plot", error));
    for (size_t i = 0; i < count; i++) {
        if (drawable(curve->y[indices[i]])) {
            sorted[kept++] = curve->y[indices[i]];
        }
    }
    um_sort_numbers(sorted, kept);
    const size_t outliers = (size_t)(OUTLIERS * (double)kept);
    widen(range, sorted + outliers, kept - 2 * outliers);
    free(sorted);
    return UM_OK;
}

/* Make room around values that are all the same, or nearly. */
static void open_range(double *low, double *high) {
    const double least = fmax(fabs(*high), fabs(*low)) * 1e-9;
    if (*high - *low <= least) {
        const double room = *high == 0 ? 1 : fabs(*high) * 0.1;
        *low -= room;
        *high += room;
    }
}

static um_status find_extents(const um_plot *plot, size_t *indices, extent *x, extent *y,
                              um_error *error) {
    *x = *y = (extent){.low = INFINITY, .high = -INFINITY};
    if (plot->x_first < plot->x_last) {
        widen(x, (const double[]){plot->x_first, plot->x_last}, 2);
    }
    if (plot->y_first < plot->y_last) {
        widen(y, (const double[]){plot->y_first, plot->y_last}, 2);
    }
    for (size_t i = 0; i < plot->curve_count; i++) {
        const um_plot_curve *curve = &plot->curves[i];
        widen(x, curve->x, curve->count);
        if (curve->low && curve->high) {
            widen(y, curve->low, curve->count);
            widen(y, curve->high, curve->count);
        }
        if (curve->label) {
            widen(y, curve->y, curve->count);
        } else {
            UM_TRY(widen_by_most(y, curve, plot->columns, indices, error));
        }
    }
    return UM_OK;
}

static um_status find_axes(const um_plot *plot, size_t *indices, axes *found, um_error *error) {
    extent x;
    extent y;
    UM_TRY(find_extents(plot, indices, &x, &y, error));
    *found = (axes){.x0 = 0, .x1 = 1, .y0 = 0, .y1 = 1};
    if (x.count == 0 || y.count == 0) {
        return UM_OK;
    }
    *found = (axes){.x0 = x.low, .x1 = x.high, .y0 = y.low, .y1 = y.high};
    found->log = plot->may_be_log && y.low > 0 && y.high / y.low >= WIDE_RANGE;
    if (found->log) {
        found->y0 = log10(y.low);
        found->y1 = log10(y.high);
    } else if (plot->starts_at_zero && y.low >= 0) {
        found->y0 = 0;
        found->y1 = y.high > 0 ? y.high : 1;
    }
    open_range(&found->x0, &found->x1);
    open_range(&found->y0, &found->y1);
    const double margin = 0.04 * (found->y1 - found->y0);
    found->y1 += margin;
    found->y0 -= !found->log && found->y0 == 0 ? 0 : margin;
    return UM_OK;
}

static double place_x(const axes *frame, double x) {
    return LEFT + (x - frame->x0) / (frame->x1 - frame->x0) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const axes *frame, double y) {
    const double value = frame->log ? log10(y) : y;
    const double scaled = fmin(fmax(value, frame->y0), frame->y1); /* outliers end at the edge */
    return TOP + (frame->y1 - scaled) / (frame->y1 - frame->y0) * (HEIGHT - TOP - BOTTOM);
}

/* ---- Axes ---------------------------------------------------------------- */

static um_status put_y_axis(const axes *frame, um_buffer *page, um_error *error) {
    const um_ticks ticks =
        frame->log ? um_ticks_logarithmic(pow(10, frame->y0), pow(10, frame->y1), Y_TICKS)
                   : um_ticks_linear(frame->y0, frame->y1, Y_TICKS);
    for (size_t i = 0; i < ticks.count; i++) {
        char text[32];
        const double y = place_y(frame, ticks.at[i]);
        um_ticks_format(&ticks, i, text, sizeof text);
        UM_TRY(um_buffer_append_format(page, error, "<path class=\"grid\" d=\"M%.0f %.1fH%.0f\"/>",
                                       LEFT, y, WIDTH - RIGHT));
        UM_TRY(um_svg_text(page, "tick", LEFT - 6, y + 4, "end", text, error));
    }
    return UM_OK;
}

static um_status put_x_axis(const um_plot *plot, const axes *frame, um_buffer *page,
                            um_error *error) {
    const double whole = fmin(X_TICKS, fmax(1, floor(frame->x1 - frame->x0)));
    const double most = plot->has_fractions ? X_TICKS : whole;
    const um_ticks ticks = um_ticks_linear(frame->x0, frame->x1, (size_t)most);
    const double bottom = HEIGHT - BOTTOM;
    UM_TRY(um_buffer_append_format(page, error, "<path class=\"axis\" d=\"M%.0f %.0fH%.0f\"/>",
                                   LEFT, bottom, WIDTH - RIGHT));
    for (size_t i = 0; i < ticks.count; i++) {
        char text[32];
        const double x = place_x(frame, ticks.at[i]);
        um_ticks_format(&ticks, i, text, sizeof text);
        UM_TRY(um_buffer_append_format(page, error, "<path class=\"axis\" d=\"M%.1f %.0fv4\"/>", x,
                                       bottom));
        UM_TRY(um_svg_text(page, "tick", x, bottom + 16, "middle", text, error));
    }
    return UM_OK;
}

static um_status put_axes(const um_plot *plot, const axes *frame, um_buffer *page,
                          um_error *error) {
    UM_TRY(put_y_axis(frame, page, error));
    UM_TRY(put_x_axis(plot, frame, page, error));
    UM_TRY(um_svg_text(page, "name", WIDTH - RIGHT, HEIGHT - 4, "end", plot->x_name, error));
    return um_svg_text(page, "name", LEFT, 11, "start", plot->y_name, error);
}

/* ---- Curves -------------------------------------------------------------- */

static bool is_point(const axes *frame, double y) {
    return drawable(y) && (!frame->log || y > 0);
}

static um_status put_points(const um_plot_curve *curve, const axes *frame, const size_t *indices,
                            size_t count, um_buffer *page, um_error *error) {
    bool drawing = false;
    for (size_t i = 0; i < count; i++) {
        const double y = curve->y[indices[i]];
        if (!is_point(frame, y)) {
            drawing = false;
            continue;
        }
        /* A lone point between gaps is drawn as a dot, by its round cap. */
        const bool lone =
            !drawing && (i + 1 == count || !is_point(frame, curve->y[indices[i + 1]]));
        UM_TRY(um_buffer_append_format(page, error, "%c%.1f %.1f%s", drawing ? 'L' : 'M',
                                       place_x(frame, curve->x[indices[i]]), place_y(frame, y),
                                       lone ? "h0" : ""));
        drawing = true;
    }
    return UM_OK;
}

static um_status put_marks(const um_plot_curve *curve, const axes *frame, const size_t *indices,
                           size_t count, um_buffer *page, um_error *error) {
    for (size_t i = 0; i < count; i++) {
        const double y = curve->y[indices[i]];
        if (is_point(frame, y)) {
            UM_TRY(um_buffer_append_format(
                page, error, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.4\"/>",
                curve->style, place_x(frame, curve->x[indices[i]]), place_y(frame, y)));
        }
    }
    return UM_OK;
}

/* The first point from `from` on at which the band is not as `wanted`: there or not there. */
static size_t end_of_band(const um_plot_curve *curve, const axes *frame, size_t from, bool wanted) {
    size_t i = from;
    while (i < curve->count &&
           (is_point(frame, curve->low[i]) && is_point(frame, curve->high[i])) == wanted) {
        i++;
    }
    return i;
}

/* Bands are not thinned: only short curves have one. */
static um_status put_band(const um_plot_curve *curve, const axes *frame, um_buffer *page,
                          um_error *error) {
    UM_TRY(um_buffer_append_format(page, error, "<path class=\"band %s\" d=\"", curve->style));
    for (size_t first = end_of_band(curve, frame, 0, false); first < curve->count;) {
        const size_t last = end_of_band(curve, frame, first, true);
        for (size_t i = first; i < last; i++) {
            UM_TRY(um_buffer_append_format(page, error, "%c%.1f %.1f", i == first ? 'M' : 'L',
                                           place_x(frame, curve->x[i]),
                                           place_y(frame, curve->high[i])));
        }
        for (size_t i = last; i-- > first;) {
            UM_TRY(um_buffer_append_format(page, error, "L%.1f %.1f", place_x(frame, curve->x[i]),
                                           place_y(frame, curve->low[i])));
        }
        UM_TRY(um_buffer_append_text(page, "Z", error));
        first = end_of_band(curve, frame, last, false);
    }
    return um_buffer_append_text(page, "\"/>\n", error);
}

static um_status put_curve(const um_plot *plot, const um_plot_curve *curve, const axes *frame,
                           size_t *indices, um_buffer *page, um_error *error) {
    const size_t count = um_curve_thin(curve->x, curve->y, curve->count, plot->columns, indices);
    if (curve->low && curve->high) {
        UM_TRY(put_band(curve, frame, page, error));
    }
    UM_TRY(um_buffer_append_format(page, error, "<path class=\"curve %s\" d=\"", curve->style));
    UM_TRY(put_points(curve, frame, indices, count, page, error));
    if (curve->label) {
        UM_TRY(um_buffer_append_format(page, error, "\" data-group=\"%zu\" data-label=\"",
                                       curve->group));
        UM_TRY(um_html_text(page, curve->label, strlen(curve->label), error));
    }
    UM_TRY(um_buffer_append_text(page, "\"/>\n", error));
    return curve->marked && count <= MOST_MARKS
               ? put_marks(curve, frame, indices, count, page, error)
               : UM_OK;
}

static um_status put_x_read(const um_plot *plot, um_buffer *page, um_error *error) {
    if (!plot->x_read) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_text(page, " data-x=\"", error));
    UM_TRY(um_html_text(page, plot->x_read, strlen(plot->x_read), error));
    return um_buffer_append_text(page, "\"", error);
}

static um_status put_picture(const um_plot *plot, size_t *indices, um_buffer *page,
                             um_error *error) {
    axes frame;
    UM_TRY(find_axes(plot, indices, &frame, error));
    UM_TRY(um_buffer_append_format(
        page, error,
        "<svg class=\"plot\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" data-frame=\"%.0f %.0f %.0f "
        "%.0f\" data-range=\"%.9g %.9g %.9g %.9g\"%s",
        WIDTH, HEIGHT, LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM, frame.x0, frame.x1,
        frame.y0, frame.y1, frame.log ? " data-log=\"1\"" : ""));
    UM_TRY(put_x_read(plot, page, error));
    UM_TRY(um_buffer_append_text(page, " aria-label=\"", error));
    UM_TRY(um_html_text(page, plot->title, strlen(plot->title), error));
    UM_TRY(um_buffer_append_text(page, "\">", error));
    UM_TRY(put_axes(plot, &frame, page, error));
    UM_TRY(um_buffer_append_text(page, "\n", error));
    for (size_t i = 0; i < plot->curve_count; i++) {
        UM_TRY(put_curve(plot, &plot->curves[i], &frame, indices, page, error));
    }
    return um_buffer_append_format(page, error,
                                   "<path class=\"cursor\" d=\"M0 %.0fv%.0f\"/></svg>\n", TOP,
                                   HEIGHT - TOP - BOTTOM);
}

um_status um_svg_plot(const um_plot *plot, um_buffer *page, um_error *error) {
    size_t *indices = NULL;
    UM_TRY(um_allocate(&indices, 2 * plot->columns, sizeof *indices, "points of a plot", error));
    const um_status status = put_picture(plot, indices, page, error);
    free(indices);
    return status;
}
