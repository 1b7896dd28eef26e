/* What a model in training makes of a few prompts of its validation data, to be looked at. */
#ifndef UM_TRAIN_SUPERVISED_SUPERVISED_SAMPLES_H
#define UM_TRAIN_SUPERVISED_SUPERVISED_SAMPLES_H

#include "tokenizer/tokenizer.h"
#include "train/supervised/supervised.h"

/* Complete three documents of the validation shard, the same ones each time, greedily, and tell
 * `stop->sample` of them.  Of a document without a prompt the first half is given.  Does nothing
 * where nobody listens or there is no `tokenizer` (NULL); a model that has diverged gives no
 * samples and no error.  UM_ERR_CANCELLED where `stop` says so. */
um_status um_supervised_samples_show(const um_supervised *run, const um_tokenizer *tokenizer,
                                     const um_stop_request *stop, um_error *error);

#endif
