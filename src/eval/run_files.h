/* The files of a run, which several processes, or several invocations, may have written. */
#ifndef UM_EVAL_RUN_FILES_H
#define UM_EVAL_RUN_FILES_H

#include "eval/record_log.h"
#include "eval/run_directory.h"
#include "eval/run_records.h"

/* The two logs of a process. */
typedef struct um_eval_logs {
    um_record_log *samples;
    um_record_log *results;
} um_eval_logs;

/* Read the run's samples.jsonl and results.jsonl into `records`; unless `logs` is NULL, keep them
 * open for appending.  Call um_eval_logs_close on *logs whatever the outcome. */
um_status um_eval_logs_open(const char *directory, um_eval_records *records, um_eval_logs *logs,
                            um_error *error);

/* Create the logs of one rank among several, samples.rank-N.jsonl and results.rank-N.jsonl.  Older
 * ones must be gone: um_eval_absorb_ranks removes them. */
um_status um_eval_logs_open_rank(const char *directory, size_t rank, um_eval_logs *logs,
                                 um_error *error);

/* Close both logs; the first failure is returned. */
um_status um_eval_logs_close(um_eval_logs *logs, um_error *error);

/* Move the records that ranks left in files of their own into `records` and `logs`, and remove
 * those files, however many ranks there were, and even if they were killed. */
um_status um_eval_absorb_ranks(const char *directory, um_eval_records *records, um_eval_logs *logs,
                               um_error *error);

/* Put the lines of both closed files in the order of problems and samples, one line per sample, so
 * that the files do not depend on how the run was carried out.  Lines of samples beyond those of
 * `records` come last.  A kill leaves the old files. */
um_status um_eval_sort_files(const char *directory, const um_eval_records *records,
                             um_error *error);

#endif
