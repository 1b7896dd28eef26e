/* unmask train: run a recipe. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/ranks.h"
#include "cli/train/train_difference.h"
#include "cli/train/train_metrics.h"
#include "cli/train/train_progress.h"
#include "kernels/blas/peak.h"
#include "train/trainer/trainer.h"

#define PEAK_SECONDS 0.5

static const char help[] =
    "usage: unmask train RECIPE.json --output DIR [options]\n"
    "\n"
    "Train a model as the recipe says (docs/TRAINING.md lists its members) and write it to DIR in\n"
    "the Hugging Face layout.  The state is saved to DIR/training.state every few minutes and on\n"
    "Ctrl-C; the same command continues there, bit for bit.\n"
    "\n"
    "  -o, --output DIR       where state and model go (required)\n"
    "  -s, --set KEY=VALUE    override a member of the recipe; may be repeated\n"
    "  -t, --threads N        threads (default: one a processor, shared out between the ranks of "
    "a\n"
    "                         machine); results do not depend on it\n"
    "      --ranks N          fail unless mpirun has started N processes (docs/CLUSTER.md)\n"
    "      --log FILE         metrics go to FILE instead of DIR/metrics.jsonl (docs/METRICS.md);\n"
    "                         `unmask report DIR` draws them\n"
    "  -h, --help             this text\n"
    "\n"
    "example:\n"
    "  unmask train recipes/tiny/stage1.json --output run/stage1 --set steps=2000\n";

typedef struct train_options {
    const char *recipe_path;
    const char *output;
    const char *log_path;
    unsigned long long threads;
    unsigned long long ranks; /* 0: any number */
    const char **settings;    /* [setting_count] of --set, KEY=VALUE */
    size_t setting_count;
} train_options;

typedef struct watcher {
    um_train_progress progress;
    um_metrics *metrics;
    um_ranks *ranks;
    double peak; /* FLOP/s of all ranks */
    bool warned; /* about lines that could not be written */
} watcher;

/* A line that cannot be written is reported once; training goes on. */
static void note_loss(watcher *state, um_status status, const um_error *error) {
    if (status != UM_OK && !state->warned) {
        state->warned = true;
        um_train_progress_clear(&state->progress);
        (void)fprintf(stderr, "unmask: warning: %s; training goes on without those lines\n",
                      error->message);
    }
}

static void write_numbers(watcher *state, const char *kind, size_t step, const um_metric *values,
                          size_t count) {
    um_error error = {0};
    note_loss(state, um_metrics_numbers(state->metrics, kind, step, values, count, &error), &error);
}

static void on_step(void *user, const um_step_report *report) {
    watcher *state = user;
    um_metric values[UM_LINE_METRICS];
    const size_t count = um_train_step_metrics(report, state->peak, values);
    write_numbers(state, "step", report->step, values, count);
    um_train_progress_step(&state->progress, report->step, report->seconds, values, count);
}

static void on_validation(void *user, const um_validation_report *report) {
    watcher *state = user;
    um_metric values[UM_LINE_METRICS];
    const size_t count = um_train_validation_metrics(report, values);
    write_numbers(state, "validation", report->step, values, count);
    um_train_progress_validation(&state->progress, report->step, values, count);
}

static void on_phase(void *user, const char *phase, size_t done, size_t total) {
    um_train_progress_phase(&((watcher *)user)->progress, phase, done, total);
}

static void on_sample(void *user, size_t step, const um_sample_report *sample) {
    watcher *state = user;
    um_error error = {0};
    note_loss(state, um_metrics_put_sample(state->metrics, step, sample, &error), &error);
}

static void on_saved(void *user, const char *path, size_t step) {
    (void)path;
    watcher *state = user;
    state->ranks->saved_step = step;
}

/* The state must not be newer than its metrics: lines of steps before it are never written again.
 */
static void on_saving(void *user) {
    um_metrics_sync(((watcher *)user)->metrics);
}

static bool should_stop(void *user) {
    (void)user;
    return um_cli_interrupted();
}

static um_status apply_setting(const char *setting, um_recipe *recipe, um_error *error) {
    const char *separator = strchr(setting, '=');
    char key[64];
    if (!separator || separator == setting || (size_t)(separator - setting) >= sizeof key) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "--set %s: expected KEY=VALUE", setting);
    }
    (void)snprintf(key, sizeof key, "%.*s", (int)(separator - setting), setting);
    return um_recipe_set(recipe, key, separator + 1, error);
}

static um_status read_recipe(const train_options *options, um_recipe *recipe, um_error *error) {
    UM_TRY(um_recipe_read(options->recipe_path, recipe, error));
    for (size_t i = 0; i < options->setting_count; i++) {
        UM_TRY(apply_setting(options->settings[i], recipe, error));
    }
    return um_recipe_check(recipe, error);
}

static const char *outcome_of(um_status status) {
    return status == UM_OK ? "finished" : status == UM_ERR_CANCELLED ? "stopped" : "failed";
}

static um_status run_trainer(watcher *state, um_trainer *trainer, const um_recipe *recipe,
                             um_error *error) {
    const um_trainer_callbacks callbacks = {.step = on_step,
                                            .validation = on_validation,
                                            .saving = on_saving,
                                            .saved = on_saved,
                                            .phase = on_phase,
                                            .sample = on_sample,
                                            .should_stop = should_stop,
                                            .user = state};
    const double start = um_clock_seconds();
    state->progress = um_train_progress_start(um_trainer_step(trainer), recipe->steps);
    const um_status status = um_trainer_run(trainer, &callbacks, error);
    um_error unwritten = {0};
    note_loss(state,
              um_metrics_end(state->metrics, um_trainer_step(trainer), outcome_of(status),
                             um_clock_seconds() - start, &unwritten),
              &unwritten);
    if (status != UM_OK) {
        um_train_progress_end(&state->progress);
    }
    return status;
}

/* Report data that the run does not see whole. */
static void say_what_is_missing(const um_trainer *trainer, const um_recipe *recipe) {
    const um_trainer_sizes sizes = um_trainer_describe(trainer);
    if (sizes.cut_documents > 0) {
        (void)fprintf(stderr,
                      "%zu of %zu documents are longer than context_length %zu and are cut\n",
                      sizes.cut_documents, sizes.train_documents, recipe->context_length);
    }
    if (sizes.left_out_problems > 0) {
        (void)fprintf(stderr,
                      "%zu of %zu validation problems are left out: showing a causal model what "
                      "follows a hole takes <|fim_prefix|>, <|fim_suffix|> and <|fim_middle|>, "
                      "which its tokenizer lacks\n",
                      sizes.left_out_problems, sizes.left_out_problems + sizes.validation_problems);
    }
}

static um_status watch_training(const train_options *options, watcher *state, um_trainer *trainer,
                                const um_recipe *recipe, const um_compute *compute,
                                um_error *error) {
    const size_t ranks = um_collective_size(state->ranks->collective);
    UM_TRY(um_train_metrics_open(options->log_path, options->output, recipe, trainer, compute,
                                 state->peak, &state->metrics, error));
    (void)fprintf(stderr, "%zu parameters, ", um_trainer_parameter_count(trainer));
    if (ranks > 1) {
        (void)fprintf(stderr, "%zu ranks, %zu on this machine, with ", ranks,
                      um_collective_node_size(state->ranks->collective));
    }
    (void)fprintf(stderr, "%zu threads, SGEMM %.0f GFLOP/s, from step %zu\n",
                  um_thread_pool_size(compute->pool), state->peak / 1e9, um_trainer_step(trainer));
    say_what_is_missing(trainer, recipe);
    const um_status status = run_trainer(state, trainer, recipe, error);
    if (status != UM_OK) {
        (void)um_metrics_close(state->metrics, NULL);
        return status;
    }
    const um_status closed = um_metrics_close(state->metrics, error);
    return closed == UM_OK
               ? UM_OK
               : um_error_prefix(error, closed, "the model is complete, but its metrics are not");
}

/* Rank 0 reports; the others only train. */
static um_status join_training(const train_options *options, um_ranks *ranks, um_trainer *trainer,
                               const um_recipe *recipe, const um_compute *compute,
                               um_error *error) {
    watcher state = {.ranks = ranks};
    UM_TRY(um_ranks_sum(ranks, um_sgemm_peak(compute->pool, PEAK_SECONDS), &state.peak, error));
    ranks->saved_step = um_trainer_step(trainer);
    if (um_ranks_first(ranks)) {
        return watch_training(options, &state, trainer, recipe, compute, error);
    }
    const um_trainer_callbacks callbacks = {.should_stop = should_stop};
    return um_trainer_run(trainer, &callbacks, error);
}

static um_status run_training(const train_options *options, um_ranks *ranks,
                              const um_recipe *recipe, const um_compute *compute, um_error *error) {
    um_trainer *trainer = NULL;
    UM_TRY(um_trainer_create_among(ranks->collective, recipe, options->output, compute, NULL,
                                   &trainer, error));
    const um_status status = join_training(options, ranks, trainer, recipe, compute, error);
    um_trainer_free(trainer);
    return status;
}

static um_status train(const train_options *options, um_ranks *ranks, const um_recipe *recipe,
                       um_error *error) {
    um_compute compute = {0};
    const size_t threads =
        options->threads > 0 ? (size_t)options->threads : um_ranks_threads(ranks);
    UM_TRY(um_kernels_select(NULL, &compute.kernels, error));
    UM_TRY(um_thread_pool_create(threads, &compute.pool, error));
    const um_status status = run_training(options, ranks, recipe, &compute, error);
    um_thread_pool_free(compute.pool);
    return status;
}

/* options->settings has room for argc of them. */
static int parse_options(const um_command *command, int argc, char **argv, train_options *options) {
    static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
                                                 {"set", required_argument, NULL, 's'},
                                                 {"threads", required_argument, NULL, 't'},
                                                 {"log", required_argument, NULL, 'l'},
                                                 {"ranks", required_argument, NULL, 'r'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":o:s:t:h", long_options)) != -1) {
        switch (option) {
            case 'o':
                options->output = optarg;
                break;
            case 'l':
                options->log_path = optarg;
                break;
            case 't':
                if (!um_cli_parse_count(command, "--threads", optarg, 1, 1024, &options->threads)) {
                    return UM_EXIT_USAGE;
                }
                break;
            case 'r':
                if (!um_cli_parse_count(command, "--ranks", optarg, 1, 1 << 20, &options->ranks)) {
                    return UM_EXIT_USAGE;
                }
                break;
            case 's':
                options->settings[options->setting_count++] = optarg;
                break;
            case 'h':
                return -1;
            default:
                return UM_EXIT_USAGE;
        }
    }
    if (argc - optind != 1) {
        return um_cli_usage(command, "one recipe file is needed");
    }
    if (!options->output) {
        return um_cli_usage(command, "--output DIR is needed");
    }
    options->recipe_path = argv[optind];
    return UM_EXIT_OK;
}

/* Every rank reads the recipe and trains; if only some of them can read it, all end. */
static um_status read_and_train(const train_options *options, um_ranks *ranks, um_error *error) {
    um_recipe recipe;
    UM_TRY(um_ranks_start((size_t)options->ranks, options->output, ranks, error));
    const um_status status = read_recipe(options, &recipe, error);
    UM_TRY(um_collective_agree_on_status(ranks->collective, status, error));
    const um_status trained = train(options, ranks, &recipe, error);
    if (trained == UM_ERR_MISMATCH && um_ranks_first(ranks)) {
        um_train_tell_difference(&recipe, options->output);
    }
    return trained;
}

static int run_recipe(const train_options *options) {
    um_error error = {0};
    um_ranks ranks = {0};
    um_cli_catch_interrupts();
    const um_status status = read_and_train(options, &ranks, &error);
    const bool first = ranks.collective && um_ranks_first(&ranks);
    const int code = um_ranks_end(&ranks, status, &error);
    if (code == UM_EXIT_OK && first) {
        (void)fprintf(stderr, "wrote %s\n", options->output);
    }
    return code;
}

static int run(const um_command *command, int argc, char **argv) {
    um_error error = {0};
    train_options options = {0};
    if (um_allocate(&options.settings, (size_t)argc, sizeof *options.settings, "options", &error) !=
        UM_OK) {
        return um_cli_fail(&error);
    }
    const int code = parse_options(command, argc, argv, &options);
    const int result = code == UM_EXIT_OK ? run_recipe(&options)
                       : code == -1       ? um_cli_help(command)
                                          : code;
    free(options.settings);
    return result;
}

const um_command um_command_train = {.name = "train",
                                     .summary = "train a model as a recipe says",
                                     .help = help,
                                     .run = run,
                                     .needs_blas = true};
