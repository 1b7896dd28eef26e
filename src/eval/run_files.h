/* The files of a run that several processes have written, or several runs. */
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

/* Read the run's samples.jsonl and results.jsonl into `records`, and with `logs` keep them open for
 * more.  *logs is for um_eval_logs_close whatever the outcome. */
um_status um_eval_logs_open(const char *directory, um_eval_records *records, um_eval_logs *logs,
                            um_error *error);

/* Those of one rank among several, samples.rank-N.jsonl and results.rank-N.jsonl: made anew. */
um_status um_eval_logs_open_rank(const char *directory, size_t rank, um_eval_logs *logs,
                                 um_error *error);

/* Close both; the first failure counts. */
um_status um_eval_logs_close(um_eval_logs *logs, um_error *error);

/* Take what ranks have left in files of their own over into `records` and `logs`, and remove these
 * files: whatever their number was, and also after they were killed. */
um_status um_eval_absorb_ranks(const char *directory, um_eval_records *records, um_eval_logs *logs,
                               um_error *error);

/* Put the lines of both closed files in the order of problems and samples, one a sample, so that
 * they are the same however the run came about.  Lines of samples beyond those of `records` come
 * last.  A kill leaves the old files. */
um_status um_eval_sort_files(const char *directory, const um_eval_records *records,
                             um_error *error);

#endif
