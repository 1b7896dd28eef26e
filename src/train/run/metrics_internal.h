/* What the files of the metrics writer share. */
#ifndef UM_TRAIN_RUN_METRICS_INTERNAL_H
#define UM_TRAIN_RUN_METRICS_INTERNAL_H

#include "train/run/metrics.h"

/* How many of the file's first bytes are still valid for the run; 0 if it begins anew. */
um_status um_metrics_find_cut(const char *path, const um_metrics_run *run, size_t *kept,
                              um_error *error);

/* The recipe id as the file contains it: 16 hexadecimal digits. */
void um_metrics_format_id(uint64_t recipe_id, char text[17]);

#endif
