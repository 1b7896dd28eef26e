#include "eval/run_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/memory.h"

#define NAME_SIZE 64
#define SAMPLES_PREFIX "samples.rank-"
#define RESULTS_PREFIX "results.rank-"

static um_status open_in(const char *directory, const char *name, um_record_visitor *visitor,
                         void *user, um_record_log **log, um_error *error) {
    char path[UM_EVAL_PATH_SIZE + NAME_SIZE];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_record_log_open(path, visitor, user, log, error);
}

um_status um_eval_logs_open(const char *directory, um_eval_records *records, um_eval_logs *logs,
                            um_error *error) {
    UM_TRY(open_in(directory, UM_EVAL_SAMPLES_FILE, um_eval_records_read_sample, records,
                   logs ? &logs->samples : NULL, error));
    return open_in(directory, UM_EVAL_RESULTS_FILE, um_eval_records_read_result, records,
                   logs ? &logs->results : NULL, error);
}

static um_status pass_over(void *user, const json_t *record, const char *where, um_error *error) {
    (void)user;
    (void)record;
    (void)where;
    (void)error;
    return UM_OK;
}

um_status um_eval_logs_open_rank(const char *directory, size_t rank, um_eval_logs *logs,
                                 um_error *error) {
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, SAMPLES_PREFIX "%zu.jsonl", rank);
    UM_TRY(open_in(directory, name, pass_over, NULL, &logs->samples, error));
    (void)snprintf(name, sizeof name, RESULTS_PREFIX "%zu.jsonl", rank);
    return open_in(directory, name, pass_over, NULL, &logs->results, error);
}

um_status um_eval_logs_close(um_eval_logs *logs, um_error *error) {
    const um_status first = um_record_log_close(logs->samples, error);
    const um_status second = um_record_log_close(logs->results, first == UM_OK ? error : NULL);
    *logs = (um_eval_logs){0};
    return first != UM_OK ? first : second;
}

/* ---- Files of ranks ---------------------------------------------------------------- */

/* Records being moved out of the ranks' files. */
typedef struct absorption {
    um_eval_records *records;
    um_record_log *log; /* where they go */
    um_record_visitor *read;
    bool (*has)(const um_eval_sample *sample);
} absorption;

static bool has_sample(const um_eval_sample *sample) {
    return sample->is_sampled;
}

static bool has_result(const um_eval_sample *sample) {
    return sample->is_judged;
}

static um_status absorb(void *user, const json_t *record, const char *where, um_error *error) {
    const absorption *work = user;
    size_t index = 0;
    UM_TRY(um_eval_records_find(work->records, record, where, &index, error));
    if (index != SIZE_MAX && work->has(&work->records->samples[index])) {
        return UM_OK;
    }
    UM_TRY(work->read(work->records, record, where, error));
    return um_record_log_append(work->log, record, error);
}

static int is_of_samples(const struct dirent *entry) {
    return strncmp(entry->d_name, SAMPLES_PREFIX, strlen(SAMPLES_PREFIX)) == 0;
}

static int is_of_results(const struct dirent *entry) {
    return strncmp(entry->d_name, RESULTS_PREFIX, strlen(RESULTS_PREFIX)) == 0;
}

/* Call `visit` for each file of the kind, in the order of their names. */
static um_status each_file(const char *directory, int (*is_kind)(const struct dirent *),
                           um_status (*visit)(void *user, const char *directory, const char *name,
                                              um_error *error),
                           void *user, um_error *error) {
    struct dirent **entries = NULL;
    const int count = scandir(directory, &entries, is_kind, alphasort);
    um_status status = UM_OK;
    if (count < 0) {
        return um_error_set_errno(error, errno, "%s", directory);
    }
    for (int i = 0; i < count; i++) {
        if (status == UM_OK) {
            status = visit(user, directory, entries[i]->d_name, error);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static um_status absorb_file(void *user, const char *directory, const char *name, um_error *error) {
    return open_in(directory, name, absorb, user, NULL, error);
}

static um_status remove_file(void *user, const char *directory, const char *name, um_error *error) {
    char path[UM_EVAL_PATH_SIZE + NAME_SIZE];
    (void)user;
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return unlink(path) == 0 || errno == ENOENT
               ? UM_OK
               : um_error_set_errno(error, errno, "%s: cannot remove", path);
}

um_status um_eval_absorb_ranks(const char *directory, um_eval_records *records, um_eval_logs *logs,
                               um_error *error) {
    absorption samples = {.records = records,
                          .log = logs->samples,
                          .read = um_eval_records_read_sample,
                          .has = has_sample};
    absorption results = {.records = records,
                          .log = logs->results,
                          .read = um_eval_records_read_result,
                          .has = has_result};
    UM_TRY(each_file(directory, is_of_samples, absorb_file, &samples, error));
    UM_TRY(each_file(directory, is_of_results, absorb_file, &results, error));
    UM_TRY(um_record_log_sync(logs->samples, error));
    UM_TRY(um_record_log_sync(logs->results, error));
    UM_TRY(each_file(directory, is_of_samples, remove_file, NULL, error));
    return each_file(directory, is_of_results, remove_file, NULL, error);
}

/* ---- Order -------------------------------------------------------------------------- */

typedef struct line {
    size_t place; /* SIZE_MAX: beyond the samples of the run */
    size_t number;
    json_t *record;
} line;

typedef struct line_list {
    const um_eval_records *records;
    line *lines; /* [count] */
    size_t count;
    size_t capacity;
    bool in_order;
} line_list;

static um_status add_line(void *user, const json_t *record, const char *where, um_error *error) {
    line_list *list = user;
    size_t place = 0;
    UM_TRY(um_eval_records_find(list->records, record, where, &place, error));
    UM_TRY(um_grow(&list->lines, &list->capacity, list->count + 1, sizeof *list->lines, "lines",
                   error));
    const line *last = list->count > 0 ? &list->lines[list->count - 1] : NULL;
    list->in_order = list->in_order && (!last || last->place < place ||
                                        (place == SIZE_MAX && last->place == SIZE_MAX));
    list->lines[list->count] = (line){
        .place = place, .number = list->count, .record = json_incref((json_t *)(uintptr_t)record)};
    list->count++;
    return UM_OK;
}

static int order_of_lines(const void *left, const void *right) {
    const line *a = left;
    const line *b = right;
    if (a->place != b->place) {
        return a->place < b->place ? -1 : 1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

static um_status write_lines(const line_list *list, um_atomic_file *file, um_error *error) {
    for (size_t i = 0; i < list->count; i++) {
        const line *each = &list->lines[i];
        if (i > 0 && each->place != SIZE_MAX && each->place == list->lines[i - 1].place) {
            continue; /* the first one counts, as in reading */
        }
        um_buffer text = {0};
        um_status status = um_record_text(each->record, &text, error);
        if (status == UM_OK) {
            status = um_atomic_file_write(file, text.data, text.length, error);
        }
        um_buffer_free(&text);
        UM_TRY(status);
    }
    return UM_OK;
}

static um_status replace(const line_list *list, const char *path, um_error *error) {
    um_atomic_file *file = NULL;
    UM_TRY(um_atomic_file_open(path, &file, error));
    const um_status status = write_lines(list, file, error);
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    return um_atomic_file_commit(file, error);
}

static um_status sort_file(const char *directory, const char *name, const um_eval_records *records,
                           um_error *error) {
    char path[UM_EVAL_PATH_SIZE + NAME_SIZE];
    line_list list = {.records = records, .in_order = true};
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    um_status status = um_record_log_open(path, add_line, &list, NULL, error);
    if (status == UM_OK && !list.in_order) {
        qsort(list.lines, list.count, sizeof *list.lines, order_of_lines);
        status = replace(&list, path, error);
    }
    for (size_t i = 0; i < list.count; i++) {
        json_decref(list.lines[i].record);
    }
    free(list.lines);
    return status;
}

um_status um_eval_sort_files(const char *directory, const um_eval_records *records,
                             um_error *error) {
    UM_TRY(sort_file(directory, UM_EVAL_SAMPLES_FILE, records, error));
    return sort_file(directory, UM_EVAL_RESULTS_FILE, records, error);
}
