/* The judgements of each batch of rollouts, on disk before they are used.  A run that is killed and
 * continued makes the same completions again and takes their rewards from here, so that a verdict
 * that depends on the load of the machine (a timeout) cannot change its course. */
#ifndef UM_TRAIN_GRPO_REWARD_JOURNAL_H
#define UM_TRAIN_GRPO_REWARD_JOURNAL_H

#include "judge/judge.h"

/* The file inside an output directory. */
#define UM_REWARD_JOURNAL_FILE "rewards.journal"

typedef struct um_reward_journal um_reward_journal;

/* Open or make the journal at `path`.  With the first record that is added, one of another
 * `identity` (recipe and problems) begins anew, and a record that a kill has left torn is cut off.
 * Release with um_reward_journal_close. */
um_status um_reward_journal_open(const char *path, uint64_t identity, um_reward_journal **journal,
                                 um_error *error);
/* NULL is allowed. */
void um_reward_journal_close(um_reward_journal *journal);

/* Fill verdict, tests, code and format of judgements[count] with what is recorded for this batch of
 * completions, whose tokens have `digest`; false if there is nothing. */
bool um_reward_journal_find(const um_reward_journal *journal, uint64_t batch, uint64_t digest,
                            um_judgement *judgements, size_t count);

/* Record the judgements, and wait until they are on the disk. */
um_status um_reward_journal_append(um_reward_journal *journal, uint64_t batch, uint64_t digest,
                                   const um_judgement *judgements, size_t count, um_error *error);

#endif
