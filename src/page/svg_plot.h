/* A chart of curves over one axis, as an inline SVG picture.  Colours and fonts come from the
 * style sheet of the page, so that they follow its theme:
 *
 *   svg.plot            the picture
 *   .grid .axis .tick   lines and numbers of the axes
 *   path.curve.NAME     a curve, NAME being its style
 *   path.band.NAME      the band around it
 *   circle.NAME         its points, where they are marked
 *   .cursor             a line that scripts may move
 *
 * The picture tells a script how to read values off: data-frame="left top width height" in its own
 * units, data-range="x0 x1 y0 y1", data-log="1" if the y axis is logarithmic; each curve that has a
 * label has it as data-label, and its group as data-group.  With data-x="name" the script shows the
 * x of the nearest point with that name before it; with data-x="" it shows none, because the curves
 * share no x; without data-x, x is a step. */
#ifndef UM_PAGE_SVG_PLOT_H
#define UM_PAGE_SVG_PLOT_H

#include "base/buffer.h"

typedef struct um_plot_curve {
    const double *x; /* [count], ascending */
    const double *y; /* [count]; values that are not finite are gaps */
    /* [count] each: a band behind the curve, wherever both are finite; NULL for no band. */
    const double *low;
    const double *high;
    size_t count;
    const char *style; /* class names, written as they are */
    const char *label; /* any text; NULL: a background curve, which is not read off and whose
                          outliers do not widen the axis but are drawn at its edge */
    size_t group;
    bool marked; /* a dot at each point */
} um_plot_curve;

typedef struct um_plot {
    const char *title;  /* for screen readers */
    const char *x_name; /* names of the axes with their units, any text */
    const char *y_name;
    const um_plot_curve *curves;
    size_t curve_count;
    double x_first; /* the x axis covers at least these two; both 0: only the curves */
    double x_last;
    double y_first; /* the y axis covers at least these two; both 0: only the curves */
    double y_last;
    bool has_fractions;  /* along the x axis; otherwise its numbers are whole */
    const char *x_read;  /* what x is called when values are read off; NULL: "step"; "": not read */
    size_t columns;      /* curves are thinned to two points in each of this many columns */
    bool may_be_log;     /* take a logarithmic y axis if the values span a wide range above 0 */
    bool starts_at_zero; /* the y axis does, unless it is logarithmic or a value is negative */
} um_plot;

/* Append the picture.  A plot without any finite value gives an empty frame. */
um_status um_svg_plot(const um_plot *plot, um_buffer *page, um_error *error);

#endif
