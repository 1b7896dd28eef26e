/* The work of `unmask eval`: samples decoded in batches, judged meanwhile, and written as they
 * come.
 */
#include <string.h>

#include "cli/eval/eval.h"
#include "cli/request/batch_size.h"
#include "cli/request/sample_queue.h"
#include "cli/terminal/progress_bar.h"
#include "eval/judging.h"

typedef struct evaluation {
    um_eval_run *run;
    um_eval_logs *logs;
    um_threads *threads;
    um_sample_queue *queue;
    um_eval_judging *judging;
    um_progress_bar bar;
    um_watch watch;    /* of the samples; `bar` unless the run has its own */
    size_t wanted;     /* samples to be decoded now */
    size_t made;       /* of those */
    double told;       /* seconds of the queue already charged to samples */
    um_buffer scratch; /* a completion */
} evaluation;

/* The time since the last sample, with the parts of this sample's own time scaled to it: samples in
 * a batch overlap in time. */
static um_eval_cost cost_of(evaluation *work, const um_result *result) {
    const double now = um_sample_queue_seconds(work->queue);
    const double seconds = now - work->told;
    const double share = result->seconds > 0 ? seconds / result->seconds : 0;
    work->told = now;
    return (um_eval_cost){.answer_tokens = result->answer_tokens,
                          .forwards = result->forwards,
                          .steps = result->steps,
                          .finish = um_finish_name(result->finish),
                          .decode_seconds = seconds,
                          .forward_seconds = share * result->forward_seconds,
                          .projection_seconds = share * result->projection_seconds,
                          .sampling_seconds = share * result->sampling_seconds};
}

static um_status write_sample(evaluation *work, size_t index, um_error *error) {
    json_t *line = um_eval_records_sample_line(&work->run->records, index);
    const um_status status = line ? um_record_log_append(work->logs->samples, line, error)
                                  : um_error_memory(error, "a sample", 1);
    json_decref(line);
    return status;
}

static um_status take_sample(void *user, const um_prompt *prompt, size_t draws,
                             const um_result *result, um_error *error) {
    evaluation *work = user;
    um_eval_run *run = work->run;
    const um_eval_cost cost = cost_of(work, result);
    const um_answer *answer = &result->answers[0];
    (void)draws;
    um_buffer_clear(&work->scratch);
    UM_TRY(um_eval_completion(&run->place->tasks.style,
                              um_eval_records_problem(&run->records, prompt->index), answer->text,
                              answer->text_length, &work->scratch, error));
    UM_TRY(um_eval_records_put_sample(&run->records, prompt->index, work->scratch.data,
                                      work->scratch.length, &cost, error));
    UM_TRY(write_sample(work, prompt->index, error));
    work->made++;
    (void)um_watch_tell(&work->watch, work->made, work->wanted, NULL);
    return um_eval_judging_add(work->judging, prompt->index, error);
}

/* Queue sample `index` of the run. */
static um_status ask(evaluation *work, size_t index, um_error *error) {
    const um_eval_run *run = work->run;
    const um_eval_tasks *tasks = &run->place->tasks;
    const size_t each = run->records.samples_each;
    const um_prompt prompt = {.text = "", .index = index};
    um_prompt_request asked;
    um_status status = um_eval_ask(run->request, tasks, index / each, index % each, &asked, error);
    if (status == UM_OK) {
        status = um_sample_queue_add(work->queue, &prompt, &asked.request,
                                     tasks->problems[index / each]->id, error);
    }
    um_prompt_request_free(&asked);
    return status;
}

static um_status sample_format(evaluation *work, um_problem_format format, um_error *error) {
    const um_eval_run *run = work->run;
    um_status status = UM_OK;
    for (size_t i = 0; i < um_eval_records_count(&run->records) && status == UM_OK; i++) {
        if (um_eval_is_mine(run, i) && !run->records.samples[i].is_sampled &&
            um_eval_records_problem(&run->records, i)->format == format) {
            status = ask(work, i, error);
        }
    }
    return status == UM_OK ? um_sample_queue_finish(work->queue, error) : status;
}

/* One format after the other: samples that are decoded side by side share their time, which then
 * belongs to one format. */
static um_status sample_all(evaluation *work, um_error *error) {
    for (int format = 0; format < UM_PROBLEM_FORMATS; format++) {
        UM_TRY(sample_format(work, (um_problem_format)format, error));
    }
    return UM_OK;
}

/* Judge first what an earlier run has sampled but not judged, and count what is to be sampled. */
static um_status judge_leftovers(evaluation *work, um_error *error) {
    const um_eval_records *records = &work->run->records;
    work->wanted = 0;
    for (size_t i = 0; i < um_eval_records_count(records); i++) {
        if (!um_eval_is_mine(work->run, i)) {
            continue;
        }
        if (!records->samples[i].is_sampled) {
            work->wanted++;
        } else if (!records->samples[i].is_judged) {
            UM_TRY(um_eval_judging_add(work->judging, i, error));
        }
    }
    return UM_OK;
}

/* Only rank 0 shows its progress; the others have as much to do. */
static um_progress_bar start_bar(const evaluation *work, const char *what, const char *unit) {
    um_progress_bar bar = um_progress_bar_start(what);
    bar.unit = unit;
    bar.terminal = bar.terminal && !work->run->watch && um_ranks_first(work->run->place->ranks);
    return bar;
}

static um_status sample_and_judge(evaluation *work, um_error *error) {
    UM_TRY(judge_leftovers(work, error));
    work->bar = start_bar(work, "sampling", "samples");
    work->watch = work->run->watch
                      ? *work->run->watch
                      : (um_watch){.progress = um_progress_bar_watch, .user = &work->bar};
    const um_status status = sample_all(work, error);
    um_progress_bar_end(&work->bar);
    UM_TRY(status);
    work->bar = start_bar(work, "judging", "programs");
    const um_watch watch = {.progress = um_progress_bar_watch, .user = &work->bar};
    const um_status judged = um_eval_judging_wait(work->judging, &watch, error);
    um_progress_bar_end(&work->bar);
    return judged;
}

static size_t batch_size(const um_eval_run *run) {
    const size_t processes = um_collective_node_size(run->place->ranks->collective);
    return um_cli_batch_size(&run->subject->info, run->request->batch, UM_BATCH_USUAL, processes);
}

static um_status start(evaluation *work, um_error *error) {
    um_eval_run *run = work->run;
    const size_t given = run->request->model.threads;
    UM_TRY(um_threads_create(given > 0 ? given : um_ranks_threads(run->place->ranks),
                             &work->threads, error));
    const um_sample_queue_setup setup = {.model = run->subject->model,
                                         .threads = work->threads,
                                         .size = batch_size(run),
                                         .user = work,
                                         .print = take_sample};
    UM_TRY(um_eval_judging_start(run->place->judge, &run->records, work->logs->samples,
                                 work->logs->results, &work->judging, error));
    UM_TRY(um_sample_queue_create(&setup, &work->queue, error));
    return sample_and_judge(work, error);
}

um_status um_eval_sample_and_judge(um_eval_run *run, um_eval_logs *logs, um_error *error) {
    evaluation work = {.run = run, .logs = logs};
    const um_status status = start(&work, error);
    um_sample_queue_free(work.queue);
    um_eval_judging_free(work.judging);
    um_threads_free(work.threads);
    um_buffer_free(&work.scratch);
    return status;
}
