/* Heat maps of which position is decided when; shared by the files of a study. */
#ifndef UM_ANALYSIS_ORDER_MAPS_H
#define UM_ANALYSIS_ORDER_MAPS_H

#include "analysis/order_study.h"

#define UM_ORDER_BINS 24  /* of a relative map, in each direction */
#define UM_ORDER_CELLS 64 /* of an absolute map, in each direction, at most */

/* Mass of the commits over relative place (columns) and relative step (rows), averaged over the
 * traces: 1 everywhere if each place is equally likely in each step. */
void um_order_relative_map(const um_order_set *set, double cells[UM_ORDER_BINS * UM_ORDER_BINS]);

/* Append the map of a set as an SVG picture; `title` is for screen readers. */
um_status um_order_put_relative(const um_order_summary *summary, const char *title, um_buffer *page,
                                um_error *error);
um_status um_order_put_absolute(const um_order_summary *summary, const char *title, um_buffer *page,
                                um_error *error);

#endif
