#include "eval/judging.h"

#include <stdlib.h>

#include "base/follower.h"
#include "base/memory.h"

/* Most samples per call of the judge: enough to occupy its workers, and few enough that little has
 * to be judged again after a kill. */
#define CHUNK 64

struct um_eval_judging {
    um_judge *judge;
    um_eval_records *records;
    um_record_log *samples;
    um_record_log *results;
    um_follower *follower;
    size_t *indices; /* [added], in the order in which they were added */
    size_t added;
};

static um_status write_result(um_eval_judging *judging, size_t index, const um_judgement *result,
                              um_error *error) {
    json_t *line = um_eval_records_result_line(judging->records, index, result);
    const um_status status = line ? um_record_log_append(judging->results, line, error)
                                  : um_error_memory(error, "a result", 1);
    json_decref(line);
    if (status == UM_OK) {
        um_eval_sample *sample = &judging->records->samples[index];
        sample->verdict = result->verdict;
        sample->judge_seconds = result->seconds;
        sample->is_judged = true;
    }
    return status;
}

static um_status judge(void *user, size_t first, size_t count, const um_watch *watch,
                       um_error *error) {
    um_eval_judging *judging = user;
    const size_t *indices = judging->indices + first;
    um_attempt attempts[CHUNK] = {{0}};
    um_judgement results[CHUNK];
    for (size_t i = 0; i < count; i++) {
        const um_eval_sample *sample = &judging->records->samples[indices[i]];
        attempts[i] = (um_attempt){.problem = um_eval_records_problem(judging->records, indices[i]),
                                   .completion = sample->completion,
                                   .length = sample->length};
    }
    UM_TRY(um_judge_batch(judging->judge, attempts, count, results, watch, error));
    /* No result may outlive its sample if the machine stops. */
    UM_TRY(um_record_log_sync(judging->samples, error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(write_result(judging, indices[i], &results[i], error));
    }
    return UM_OK;
}

static um_status start(um_eval_judging *judging, um_error *error) {
    const um_follower_setup setup = {
        .work = judge, .user = judging, .most = CHUNK, .name = "judging"};
    UM_TRY(um_allocate(&judging->indices, um_eval_records_count(judging->records),
                       sizeof *judging->indices, "samples to judge", error));
    return um_follower_start(&setup, &judging->follower, error);
}

um_status um_eval_judging_start(um_judge *judge_of_samples, um_eval_records *records,
                                um_record_log *samples, um_record_log *results,
                                um_eval_judging **judging, um_error *error) {
    *judging = NULL;
    um_eval_judging *started = calloc(1, sizeof *started);
    if (!started) {
        return um_error_memory(error, "judging", sizeof *started);
    }
    *started = (um_eval_judging){
        .judge = judge_of_samples, .records = records, .samples = samples, .results = results};
    const um_status status = start(started, error);
    if (status != UM_OK) {
        um_eval_judging_free(started);
        return status;
    }
    *judging = started;
    return UM_OK;
}

um_status um_eval_judging_add(um_eval_judging *judging, size_t index, um_error *error) {
    judging->indices[judging->added++] = index;
    return um_follower_announce(judging->follower, judging->added, error);
}

um_status um_eval_judging_wait(um_eval_judging *judging, const um_watch *watch, um_error *error) {
    return um_follower_wait(judging->follower, watch, error);
}

void um_eval_judging_free(um_eval_judging *judging) {
    if (judging) {
        um_follower_free(judging->follower);
        free(judging->indices);
        free(judging);
    }
}
