/* Completions of problems: sampled many side by side, and graded while others are sampled. */
#ifndef UM_TRAIN_COMPLETIONS_COMPLETION_SAMPLING_H
#define UM_TRAIN_COMPLETIONS_COMPLETION_SAMPLING_H

#include "decode/options.h"
#include "judge/grader.h"
#include "model/transformer.h"
#include "train/completions/completion_tasks.h"
#include "train/run/progress.h"

typedef struct um_completion_sampling {
    const um_transformer *transformer;
    const um_compute *compute;
    const um_completion_tasks *tasks;
    um_decode_options options; /* seed and sequence are not read, nor stop_tokens with early_stop */
    bool early_stop;           /* if the algorithm can */
    uint64_t seed;
    size_t live_maximum;         /* canvases side by side; completions do not depend on it */
    um_completion_extent extent; /* which tokens are counted */
    const um_grader *grader;
    const um_run_observer *observer;
} um_completion_sampling;

/* A completion to make. */
typedef struct um_sample_request {
    size_t problem;
    uint32_t sample; /* which of the seed's sequences of draws it takes */
} um_sample_request;

typedef struct um_sampling_times {
    double sampling; /* seconds until the last completion was done */
    double grading;  /* seconds that the grader worked */
    double waiting;  /* seconds from the last completion to the last grade */
} um_sampling_times;

/* Check that the model of `config` can be decoded with the options, so that one that means nothing
 * to the algorithm is found at the start of a run, not after the first hour.  UM_ERR_ARGUMENT if
 * not. */
um_status um_completion_options_check(const um_completion_tasks *tasks,
                                      const um_model_config *config,
                                      const um_decode_options *chosen, um_error *error);

/* Fill completions[count] (zero-initialised; um_completions_free also after a failure) and
 * judgements[count].  Both are pure functions of the weights, the options, the requests and, for
 * the judgements, the grader.  UM_ERR_CANCELLED: sampling->observer says so. */
um_status um_sample_completions(const um_completion_sampling *sampling,
                                const um_sample_request *requests, size_t count,
                                um_completion *completions, um_judgement *judgements,
                                um_sampling_times *times, um_error *error);

void um_completions_free(um_completion *completions, size_t count);

#endif
