/* A sweep: every point of its grid is an evaluation with a directory of its own, so that a sweep
 * that was stopped goes on with what is there. */
#include <stdlib.h>
#include <string.h>

#include "base/directory_lock.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "cli/request/request_tokens.h"
#include "cli/sweep/sweep.h"
#include "decode/algorithm.h"

/* The request for a point's evaluation, and the texts that it borrows. */
typedef struct point_request {
    um_eval_request eval;
    char path[UM_EVAL_PATH_SIZE];
    char temperature[32];
} point_request;

/* *asked must not be moved. */
static um_status ask_point(const um_sweep_run *run, size_t point, point_request *asked,
                           um_sweep_uses *uses, um_error *error) {
    char name[1024];
    const um_sweep_line *line = um_sweep_line_at(&run->grid, point);
    asked->eval = run->request->eval;
    asked->eval.model.model = run->request->models[line->model];
    asked->eval.samples = um_sweep_samples_at(&run->grid, point, run->request->eval.samples);
    asked->eval.output = asked->path;
    (void)snprintf(asked->temperature, sizeof asked->temperature, "%.9g",
                   um_sweep_temperature_at(&run->grid, point));
    UM_TRY(um_sweep_point_name(&run->grid, point, name, sizeof name, error));
    UM_TRY(um_path_join(asked->path, sizeof asked->path, run->request->eval.output, name, error));
    return um_sweep_decoding(&run->request->eval.decoding, &run->grid, line, asked->temperature,
                             &asked->eval.decoding, uses, error);
}

static um_status open_subject(const um_sweep_run *run, size_t model, um_eval_subject *subject,
                              um_error *error) {
    um_model_choice choice = run->request->eval.model;
    choice.model = run->request->models[model];
    return um_eval_subject_open(&choice, subject, error);
}

/* ---- Before the first point ----------------------------------------------------------- */

/* Check that the model can be evaluated as line `number` of the grid says. */
static um_status try_line(um_sweep_run *run, const um_eval_subject *subject, size_t number,
                          um_sweep_uses *uses, um_error *error) {
    point_request asked;
    char decoding[64];
    um_eval_run tried = {.request = &asked.eval,
                         .place = &run->place,
                         .subject = subject,
                         .directory = {.lock_descriptor = -1}};
    UM_TRY(ask_point(run, number * run->grid.axes.temperatures.count, &asked, uses, error));
    const um_status status = um_eval_run_try(&tried, error);
    um_eval_run_free(&tried);
    um_sweep_describe_line(&run->grid, &run->grid.lines[number], decoding, sizeof decoding);
    return status == UM_OK
               ? UM_OK
               : um_error_prefix(error, status, "%.100s, %s",
                                 run->grid.models[run->grid.lines[number].model].name, decoding);
}

static um_status try_model(um_sweep_run *run, const um_eval_subject *subject, um_sweep_uses *uses,
                           um_error *error) {
    const size_t first = run->grid.line_count;
    const um_algorithm *algorithm = NULL; /* its name outlives the model */
    UM_TRY(um_algorithm_find(subject->info.algorithm, &algorithm, error));
    UM_TRY(um_sweep_add_model(&run->grid, subject->info.name, algorithm->name,
                              um_cli_is_causal(&subject->info), subject->info.parameter_count,
                              error));
    for (size_t i = first; i < run->grid.line_count; i++) {
        UM_TRY(try_line(run, subject, i, uses, error));
    }
    return UM_OK;
}

/* Make the grid, and find anything wrong with it before the first sample. */
static um_status make_grid(um_sweep_run *run, um_error *error) {
    um_sweep_uses uses = 0;
    run->grid.axes = run->request->axes;
    for (size_t i = 0; i < run->request->model_count; i++) {
        um_eval_subject subject;
        um_status status = open_subject(run, i, &subject, error);
        if (status == UM_OK) {
            status = try_model(run, &subject, &uses, error);
        }
        um_eval_subject_close(&subject);
        UM_TRY(status);
    }
    UM_TRY(um_sweep_check_uses(&run->request->eval.decoding, uses, error));
    return um_allocate(&run->reports, um_sweep_point_count(&run->grid), sizeof *run->reports,
                       "reports", error);
}

static um_status open_directory(um_sweep_run *run, um_error *error) {
    const char *path = run->request->eval.output;
    if (!um_ranks_first(run->ranks)) {
        return UM_OK;
    }
    if (um_file_exists(path, UM_EVAL_RUN_FILE)) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: holds a run of `unmask eval`; write to another directory", path);
    }
    return um_directory_lock(path, "sweep", &run->lock_descriptor, error);
}

static um_status prepare(um_sweep_run *run, um_error *error) {
    UM_TRY(um_eval_place_open(&run->request->eval, run->ranks, &run->place, error));
    UM_TRY(make_grid(run, error));
    return open_directory(run, error);
}

/* The number of problems that this rank samples, which its progress counts. */
static size_t own_problems(const um_sweep_run *run) {
    size_t own = 0;
    for (size_t i = 0; i < run->place.tasks.count; i++) {
        own += um_collective_owns(run->ranks->collective, i);
    }
    return own;
}

/* ---- Points ----------------------------------------------------------------------------- */

/* Write the point's own report, as `unmask eval` does. */
static um_status report_point(um_sweep_run *run, const um_eval_run *made, size_t point,
                              um_error *error) {
    UM_TRY(um_eval_run_report(made, &run->reports[point], error));
    return um_eval_publish(run->reports[point], &um_eval_report_texts, made->directory.path,
                           UM_EVAL_SHOW_NOTHING, error);
}

static um_status complete_point(um_sweep_run *run, const um_eval_subject *subject, size_t point,
                                um_error *error) {
    point_request asked;
    um_sweep_uses uses = 0;
    const um_watch watch = {.progress = um_sweep_progress_watch, .user = &run->progress};
    um_eval_run made = {.request = &asked.eval,
                        .place = &run->place,
                        .subject = subject,
                        .watch = &watch,
                        .directory = {.lock_descriptor = -1}};
    UM_TRY(ask_point(run, point, &asked, &uses, error));
    um_sweep_progress_begin_point(&run->progress, point, own_problems(run) * asked.eval.samples);
    um_status status = um_eval_run_complete(&made, error);
    if (status == UM_OK && um_ranks_first(run->ranks)) {
        status = report_point(run, &made, point, error);
    }
    um_sweep_progress_end_point(&run->progress);
    um_eval_run_free(&made);
    return status;
}

static um_status tell_stop(const um_sweep_run *run, size_t point, um_status status,
                           um_error *error) {
    return status == UM_ERR_CANCELLED
               ? UM_RAISE(error, UM_ERR_CANCELLED,
                          "stopped with %zu of %zu evaluations done; run the same command again "
                          "to continue in %s",
                          point, um_sweep_point_count(&run->grid), run->request->eval.output)
               : status;
}

/* The points of a model are next to each other in the grid. */
static um_status complete_model(um_sweep_run *run, size_t model, size_t *point, um_error *error) {
    um_eval_subject subject;
    um_status status = open_subject(run, model, &subject, error);
    status = um_collective_agree_on_status(run->ranks->collective, status, error);
    while (status == UM_OK && *point < um_sweep_point_count(&run->grid) &&
           um_sweep_line_at(&run->grid, *point)->model == model) {
        status = complete_point(run, &subject, *point, error);
        status = um_collective_agree_on_status(run->ranks->collective, status, error);
        *point += status == UM_OK;
    }
    um_eval_subject_close(&subject);
    return status;
}

um_status um_sweep_run_complete(const um_sweep_request *request, um_ranks *ranks, um_sweep_run *run,
                                um_error *error) {
    *run = (um_sweep_run){.request = request, .ranks = ranks, .lock_descriptor = -1};
    size_t point = 0;
    um_status status = prepare(run, error);
    UM_TRY(um_collective_agree_on_status(ranks->collective, status, error));
    um_sweep_progress_start(&run->progress, &run->grid, own_problems(run), request->eval.samples,
                            um_ranks_first(ranks));
    for (size_t i = 0; i < request->model_count && status == UM_OK; i++) {
        status = complete_model(run, i, &point, error);
    }
    um_sweep_progress_end(&run->progress);
    return tell_stop(run, point, status, error);
}

void um_sweep_run_free(um_sweep_run *run) {
    for (size_t i = 0; run->reports && i < um_sweep_point_count(&run->grid); i++) {
        json_decref(run->reports[i]);
    }
    free(run->reports);
    um_sweep_grid_free(&run->grid);
    um_eval_place_free(&run->place);
    um_directory_unlock(&run->lock_descriptor);
}
