/* A run of `unmask eval`, by one process or several: which samples exist, which are missing, and
 * the files.
 *
 * Several ranks share out the problems.  Rank 0 alone writes samples.jsonl and results.jsonl; the
 * others write files of their own, which rank 0 takes over at the end, or when the run goes on
 * after a kill.  So a run may go on with any number of ranks. */

#include "cli/eval/eval.h"
#include "cli/request/open_model.h"
#include "eval/report.h"

bool um_eval_is_mine(const um_eval_run *run, size_t index) {
    return um_collective_owns(run->place->ranks->collective, index / run->records.samples_each);
}

static bool is_complete(const um_eval_run *run) {
    for (size_t i = 0; i < um_eval_records_count(&run->records); i++) {
        if (um_eval_is_mine(run, i) && !run->records.samples[i].is_judged) {
            return false;
        }
    }
    return true;
}

/* ---- Files ------------------------------------------------------------------------ */

/* Open the files.  Afterwards all ranks know which samples exist, those of killed ranks
 * included. */
static um_status open_files(um_eval_run *run, um_eval_logs *logs, um_error *error) {
    um_collective *collective = run->place->ranks->collective;
    const char *path = run->request->output;
    const bool first = um_ranks_first(run->place->ranks);
    um_status status = UM_OK;
    if (first) {
        status = um_eval_directory_open(path, run->settings, &run->directory, error);
        if (status == UM_OK) {
            status = um_eval_logs_open(path, &run->records, logs, error);
        }
        if (status == UM_OK) {
            status = um_eval_absorb_ranks(path, &run->records, logs, error);
        }
    }
    UM_TRY(um_collective_agree_on_status(collective, status, error));
    if (!first) {
        status = um_eval_directory_join(path, run->settings, &run->directory, error);
        if (status == UM_OK) {
            status = um_eval_logs_open(path, &run->records, NULL, error);
        }
        if (status == UM_OK) {
            status = um_eval_logs_open_rank(path, um_collective_rank(collective), logs, error);
        }
    }
    return um_collective_agree_on_status(collective, status, error);
}

/* Take over what the other ranks have written, and put it in order. */
static um_status gather_files(um_eval_run *run, um_eval_logs *logs, um_error *error) {
    const char *path = run->request->output;
    um_status status = um_eval_absorb_ranks(path, &run->records, logs, error);
    const um_status closed = um_eval_logs_close(logs, status == UM_OK ? error : NULL);
    status = status == UM_OK ? closed : status;
    return status == UM_OK ? um_eval_sort_files(path, &run->records, error) : status;
}

/* Rank 0 takes over what the others have done, even if the run was stopped; the first failure
 * counts. */
static um_status join_files(um_eval_run *run, um_eval_logs *logs, um_status status,
                            um_error *error) {
    um_collective *collective = run->place->ranks->collective;
    const bool first = um_ranks_first(run->place->ranks);
    if (!first) {
        const um_status closed = um_eval_logs_close(logs, status == UM_OK ? error : NULL);
        status = status == UM_OK ? closed : status;
    }
    status = um_collective_agree_on_status(collective, status, error);
    if (first) {
        const um_status gathered = gather_files(run, logs, status == UM_OK ? error : NULL);
        status = status == UM_OK ? gathered : status;
    }
    return um_collective_agree_on_status(collective, status, error);
}

/* ---- Where it happens --------------------------------------------------------------- */

static um_status open_judge(const um_eval_request *request, um_eval_place *place, um_error *error) {
    um_judge_options options = request->judge.judge;
    if (options.workers == 0) {
        options.workers = um_ranks_threads(place->ranks);
    }
    UM_TRY(um_judge_create(&options, &place->judge, error));
    if (um_ranks_first(place->ranks)) {
        (void)fprintf(stderr, "sandbox: %s\n", um_judge_sandbox_text(place->judge));
    }
    return UM_OK;
}

um_status um_eval_place_open(const um_eval_request *request, um_ranks *ranks, um_eval_place *place,
                             um_error *error) {
    *place = (um_eval_place){.ranks = ranks};
    UM_TRY(um_eval_tasks_read(request, &place->tasks, error));
    um_cli_catch_interrupts();
    return open_judge(request, place, error);
}

void um_eval_place_free(um_eval_place *place) {
    um_judge_free(place->judge);
    um_eval_tasks_free(&place->tasks);
    place->judge = NULL;
}

um_status um_eval_subject_open(const um_model_choice *choice, um_eval_subject *subject,
                               um_error *error) {
    *subject = (um_eval_subject){0};
    UM_TRY(um_cli_open_model(choice, &subject->model, error));
    um_model_get_info(subject->model, &subject->info);
    return um_eval_hash_model(choice, subject->hash, error);
}

void um_eval_subject_close(um_eval_subject *subject) {
    um_model_close(subject->model);
    *subject = (um_eval_subject){0};
}

/* ---- The run ------------------------------------------------------------------------ */

/* After Ctrl-C, say how far the run is and how to go on. */
static um_status tell_stop(const um_eval_run *run, um_status status, um_error *error) {
    size_t judged = 0;
    for (size_t i = 0; i < um_eval_records_count(&run->records); i++) {
        judged += run->records.samples[i].is_judged;
    }
    return status == UM_ERR_CANCELLED
               ? UM_RAISE(error, UM_ERR_CANCELLED,
                          "stopped with %zu of %zu samples judged; run the same command again to "
                          "continue in %s",
                          judged, um_eval_records_count(&run->records), run->request->output)
               : status;
}

/* All that a rank can do without the others. */
static um_status prepare(um_eval_run *run, um_error *error) {
    um_eval_tasks *tasks = &run->place->tasks;
    run->directory = (um_eval_directory){.lock_descriptor = -1};
    UM_TRY(um_eval_records_create(tasks->problems, tasks->count, run->request->samples,
                                  &run->records, error));
    UM_TRY(um_eval_tasks_fit(run->request, run->subject->model, tasks, error));
    return um_eval_make_settings(run, error);
}

static void note_equal_samples(const um_eval_run *run) {
    const json_t *decoding = json_object_get(run->settings, "decoding");
    const json_t *temperature = json_object_get(decoding, "temperature");
    if (run->records.samples_each > 1 && json_is_number(temperature) &&
        json_number_value(temperature) == 0 && um_ranks_first(run->place->ranks)) {
        (void)fputs("note: at temperature 0 all samples of a problem are the same; give a "
                    "--temperature\n",
                    stderr);
    }
}

um_status um_eval_run_complete(um_eval_run *run, um_error *error) {
    um_eval_logs logs = {0};
    um_status status = prepare(run, error);
    UM_TRY(um_collective_agree_on_status(run->place->ranks->collective, status, error));
    note_equal_samples(run);
    status = open_files(run, &logs, error);
    if (status == UM_OK) {
        status = is_complete(run) ? UM_OK : um_eval_sample_and_judge(run, &logs, error);
        status = join_files(run, &logs, status, error);
    }
    (void)um_eval_logs_close(&logs, NULL);
    return tell_stop(run, status, error);
}

/* Adding a request to a batch fails if it cannot be decoded; nothing is decoded. */
static um_status try_requests(const um_eval_run *run, um_error *error) {
    const um_eval_tasks *tasks = &run->place->tasks;
    um_batch *batch = NULL;
    UM_TRY(um_batch_create(run->subject->model, NULL, 1, &batch, error));
    um_status status = UM_OK;
    for (size_t i = 0; i < tasks->count && status == UM_OK; i++) {
        um_prompt_request asked;
        status = um_eval_ask(run->request, tasks, i, 0, &asked, error);
        if (status == UM_OK) {
            status = um_batch_add(batch, &asked.request, NULL, NULL, error);
        }
        um_prompt_request_free(&asked);
        status = status == UM_OK
                     ? status
                     : um_error_prefix(error, status, "problem \"%.60s\"", tasks->problems[i]->id);
    }
    um_batch_free(batch);
    return status;
}

um_status um_eval_run_try(um_eval_run *run, um_error *error) {
    UM_TRY(prepare(run, error));
    return try_requests(run, error);
}

void um_eval_run_free(um_eval_run *run) {
    um_eval_directory_close(&run->directory);
    json_decref(run->settings);
    run->settings = NULL;
    um_eval_records_free(&run->records);
}

um_status um_eval_run_report(const um_eval_run *run, json_t **report, um_error *error) {
    const um_eval_facts facts = {.settings = run->settings,
                                 .model = run->subject->info.name,
                                 .problems = run->request->problems,
                                 .sandbox = um_judge_sandbox_text(run->place->judge)};
    return um_eval_report_create(&run->records, &facts, &run->request->judge.ks, report, error);
}
