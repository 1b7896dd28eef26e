/* A run of `unmask eval`: samples decoded in batches, judged meanwhile, and written as they come.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_hash.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/eval.h"
#include "cli/generate_queue.h"
#include "cli/model_path.h"
#include "cli/open_model.h"
#include "cli/progress_bar.h"
#include "eval/judging.h"
#include "eval/record_log.h"

/* What is being done, beside the run itself. */
typedef struct evaluation {
    um_eval_run *run;
    um_threads *threads;
    um_generate_queue *queue;
    um_record_log *samples;
    um_record_log *results;
    um_eval_judging *judging;
    um_progress_bar bar;
    size_t wanted;     /* samples to be decoded now */
    size_t made;       /* of those */
    double told;       /* seconds of the queue that are some sample's */
    um_buffer scratch; /* a completion */
} evaluation;

/* ---- Settings -------------------------------------------------------------------- */

static void format_hash(uint64_t hash, char text[17]) {
    (void)snprintf(text, 17, "%016llx", (unsigned long long)hash);
}

/* What a directory's model is read from. */
static int is_model_file(const struct dirent *entry) {
    static const char *const endings[] = {".json", ".safetensors", ".txt", ".jinja"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (um_text_ends_with(entry->d_name, endings[i])) {
            return 1;
        }
    }
    return 0;
}

static int order_of_names(const struct dirent **left, const struct dirent **right) {
    return strcmp((*left)->d_name, (*right)->d_name);
}

static um_status hash_file_of(const char *directory, const char *name, uint64_t *hash,
                              um_error *error) {
    char path[UM_EVAL_PATH_SIZE];
    uint64_t part = 0;
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    UM_TRY(um_file_hash(path, &part, error));
    *hash = um_hash_add_bytes(*hash, name, strlen(name));
    *hash = um_hash_add(*hash, part);
    return UM_OK;
}

/* One number for all files of a model. */
static um_status hash_model(const char *path, uint64_t *hash, um_error *error) {
    struct stat kind;
    struct dirent **entries = NULL;
    if (stat(path, &kind) != 0 || !S_ISDIR(kind.st_mode)) {
        return um_file_hash(path, hash, error);
    }
    const int count = scandir(path, &entries, is_model_file, order_of_names);
    if (count < 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    um_status status = UM_OK;
    *hash = UM_HASH_START;
    for (int i = 0; i < count; i++) {
        if (status == UM_OK) {
            status = hash_file_of(path, entries[i]->d_name, hash, error);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* What a request would be decoded with. */
typedef struct probe {
    json_t *settings;
    const char *algorithm;
} probe;

static void on_start(void *user, const um_start_event *start) {
    probe *found = user;
    found->algorithm = start->algorithm;
    found->settings = json_loads(start->settings, 0, NULL);
}

static bool stop_at_once(void *user) {
    (void)user;
    return true;
}

/* The options of decoding with all defaults filled in, as a request of the run tells them. */
static um_status probe_decoding(const um_eval_run *run, json_t **decoding, um_error *error) {
    um_session *session = NULL;
    um_result result = {0};
    um_eval_asked asked;
    probe found = {0};
    const um_callbacks callbacks = {
        .user = &found, .start = on_start, .is_cancelled = stop_at_once};
    UM_TRY(um_session_create(run->model, NULL, &session, error));
    um_eval_ask(run->request, &run->tasks, 0, 0, &asked);
    const um_status status = um_generate(session, &asked.request, &callbacks, &result, error);
    um_result_clear(&result);
    um_session_free(session);
    if (status != UM_OK && status != UM_ERR_CANCELLED) {
        json_decref(found.settings);
        return status;
    }
    if (!found.settings ||
        json_object_set_new(found.settings, "algorithm", json_string(found.algorithm)) != 0) {
        json_decref(found.settings);
        return um_error_memory(error, "settings", 0);
    }
    *decoding = found.settings;
    return UM_OK;
}

static json_t *text_or_null(const char *text) {
    return text ? json_string(text) : json_null();
}

/* All that a sample or its verdict depends on.  The number of samples is not among it: a run may
 * get more of them. */
static um_status make_settings(um_eval_run *run, um_error *error) {
    const um_eval_request *request = run->request;
    const um_judge_options *judge = &request->judge.judge;
    const char *path = NULL;
    uint64_t of_model = 0;
    uint64_t of_problems = 0;
    char model[17];
    char problems[17];
    json_t *decoding = NULL;
    UM_TRY(um_cli_model_path(request->model.model, &path, error));
    UM_TRY(hash_model(path, &of_model, error));
    UM_TRY(um_file_hash(request->problems, &of_problems, error));
    UM_TRY(probe_decoding(run, &decoding, error));
    format_hash(of_model, model);
    format_hash(of_problems, problems);
    run->settings = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:o, s:f, s:I}", "model_hash",
        model, "attention", run->info.attention, "logit_alignment", run->info.logit_alignment,
        "kernels", run->info.kernels, "quantize", text_or_null(request->model.options.quantize),
        "problems_hash", problems, "instruct", request->instruct, "system",
        text_or_null(request->system), "shots", (json_int_t)request->shots, "first_id",
        (json_int_t)request->first_id, "last_id", (json_int_t)request->last_id, "length",
        (json_int_t)request->length, "decoding", decoding, "timeout", judge->timeout_seconds,
        "memory", (json_int_t)judge->memory_mib);
    if (!run->settings ||
        json_object_set_new(run->settings, "form",
                            json_string(um_eval_form_name(run->tasks.style.form))) != 0) {
        return um_error_memory(error, "settings", 0);
    }
    return UM_OK;
}

/* ---- Samples --------------------------------------------------------------------- */

/* Shares of the time that this sample adds to the run; those of a batch overlap. */
static um_eval_cost cost_of(evaluation *work, const um_result *result) {
    const double now = um_generate_queue_seconds(work->queue);
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
    const um_status status = line ? um_record_log_append(work->samples, line, error)
                                  : um_error_memory(error, "a sample", 1);
    json_decref(line);
    return status;
}

static um_status take_sample(void *user, const um_generate_prompt *prompt, size_t draws,
                             const um_result *result, um_error *error) {
    evaluation *work = user;
    um_eval_run *run = work->run;
    const um_eval_cost cost = cost_of(work, result);
    const um_answer *answer = &result->answers[0];
    (void)draws;
    um_buffer_clear(&work->scratch);
    UM_TRY(um_eval_completion(&run->tasks.style,
                              um_eval_records_problem(&run->records, prompt->index), answer->text,
                              answer->text_length, &work->scratch, error));
    UM_TRY(um_eval_records_put_sample(&run->records, prompt->index, work->scratch.data,
                                      work->scratch.length, &cost, error));
    UM_TRY(write_sample(work, prompt->index, error));
    work->made++;
    (void)um_progress_bar_watch(&work->bar, work->made, work->wanted);
    return um_eval_judging_add(work->judging, prompt->index, error);
}

static um_status sample_all(evaluation *work, um_error *error) {
    um_eval_run *run = work->run;
    const size_t each = run->records.samples_each;
    um_status status = UM_OK;
    for (size_t i = 0; i < um_eval_records_count(&run->records) && status == UM_OK; i++) {
        if (!run->records.samples[i].is_sampled) {
            um_eval_asked asked;
            const um_generate_prompt prompt = {.text = "", .index = i};
            um_eval_ask(run->request, &run->tasks, i / each, i % each, &asked);
            status = um_generate_queue_add(work->queue, &prompt, &asked.request,
                                           run->tasks.problems[i / each]->id, error);
        }
    }
    return status == UM_OK ? um_generate_queue_finish(work->queue, error) : status;
}

/* What an earlier run has sampled but not judged comes first. */
static um_status judge_leftovers(evaluation *work, um_error *error) {
    const um_eval_records *records = &work->run->records;
    work->wanted = 0;
    for (size_t i = 0; i < um_eval_records_count(records); i++) {
        if (!records->samples[i].is_sampled) {
            work->wanted++;
        } else if (!records->samples[i].is_judged) {
            UM_TRY(um_eval_judging_add(work->judging, i, error));
        }
    }
    return UM_OK;
}

static um_status sample_and_judge(evaluation *work, um_error *error) {
    UM_TRY(judge_leftovers(work, error));
    work->bar = um_progress_bar_start("sampling");
    work->bar.unit = "samples";
    const um_status status = sample_all(work, error);
    um_progress_bar_end(&work->bar);
    UM_TRY(status);
    work->bar = um_progress_bar_start("judging");
    work->bar.unit = "programs";
    const um_watch watch = {.progress = um_progress_bar_watch, .user = &work->bar};
    const um_status judged = um_eval_judging_wait(work->judging, &watch, error);
    um_progress_bar_end(&work->bar);
    return judged;
}

/* ---- Files ------------------------------------------------------------------------ */

static um_status open_log(const um_eval_run *run, const char *name, um_record_visitor *visitor,
                          um_record_log **log, um_error *error) {
    char path[UM_EVAL_PATH_SIZE + 32];
    UM_TRY(um_path_join(path, sizeof path, run->directory.path, name, error));
    return um_record_log_open(path, visitor, (void *)(uintptr_t)&run->records, log, error);
}

static bool is_complete(const um_eval_records *records) {
    for (size_t i = 0; i < um_eval_records_count(records); i++) {
        if (!records->samples[i].is_judged) {
            return false;
        }
    }
    return true;
}

static um_status start(evaluation *work, um_error *error) {
    um_eval_run *run = work->run;
    const um_generate_queue_setup setup = {.model = run->model,
                                           .threads = work->threads,
                                           .size = run->request->batch,
                                           .user = work,
                                           .print = take_sample};
    UM_TRY(um_eval_judging_start(run->judge, &run->records, work->results, &work->judging, error));
    UM_TRY(um_generate_queue_create(&setup, &work->queue, error));
    return sample_and_judge(work, error);
}

/* Close what was open; the first failure counts. */
static um_status finish(evaluation *work, um_status status, um_error *error) {
    um_generate_queue_free(work->queue);
    um_eval_judging_free(work->judging);
    um_record_log *logs[] = {work->samples, work->results};
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        const um_status closed = um_record_log_close(logs[i], status == UM_OK ? error : NULL);
        status = status == UM_OK ? closed : status;
    }
    um_threads_free(work->threads);
    um_buffer_free(&work->scratch);
    return status;
}

static um_status complete(um_eval_run *run, um_error *error) {
    evaluation work = {.run = run};
    um_status status =
        open_log(run, UM_EVAL_SAMPLES_FILE, um_eval_records_read_sample, &work.samples, error);
    if (status == UM_OK) {
        status =
            open_log(run, UM_EVAL_RESULTS_FILE, um_eval_records_read_result, &work.results, error);
    }
    if (status == UM_OK && !is_complete(&run->records)) {
        status = um_threads_create(run->request->model.threads, &work.threads, error);
        if (status == UM_OK) {
            status = start(&work, error);
        }
    }
    return finish(&work, status, error);
}

/* ---- The run ------------------------------------------------------------------------ */

/* Before the model is open: each sandbox starts as a copy of the process. */
static um_status open_judge(um_eval_run *run, um_error *error) {
    um_judge_options options = run->request->judge.judge;
    UM_TRY(um_judge_create(&options, &run->judge, error));
    (void)fprintf(stderr, "sandbox: %s\n", um_judge_sandbox_text(run->judge));
    return UM_OK;
}

/* Where Ctrl-C came: how far the run is, and how it goes on. */
static um_status tell_stop(const um_eval_run *run, um_status status, um_error *error) {
    size_t judged = 0;
    for (size_t i = 0; i < um_eval_records_count(&run->records); i++) {
        judged += run->records.samples[i].is_judged;
    }
    return status == UM_ERR_CANCELLED
               ? UM_RAISE(error, UM_ERR_CANCELLED,
                          "stopped with %zu of %zu samples judged; the same command goes on in %s",
                          judged, um_eval_records_count(&run->records), run->directory.path)
               : status;
}

um_status um_eval_run_complete(const um_eval_request *request, um_eval_run *run, um_error *error) {
    *run = (um_eval_run){.request = request, .directory = {.lock_descriptor = -1}};
    UM_TRY(um_eval_tasks_read(request, &run->tasks, error));
    UM_TRY(um_eval_records_create(run->tasks.problems, run->tasks.count, request->samples,
                                  &run->records, error));
    um_cli_catch_interrupts();
    UM_TRY(open_judge(run, error));
    UM_TRY(um_cli_open_model(request->model.model, &request->model.options,
                             request->model.no_quantize_cache, &run->model, error));
    um_model_get_info(run->model, &run->info);
    UM_TRY(um_eval_tasks_fit(request, run->model, &run->tasks, error));
    UM_TRY(make_settings(run, error));
    UM_TRY(um_eval_directory_open(request->output, run->settings, &run->directory, error));
    return tell_stop(run, complete(run, error), error);
}

void um_eval_run_free(um_eval_run *run) {
    um_eval_directory_close(&run->directory);
    um_judge_free(run->judge);
    um_model_close(run->model);
    json_decref(run->settings);
    um_eval_records_free(&run->records);
    um_eval_tasks_free(&run->tasks);
}
