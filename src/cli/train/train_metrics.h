/* What `unmask train` writes into metrics.jsonl (docs/METRICS.md). */
#ifndef UM_CLI_TRAIN_TRAIN_METRICS_H
#define UM_CLI_TRAIN_TRAIN_METRICS_H

#include "kernels/compute.h"
#include "train/run/metrics.h"
#include "train/trainer/trainer.h"

/* Room for the numbers of every line and those that an objective adds. */
#define UM_LINE_METRICS 64

/* Open the file of a run: `path`, or metrics.jsonl in the output directory if that is NULL.  `peak`
 * is the rate of matrix products, in operations a second. */
um_status um_train_metrics_open(const char *path, const char *output, const um_recipe *recipe,
                                const um_trainer *trainer, const um_compute *compute, double peak,
                                um_metrics **metrics, um_error *error);

/* The numbers of a step or a validation by their names, those of its objective included; returns
 * how many. */
size_t um_train_step_metrics(const um_step_report *report, double peak,
                             um_metric values[UM_LINE_METRICS]);
size_t um_train_validation_metrics(const um_validation_report *report,
                                   um_metric values[UM_LINE_METRICS]);

#endif
