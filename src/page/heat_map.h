/* A heat map as an SVG picture: columns from left to right, rows from top to bottom; the higher the
 * number, the darker the cell (on a dark background: the lighter).  Colours come from the style
 * sheet, as in svg_plot.h, and from um_heat_map_style:
 *
 *   svg.map                      the picture
 *   path.h0 .. path.h9           cells by height, of the square root of value / largest
 *   path.diagonal                from the first cell to the last
 */
#ifndef UM_PAGE_HEAT_MAP_H
#define UM_PAGE_HEAT_MAP_H

#include "base/buffer.h"

typedef struct um_heat_map {
    const char *title;  /* for screen readers */
    const char *x_name; /* names of the axes */
    const char *y_name;
    const char *unit;    /* what the numbers are */
    const double *cells; /* [rows][columns], not negative; 0 stays empty */
    size_t rows;
    size_t columns;
    double x_last; /* the axes go from 0 to these */
    double y_last;
} um_heat_map;

um_status um_heat_map_put(const um_heat_map *map, um_buffer *page, um_error *error);

/* The colours of the cells, as CSS. */
um_status um_heat_map_style(um_buffer *style, bool dark, um_error *error);

#endif
