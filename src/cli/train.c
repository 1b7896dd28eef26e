/* unmask train: run a recipe. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "kernels/blas/peak.h"
#include "train/trainer.h"

#define PEAK_SECONDS 0.5
#define LINE_INTERVAL 10.0 /* seconds between lines when standard error is no terminal */

static const char help[] =
    "usage: unmask train RECIPE.json --output DIR [options]\n"
    "\n"
    "Train a model as the recipe says (docs/TRAINING.md lists its members) and write it to DIR in\n"
    "the Hugging Face layout.  The state is saved to DIR/training.state every few minutes and on\n"
    "Ctrl-C; the same command continues there, bit for bit.\n"
    "\n"
    "  -o, --output DIR       where state and model go (required)\n"
    "  -s, --set KEY=VALUE    override a member of the recipe; may be repeated\n"
    "  -t, --threads N        threads (default: one a processor); results do not depend on it\n"
    "      --log FILE         append one JSON object for each step and validation to FILE\n"
    "  -h, --help             this text\n"
    "\n"
    "example:\n"
    "  unmask train recipes/tiny/stage1.json --output run/stage1 --set steps=2000\n";

typedef struct train_options {
    const char *recipe_path;
    const char *output;
    const char *log_path;
    unsigned long long threads;
} train_options;

typedef struct progress {
    FILE *log;
    bool terminal;
    double peak;       /* FLOP/s */
    double first_time; /* clock at the start of the run */
    size_t first_step;
    double last_line;
    double smooth_loss;
    double rows_per_second; /* smoothed */
    double flops_per_second;
} progress;

static void smooth(double *average, double value) {
    *average = *average == 0 ? value : 0.95 * *average + 0.05 * value;
}

static void log_step(FILE *log, const um_step_report *report) {
    (void)fprintf(log,
                  "{\"step\": %zu, \"loss\": %.6f, \"token_loss\": %.6f, \"accuracy\": %.5f, "
                  "\"gradient_norm\": %.5f, \"learning_rate\": %.4e, \"rows\": %zu, "
                  "\"seconds\": %.4f}\n",
                  report->step, report->loss, report->token_loss, report->accuracy,
                  report->gradient_norm, report->learning_rate, report->rows, report->seconds);
    (void)fflush(log);
}

static void print_progress(progress *state, const um_step_report *report) {
    const double now = um_clock_seconds();
    const bool last = report->step == report->total_steps;
    if (!last && now - state->last_line < (state->terminal ? 0.2 : LINE_INTERVAL)) {
        return;
    }
    state->last_line = now;
    char left[32];
    const double done = (double)(report->step - state->first_step);
    const double rest = (double)(report->total_steps - report->step);
    um_cli_format_duration((now - state->first_time) / fmax(1, done) * rest, left, sizeof left);
    (void)fprintf(stderr,
                  "%sstep %zu/%zu  loss %.4f  accuracy %.3f  lr %.2e  %.0f tokens/s  "
                  "%.0f%% of SGEMM  %s left%s",
                  state->terminal ? "\r\033[K" : "", report->step, report->total_steps,
                  state->smooth_loss, report->accuracy, report->learning_rate,
                  state->rows_per_second, 100 * state->flops_per_second / fmax(1, state->peak),
                  left, state->terminal && !last ? "" : "\n");
}

static void on_step(void *user, const um_step_report *report) {
    progress *state = user;
    smooth(&state->smooth_loss, report->loss);
    smooth(&state->rows_per_second, (double)report->rows / report->seconds);
    smooth(&state->flops_per_second, report->flops / report->seconds);
    if (state->log) {
        log_step(state->log, report);
    }
    print_progress(state, report);
}

static void on_validation(void *user, const um_validation_report *report) {
    progress *state = user;
    (void)fprintf(stderr,
                  "%svalidation at step %zu: loss %.4f, %.4f nats a predicted token, "
                  "accuracy %.4f\n",
                  state->terminal ? "\r\033[K" : "", report->step, report->loss, report->token_loss,
                  report->accuracy);
    if (state->log) {
        (void)fprintf(state->log,
                      "{\"step\": %zu, \"validation_loss\": %.6f, \"validation_token_loss\": "
                      "%.6f, \"validation_accuracy\": %.5f}\n",
                      report->step, report->loss, report->token_loss, report->accuracy);
        (void)fflush(state->log);
    }
}

static bool should_stop(void *user) {
    (void)user;
    return um_cli_interrupted();
}

static um_status apply_setting(um_recipe *recipe, const char *setting, um_error *error) {
    const char *separator = strchr(setting, '=');
    char key[64];
    if (!separator || separator == setting || (size_t)(separator - setting) >= sizeof key) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "--set %s: expected KEY=VALUE", setting);
    }
    (void)snprintf(key, sizeof key, "%.*s", (int)(separator - setting), setting);
    return um_recipe_set(recipe, key, separator + 1, error);
}

/* False where something of it could not be written. */
static bool close_log(FILE *log) {
    const bool complete = ferror(log) == 0;
    return fclose(log) == 0 && complete;
}

static um_status run_training(const train_options *options, const um_recipe *recipe,
                              const um_compute *compute, um_error *error) {
    um_trainer *trainer = NULL;
    UM_TRY(um_trainer_create(recipe, options->output, compute, &trainer, error));
    progress state = {.terminal = isatty(STDERR_FILENO) == 1,
                      .peak = um_sgemm_peak(compute->pool, PEAK_SECONDS),
                      .first_time = um_clock_seconds(),
                      .first_step = um_trainer_step(trainer)};
    if (options->log_path && !(state.log = fopen(options->log_path, "a"))) {
        const int reason = errno;
        um_trainer_free(trainer);
        return um_error_set_errno(error, reason, "%s: cannot append to the log", options->log_path);
    }
    (void)fprintf(stderr, "%zu parameters, %zu threads, SGEMM %.0f GFLOP/s, from step %zu\n",
                  um_trainer_parameter_count(trainer), um_thread_pool_size(compute->pool),
                  state.peak / 1e9, state.first_step);
    const um_training_data data = um_trainer_data(trainer);
    if (data.cut_documents > 0) {
        (void)fprintf(stderr,
                      "%zu of %zu documents are longer than context_length %zu and are cut\n",
                      data.cut_documents, data.documents, recipe->context_length);
    }
    const um_trainer_callbacks callbacks = {
        .step = on_step, .validation = on_validation, .should_stop = should_stop, .user = &state};
    um_status status = um_trainer_run(trainer, &callbacks, error);
    if (state.terminal && status != UM_OK) {
        (void)fputc('\n', stderr);
    }
    if (state.log && !close_log(state.log) && status == UM_OK) {
        status = UM_RAISE(error, UM_ERR_IO, "%s: cannot write the log; the model is whole",
                          options->log_path);
    }
    um_trainer_free(trainer);
    return status;
}

static um_status train(const train_options *options, const um_recipe *recipe, um_error *error) {
    um_compute compute = {0};
    UM_TRY(um_kernels_select(NULL, &compute.kernels, error));
    UM_TRY(um_thread_pool_create((size_t)options->threads, &compute.pool, error));
    const um_status status = run_training(options, recipe, &compute, error);
    um_thread_pool_free(compute.pool);
    return status;
}

/* Options are read twice: the recipe file is named after some of them.  First all but --set. */
static int parse_options(const um_command *command, int argc, char **argv, train_options *options,
                         um_recipe *recipe, bool apply, um_error *error) {
    static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'},  {"set", required_argument, NULL, 's'},
        {"threads", required_argument, NULL, 't'}, {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option = 0;
    optind = 1;
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
            case 's':
                if (apply && apply_setting(recipe, optarg, error) != UM_OK) {
                    return um_cli_fail(error);
                }
                break;
            case 'h':
                options->recipe_path = NULL;
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

static int run(const um_command *command, int argc, char **argv) {
    um_error error = {0};
    um_recipe recipe;
    train_options options = {0};
    int code = parse_options(command, argc, argv, &options, &recipe, false, &error);
    if (code != UM_EXIT_OK) {
        return code == -1 ? um_cli_help(command) : code;
    }
    if (um_recipe_read(options.recipe_path, &recipe, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    code = parse_options(command, argc, argv, &options, &recipe, true, &error);
    if (code != UM_EXIT_OK) {
        return code;
    }
    um_cli_catch_interrupts();
    if (train(&options, &recipe, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    (void)fprintf(stderr, "wrote %s\n", options.output);
    return UM_EXIT_OK;
}

const um_command um_command_train = {
    .name = "train", .summary = "train a model as a recipe says", .help = help, .run = run};
