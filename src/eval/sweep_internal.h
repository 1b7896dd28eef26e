/* Shared by the files that make and render a sweep's report. */
#ifndef UM_EVAL_SWEEP_INTERNAL_H
#define UM_EVAL_SWEEP_INTERNAL_H

#include "eval/sweep_report.h"

/* ---- Making it --------------------------------------------------------------------- */

/* The member "comparisons": pairs of lines at one temperature, over the problems of one format;
 * reports[points] is as in um_sweep_report_create.  A new reference. */
um_status um_sweep_compare(const um_sweep_grid *grid, json_t *const *reports, json_t **comparisons,
                           um_error *error);

/* ---- Reading it ---------------------------------------------------------------------- */

/* NAN if there is no number. */
double um_sweep_number(const json_t *object, const char *key);

#define UM_SWEEP_CELL 32

/* Format a count or a cost for a table: at least three significant digits, "-" for no number. */
void um_sweep_format(double value, char text[UM_SWEEP_CELL]);

/* Label of line `index` of the report: "tiny, 1/2 of the steps". */
void um_sweep_label(const json_t *report, size_t index, char *label, size_t label_size);

/* The point of a line at a temperature, both given by index, and a point's part for a format; NULL
 * if there is none. */
const json_t *um_sweep_point(const json_t *report, size_t line, size_t temperature);
const json_t *um_sweep_part(const json_t *point, const char *format);

/* A rate such as "pass@1" of a part, in percent. */
typedef struct um_sweep_rate {
    double value; /* NAN if there is none */
    double low;
    double high;
} um_sweep_rate;

um_sweep_rate um_sweep_rate_of(const json_t *part, size_t k);

/* The largest k of all points; points at temperature 0 have one sample, so only k = 1. */
size_t um_sweep_largest_k(const json_t *report);

#endif
