/* What the tests of coupled-GRPO share: a tiny diffusion model with a tokenizer, problems, and a
 * grader that likes the first half of the alphabet. */
#ifndef UM_TESTS_GRPO_TESTING_H
#define UM_TESTS_GRPO_TESTING_H

#include "base/json.h"
#include "base/mapped_file.h"
#include "recipe_testing.h"
#include "tokenizer_testing.h"
#include "train/grpo/coupled_grpo.h"
#include "train/trainer/trainer_internal.h"
#include "training_run.h"
#include "training_testing.h"

/* ---- Model, problems, recipe ------------------------------------------------ */

static const char *const grpo_problems[] = {
    "{\"task_id\": \"one\", \"prompt\": \"def one(x):\\n\", \"entry_point\": \"one\", "
    "\"test\": \"def check(f):\\n    assert f(1) == 1\\n\", \"level\": 1}",
    "{\"task_id\": \"two\", \"prompt\": \"def two(a, b):\\n    return\", \"suffix\": \" + b\\n\", "
    "\"format\": \"infilling\", \"entry_point\": \"two\", "
    "\"test\": \"def check(f):\\n    assert f(1, 2) == 3\\n\", \"level\": 2}",
    "{\"task_id\": \"three\", \"prompt\": \"Write three.\", \"format\": \"chat\", "
    "\"entry_point\": \"three\", \"test\": \"def check(f):\\n    assert f() == 3\\n\", "
    "\"level\": 2}",
};

typedef struct grpo_workshop {
    scratch model;
    scratch data;
    um_recipe recipe;
} grpo_workshop;

static inline void write_problems(const scratch *directory, const char *name) {
    char text[4096] = "";
    for (size_t i = 0; i < sizeof grpo_problems / sizeof *grpo_problems; i++) {
        strcat(strcat(text, grpo_problems[i]), "\n");
    }
    scratch_write(directory, name, text, strlen(text));
}

/* A recipe with small numbers, and members such as ", \"seed\": 2" in addition or instead. */
static inline um_recipe make_grpo_recipe(const char *more) {
    return parse_recipe("\"model\": \"model\", \"problems\": \"problems.jsonl\", "
                        "\"objective\": \"coupled_grpo\", \"steps\": 6, \"batch_tokens\": 400, "
                        "\"context_length\": 96, \"learning_rate\": 0.003, \"answer_length\": 6, "
                        "\"group_size\": 4, \"problems_per_step\": 2",
                        more);
}

static inline grpo_workshop grpo_workshop_make(const char *more) {
    um_error error = {0};
    const um_model_config config = random_model_config();
    grpo_workshop made = {.model = scratch_make(), .data = scratch_make()};
    assert_ok(random_model_write(&config, TOKENIZER_DATA "qwen_style", made.model.path, &error),
              &error);
    made.recipe = make_grpo_recipe(more);
    set_member(&made.recipe, "model", made.model.path);
    write_problems(&made.data, "problems.jsonl");
    set_member(&made.recipe, "problems", scratch_path(&made.data, "problems.jsonl"));
    return made;
}

static inline void grpo_workshop_remove(const grpo_workshop *made) {
    scratch_remove(&made->model);
    scratch_remove(&made->data);
}

/* ---- A grader ---------------------------------------------------------------- */

typedef struct toy_grader {
    size_t graded;    /* attempts */
    double unsettled; /* added to the code reward, more with each attempt: an inconsistent judge */
} toy_grader;

/* The share of bytes that are a to m. */
static inline double toy_score(const char *text, size_t length) {
    size_t good = 0;
    for (size_t i = 0; i < length; i++) {
        good += text[i] >= 'a' && text[i] <= 'm';
    }
    return length > 0 ? (double)good / (double)length : 0;
}

static inline um_status toy_grade(void *user, const um_attempt *attempts, size_t count,
                                  um_judgement *judgements, const um_watch *watch,
                                  um_error *error) {
    (void)watch;
    (void)error;
    toy_grader *grader = user;
    for (size_t i = 0; i < count; i++) {
        grader->graded++;
        const double score = toy_score(attempts[i].completion, attempts[i].length) +
                             grader->unsettled * (double)grader->graded;
        judgements[i] =
            (um_judgement){.verdict = score > 0.5 ? UM_VERDICT_PASSED : UM_VERDICT_FAILED,
                           .tests_total = 1,
                           .format = 1,
                           .code = score};
    }
    return UM_OK;
}

/* ---- Runs -------------------------------------------------------------------- */

#define GRPO_STEPS 400

typedef struct grpo_watch {
    size_t stop_after;     /* the run is asked to stop after this step; 0 for never */
    size_t stop_questions; /* or once it has asked this many times; 0 for never */
    size_t threads;        /* 0 for one */
    double unsettled;      /* of the grader */
    size_t questions;
    size_t steps;
    um_step_report reports[GRPO_STEPS];
    double rewards[GRPO_STEPS]; /* of steps with new rollouts, else NaN */
    double kl[GRPO_STEPS];
    double clip_low[GRPO_STEPS];
    double clip_high[GRPO_STEPS];
    size_t graded;
    size_t validations;
    double pass_rate;
} grpo_watch;

static inline double metric_of(const um_metric *metrics, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(metrics[i].name, name) == 0) {
            return metrics[i].value;
        }
    }
    return NAN;
}

static inline void grpo_watch_step(void *user, const um_step_report *report) {
    grpo_watch *seen = user;
    assert_true(seen->steps < GRPO_STEPS);
    const um_metric *metrics = report->metrics;
    const size_t count = report->metric_count;
    seen->rewards[seen->steps] = metric_of(metrics, count, "reward");
    seen->kl[seen->steps] = metric_of(metrics, count, "kl");
    seen->clip_low[seen->steps] = metric_of(metrics, count, "clip_low");
    seen->clip_high[seen->steps] = metric_of(metrics, count, "clip_high");
    seen->reports[seen->steps++] = *report;
}

static inline void grpo_watch_validation(void *user, const um_validation_report *report) {
    grpo_watch *seen = user;
    seen->validations++;
    seen->pass_rate = metric_of(report->metrics, report->metric_count, "pass_rate");
}

static inline bool grpo_watch_should_stop(void *user) {
    grpo_watch *seen = user;
    seen->questions++;
    const bool at_step = seen->stop_after > 0 && seen->steps > 0 &&
                         seen->reports[seen->steps - 1].step >= seen->stop_after;
    return at_step || (seen->stop_questions > 0 && seen->questions >= seen->stop_questions);
}

static inline um_status grpo_train(const um_recipe *recipe, const scratch *output, grpo_watch *seen,
                                   um_error *error) {
    um_trainer *trainer = NULL;
    toy_grader toy = {.unsettled = seen->unsettled};
    const um_grader grader = {.grade = toy_grade, .user = &toy};
    const um_compute compute = make_compute(seen->threads);
    um_status status =
        um_trainer_create_graded(recipe, output->path, &compute, &grader, &trainer, error);
    const um_trainer_callbacks callbacks = {.step = grpo_watch_step,
                                            .validation = grpo_watch_validation,
                                            .should_stop = grpo_watch_should_stop,
                                            .user = seen};
    if (status == UM_OK) {
        status = um_trainer_run(trainer, &callbacks, error);
    }
    um_trainer_free(trainer);
    um_thread_pool_free(compute.pool);
    seen->graded = toy.graded;
    return status;
}

#endif
