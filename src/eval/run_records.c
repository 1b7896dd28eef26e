#include "eval/run_records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

#define SAMPLES_MAXIMUM 1000000000

/* ---- The set ------------------------------------------------------------------- */

static um_status fill_index(um_eval_records *records, um_error *error) {
    records->index = json_object();
    for (size_t i = 0; i < records->problem_count; i++) {
        if (!records->index || json_object_set_new(records->index, records->problems[i]->id,
                                                   json_integer((json_int_t)i)) != 0) {
            return um_error_memory(error, "problems", records->problem_count);
        }
    }
    return UM_OK;
}

um_status um_eval_records_create(const um_problem *const *problems, size_t count,
                                 size_t samples_each, um_eval_records *records, um_error *error) {
    size_t total = 0;
    *records = (um_eval_records){.samples_each = samples_each};
    if (!um_size_multiply(count, samples_each, &total)) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%zu samples of each of %zu problems are too many",
                        samples_each, count);
    }
    UM_TRY(um_allocate(&records->problems, count, sizeof *records->problems, "problems", error));
    for (size_t i = 0; i < count; i++) {
        records->problems[i] = problems[i];
    }
    records->problem_count = count;
    UM_TRY(um_allocate(&records->samples, total, sizeof *records->samples, "samples", error));
    return fill_index(records, error);
}

size_t um_eval_records_count(const um_eval_records *records) {
    return records->problem_count * records->samples_each;
}

void um_eval_records_free(um_eval_records *records) {
    for (size_t i = 0; records->samples && i < um_eval_records_count(records); i++) {
        free(records->samples[i].completion);
    }
    free(records->samples);
    free(records->problems);
    json_decref(records->index);
    *records = (um_eval_records){0};
}

const um_problem *um_eval_records_problem(const um_eval_records *records, size_t index) {
    return records->problems[index / records->samples_each];
}

um_status um_eval_records_put_sample(um_eval_records *records, size_t index, const char *completion,
                                     size_t length, const um_eval_cost *cost, um_error *error) {
    um_eval_sample *sample = &records->samples[index];
    char *copy = malloc(length + 1);
    if (!copy) {
        return um_error_memory(error, "a completion", length + 1);
    }
    if (length > 0) {
        memcpy(copy, completion, length);
    }
    copy[length] = '\0';
    free(sample->completion);
    sample->completion = copy;
    sample->length = length;
    sample->cost = *cost;
    sample->is_sampled = true;
    return UM_OK;
}

/* ---- Lines --------------------------------------------------------------------- */

json_t *um_eval_records_sample_line(const um_eval_records *records, size_t index) {
    const um_eval_sample *sample = &records->samples[index];
    const um_eval_cost *cost = &sample->cost;
    return json_pack("{s:s, s:I, s:s%, s:I, s:I, s:I, s:s}", "task_id",
                     um_eval_records_problem(records, index)->id, "sample",
                     (json_int_t)(index % records->samples_each), "completion", sample->completion,
                     sample->length, "answer_tokens", (json_int_t)cost->answer_tokens, "forwards",
                     (json_int_t)cost->forwards, "steps", (json_int_t)cost->steps, "finish_reason",
                     cost->finish);
}

static json_t *number_or_null(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *um_eval_records_result_line(const um_eval_records *records, size_t index,
                                    const um_judgement *judgement) {
    const um_eval_cost *cost = &records->samples[index].cost;
    return json_pack("{s:s, s:I, s:b, s:s, s:s, s:I, s:I, s:f, s:o, s:o, s:o, s:o}", "task_id",
                     um_eval_records_problem(records, index)->id, "sample",
                     (json_int_t)(index % records->samples_each), "passed",
                     judgement->verdict == UM_VERDICT_PASSED, "result", judgement->text, "verdict",
                     um_verdict_name(judgement->verdict), "tests_passed",
                     (json_int_t)judgement->tests_passed, "tests",
                     (json_int_t)judgement->tests_total, "judge_seconds", judgement->seconds,
                     "decode_seconds", number_or_null(cost->decode_seconds), "forward_seconds",
                     number_or_null(cost->forward_seconds), "projection_seconds",
                     number_or_null(cost->projection_seconds), "sampling_seconds",
                     number_or_null(cost->sampling_seconds));
}

um_status um_eval_records_find(const um_eval_records *records, const json_t *line,
                               const char *where, size_t *index, um_error *error) {
    char number[24];
    const char *id = NULL;
    int64_t sample = 0;
    UM_TRY(um_json_require_id(line, where, "task_id", number, &id, error));
    UM_TRY(um_json_require_integer(line, where, "sample", 0, SAMPLES_MAXIMUM, &sample, error));
    const json_t *problem = json_object_get(records->index, id);
    if (!problem) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "%s: there is no problem \"%.60s\" in this run",
                        where, id);
    }
    *index = (size_t)sample < records->samples_each
                 ? (size_t)json_integer_value(problem) * records->samples_each + (size_t)sample
                 : SIZE_MAX;
    return UM_OK;
}

static um_status read_count(const json_t *line, const char *where, const char *key, size_t *count,
                            um_error *error) {
    int64_t value = 0;
    UM_TRY(um_json_require_integer(line, where, key, 0, INT32_MAX, &value, error));
    *count = (size_t)value;
    return UM_OK;
}

/* Set *finish to the library's own constant name; the string read from the file is not kept.  Older
 * runs call the member "finish". */
static um_status read_finish(const json_t *line, const char *where, const char **finish,
                             um_error *error) {
    const char *key = json_object_get(line, "finish") ? "finish" : "finish_reason";
    const char *name = NULL;
    UM_TRY(um_json_require_string(line, where, key, &name, error));
    for (int i = UM_FINISH_STOP; i <= UM_FINISH_CANCELLED; i++) {
        if (strcmp(um_finish_name((um_finish)i), name) == 0) {
            *finish = um_finish_name((um_finish)i);
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is \"%.40s\"", where, key, name);
}

um_status um_eval_records_read_sample(void *user, const json_t *line, const char *where,
                                      um_error *error) {
    um_eval_records *records = user;
    size_t index = 0;
    um_eval_cost cost = {.decode_seconds = (double)NAN,
                         .forward_seconds = (double)NAN,
                         .projection_seconds = (double)NAN,
                         .sampling_seconds = (double)NAN};
    UM_TRY(um_eval_records_find(records, line, where, &index, error));
    UM_TRY(read_count(line, where, "answer_tokens", &cost.answer_tokens, error));
    UM_TRY(read_count(line, where, "forwards", &cost.forwards, error));
    UM_TRY(read_count(line, where, "steps", &cost.steps, error));
    UM_TRY(read_finish(line, where, &cost.finish, error));
    const json_t *completion = json_object_get(line, "completion");
    if (!json_is_string(completion)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"completion\" is missing or not text", where);
    }
    if (index == SIZE_MAX) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: the run has more than %zu sample%s of a problem: ask for as many "
                        "(-n), or write to another directory",
                        where, records->samples_each, records->samples_each == 1 ? "" : "s");
    }
    if (records->samples[index].is_sampled) {
        return UM_OK;
    }
    return um_eval_records_put_sample(records, index, json_string_value(completion),
                                      json_string_length(completion), &cost, error);
}

static um_status read_verdict(const json_t *line, const char *where, um_verdict *verdict,
                              um_error *error) {
    const char *name = NULL;
    UM_TRY(um_json_require_string(line, where, "verdict", &name, error));
    for (int i = UM_VERDICT_PASSED; i <= UM_VERDICT_ENDED; i++) {
        if (strcmp(um_verdict_name((um_verdict)i), name) == 0) {
            *verdict = (um_verdict)i;
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"verdict\" is \"%.40s\"", where, name);
}

um_status um_eval_records_read_result(void *user, const json_t *line, const char *where,
                                      um_error *error) {
    um_eval_records *records = user;
    size_t index = 0;
    um_verdict verdict = UM_VERDICT_FAILED;
    double judge_seconds = 0;
    UM_TRY(um_eval_records_find(records, line, where, &index, error));
    UM_TRY(read_verdict(line, where, &verdict, error));
    UM_TRY(um_json_require_number(line, where, "judge_seconds", &judge_seconds, error));
    if (index == SIZE_MAX || records->samples[index].is_judged) {
        return UM_OK;
    }
    um_eval_sample *sample = &records->samples[index];
    if (!sample->is_sampled) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "%s: a result without its line of samples.jsonl",
                        where);
    }
    um_eval_cost *cost = &sample->cost;
    UM_TRY(um_json_optional_number(line, where, "decode_seconds", &cost->decode_seconds, error));
    UM_TRY(um_json_optional_number(line, where, "forward_seconds", &cost->forward_seconds, error));
    UM_TRY(um_json_optional_number(line, where, "projection_seconds", &cost->projection_seconds,
                                   error));
    UM_TRY(
        um_json_optional_number(line, where, "sampling_seconds", &cost->sampling_seconds, error));
    sample->verdict = verdict;
    sample->judge_seconds = judge_seconds;
    sample->is_judged = true;
    return UM_OK;
}
