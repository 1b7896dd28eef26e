/* Pass@1 on validation problems in causal and diffusion runs: what is sampled, what is reported,
 * and that measuring it changes nothing in the run. */
#include <sys/resource.h>

#include "grpo_testing.h"
#include "train/completions/validation_problems.h"

/* ---- Models and runs -------------------------------------------------------- */

static um_model_config model_of(const char *objective) {
    um_model_config config = random_model_config();
    if (strcmp(objective, "causal") == 0) {
        config.family = UM_FAMILY_QWEN2;
        config.attention = UM_ATTENTION_CAUSAL;
    }
    return config;
}

/* A run of two steps on a random shard, with the three problems of grpo_testing.h. */
static grpo_workshop workshop_of(const char *objective, const char *more) {
    um_error error = {0};
    const um_document documents[] = {{.length = 12, .prompt_length = 5},
                                     {.length = 9, .prompt_length = 2}};
    const um_model_config config = model_of(objective);
    grpo_workshop made = {.model = scratch_make(), .data = scratch_make()};
    assert_ok(random_model_write(&config, TOKENIZER_DATA "qwen_style", made.model.path, &error),
              &error);
    made.recipe = make_recipe(objective, more);
    set_member(&made.recipe, "model", made.model.path);
    set_member(&made.recipe, "steps", "2");
    set_member(&made.recipe, "batch_tokens", "200");
    write_shard(scratch_path(&made.data, "train.shard"), 2, documents, 800);
    set_member(&made.recipe, "train", scratch_path(&made.data, "train.shard"));
    write_problems(&made.data, "validation.jsonl");
    set_member(&made.recipe, "validation_problems", scratch_path(&made.data, "validation.jsonl"));
    return made;
}

static void replace(char *text, size_t size, const char *old, const char *new) {
    char copy[1 << 17];
    char *at = NULL;
    while ((at = strstr(text, old)) != NULL) {
        assert_true(strlen(text) + strlen(new) < sizeof copy && sizeof copy <= size);
        (void)snprintf(copy, sizeof copy, "%s%s", new, at + strlen(old));
        strcpy(at, copy);
    }
}

/* Give the model's tokenizer the infilling tokens, in place of three others. */
static void add_fim_tokens(const grpo_workshop *made) {
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        static char text[1 << 17];
        um_error error = {0};
        um_buffer file = {0};
        assert_ok(
            um_file_read(scratch_path(&made->model, names[i]), sizeof text - 1, &file, &error),
            &error);
        memcpy(text, file.data, file.length);
        text[file.length] = '\0';
        um_buffer_free(&file);
        replace(text, sizeof text, "\"<left>\"", "\"<|fim_prefix|>\"");
        replace(text, sizeof text, "\"<right>\"", "\"<|fim_suffix|>\"");
        replace(text, sizeof text, "\"<both>\"", "\"<|fim_middle|>\"");
        scratch_write(&made->model, names[i], text, strlen(text));
    }
}

/* ---- Tasks ------------------------------------------------------------------ */

typedef struct opened {
    um_tokenizer *tokenizer;
    um_validation_problems problems;
    um_status status;
    um_error error;
} opened;

static void open_problems(const grpo_workshop *made, const char *objective, opened *result) {
    um_error error = {0};
    const um_model_config config = model_of(objective);
    *result = (opened){0};
    assert_ok(um_tokenizer_load(made->model.path, &result->tokenizer, &error), &error);
    result->status = um_validation_problems_open(&made->recipe, &config, result->tokenizer,
                                                 &result->problems, &result->error);
}

static void close_problems(opened *result) {
    um_validation_problems_close(&result->problems);
    um_tokenizer_free(result->tokenizer);
}

static void add_token(const um_tokenizer *tokenizer, const char *text, um_token_list *tokens) {
    um_error error = {0};
    const int32_t id = um_tokenizer_id(tokenizer, text);
    assert_true(id >= 0);
    assert_ok(um_token_list_append(tokens, id, &error), &error);
}

static void add_text(const um_tokenizer *tokenizer, const char *text, um_token_list *tokens) {
    um_error error = {0};
    assert_ok(um_tokenizer_encode(tokenizer, text, strlen(text), false, tokens, &error), &error);
}

static void a_causal_model_is_shown_what_follows_first(void **state) {
    (void)state;
    const grpo_workshop made = workshop_of("causal", "");
    opened result;
    add_fim_tokens(&made);
    open_problems(&made, "causal", &result);
    assert_ok(result.status, &result.error);
    const um_completion_tasks *tasks = &result.problems.tasks;
    assert_int_equal(tasks->count, 3);
    assert_int_equal(tasks->left_out, 0);
    const um_completion_task *infilling = &tasks->tasks[1];
    um_token_list expected = {0};
    add_token(result.tokenizer, "<|fim_prefix|>", &expected);
    add_text(result.tokenizer, "def two(a, b):\n    return", &expected);
    add_token(result.tokenizer, "<|fim_suffix|>", &expected);
    add_text(result.tokenizer, " + b\n", &expected);
    add_token(result.tokenizer, "<|fim_middle|>", &expected);
    assert_int_equal(infilling->before.length, expected.length);
    assert_memory_equal(infilling->before.ids, expected.ids,
                        expected.length * sizeof *expected.ids);
    assert_int_equal(infilling->after.length, 0);
    /* Without "answer_length" the context is filled, up to 128 tokens. */
    assert_int_equal(infilling->answer_length, 96 - expected.length);
    um_token_list_free(&expected);
    close_problems(&result);
    grpo_workshop_remove(&made);
}

static void infilling_is_left_out_where_it_cannot_be_shown(void **state) {
    (void)state;
    const grpo_workshop made = workshop_of("causal", ", \"prompt_length\": 2");
    opened result;
    open_problems(&made, "causal", &result);
    assert_ok(result.status, &result.error);
    assert_int_equal(result.problems.tasks.count, 2);
    assert_int_equal(result.problems.tasks.left_out, 1);
    assert_string_equal(result.problems.tasks.tasks[1].problem->id, "three");
    assert_int_equal(result.problems.tasks.tasks[1].before.length, 2);
    close_problems(&result);
    scratch_write(&made.data, "validation.jsonl", grpo_problems[1], strlen(grpo_problems[1]));
    open_problems(&made, "causal", &result);
    assert_int_equal(result.status, UM_ERR_MISMATCH);
    assert_non_null(strstr(result.error.message, "only infilling problems"));
    close_problems(&result);
    grpo_workshop_remove(&made);
}

static void models_are_decoded_as_generation_does(void **state) {
    (void)state;
    grpo_workshop made = workshop_of("diffusion", ", \"answer_length\": 12");
    opened result;
    open_problems(&made, "diffusion", &result);
    assert_ok(result.status, &result.error);
    const um_decode_options *decoding = &result.problems.decoding;
    assert_string_equal(decoding->algorithm, "threshold");
    assert_true(decoding->confidence_threshold == 0.95 && decoding->temperature == 0);
    assert_int_equal(decoding->block_length, 16);
    assert_int_equal(decoding->cache, UM_CACHE_DUAL);
    assert_int_equal(result.problems.tasks.tasks[1].answer_length, 12);
    assert_true(result.problems.tasks.tasks[1].after.length > 0);
    close_problems(&result);
    set_member(&made.recipe, "validation_rollout", "{\"steps\": 8}");
    open_problems(&made, "diffusion", &result);
    assert_ok(result.status, &result.error);
    assert_string_equal(result.problems.decoding.algorithm, "entropy");
    close_problems(&result);
    set_member(&made.recipe, "validation_rollout", "{}");
    open_problems(&made, "causal", &result);
    assert_ok(result.status, &result.error);
    assert_string_equal(result.problems.decoding.algorithm, "autoregressive");
    close_problems(&result);
    grpo_workshop_remove(&made);
}

static void what_cannot_be_decoded_is_refused_at_the_start(void **state) {
    (void)state;
    const struct {
        const char *objective;
        const char *key;
        const char *value;
        const char *text;
    } cases[] = {
        {"causal", "validation_rollout", "{\"algorithm\": \"entropy\"}", "leave it out"},
        {"causal", "validation_rollout", "{\"steps\": 4}", "\"validation_rollout\""},
        {"diffusion", "validation_rollout", "{\"algorithm\": \"autoregressive\"}", "causal model"},
        {"diffusion", "validation_rollout", "{\"factor\": 1}", "\"validation_rollout\""},
        {"diffusion", "validation_problems", "/nowhere/problems.jsonl", "/nowhere"},
        {"diffusion", "infilling_length", "90", "problem two"},
        /* Twelve positions divide into blocks of four, the hole's ten do not. */
        {"diffusion", "validation_rollout",
         "{\"algorithm\": \"entropy\", \"steps\": 12, \"block_length\": 4}", "problem two"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        grpo_workshop made =
            workshop_of(cases[i].objective, ", \"answer_length\": 12, \"infilling_length\": 10");
        const scratch output = scratch_make();
        um_error error = {0};
        grpo_watch *seen = calloc(1, sizeof *seen);
        assert_non_null(seen);
        set_member(&made.recipe, cases[i].key, cases[i].value);
        assert_int_not_equal(grpo_train(&made.recipe, &output, seen, &error), UM_OK);
        assert_int_equal(seen->steps, 0);
        if (!strstr(error.message, cases[i].text)) {
            fail_msg("\"%s\" lacks \"%s\"", error.message, cases[i].text);
        }
        free(seen);
        scratch_remove(&output);
        grpo_workshop_remove(&made);
    }
}

/* Sixty-four workers need more pipes than the process may open files, so the judge cannot start,
 * and the run says so before it does anything. */
static void a_judge_that_does_not_start_ends_the_run_at_its_start(void **state) {
    (void)state;
    grpo_workshop made = workshop_of("causal", ", \"sandbox\": \"none\", \"judge_workers\": 64");
    const scratch output = scratch_make();
    const um_compute compute = make_compute(1);
    um_error error = {0};
    um_trainer *trainer = NULL;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = 24, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    const um_status status =
        um_trainer_create(&made.recipe, output.path, &compute, &trainer, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    um_trainer_free(trainer);
    assert_int_not_equal(status, UM_OK);
    assert_non_null(strstr(error.message, "\"validation_problems\": "));
    scratch_remove(&output);
    grpo_workshop_remove(&made);
}

/* ---- Runs ------------------------------------------------------------------- */

typedef struct seen_run {
    um_metric validations[8][UM_METRICS_MAXIMUM];
    size_t metric_counts[8];
    double losses[8];
    size_t validation_count;
    size_t samples;
    size_t judged_samples;
    char completions[4096];
} seen_run;

static void see_validation(void *user, const um_validation_report *report) {
    seen_run *seen = user;
    const size_t index = seen->validation_count++;
    assert_true(index < 8 && report->metric_count <= UM_METRICS_MAXIMUM);
    for (size_t i = 0; i < report->metric_count; i++) {
        seen->validations[index][i] = report->metrics[i];
    }
    seen->metric_counts[index] = report->metric_count;
    seen->losses[index] = report->loss;
}

static void see_sample(void *user, size_t step, const um_sample_report *sample) {
    seen_run *seen = user;
    (void)step;
    seen->samples++;
    seen->judged_samples += sample->verdict != NULL;
    assert_true(isnan(sample->reward));
    strncat(seen->completions, sample->completion,
            sizeof seen->completions - strlen(seen->completions) - 1);
}

static size_t run(const um_recipe *recipe, size_t threads, const scratch *output, seen_run *seen) {
    um_error error = {0};
    um_trainer *trainer = NULL;
    toy_grader toy = {0};
    const um_grader grader = {.grade = toy_grade, .user = &toy};
    const um_compute compute = make_compute(threads);
    *seen = (seen_run){0};
    assert_ok(um_trainer_create_graded(recipe, output->path, &compute, &grader, &trainer, &error),
              &error);
    const um_trainer_callbacks callbacks = {
        .validation = see_validation, .sample = see_sample, .user = seen};
    assert_ok(um_trainer_run(trainer, &callbacks, &error), &error);
    um_trainer_free(trainer);
    um_thread_pool_free(compute.pool);
    return toy.graded;
}

static double number(const seen_run *seen, size_t validation, const char *name) {
    return metric_of(seen->validations[validation], seen->metric_counts[validation], name);
}

static void every_validation_measures_what_passes(void **state) {
    (void)state;
    for (int causal = 0; causal < 2; causal++) {
        const char *objective = causal ? "causal" : "diffusion";
        grpo_workshop made =
            workshop_of(objective, ", \"validation_interval\": 1, \"answer_length\": 8");
        const scratch output = scratch_make();
        const size_t problems = causal ? 2 : 3;
        seen_run seen;
        const size_t graded = run(&made.recipe, 1, &output, &seen);
        assert_int_equal(seen.validation_count, 2);
        assert_int_equal(graded, 2 * problems);
        assert_int_equal(seen.samples, 2 * problems);
        assert_int_equal(seen.judged_samples, seen.samples);
        assert_true(isnan(seen.losses[1])); /* there is no validation shard */
        const double one = number(&seen, 1, "pass_rate_level_1");
        const double two = number(&seen, 1, "pass_rate_level_2");
        assert_true(one == 0 || one == 1);
        assert_true(fabs(number(&seen, 1, "pass_rate") -
                         (one + two * (double)(problems - 1)) / (double)problems) < 1e-12);
        assert_true(number(&seen, 1, "completion_length") > 0);
        assert_true(isnan(number(&seen, 1, "reward")));
        set_member(&made.recipe, "validation", scratch_path(&made.data, "train.shard"));
        (void)run(&made.recipe, 1, &output, &seen); /* a finished run measures again */
        assert_true(seen.losses[0] > 0);
        assert_true(number(&seen, 0, "pass_rate") >= 0);
        assert_int_equal(seen.judged_samples, seen.samples);
        set_member(&made.recipe, "validation_problems", "");
        assert_int_equal(run(&made.recipe, 1, &output, &seen), 0);
        assert_true(seen.losses[0] > 0);
        assert_int_equal(seen.judged_samples, 0); /* samples of the shard, not judged */
        assert_true(seen.samples > 0);
        scratch_remove(&output);
        grpo_workshop_remove(&made);
    }
}

/* Neither threads nor the size of batches change what is measured or learnt, and neither does being
 * measured at all. */
static void what_is_measured_and_learnt_does_not_depend_on_how(void **state) {
    (void)state;
    grpo_workshop made =
        workshop_of("diffusion", ", \"validation_interval\": 1, \"answer_length\": 8");
    const scratch outputs[] = {scratch_make(), scratch_make(), scratch_make()};
    seen_run first;
    seen_run second;
    const uint64_t fingerprint = um_recipe_fingerprint(&made.recipe);
    (void)run(&made.recipe, 1, &outputs[0], &first);
    set_member(&made.recipe, "rollout_batch", "1");
    (void)run(&made.recipe, 3, &outputs[1], &second);
    assert_string_equal(first.completions, second.completions);
    for (size_t i = 0; i < 2; i++) {
        assert_true(number(&first, i, "pass_rate") == number(&second, i, "pass_rate"));
        assert_true(number(&first, i, "completion_length") ==
                    number(&second, i, "completion_length"));
    }
    assert_same_output(&outputs[0], &outputs[1]);
    static const char *const members[][2] = {
        {"validation_problems", ""}, {"validation_maximum", "2"},
        {"sandbox", "none"},         {"validation_rollout.steps", "4"},
        {"judge_timeout", "1"},      {"judge_memory", "256"},
        {"judge_workers", "1"},      {"prompt_length", "4"}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        set_member(&made.recipe, members[i][0], members[i][1]);
        assert_true(um_recipe_fingerprint(&made.recipe) == fingerprint);
    }
    assert_int_equal(run(&made.recipe, 1, &outputs[2], &second), 0);
    assert_same_output(&outputs[0], &outputs[2]);
    for (size_t i = 0; i < 3; i++) {
        scratch_remove(&outputs[i]);
    }
    grpo_workshop_remove(&made);
}

/* The JSON of a recipe has these members only if they mean something. */
static void a_recipe_tells_how_problems_are_judged_where_it_has_some(void **state) {
    (void)state;
    grpo_workshop made = workshop_of("causal", ", \"judge_timeout\": 2");
    for (int with = 1; with >= 0; with--) {
        json_t *told = um_recipe_json(&made.recipe);
        assert_true((json_object_get(told, "judge_timeout") != NULL) == (with == 1));
        assert_true((json_object_get(told, "sandbox") != NULL) == (with == 1));
        assert_null(json_object_get(told, "group_size"));
        json_decref(told);
        set_member(&made.recipe, "validation_problems", "");
    }
    grpo_workshop_remove(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_causal_model_is_shown_what_follows_first),
        cmocka_unit_test(infilling_is_left_out_where_it_cannot_be_shown),
        cmocka_unit_test(models_are_decoded_as_generation_does),
        cmocka_unit_test(what_cannot_be_decoded_is_refused_at_the_start),
        cmocka_unit_test(a_judge_that_does_not_start_ends_the_run_at_its_start),
        cmocka_unit_test(every_validation_measures_what_passes),
        cmocka_unit_test(what_is_measured_and_learnt_does_not_depend_on_how),
        cmocka_unit_test(a_recipe_tells_how_problems_are_judged_where_it_has_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
