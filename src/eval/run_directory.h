/* The directory of an evaluation: its settings and its lock. */
#ifndef UM_EVAL_RUN_DIRECTORY_H
#define UM_EVAL_RUN_DIRECTORY_H

#include <jansson.h>

#include "base/status.h"

#define UM_EVAL_PATH_SIZE 4096

/* The files in it. */
#define UM_EVAL_RUN_FILE "run.json"
#define UM_EVAL_SAMPLES_FILE "samples.jsonl"
#define UM_EVAL_RESULTS_FILE "results.jsonl"
#define UM_EVAL_REPORT_FILE "report.json"
#define UM_EVAL_PAGE_FILE "report.html"

typedef struct um_eval_directory {
    char path[UM_EVAL_PATH_SIZE];
    int lock_descriptor; /* -1 for none */
} um_eval_directory;

/* Make the directory if it is missing, and lock it against other runs.  The first run writes
 * `settings` to its run.json; later runs must have the same settings.  UM_ERR_MISMATCH names the
 * first that differs; UM_ERR_IO. */
um_status um_eval_directory_open(const char *path, const json_t *settings,
                                 um_eval_directory *directory, um_error *error);

/* The same for a process that joins a directory which another process has opened: takes no lock and
 * writes nothing. */
um_status um_eval_directory_join(const char *path, const json_t *settings,
                                 um_eval_directory *directory, um_error *error);

/* Release the lock. */
void um_eval_directory_close(um_eval_directory *directory);

/* The settings of the run in `path`: a new reference.  UM_ERR_IO, UM_ERR_FORMAT. */
um_status um_eval_settings_read(const char *path, json_t **settings, um_error *error);

/* UM_ERR_MISMATCH names the first member in which `given` differs from `kept`, the settings of the
 * run in `path`. */
um_status um_eval_settings_compare(const json_t *kept, const json_t *given, const char *path,
                                   um_error *error);

#endif
