/* Evaluations: `unmask eval` makes one, `unmask sweep` a whole grid of them. */
#ifndef UM_CLI_EVAL_EVAL_H
#define UM_CLI_EVAL_EVAL_H

#include <jansson.h>

#include "base/watch.h"
#include "cli/eval/eval_options.h"
#include "cli/ranks.h"
#include "cli/request/prompt_request.h"
#include "eval/prompt.h"
#include "eval/run_directory.h"
#include "eval/run_files.h"
#include "eval/run_records.h"

/* ---- Prompts ----------------------------------------------------------------------- */

/* The problems of evaluations, each with its prompt. */
typedef struct um_eval_tasks {
    um_problem_set *set;
    um_eval_style style;
    const um_problem **problems; /* [count] from the set, in its order */
    um_eval_prompt *prompts;     /* [count] */
    size_t count;
    /* For one model and its decoding: */
    const um_model *model; /* borrowed */
    size_t *lengths;       /* [count] of the answers, in tokens */
    um_options **options;  /* [count] */
} um_eval_tasks;

/* Read and choose the problems, and build their prompts.  Call um_eval_tasks_free whatever the
 * outcome. */
um_status um_eval_tasks_read(const um_eval_request *request, um_eval_tasks *tasks, um_error *error);

/* Settle lengths and options for a model, so that a prompt that leaves no room, or needs a token
 * that the model lacks, fails now, not after hours.  May be called again for another model or other
 * decoding. */
um_status um_eval_tasks_fit(const um_eval_request *request, const um_model *model,
                            um_eval_tasks *tasks, um_error *error);

void um_eval_tasks_free(um_eval_tasks *tasks);

/* The request of sample `sample` of problem `number`, for the model of the last um_eval_tasks_fit.
 * Its randomness depends on the seed, the problem's id and `sample` alone.  Call
 * um_prompt_request_free whatever the outcome. */
um_status um_eval_ask(const um_eval_request *request, const um_eval_tasks *tasks, size_t number,
                      size_t sample, um_prompt_request *asked, um_error *error);

/* ---- Where evaluations happen -------------------------------------------------------- */

/* What evaluations of the same problems share, whatever the model. */
typedef struct um_eval_place {
    um_ranks *ranks; /* borrowed */
    um_eval_tasks tasks;
    um_judge *judge;
} um_eval_place;

/* Read the problems and make the sandbox, which starts as a copy of this process: call this before
 * opening models.  Ctrl-C is caught from here on.  Call um_eval_place_free whatever the outcome. */
um_status um_eval_place_open(const um_eval_request *request, um_ranks *ranks, um_eval_place *place,
                             um_error *error);
void um_eval_place_free(um_eval_place *place);

/* A model that is evaluated. */
typedef struct um_eval_subject {
    um_model *model;
    um_model_info info;
    char hash[17]; /* of its files */
} um_eval_subject;

/* Call um_eval_subject_close whatever the outcome. */
um_status um_eval_subject_open(const um_model_choice *choice, um_eval_subject *subject,
                               um_error *error);
void um_eval_subject_close(um_eval_subject *subject);

/* ---- The run ----------------------------------------------------------------------- */

/* One evaluation; the first four members are its inputs, borrowed. */
typedef struct um_eval_run {
    const um_eval_request *request;
    um_eval_place *place; /* its tasks are fitted to the model by the run */
    const um_eval_subject *subject;
    const um_watch *watch; /* told how many missing samples are made; NULL: the run's own bar */
    um_eval_records records;
    um_eval_directory directory;
    json_t *settings; /* of its run.json */
} um_eval_run;

/* Sample and judge what is missing in the run's directory.  All ranks call this together;
 * afterwards rank 0 has the whole run.  Call um_eval_run_free whatever the outcome.
 * UM_ERR_CANCELLED after Ctrl-C. */
um_status um_eval_run_complete(um_eval_run *run, um_error *error);

/* Fit the tasks and make the settings as um_eval_run_complete would, and check that the model takes
 * every request, so that a run that cannot be made fails before any run is made.  Nothing is
 * written. */
um_status um_eval_run_try(um_eval_run *run, um_error *error);

void um_eval_run_free(um_eval_run *run);

/* Summarise a complete run: *report is a new reference. */
um_status um_eval_run_report(const um_eval_run *run, json_t **report, um_error *error);

/* ---- Its parts --------------------------------------------------------------------- */

/* Whether sample `index` is for this rank to make. */
bool um_eval_is_mine(const um_eval_run *run, size_t index);

/* Fill in run->settings: all that a sample or its verdict depends on.  The number of samples is
 * left out: a run may get more of them. */
um_status um_eval_make_settings(um_eval_run *run, um_error *error);

/* A hash of all files of a model, in hexadecimal digits. */
um_status um_eval_hash_model(const um_model_choice *choice, char hash[17], um_error *error);

/* Make and judge this rank's samples that are missing. */
um_status um_eval_sample_and_judge(um_eval_run *run, um_eval_logs *logs, um_error *error);

/* ---- Reports ------------------------------------------------------------------------ */

/* Append a report as text, with its line feed. */
um_status um_eval_dump(const json_t *report, um_buffer *text, um_error *error);

/* How a report is shown: as text for a terminal, and as a page. */
typedef struct um_eval_texts {
    um_status (*table)(const json_t *report, um_buffer *text, um_error *error);
    um_status (*page)(const json_t *report, um_buffer *page, um_error *error);
} um_eval_texts;

extern const um_eval_texts um_eval_report_texts; /* of one evaluation */

typedef enum um_eval_shown {
    UM_EVAL_SHOW_NOTHING,
    UM_EVAL_SHOW_TABLE,
    UM_EVAL_SHOW_JSON
} um_eval_shown;

/* Print the report, and write it as report.json and report.html into `directory`. */
um_status um_eval_publish(const json_t *report, const um_eval_texts *texts, const char *directory,
                          um_eval_shown shown, um_error *error);

#endif
