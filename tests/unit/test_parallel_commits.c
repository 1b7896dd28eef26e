/* The algorithms that commit several tokens in a step, each compared with its rule, restated in
 * double over whole distributions. */
#include "testing.h"

#include <math.h>

#include "decode/schedule.h"
#include "decode_testing.h"

#define VOCABULARY 64
#define PROMPT 3
#define MOST 40 /* masks */

/* ---- A run, restated ------------------------------------------------------- */

/* What a rule sees of the open positions of a step, in ascending order. */
typedef struct restated_step {
    const um_decode_options *options;
    size_t step;
    size_t masked_at_start;
    size_t masked; /* in the whole answer */
    size_t count;
    size_t positions[MOST];
    double logits[MOST][VOCABULARY]; /* of the model */
    double confidence[MOST];
    double entropy[MOST];
    double gap[MOST]; /* best logit less the second best */
    int32_t tokens[MOST];
    /* What a rule remembers from step to step, by position. */
    double memory[PROMPT + MOST][VOCABULARY];
    double kl_history[PROMPT + MOST][8]; /* the latest first */
    size_t seen[PROMPT + MOST];          /* steps in which it was open */
    size_t carried;
} restated_step;

typedef void restated_rule(restated_step *step, bool *commits);

static double softmax(const double *logits, double *p) {
    double maximum = -INFINITY, sum = 0;
    for (size_t v = 0; v < VOCABULARY; v++) {
        maximum = fmax(maximum, logits[v]);
    }
    for (size_t v = 0; v < VOCABULARY; v++) {
        p[v] = exp(logits[v] - maximum);
        sum += p[v];
    }
    for (size_t v = 0; v < VOCABULARY; v++) {
        p[v] /= sum;
    }
    return maximum + log(sum);
}

/* Set everything that depends on the logits; the mask token is never chosen. */
static void measure(restated_step *step, size_t i) {
    double logits[VOCABULARY], p[VOCABULARY];
    memcpy(logits, step->logits[i], sizeof logits);
    logits[FAKE_MASK] = -INFINITY;
    (void)softmax(logits, p);
    size_t best = 0;
    double second = -INFINITY;
    step->entropy[i] = 0;
    for (size_t v = 0; v < VOCABULARY; v++) {
        best = logits[v] > logits[best] ? v : best;
        step->entropy[i] -= p[v] > 0 ? p[v] * log(p[v]) : 0;
    }
    for (size_t v = 0; v < VOCABULARY; v++) {
        second = v != best ? fmax(second, logits[v]) : second;
    }
    step->tokens[i] = (int32_t)best;
    step->confidence[i] = p[best];
    step->gap[i] = logits[best] - second;
}

/* The masked positions of the leftmost block that has any. */
static void open_positions(restated_step *step, const um_canvas *canvas, size_t block_length) {
    size_t block = SIZE_MAX;
    step->count = 0;
    for (size_t a = 0; a < canvas->length - PROMPT; a++) {
        if (canvas->states[PROMPT + a] == UM_POSITION_MASKED) {
            block = block == SIZE_MAX ? a / block_length : block;
            if (a / block_length == block) {
                step->positions[step->count++] = PROMPT + a;
            }
        }
    }
}

/* Decode by the rule, and compare with the events of um_decode_run; returns the number of steps. */
static size_t compare_run(fake_model *model, const um_denoiser *denoiser,
                          const um_decode_options *options, size_t masks, restated_rule *rule) {
    um_error error = {0};
    um_canvas canvas = make_canvas(masks);
    um_canvas again = make_canvas(masks);
    event_list *events = calloc(1, sizeof *events);
    restated_step *step = calloc(1, sizeof *step);
    assert_true(events && step);
    const um_trace_sink sink = keep_events(events);
    const um_decode_hooks hooks = {.sink = &sink};
    um_decode_result result = {0};
    assert_ok(um_decode_run(denoiser, &canvas, options, &hooks, &result, &error), &error);
    model->calls = 0;
    size_t event = 0;
    step->options = options;
    step->masked_at_start = masks;
    for (; again.masked_count > 0; step->step++) {
        static float row[MOST * VOCABULARY];
        bool commits[MOST] = {false};
        open_positions(step, &again, options->block_length ? options->block_length : masks);
        um_denoiser_request request = {.tokens = again.tokens,
                                       .length = again.length,
                                       .wanted = step->positions,
                                       .wanted_count = step->count};
        assert_ok(denoiser->forward(denoiser->user, &request, 1, &error), &error);
        assert_ok(denoiser->logits(denoiser->user, 0, step->count, row, &error), &error);
        for (size_t i = 0; i < step->count; i++) {
            for (size_t v = 0; v < VOCABULARY; v++) {
                step->logits[i][v] = (double)row[i * VOCABULARY + v];
            }
            measure(step, i);
        }
        step->masked = again.masked_count;
        rule(step, commits);
        for (size_t i = 0; i < step->count; i++) {
            if (commits[i]) {
                assert_true(event < events->count);
                assert_int_equal(events->events[event].step, step->step);
                assert_int_equal(events->events[event].position, step->positions[i]);
                assert_int_equal(events->events[event++].token, step->tokens[i]);
                um_canvas_commit(&again, step->positions[i], step->tokens[i]);
            }
        }
    }
    assert_int_equal(event, events->count);
    assert_int_equal(result.steps, step->step);
    assert_int_equal(result.reason, UM_TRACE_COMPLETE);
    const size_t steps = step->step;
    free(step);
    free(events);
    um_canvas_free(&canvas);
    um_canvas_free(&again);
    return steps;
}

/* Compare over several seeds and block lengths.  The mean number of steps must be well above one
 * and below one per token, else nothing was tested. */
static void compare(um_decode_options options, float scale, bool has_blocks, restated_rule *rule) {
    size_t steps = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        fake_model model = {.vocabulary_size = VOCABULARY, .seed = seed, .scale = scale};
        const um_denoiser denoiser = fake_denoiser(&model);
        options.block_length = has_blocks ? (size_t[]){0, 7, 5, 12}[seed % 4] : 0;
        steps += compare_run(&model, &denoiser, &options, 24, rule);
    }
    assert_true(steps > 12 * 4 && steps < 12 * 22);
}

static size_t most_confident(const restated_step *step) {
    size_t best = 0;
    for (size_t i = 1; i < step->count; i++) {
        best = step->confidence[i] > step->confidence[best] ? i : best;
    }
    return best;
}

/* How many others come before i in descending order; ties go to the lower index. */
static size_t rank_of(const restated_step *step, const double *scores, size_t i) {
    size_t ahead = 0;
    for (size_t j = 0; j < step->count; j++) {
        ahead += scores[j] > scores[i] || (scores[j] == scores[i] && j < i) ? 1 : 0;
    }
    return ahead;
}

/* ---- threshold ------------------------------------------------------------- */

static void commit_best(restated_step *step, bool *commits) {
    commits[most_confident(step)] = true;
}

static void a_threshold_above_1_commits_the_most_confident_one_by_one(void **state) {
    (void)state;
    static const char *const algorithms[] = {"threshold", "hierarchical", "klass"};
    for (size_t a = 0; a < 3; a++) {
        um_decode_options options = options_for(algorithms[a]);
        options.confidence_threshold = 1.5;
        options.lower_threshold = a == 1 ? 1 : options.lower_threshold;
        for (uint64_t seed = 0; seed < 4; seed++) {
            fake_model model = {.vocabulary_size = VOCABULARY, .seed = seed, .scale = 3};
            const um_denoiser denoiser = fake_denoiser(&model);
            options.block_length = seed % 2 ? 5 : 0;
            assert_int_equal(compare_run(&model, &denoiser, &options, 24, commit_best), 24);
        }
    }
}

static void commit_threshold(restated_step *step, bool *commits) {
    for (size_t i = 0; i < step->count; i++) {
        commits[i] = step->confidence[i] >= step->options->confidence_threshold;
    }
    commits[most_confident(step)] = true;
}

static void threshold_commits_what_reaches_it(void **state) {
    (void)state;
    um_decode_options options = options_for("threshold");
    options.confidence_threshold = 0.6;
    compare(options, 3, true, commit_threshold);
}

/* The budget of Fast-dLLM's Dream sampler without a cache: each step may commit its share and what
 * was carried over, and carries over what the threshold refuses.  After options->steps steps there
 * is no share. */
static void commit_budget(restated_step *step, bool *commits) {
    const um_decode_options *options = step->options;
    const size_t share = step->step < options->steps ? step->masked_at_start / options->steps : 0;
    const size_t budget = share + step->carried;
    step->carried = 0;
    for (size_t i = 0; i < step->count; i++) {
        const size_t rank = rank_of(step, step->confidence, i);
        if (rank < budget) {
            commits[i] = rank == 0 || step->confidence[i] >= options->confidence_threshold;
            step->carried += commits[i] ? 0 : 1;
        }
    }
}

static void threshold_keeps_to_the_budget_of_its_steps(void **state) {
    (void)state;
    um_decode_options options = options_for("threshold");
    options.confidence_threshold = 0.6;
    size_t longer = 0;
    for (uint64_t seed = 0; seed < 24; seed++) {
        fake_model model = {.vocabulary_size = VOCABULARY, .seed = seed, .scale = 3};
        const um_denoiser denoiser = fake_denoiser(&model);
        options.steps = (size_t[]){1, 3, 6, 8, 12, 24}[seed % 6];
        const size_t steps = compare_run(&model, &denoiser, &options, 24, commit_budget);
        assert_true(steps >= options.steps);
        longer += steps > options.steps ? 1 : 0;
    }
    assert_true(longer > 4 && longer < 24);
}

/* ---- factor ---------------------------------------------------------------- */

static void commit_factor(restated_step *step, bool *commits) {
    size_t accepted = 1;
    for (size_t n = 1; n <= step->count; n++) {
        for (size_t i = 0; i < step->count; i++) {
            if (rank_of(step, step->confidence, i) == n - 1 &&
                (double)(n + 1) * (1 - step->confidence[i]) < step->options->factor) {
                accepted = n;
            }
        }
    }
    for (size_t i = 0; i < step->count; i++) {
        commits[i] = rank_of(step, step->confidence, i) < accepted;
    }
}

static void factor_accepts_the_largest_number(void **state) {
    (void)state;
    um_decode_options options = options_for("factor");
    compare(options, 3, true, commit_factor);
    options.factor = 2.5;
    compare(options, 3, true, commit_factor);
    options.factor = 0; /* no number is accepted, so one is committed */
    fake_model model = {.vocabulary_size = VOCABULARY, .scale = 3};
    const um_denoiser denoiser = fake_denoiser(&model);
    assert_int_equal(compare_run(&model, &denoiser, &options, 24, commit_best), 24);
}

/* ---- entropy_bounded ------------------------------------------------------- */

static void commit_entropy_bounded(restated_step *step, bool *commits) {
    double negative[MOST];
    for (size_t i = 0; i < step->count; i++) {
        negative[i] = -step->entropy[i];
    }
    size_t accepted = 1;
    for (size_t n = 1; n <= step->count; n++) {
        double sum = 0, largest = 0;
        for (size_t i = 0; i < step->count; i++) {
            if (rank_of(step, negative, i) < n) {
                sum += step->entropy[i];
                largest = fmax(largest, step->entropy[i]);
            }
        }
        accepted = sum - largest <= step->options->entropy_bound ? n : accepted;
    }
    for (size_t i = 0; i < step->count; i++) {
        commits[i] = rank_of(step, negative, i) < accepted;
    }
}

static void entropies_are_committed_up_to_the_bound(void **state) {
    (void)state;
    um_decode_options options = options_for("entropy_bounded");
    options.entropy_bound = 1;
    compare(options, 3, true, commit_entropy_bounded);
    options.entropy_bound = 0.1;
    compare(options, 5, true, commit_entropy_bounded);
}

/* top_p makes every row one-hot, so all entropies are 0. */
static void an_entropy_bound_of_0_commits_one_a_step(void **state) {
    (void)state;
    for (int bounded = 0; bounded < 2; bounded++) {
        um_error error = {0};
        um_canvas canvas = make_canvas(24);
        fake_model model = {.vocabulary_size = VOCABULARY, .scale = 3};
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for("entropy_bounded");
        options.top_p = 0;
        options.entropy_bound = bounded ? 0.01 : 0;
        um_decode_result result = {0};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
        assert_int_equal(result.steps, bounded ? 1 : 24);
        um_canvas_free(&canvas);
    }
}

/* ---- hierarchical ---------------------------------------------------------- */

static void commit_hierarchical(restated_step *step, bool *commits) {
    for (size_t i = 0; i < step->count; i++) {
        bool is_best_of_run = step->confidence[i] > step->options->lower_threshold;
        for (size_t j = 0; j < step->count; j++) {
            const size_t low = i < j ? i : j, high = i < j ? j : i;
            const bool is_same_run = step->positions[high] - step->positions[low] == high - low;
            if (is_same_run && (step->confidence[j] > step->confidence[i] ||
                                (step->confidence[j] == step->confidence[i] && j < i))) {
                is_best_of_run = false;
            }
        }
        commits[i] = is_best_of_run || step->confidence[i] > step->options->confidence_threshold;
    }
    commits[most_confident(step)] = true;
}

static void hierarchical_commits_the_best_of_each_run_of_masks(void **state) {
    (void)state;
    um_decode_options options = options_for("hierarchical");
    options.confidence_threshold = 0.7;
    compare(options, 3, true, commit_hierarchical);
    options.lower_threshold = 0.2;
    compare(options, 2, true, commit_hierarchical);
}

/* ---- prophet --------------------------------------------------------------- */

static size_t early_commits[3]; /* counted by commit_prophet in each third of the steps */

static void commit_prophet(restated_step *step, bool *commits) {
    const um_decode_options *options = step->options;
    const size_t steps = options->steps ? options->steps : step->masked_at_start;
    const double progress = (double)step->step / (double)steps;
    const size_t third = progress < 1.0 / 3 ? 0 : progress < 2.0 / 3 ? 1 : 2;
    const double threshold = (double[]){7.5, 5, 2.5}[third];
    double gap = 0, negative[MOST];
    for (size_t i = 0; i < step->count; i++) {
        gap += step->gap[i] / (double)step->count;
        negative[i] = -step->entropy[i];
    }
    const bool is_early = gap >= threshold;
    early_commits[third] += is_early && step->step + 1 < steps ? 1 : 0;
    const size_t count = um_schedule_commit_count(options->eps, steps, step->step, step->masked);
    for (size_t i = 0; i < step->count; i++) {
        commits[i] = is_early || rank_of(step, negative, i) < count;
    }
}

static void prophet_commits_everything_once_the_gaps_are_wide(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 24; seed++) {
        fake_model model = {.vocabulary_size = VOCABULARY, .seed = seed};
        model.scale = (float[]){1, 4, 8, 10, 12, 16, 20, 26}[seed % 8];
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for("prophet");
        options.steps = (size_t[]){0, 12, 9}[seed % 3];
        (void)compare_run(&model, &denoiser, &options, 24, commit_prophet);
    }
    for (size_t third = 0; third < 3; third++) {
        assert_true(early_commits[third] > 0);
    }
}

/* ---- klass ----------------------------------------------------------------- */

/* Logits that do not depend on the canvas plus a little noise that does, so that divergences fall
 * on both sides of the threshold. */
typedef struct calm_model {
    fake_model fixed;
    fake_model noise;
    float noise_scale;
} calm_model;

static um_status calm_forward(void *user, um_denoiser_request *requests, size_t count,
                              um_error *error) {
    return fake_forward(&((calm_model *)user)->fixed, requests, count, error);
}

static um_status calm_logits(void *user, size_t first, size_t count, float *logits,
                             um_error *error) {
    (void)error;
    const calm_model *model = user;
    for (size_t w = 0; w < count; w++) {
        const um_denoiser_request request = only_wanted(model->fixed.requests, first + w);
        const uint32_t context = fake_context(&request);
        const size_t p = request.wanted[0];
        /* Some positions are calmer than others. */
        const float scale = model->noise_scale * (float)(1 + p % 4);
        for (size_t v = 0; v < VOCABULARY; v++) {
            logits[w * VOCABULARY + v] = fake_logit(&model->fixed, 0, p, v) +
                                         scale * fake_logit(&model->noise, context, p, v);
        }
    }
    return UM_OK;
}

static void commit_klass(restated_step *step, bool *commits) {
    const um_decode_options *options = step->options;
    bool has_ready = false;
    for (size_t i = 0; i < step->count; i++) {
        const size_t position = step->positions[i];
        double p[VOCABULARY], *before = step->memory[position];
        (void)softmax(step->logits[i], p);
        double *history = step->kl_history[position];
        memmove(history + 1, history, 7 * sizeof *history);
        history[0] = 0;
        for (size_t v = 0; v < VOCABULARY; v++) {
            history[0] += p[v] * (log(p[v]) - log(before[v]));
        }
        step->seen[position]++;
        bool is_stable = step->seen[position] > options->history;
        for (size_t n = 0; n < options->history; n++) {
            is_stable = is_stable && history[n] < options->kl_threshold;
        }
        memcpy(before, p, sizeof p);
        commits[i] = is_stable && step->confidence[i] >= options->confidence_threshold;
        has_ready = has_ready || commits[i];
    }
    if (!has_ready) {
        commits[most_confident(step)] = true;
    }
}

static void klass_commits_what_is_probable_and_stable(void **state) {
    (void)state;
    size_t steps[3] = {0};
    for (uint64_t seed = 0; seed < 24; seed++) {
        calm_model model = {.fixed = {.seed = seed, .scale = 3},
                            .noise = {.seed = seed + 100, .scale = 1},
                            .noise_scale = 0.02f};
        const um_denoiser denoiser = {.user = &model,
                                      .vocabulary_size = VOCABULARY,
                                      .forward = calm_forward,
                                      .logits = calm_logits};
        um_decode_options options = options_for("klass");
        options.confidence_threshold = 0.5;
        options.history = seed % 3 + 1;
        options.block_length = seed % 2 ? 8 : 0;
        steps[seed % 3] += compare_run(&model.fixed, &denoiser, &options, 24, commit_klass);
    }
    assert_true(steps[0] < steps[1] && steps[1] < steps[2] && steps[2] < 8 * 24);
}

/* All positions have the same distribution, but only a position's own past shows that it is stable:
 * in each block the first step finds nothing stable and commits one token, and the second step
 * commits the rest. */
static void klass_compares_a_position_with_itself_only(void **state) {
    (void)state;
    float table[(PROMPT + 24) * VOCABULARY] = {0};
    for (size_t p = 0; p < PROMPT + 24; p++) {
        table[p * VOCABULARY + 5] = 9;
    }
    fake_model model = {.vocabulary_size = VOCABULARY, .table = table};
    const um_denoiser denoiser = fake_denoiser(&model);
    um_decode_options options = options_for("klass");
    options.block_length = 6;
    options.history = 1;
    assert_int_equal(compare_run(&model, &denoiser, &options, 24, commit_klass), 8);
}

/* ---- credit ---------------------------------------------------------------- */

static void commit_credit(restated_step *step, bool *commits) {
    const um_decode_options *options = step->options;
    for (size_t i = 0; i < step->count; i++) {
        double p[VOCABULARY], *credit = step->memory[step->positions[i]];
        (void)softmax(step->logits[i], p);
        size_t best = 0;
        for (size_t v = 0; v < VOCABULARY; v++) {
            best = p[v] > p[best] ? v : best;
            credit[v] *= options->credit_decay;
        }
        credit[best] += pow(p[best], options->credit_exponent);
        for (size_t v = 0; v < VOCABULARY; v++) {
            step->logits[i][v] += options->credit_weight * log(1 + credit[v]);
        }
        measure(step, i);
    }
    commit_threshold(step, commits);
}

static void credit_raises_tokens_that_were_best_before(void **state) {
    (void)state;
    um_decode_options options = options_for("credit");
    options.confidence_threshold = 0.6;
    compare(options, 3, true, commit_credit);
    options.credit_decay = 0.95;
    options.credit_weight = 2;
    options.credit_exponent = 1;
    compare(options, 2, true, commit_credit);
}

/* ---- All ------------------------------------------------------------------- */

/* A step that chooses the mask, if that is allowed, commits nothing, and the run ends out of
 * steps. */
static void open_ended_runs_end_when_the_mask_is_chosen(void **state) {
    (void)state;
    float table[(PROMPT + 8) * VOCABULARY] = {0};
    for (size_t p = 0; p < PROMPT + 8; p++) {
        table[p * VOCABULARY + FAKE_MASK] = 9;
    }
    const um_algorithm *algorithm;
    for (size_t a = 0; (algorithm = um_algorithm_at(a)) != NULL; a++) {
        if (!algorithm->open_ended) {
            continue;
        }
        um_error error = {0};
        um_canvas canvas = make_canvas(8);
        fake_model model = {.vocabulary_size = VOCABULARY, .table = table};
        const um_denoiser denoiser = fake_denoiser(&model);
        um_decode_options options = options_for(algorithm->name);
        options.forbid_mask = false;
        um_decode_result result = {0};
        assert_ok(um_decode_run(&denoiser, &canvas, &options, NULL, &result, &error), &error);
        assert_int_equal(result.reason, UM_TRACE_OUT_OF_STEPS);
        assert_int_equal(result.steps, 8);
        um_canvas_free(&canvas);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_threshold_above_1_commits_the_most_confident_one_by_one),
        cmocka_unit_test(threshold_commits_what_reaches_it),
        cmocka_unit_test(threshold_keeps_to_the_budget_of_its_steps),
        cmocka_unit_test(factor_accepts_the_largest_number),
        cmocka_unit_test(entropies_are_committed_up_to_the_bound),
        cmocka_unit_test(an_entropy_bound_of_0_commits_one_a_step),
        cmocka_unit_test(hierarchical_commits_the_best_of_each_run_of_masks),
        cmocka_unit_test(prophet_commits_everything_once_the_gaps_are_wide),
        cmocka_unit_test(klass_commits_what_is_probable_and_stable),
        cmocka_unit_test(klass_compares_a_position_with_itself_only),
        cmocka_unit_test(credit_raises_tokens_that_were_best_before),
        cmocka_unit_test(open_ended_runs_end_when_the_mask_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
