/* Completions that the ranks of a collective sample and grade together. */
#ifndef UM_TRAIN_COMPLETIONS_COMPLETION_SHARING_H
#define UM_TRAIN_COMPLETIONS_COMPLETION_SHARING_H

#include "train/collective/collective.h"
#include "train/completions/completion_sampling.h"

/* um_sample_completions by all ranks, which each get all of it.  Units of `unit` requests, such as
 * the groups of a problem, stay together: unit u is made by rank u mod size.  As a completion
 * depends on its request only, the result does not depend on the number of ranks.  `times` are this
 * rank's. */
um_status um_sample_completions_among(um_collective *collective,
                                      const um_completion_sampling *sampling,
                                      const um_sample_request *requests, size_t count, size_t unit,
                                      um_completion *completions, um_judgement *judgements,
                                      um_sampling_times *times, um_error *error);

#endif
