/* The charts of a sweep, drawn from its report. */
#ifndef UM_EVAL_SWEEP_FIGURES_H
#define UM_EVAL_SWEEP_FIGURES_H

#include "eval/sweep_internal.h"

#define UM_SWEEP_COLOURS 8 /* classes c0 ... of the style sheet */

/* pass@k over temperature for the problems of one format, one curve per line. */
um_status um_sweep_figure_temperature(const json_t *report, const char *format, size_t k,
                                      um_buffer *page, um_error *error);

/* pass@1 over a member of "cost" at the lowest temperature: one point per line, and a curve through
 * the step budgets of each model. */
um_status um_sweep_figure_cost(const json_t *report, const char *format, const char *cost,
                               const char *cost_name, um_buffer *page, um_error *error);

#endif
