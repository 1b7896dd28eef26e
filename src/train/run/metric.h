/* What training reports about itself, whatever the objective. */
#ifndef UM_TRAIN_RUN_METRIC_H
#define UM_TRAIN_RUN_METRIC_H

#include <stddef.h>

#include "base/status.h"

/* A number with a name.  Names are letters, digits and underscores, and stable (docs/METRICS.md
 * lists them): a report draws one curve for each. */
typedef struct um_metric {
    const char *name; /* such as "reward"; static */
    double value;     /* not finite: no value */
} um_metric;

#define UM_METRICS_MAXIMUM 48 /* more than any objective reports */

typedef struct um_metric_list {
    um_metric items[UM_METRICS_MAXIMUM];
    size_t count;
} um_metric_list;

/* Add a number; beyond the maximum it is left out. */
void um_metric_list_add(um_metric_list *list, const char *name, double value);

/* A completion that the model wrote, and how it was judged.  Texts need not be UTF-8. */
typedef struct um_sample_report {
    const char *prompt; /* [prompt_length] */
    size_t prompt_length;
    const char *completion; /* [completion_length] */
    size_t completion_length;
    const char *suffix; /* [suffix_length]: follows a completion that fills a hole; or NULL */
    size_t suffix_length;
    const char *task_id; /* or NULL */
    const char *verdict; /* "passed", or what went wrong; NULL if it was not judged */
    double reward;       /* NAN for none */
} um_sample_report;

#endif
