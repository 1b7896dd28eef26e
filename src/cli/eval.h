/* unmask eval: its command line and the parts of a run. */
#ifndef UM_CLI_EVAL_H
#define UM_CLI_EVAL_H

#include <jansson.h>

#include "cli/generate.h"
#include "cli/judge_options.h"
#include "cli/model_options.h"
#include "cli/train_ranks.h"
#include "eval/prompt.h"
#include "eval/run_directory.h"
#include "eval/run_files.h"
#include "eval/run_records.h"

/* ---- The command line ------------------------------------------------------------ */

typedef struct um_eval_request {
    um_model_choice model;
    um_judge_choice judge;
    um_options *options;
    const char *problems;
    const char *output;
    const char *compare[2]; /* run directories, or NULL */
    const char *system;     /* of a conversation, or NULL */
    um_eval_form form;
    bool instruct;
    bool json;
    size_t samples;          /* of each problem */
    size_t length;           /* of the answer; 0: by the size of the context */
    size_t infilling_length; /* of the answer of an infilling problem; 0: as of the others */
    size_t batch;            /* samples that are decoded at a time */
    size_t shots;
    size_t first_id; /* of the problems with numbers for ids; 0: all problems */
    size_t last_id;
} um_eval_request;

/* Read the command line into zeroed *request, whose options are for um_options_free whatever the
 * outcome.  Returns UM_EXIT_OK to go on, -1 for --help, otherwise the exit code, with the message
 * printed. */
int um_eval_parse(const um_command *command, int argc, char **argv, um_eval_request *request);

/* ---- Prompts ----------------------------------------------------------------------- */

/* The problems of a run, each with its prompt. */
typedef struct um_eval_tasks {
    um_problem_set *set;
    um_eval_style style;
    const um_problem **problems; /* [count] of the set, in its order */
    um_eval_prompt *prompts;     /* [count] */
    size_t *lengths;             /* [count] of the answers, in tokens */
    size_t count;
} um_eval_tasks;

/* A request with what it points to; it must not be moved. */
typedef struct um_eval_asked {
    um_message messages[2];
    um_part parts[3];
    um_request request;
} um_eval_asked;

/* Read and choose the problems, and build their prompts.  um_eval_tasks_free whatever the outcome.
 */
um_status um_eval_tasks_read(const um_eval_request *request, um_eval_tasks *tasks, um_error *error);

/* Settle the lengths for a model: a prompt that leaves no room is told now, not after hours. */
um_status um_eval_tasks_fit(const um_eval_request *request, const um_model *model,
                            um_eval_tasks *tasks, um_error *error);

void um_eval_tasks_free(um_eval_tasks *tasks);

/* The request of sample `sample` of problem `number`.  Its randomness depends on the seed, the
 * problem's id and `sample` alone. */
void um_eval_ask(const um_eval_request *request, const um_eval_tasks *tasks, size_t number,
                 size_t sample, um_eval_asked *asked);

/* ---- The run ----------------------------------------------------------------------- */

typedef struct um_eval_run {
    const um_eval_request *request;
    um_train_ranks *ranks;
    um_eval_tasks tasks;
    um_eval_records records;
    um_eval_directory directory;
    json_t *settings; /* of its run.json */
    um_model *model;
    um_model_info info;
    um_judge *judge;
} um_eval_run;

/* Sample and judge what the directory does not have yet.  All ranks do so together; rank 0 has the
 * whole run afterwards.  um_eval_run_free whatever the outcome.  UM_ERR_CANCELLED after Ctrl-C. */
um_status um_eval_run_complete(const um_eval_request *request, um_train_ranks *ranks,
                               um_eval_run *run, um_error *error);

void um_eval_run_free(um_eval_run *run);

/* ---- Its parts --------------------------------------------------------------------- */

/* Whether sample `index` is for this rank to make. */
bool um_eval_is_mine(const um_eval_run *run, size_t index);

/* Fill in run->settings: all that a sample or its verdict depends on.  The number of samples is not
 * among it: a run may get more of them. */
um_status um_eval_make_settings(um_eval_run *run, um_error *error);

/* Make and judge this rank's samples that are missing. */
um_status um_eval_sample_and_judge(um_eval_run *run, um_eval_logs *logs, um_error *error);

#endif
