/* Judging on a thread of its own, while later samples are still being decoded. */
#ifndef UM_EVAL_JUDGING_H
#define UM_EVAL_JUDGING_H

#include "eval/record_log.h"
#include "eval/run_records.h"

typedef struct um_eval_judging um_eval_judging;

/* Start to judge samples of `records` as they are added, and append each result to `results`, after
 * `samples`, which has them, is on the disk.  All are borrowed until um_eval_judging_free, and only
 * the thread uses judge and results. */
um_status um_eval_judging_start(um_judge *judge, um_eval_records *records, um_record_log *samples,
                                um_record_log *results, um_eval_judging **judging, um_error *error);

/* Hand over sample `index`, at most once; it must not change from now on.  A failure reported here
 * is that of the thread, which then judges nothing more. */
um_status um_eval_judging_add(um_eval_judging *judging, size_t index, um_error *error);

/* Wait until all added samples are judged.  `watch` (may be NULL) is told how many are, and may end
 * the wait: UM_ERR_CANCELLED. */
um_status um_eval_judging_wait(um_eval_judging *judging, const um_watch *watch, um_error *error);

/* End the thread at once: samples not judged by now stay without a result.  NULL is allowed. */
void um_eval_judging_free(um_eval_judging *judging);

#endif
