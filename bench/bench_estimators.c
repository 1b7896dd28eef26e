/* How much the estimators of coupled-GRPO vary with their masks (docs/GRPO.md), on one fixed batch
 * of rollouts of a recipe's model.
 *
 *   bench_estimators RECIPE DIR DRAWS [MEMBER=VALUE...]      DIR: a new folder for the run's files
 *
 * Prints for each estimator, over DRAWS sets of masks:
 * - the mean estimate of a token;
 * - the standard deviations of a token's estimate and of a completion's (the sum over its tokens),
 *   as root mean squares over tokens and completions;
 * - for the gradient of the policy's loss: the length of its mean, the square root of the trace of
 *   its covariance, the ratio of the latter to the former, and the cosine of its mean with the
 *   sampler's gradient, that of the log-probabilities of the sampler's own choices.
 *
 * The first estimator, `trajectory` with all states, gives the sampler's gradient and does not
 * vary.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/grpo/coupled_grpo.h"
#include "train/trainer/trainer_internal.h"

/* Sums over draws of a number: enough for its mean and its unbiased variance. */
typedef struct moments {
    double sum;
    double squares;
} moments;

typedef struct spread {
    double mean;            /* of a token's estimate */
    double token_variance;  /* mean over tokens */
    double answer_variance; /* mean over completions */
    double gradient_mean;   /* squared length of its mean */
    double gradient_variance;
    double along_sampler; /* its mean's part along the sampler's gradient */
} spread;

typedef struct bench {
    um_trainer *trainer;
    um_coupled_grpo *run;
    size_t draws;
    um_grpo_passes passes;
    double *estimates; /* [longest answer] */
    moments *tokens;   /* [longest answer] */
    double *gradient;  /* [block] sum over draws */
    double *sampler;   /* [block] gradient of the sampler's own choices, of length 1 */
} bench;

static void add(moments *to, double value) {
    to->sum += value;
    to->squares += value * value;
}

static double variance(const moments *of, size_t draws) {
    const double n = (double)draws;
    return fmax(0.0, (of->squares - of->sum * of->sum / n) / (n - 1));
}

/* ---- Estimates ---------------------------------------------------------------- */

static um_status estimate(bench *with, size_t index, size_t draw, um_error *error) {
    const um_completion *completion = &with->run->rollouts.completions[index];
    const um_mask_place place = {
        .seed = with->trainer->recipe.seed, .completion = (uint32_t)index, .set = (uint32_t)draw};
    um_learner *learner = with->run->learner;
    UM_TRY(um_grpo_passes_fill(&with->passes, learner->recipe, &learner->config, &completion,
                               &place, 1, error));
    return um_grpo_passes_estimate(&with->passes, learner, NULL, false, with->estimates, error);
}

/* Add the completion's variances: that of its tokens' sum, and those of its tokens, summed. */
static um_status measure_completion(bench *with, size_t index, spread *to, um_error *error) {
    const size_t counted = with->run->rollouts.completions[index].counted;
    moments answer = {0};
    memset(with->tokens, 0, counted * sizeof *with->tokens);
    for (size_t draw = 0; draw < with->draws; draw++) {
        double sum = 0;
        UM_TRY(estimate(with, index, draw, error));
        for (size_t i = 0; i < counted; i++) {
            add(&with->tokens[i], with->estimates[i]);
            sum += with->estimates[i];
        }
        add(&answer, sum);
    }
    to->answer_variance += variance(&answer, with->draws);
    to->mean += answer.sum / (double)with->draws;
    for (size_t i = 0; i < counted; i++) {
        to->token_variance += variance(&with->tokens[i], with->draws);
    }
    return UM_OK;
}

static um_status measure_estimates(bench *with, spread *to, um_error *error) {
    const um_grpo_rollouts *rollouts = &with->run->rollouts;
    const double tokens = fmax(1.0, (double)rollouts->first_token[rollouts->count]);
    for (size_t i = 0; i < rollouts->count; i++) {
        UM_TRY(measure_completion(with, i, to, error));
    }
    to->mean /= tokens;
    to->token_variance /= tokens;
    to->answer_variance /= (double)rollouts->count;
    return UM_OK;
}

/* ---- Gradients ----------------------------------------------------------------- */

static um_status measure_gradients(bench *with, spread *to, um_error *error) {
    const um_learner *learner = with->run->learner;
    const um_run_observer observer = {0};
    const double n = (double)with->draws;
    double squares = 0;
    double mean = 0;
    memset(with->gradient, 0, learner->block_count * sizeof *with->gradient);
    for (size_t draw = 0; draw < with->draws; draw++) {
        um_grpo_update_report report = {0};
        with->run->rollouts.number = draw; /* decides the masks */
        UM_TRY(um_grpo_gradients(&with->run->updater, 0, &observer, &report, error));
        for (size_t i = 0; i < learner->block_count; i++) {
            const double value = (double)learner->gradient_block[i];
            with->gradient[i] += value;
            squares += value * value;
        }
    }
    for (size_t i = 0; i < learner->block_count; i++) {
        mean += with->gradient[i] * with->gradient[i] / (n * n);
    }
    to->gradient_variance = fmax(0.0, (squares - n * mean) / (n - 1));
    to->gradient_mean = fmax(0.0, mean - to->gradient_variance / n); /* without its own noise */
    return UM_OK;
}

/* Keep the gradient that was measured last, scaled to length 1, as the sampler's. */
static void keep_sampler(bench *with, const spread *measured) {
    const double length = sqrt(measured->gradient_mean) * (double)with->draws;
    for (size_t i = 0; i < with->run->learner->block_count; i++) {
        with->sampler[i] = length > 0 ? with->gradient[i] / length : 0;
    }
}

/* The part along the sampler's gradient of the mean of what was measured last. */
static double along_sampler(const bench *with) {
    double sum = 0;
    for (size_t i = 0; i < with->run->learner->block_count; i++) {
        sum += with->gradient[i] * with->sampler[i];
    }
    return sum / (double)with->draws;
}

/* ---- The run --------------------------------------------------------------------- */

static void print_row(const char *name, const spread *made) {
    const double length = sqrt(fmax(1e-30, made->gradient_mean));
    (void)printf("| %s | %.4f | %.4f | %.4f | %.5f | %.5f | %.3f | %.3f |\n", name, made->mean,
                 sqrt(made->token_variance), sqrt(made->answer_variance), sqrt(made->gradient_mean),
                 sqrt(made->gradient_variance), sqrt(made->gradient_variance) / length,
                 made->along_sampler / length);
}

static um_status measure(bench *with, um_error *error) {
    static const struct named {
        const char *name;
        um_likelihood_estimator estimator;
        size_t states;
    } estimators[] = {{"trajectory, all states", UM_ESTIMATOR_TRAJECTORY, 0},
                      {"trajectory, 4 states", UM_ESTIMATOR_TRAJECTORY, 4},
                      {"trajectory, 1 state", UM_ESTIMATOR_TRAJECTORY, 1},
                      {"coupled", UM_ESTIMATOR_COUPLED, 0},
                      {"decoupled", UM_ESTIMATOR_DECOUPLED, 0},
                      {"full_mask", UM_ESTIMATOR_FULL_MASK, 0}};
    const um_run_observer observer = {0};
    UM_TRY(um_coupled_grpo_ensure_rollouts(with->run, &observer, error));
    const um_rollout_statistics *made = &with->run->rollouts.statistics;
    (void)printf("%zu completions, pass@1 %.3f, groups without an advantage %.3f, %zu draws\n\n",
                 with->run->rollouts.count, made->pass_rate, made->zero_variance, with->draws);
    (void)printf("| estimator | mean | of a token | of a completion | gradient | its deviation | "
                 "ratio | cosine |\n|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof estimators / sizeof *estimators; i++) {
        spread made_of = {0};
        with->trainer->recipe.grpo.estimator = estimators[i].estimator;
        with->trainer->recipe.grpo.trajectory_states = estimators[i].states;
        UM_TRY(measure_estimates(with, &made_of, error));
        UM_TRY(measure_gradients(with, &made_of, error));
        if (i == 0) {
            keep_sampler(with, &made_of);
        }
        made_of.along_sampler = along_sampler(with);
        print_row(estimators[i].name, &made_of);
        (void)fflush(stdout);
    }
    return UM_OK;
}

static um_status set_members(um_recipe *recipe, char **members, size_t count, um_error *error) {
    for (size_t i = 0; i < count; i++) {
        char *value = strchr(members[i], '=');
        if (!value) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: MEMBER=VALUE is expected", members[i]);
        }
        *value = '\0';
        UM_TRY(um_recipe_set(recipe, members[i], value + 1, error));
    }
    return UM_OK;
}

static um_status run_recipe(bench *with, char **arguments, size_t count, const um_compute *compute,
                            um_error *error) {
    um_recipe recipe;
    UM_TRY(um_recipe_read(arguments[0], &recipe, error));
    UM_TRY(set_members(&recipe, arguments + 3, count - 3, error));
    if (recipe.objective != UM_OBJECTIVE_COUPLED_GRPO) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: the objective is not coupled_grpo",
                        arguments[0]);
    }
    recipe.grpo.kl_coefficient = 0;
    with->draws = (size_t)strtoul(arguments[2], NULL, 10);
    if (with->draws < 2) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "at least 2 draws are needed");
    }
    UM_TRY(um_trainer_create(&recipe, arguments[1], compute, &with->trainer, error));
    with->run = with->trainer->method_state;
    UM_TRY(um_allocate(&with->estimates, recipe.answer_length, sizeof *with->estimates, "estimates",
                       error));
    UM_TRY(
        um_allocate(&with->tokens, recipe.answer_length, sizeof *with->tokens, "moments", error));
    const size_t block = with->run->learner->block_count;
    UM_TRY(um_allocate(&with->gradient, block, sizeof *with->gradient, "gradients", error));
    UM_TRY(um_allocate(&with->sampler, block, sizeof *with->sampler, "gradients", error));
    return measure(with, error);
}

int main(int count, char **arguments) {
    um_error error = {0};
    bench with = {0};
    um_compute compute = {0};
    if (count < 4) {
        (void)fprintf(stderr, "usage: bench_estimators RECIPE DIR DRAWS [MEMBER=VALUE...]\n");
        return 2;
    }
    um_status status = um_kernels_select(NULL, &compute.kernels, &error);
    if (status == UM_OK) {
        status = um_thread_pool_create(0, &compute.pool, &error);
    }
    if (status == UM_OK) {
        status = run_recipe(&with, arguments + 1, (size_t)count - 1, &compute, &error);
    }
    if (status != UM_OK) {
        (void)fprintf(stderr, "bench_estimators: %s\n", error.message);
    }
    um_grpo_passes_free(&with.passes);
    free(with.estimates);
    free(with.tokens);
    free(with.gradient);
    free(with.sampler);
    um_trainer_free(with.trainer);
    um_thread_pool_free(compute.pool);
    return status == UM_OK ? 0 : 1;
}
