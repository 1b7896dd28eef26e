/* Completions that the ranks of a collective sample and grade together. */
#ifndef UM_TRAIN_COMPLETIONS_COMPLETION_SHARING_H
#define UM_TRAIN_COMPLETIONS_COMPLETION_SHARING_H

#include "collective/collective.h"
#include "train/completions/completion_sampling.h"

/* um_sample_completions by all ranks; each gets all results.  Units of `unit` requests, such as the
 * group of a problem, stay together: rank u mod size makes unit u.  A completion depends only on
 * its request, so the result does not depend on the number of ranks.  `times` are this rank's. */
um_status um_sample_completions_among(um_collective *collective,
                                      const um_completion_sampling *sampling,
                                      const um_sample_request *requests, size_t count, size_t unit,
                                      um_completion *completions, um_judgement *judgements,
                                      um_sampling_times *times, um_error *error);

#endif
