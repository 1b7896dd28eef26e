/* How a model in training completes a few prompts of its validation data, for people to look at. */
#ifndef UM_TRAIN_SUPERVISED_SUPERVISED_SAMPLES_H
#define UM_TRAIN_SUPERVISED_SUPERVISED_SAMPLES_H

#include "tokenizer/tokenizer.h"
#include "train/supervised/supervised.h"

/* Complete three documents of the validation shard greedily, the same ones each time, and tell
 * `observer->sample` of them.  A document without a prompt is completed from its first half.  Does
 * nothing without `observer->sample` or `tokenizer` (NULL); a model that has diverged gives no
 * samples and no error.  UM_ERR_CANCELLED: `observer` says so. */
um_status um_supervised_samples_show(const um_supervised *run, const um_tokenizer *tokenizer,
                                     const um_run_observer *observer, um_error *error);

#endif
