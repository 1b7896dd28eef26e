#include "train/grpo/grpo_rollouts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "train/completions/completion_sharing.h"
#include "train/grpo/grpo_loss.h"

um_status um_grpo_rollouts_create(const um_recipe *recipe, um_grpo_rollouts *rollouts,
                                  um_error *error) {
    const um_grpo_options *options = &recipe->grpo;
    *rollouts = (um_grpo_rollouts){.count = options->problems_per_step * options->group_size};
    UM_TRY(um_allocate(&rollouts->completions, rollouts->count, sizeof *rollouts->completions,
                       "rollouts", error));
    UM_TRY(um_allocate(&rollouts->advantages, rollouts->count, sizeof *rollouts->advantages,
                       "rollouts", error));
    return um_allocate(&rollouts->first_token, rollouts->count + 1, sizeof *rollouts->first_token,
                       "rollouts", error);
}

void um_grpo_rollouts_free(um_grpo_rollouts *rollouts) {
    um_completions_free(rollouts->completions, rollouts->count);
    free(rollouts->completions);
    free(rollouts->advantages);
    free(rollouts->first_token);
    free(rollouts->old);
    free(rollouts->saved_canvases);
    *rollouts = (um_grpo_rollouts){0};
}

/* The problem of group `group` of a batch: the next one of the epoch's permutation. */
static size_t problem_of(um_data_order *order, const um_recipe *recipe, uint64_t number,
                         size_t group) {
    const uint64_t at = number * recipe->grpo.problems_per_step + group;
    const um_data_cursor cursor = {.epoch = at / order->count, .index = at % order->count};
    return um_data_order_at(order, &cursor);
}

/* Make room for what is known of each token, once the completions exist. */
static um_status number_tokens(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                               um_error *error) {
    size_t total = 0;
    for (size_t i = 0; i < rollouts->count; i++) {
        rollouts->first_token[i] = total;
        total += rollouts->completions[i].counted;
    }
    rollouts->first_token[rollouts->count] = total;
    const size_t values = total * (recipe->grpo.inner_updates - 1);
    UM_TRY(um_grow(&rollouts->old, &rollouts->token_capacity, values, sizeof *rollouts->old,
                   "rollouts", error));
    for (size_t i = 0; i < values; i++) { /* completions that change nothing keep these */
        rollouts->old[i] = 0;
    }
    return UM_OK;
}

/* ---- Making ----------------------------------------------------------------- */

static uint64_t digest_of(const um_grpo_rollouts *rollouts) {
    uint64_t hash = UM_HASH_START;
    for (size_t i = 0; i < rollouts->count; i++) {
        const um_completion *completion = &rollouts->completions[i];
        hash = um_hash_add(hash, completion->problem);
        for (size_t j = 0; j < completion->length; j++) {
            hash = um_hash_add(hash, (uint64_t)completion->tokens[j]);
        }
    }
    return hash;
}

static void count_judgements(um_grpo_rollouts *rollouts, const um_judgement *judgements) {
    um_rollout_statistics *statistics = &rollouts->statistics;
    const double share = 1.0 / (double)rollouts->count;
    for (size_t i = 0; i < rollouts->count; i++) {
        statistics->code += share * judgements[i].code;
        statistics->format += share * judgements[i].format;
        statistics->pass_rate += judgements[i].verdict == UM_VERDICT_PASSED ? share : 0;
        statistics->timeout_rate += judgements[i].verdict == UM_VERDICT_TIMEOUT ? share : 0;
        statistics->completion_length += share * (double)rollouts->completions[i].counted;
        statistics->ended += rollouts->completions[i].ended ? share : 0;
    }
}

static um_status use_judgements(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                                const um_judgement *judgements, um_error *error) {
    const um_grpo_options *options = &recipe->grpo;
    um_rollout_statistics *statistics = &rollouts->statistics;
    double *rewards = NULL;
    double mean = 0;
    UM_TRY(um_allocate(&rewards, rollouts->count, sizeof *rewards, "rewards", error));
    for (size_t i = 0; i < rollouts->count; i++) {
        rewards[i] = um_reward_of(&options->reward, &judgements[i]);
    }
    size_t equal = 0;
    for (size_t i = 0; i < rollouts->count; i += options->group_size) {
        um_grpo_advantages(options, rewards + i, options->group_size, rollouts->advantages + i);
        equal += um_all_equal(rewards + i, options->group_size);
    }
    count_judgements(rollouts, judgements);
    um_mean_and_sample_deviation(rewards, rollouts->count, &statistics->reward,
                                 &statistics->reward_deviation);
    um_mean_and_sample_deviation(rollouts->advantages, rollouts->count, &mean,
                                 &statistics->advantage_deviation);
    statistics->zero_variance = (double)equal / (double)options->problems_per_step;
    free(rewards);
    return UM_OK;
}

/* On the rank that has the journal: what was judged first holds. */
static um_status record(const um_grpo_rollouts *rollouts, um_reward_journal *journal,
                        um_judgement *judgements, um_error *error) {
    const uint64_t digest = digest_of(rollouts);
    if (!journal ||
        um_reward_journal_find(journal, rollouts->number, digest, judgements, rollouts->count)) {
        return UM_OK;
    }
    return um_reward_journal_append(journal, rollouts->number, digest, judgements, rollouts->count,
                                    error);
}

static um_status sample_batch(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                              um_collective *collective, const um_completion_sampling *sampling,
                              um_data_order *order, um_sample_request *requests,
                              um_judgement *judgements, um_reward_journal *journal,
                              um_error *error) {
    for (size_t i = 0; i < rollouts->count; i++) {
        const size_t group = i / recipe->grpo.group_size;
        requests[i] =
            (um_sample_request){.problem = problem_of(order, recipe, rollouts->number, group),
                                .sample = (uint32_t)(rollouts->number * rollouts->count + i)};
    }
    um_completions_free(rollouts->completions, rollouts->count);
    UM_TRY(um_sample_completions_among(collective, sampling, requests, rollouts->count,
                                       recipe->grpo.group_size, rollouts->completions, judgements,
                                       &rollouts->statistics.times, error));
    UM_TRY(um_collective_agree_on_status(collective, record(rollouts, journal, judgements, error),
                                         error));
    return um_collective_broadcast(collective, judgements, rollouts->count * sizeof *judgements,
                                   error);
}

um_status um_grpo_rollouts_make(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                                um_collective *collective, const um_completion_sampling *sampling,
                                um_data_order *order, um_reward_journal *journal, uint64_t number,
                                um_error *error) {
    um_sample_request *requests = NULL;
    um_judgement *judgements = NULL;
    rollouts->is_ready = false;
    rollouts->number = number;
    rollouts->statistics = (um_rollout_statistics){0};
    um_status status = um_allocate(&requests, rollouts->count, sizeof *requests, "rollouts", error);
    if (status == UM_OK) {
        status = um_allocate(&judgements, rollouts->count, sizeof *judgements, "rollouts", error);
    }
    if (status == UM_OK) {
        status = sample_batch(rollouts, recipe, collective, sampling, order, requests, judgements,
                              journal, error);
    }
    if (status == UM_OK) {
        status = use_judgements(rollouts, recipe, judgements, error);
    }
    if (status == UM_OK) {
        status = number_tokens(rollouts, recipe, error);
    }
    free(requests);
    free(judgements);
    rollouts->is_ready = status == UM_OK;
    return status;
}

/* ---- State ------------------------------------------------------------------ */

/* Tokens and steps of all canvases. */
static size_t canvas_numbers(const um_grpo_rollouts *rollouts) {
    size_t total = 0;
    for (size_t i = 0; i < rollouts->count; i++) {
        total += um_completion_block(&rollouts->completions[i]);
    }
    return total;
}

static size_t old_bytes(const um_grpo_rollouts *rollouts, const um_recipe *recipe) {
    return rollouts->first_token[rollouts->count] * (recipe->grpo.inner_updates - 1) *
           sizeof *rollouts->old;
}

um_status um_grpo_rollouts_save(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                                um_state_sections *sections, um_error *error) {
    const size_t total = canvas_numbers(rollouts);
    UM_TRY(um_grow(&rollouts->saved_canvases, &rollouts->saved_capacity, total,
                   sizeof *rollouts->saved_canvases, "rollouts", error));
    int32_t *next = rollouts->saved_canvases;
    for (size_t i = 0; i < rollouts->count; i++) {
        const um_completion *completion = &rollouts->completions[i];
        memcpy(next, completion->tokens, um_completion_block(completion) * sizeof *next);
        next += um_completion_block(completion);
    }
    um_state_sections_add(sections, "rollout_canvases", rollouts->saved_canvases,
                          total * sizeof *rollouts->saved_canvases);
    um_state_sections_add(sections, "advantages", rollouts->advantages,
                          rollouts->count * sizeof *rollouts->advantages);
    um_state_sections_add(sections, "old_log_probabilities", rollouts->old,
                          old_bytes(rollouts, recipe));
    return UM_OK;
}

static um_status restore_canvases(um_grpo_rollouts *rollouts, const um_completion_tasks *tasks,
                                  const um_state_file *file, um_completion_extent extent,
                                  um_error *error) {
    const void *stored = NULL;
    size_t size = 0;
    UM_TRY(um_state_file_find(file, "rollout_canvases", &stored, &size, error));
    if (size != canvas_numbers(rollouts) * sizeof(int32_t)) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "%s: its rollouts are of other problems",
                        um_state_file_path(file));
    }
    const int32_t *next = stored;
    for (size_t i = 0; i < rollouts->count; i++) {
        um_completion *completion = &rollouts->completions[i];
        memcpy(completion->tokens, next, um_completion_block(completion) * sizeof *next);
        next += um_completion_block(completion);
        um_completion_find_end(tasks, extent, completion);
    }
    return UM_OK;
}

um_status um_grpo_rollouts_load(um_grpo_rollouts *rollouts, const um_recipe *recipe,
                                const um_completion_tasks *tasks, um_data_order *order,
                                uint64_t number, const um_state_file *file, um_error *error) {
    um_completions_free(rollouts->completions, rollouts->count);
    rollouts->number = number;
    for (size_t i = 0; i < rollouts->count; i++) {
        const size_t problem = problem_of(order, recipe, number, i / recipe->grpo.group_size);
        UM_TRY(um_completion_lay_out(tasks, problem, &rollouts->completions[i], error));
    }
    UM_TRY(restore_canvases(rollouts, tasks, file, recipe->grpo.completion_extent, error));
    UM_TRY(number_tokens(rollouts, recipe, error));
    UM_TRY(um_state_file_read(file, "advantages", rollouts->advantages,
                              rollouts->count * sizeof *rollouts->advantages, error));
    UM_TRY(um_state_file_read(file, "old_log_probabilities", rollouts->old,
                              old_bytes(rollouts, recipe), error));
    rollouts->is_ready = true;
    return UM_OK;
}
