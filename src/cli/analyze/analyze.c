/* unmask analyze: the order in which a model writes. */
#include "cli/analyze/analyze.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/directory.h"
#include "base/mapped_file.h"
#include "cli/lines.h"
#include "cli/output_check.h"
#include "cli/replay/replay_player.h"
#include "cli/request/decoding_options.h"
#include "cli/request/model_path.h"

static const char help[] =
    "usage: unmask analyze TRACE... [options]\n"
    "       unmask analyze --prompts FILE [--model PATH] [options]\n"
    "\n"
    "Measure in which order a masked diffusion model writes, from recorded runs\n"
    "(docs/TRACE.md; `unmask generate --trace`, or any program) or from runs that it\n"
    "makes for the prompts of a file.  It prints, for k = 1 to 9:\n"
    "\n"
    "  local AR-ness     how often a token follows directly on the k tokens before it, which were\n"
    "                    committed just before (next-token pattern)\n"
    "  global AR-ness    how often the token was one of the k leftmost that were still masked\n"
    "                    (first-mask selection)\n"
    "\n"
    "Writing strictly from left to right gives 1 for both; the values for a random\n"
    "order are printed beside them.  Intervals are for the mean over traces and come\n"
    "from resampling the prompts.  docs/ANALYSIS.md has the definitions, and the\n"
    "other readings of them that are printed below.\n"
    "\n"
    "  -o, --output FILE      write a page: AR-ness over k, when which position is decided, how\n"
    "                         sure the model is before the first step, and single runs to play\n"
    "      --svg FOLDER       write the figures as SVG files\n"
    "      --json             print all numbers as one JSON object\n"
    "      --compare          traces: each file is a set of its own (default: all are one set)\n"
    "      --until-end        count each answer only up to its end token; the padding\n"
    "                         after it follows an order of its own\n"
    "      --show N           runs of each set to play on the page (default 4)\n"
    "      --interval-seed N  seed of the resampling (default 0)\n"
    "  -h, --help             this text\n"
    "\n"
    "options for making traces:\n"
    "      --prompts FILE     each line an object with \"prompt\" (and \"suffix\"; \"format\": "
    "\"chat\")\n" UM_CLI_MODEL_HELP
    "                         With traces: where the tokenizer is (default: what they name, if\n"
    "                         it is a directory or the model that commands use by default)\n"
    "  -n, --samples N        samples of each prompt (default 1)\n"
    "      --temperatures A,B,...\n"
    "                         repeat everything at each of these temperatures and\n"
    "                         show the results side by side\n"
    "      --limit N          the first N prompts only\n"
    "  -l, --length N         tokens to generate (default: 256, or 64 for models with fewer than\n"
    "                         2048 positions, and no more than the prompt leaves)\n"
    "      --chat             each prompt is the message of a user\n"
    "      --trace FILE       keep the traces\n"
    "      --algorithm NAME   how to decode (default: entropy with one token a step; "
    "autoregressive\n"
    "                         for causal models)\n"
    "      --batch N          decode N samples at a time (default: 8, or fewer where memory is "
    "scarce)\n"
    "\n" UM_CLI_OPENING_HELP "\n"
    "examples:\n"
    "  unmask generate --model models/tiny --algorithm entropy --trace run.jsonl --file prompt.py\n"
    "  unmask analyze run.jsonl --model models/tiny --output order.html\n"
    "  unmask analyze --model models/tiny --prompts prompts.jsonl -n 4 \\\n"
    "      --temperatures 0.2,0.6,1.0,1.2 --output order.html --svg figures\n";

static int print_help(const um_command *command) {
    static const char *const own[] = {"algorithm"};
    return um_cli_help_with_decoding_but(command, "The defaults are those of the algorithm.", own,
                                         sizeof own / sizeof *own);
}

/* ---- Output -------------------------------------------------------------------- */

static um_status print_summary(const um_order_study *study, bool json, um_error *error) {
    um_buffer text = {0};
    const um_status status =
        json ? um_order_json(study, &text, error) : um_order_text(study, &text, error);
    if (status == UM_OK) {
        (void)fputs(um_buffer_text(&text), stdout);
    }
    um_buffer_free(&text);
    return status;
}

static um_status write_page(const um_order_study *study, const char *path, um_error *error) {
    um_buffer page = {0};
    um_status status = um_order_page(study, &page, error);
    if (status == UM_OK) {
        status = um_file_write(path, um_buffer_text(&page), page.length, error);
    }
    um_buffer_free(&page);
    return status;
}

static um_status write_picture(const char *folder, const char *name, const um_buffer *picture,
                               um_error *error) {
    char file[64];
    char path[4096];
    (void)snprintf(file, sizeof file, "%s.svg", name);
    UM_TRY(um_path_join(path, sizeof path, folder, file, error));
    return um_file_write(path, um_buffer_text(picture), picture->length, error);
}

static um_status write_pictures(const um_order_study *study, const char *folder, um_error *error) {
    UM_TRY(um_directory_make(folder, false, error));
    bool exists = true;
    um_status status = UM_OK;
    for (size_t i = 0; exists && status == UM_OK; i++) {
        char name[48];
        um_buffer picture = {0};
        status = um_order_picture(study, i, name, sizeof name, &picture, &exists, error);
        if (status == UM_OK && exists) {
            status = write_picture(folder, name, &picture, error);
        }
        um_buffer_free(&picture);
    }
    return status;
}

static um_status show(const um_analyze_input *input, const um_order_study *study, um_error *error) {
    const um_analyze_settings *settings = input->settings;
    um_cli_catch_interrupts();                           /* a kill would leave a temporary file */
    UM_TRY(print_summary(study, settings->json, error)); /* first: a full disk must not lose it */
    if (settings->svg) {
        UM_TRY(write_pictures(study, settings->svg, error));
    }
    if (settings->output) {
        UM_TRY(write_page(study, settings->output, error));
        (void)fprintf(stderr, "wrote %s\n", settings->output);
    }
    return UM_OK;
}

/* What can be checked before the work is done. */
static um_status check_outputs(const um_analyze_settings *settings, um_error *error) {
    const char *const outputs[] = {settings->output, settings->trace};
    if (settings->output && settings->trace &&
        um_cli_is_same_output(settings->output, settings->trace)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: --output and --trace must be different files",
                        settings->output);
    }
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        if (outputs[i]) {
            const char *const prompts[] = {settings->prompts ? settings->prompts : "-"};
            UM_TRY(um_cli_check_not_an_input(outputs[i], (const char *const *)settings->paths,
                                             settings->path_count, error));
            UM_TRY(um_cli_check_not_an_input(outputs[i], prompts, 1, error));
            UM_TRY(um_cli_check_output_file(outputs[i], error));
        }
    }
    return settings->svg ? um_directory_check(settings->svg, error) : UM_OK;
}

/* ---- The command --------------------------------------------------------------- */

/* Sets without a run are reported and left out. */
static um_status summarise(um_analyze_input *input, um_order_summary *summaries, size_t *count,
                           um_error *error) {
    for (size_t i = 0; i < input->set_count; i++) {
        const um_order_set *set = &input->sets[i];
        if (set->count == 0) {
            if (set->empty > 0) { /* else what is wrong with its traces has been reported */
                (void)fprintf(stderr, "unmask: %s: no trace with a commit\n", set->label);
            }
            input->complete = false;
            continue;
        }
        um_order_summary *summary = &summaries[(*count)++];
        UM_TRY(um_order_summarise(set, input->settings->interval_seed, summary, error));
    }
    return UM_OK;
}

static um_status analyze(um_analyze_input *input, um_order_summary *summaries, size_t *count,
                         um_error *error) {
    UM_TRY(um_cli_check_read_once((const char *const *)input->settings->paths,
                                  input->settings->path_count, error));
    UM_TRY(check_outputs(input->settings, error));
    const um_status collected = input->settings->prompts ? um_analyze_sample(input, error)
                                                         : um_analyze_read_files(input, error);
    const bool some = input->set_count > 0 && input->sets[0].count > 0;
    if (collected != UM_OK && !some) {
        return collected;
    }
    UM_TRY(summarise(input, summaries, count, error));
    const um_order_study study = {
        .summaries = summaries,
        .count = *count,
        .seed = input->settings->interval_seed,
        .title = input->sets[0].label,
        .players = {.html = um_buffer_text(&input->runs_html),
                    .style = um_replay_player_style,
                    .script = {um_replay_player_script, um_replay_player_sha256}}};
    UM_TRY(*count > 0 ? show(input, &study, error) : UM_OK);
    return collected; /* what ended it early, with its message, once the results are shown */
}

static int run_settings(const um_analyze_settings *settings) {
    um_error error = {0};
    um_order_summary summaries[UM_ORDER_SETS];
    size_t count = 0;
    um_analyze_input input = {.settings = settings, .complete = true};
    const um_status status = analyze(&input, summaries, &count, &error);
    for (size_t i = 0; i < count; i++) {
        um_order_summary_free(&summaries[i]);
    }
    const bool complete = input.complete;
    um_analyze_input_free(&input);
    if (status != UM_OK) {
        return um_cli_fail(&error);
    }
    return complete ? UM_EXIT_OK : UM_EXIT_FAILURE;
}

static int run(const um_command *command, int argc, char **argv) {
    um_analyze_settings settings = {0};
    int code = um_analyze_parse(command, argc, argv, &settings);
    if (code == UM_PARSE_HELP) {
        code = print_help(command);
    } else if (code == UM_EXIT_OK) {
        code = run_settings(&settings);
    }
    um_analyze_settings_free(&settings);
    return code;
}

const um_command um_command_analyze = {.name = "analyze",
                                       .summary = "measure in which order a model writes",
                                       .help = help,
                                       .run = run};
