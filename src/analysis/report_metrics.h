/* The metrics that a report knows by name: what they are called, and how they are drawn and
 * written. */
#ifndef UM_ANALYSIS_REPORT_METRICS_H
#define UM_ANALYSIS_REPORT_METRICS_H

#include "analysis/run_log.h"

typedef struct um_report_metric {
    const char *name;  /* docs/METRICS.md */
    const char *title; /* of its chart */
    const char *unit;  /* "" for none; "%" for shares, which are written times 100 */
    bool may_be_log;
    bool starts_at_zero;
    bool hidden;      /* no chart of its own */
    int better;       /* 1: higher, -1: lower, 0: neither */
    const char *note; /* what it is, or NULL */
} um_report_metric;

/* Number `index` of the known ones, in the order of the page; NULL past the last. */
const um_report_metric *um_report_metric_at(size_t index);

/* The known one of that name, or NULL. */
const um_report_metric *um_report_metric_find(const char *name);

/* A value of the metric as text with its unit: "0.4213", "12.5%", "31200 tokens/s"; "-" if it is
 * not finite. */
void um_report_metric_format(const um_report_metric *metric, double value, char *text,
                             size_t text_size);

/* The summary of a series. */
typedef struct um_report_summary {
    double last;    /* mean of the last 20 steps; the last value of a validation */
    double best;    /* by `better`; NAN if there is none */
    double best_at; /* step of the best */
} um_report_summary;

um_report_summary um_report_summarise(const um_run_series *series, int better);

/* As um_report_metric_format, but "not finite" if `value` is not although the series, which may be
 * NULL, has values. */
void um_report_format_of_series(const um_report_metric *metric, const um_run_series *series,
                                double value, char *text, size_t text_size);

#endif
