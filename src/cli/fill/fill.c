/* unmask fill: let a model write the missing places of a file. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/fill/fill_search.h"
#include "cli/request/decoding_options.h"
#include "cli/request/model_path.h"
#include "cli/request/open_model.h"

#define RANGES_MAXIMUM 64

static const char help[] =
    "usage: unmask fill FILE [options]\n"
    "\n"
    "Let the model write the places of FILE (- for standard input) that are marked <FILL>, or "
    "some\n"
    "of its lines anew, with the code on both sides in view.  The whole file goes to standard\n"
    "output; nothing of it changes but those places.\n"
    "\n"
    "A hole has a fixed number of tokens; an end token ends it early.  <FILL:12> has\n"
    "12 tokens; --length sets the length of all other holes.  Without it the lengths\n"
    "4, 8, 16, 32 and 64 are tried, and the one is kept whose tokens have the highest\n"
    "mean log-probability when they are committed: five times the work.  For a hole\n"
    "at the end of the file, lengths whose answer ends with an end token are\n"
    "preferred.\n"
    "\n" UM_CLI_MODEL_HELP
    "  -k, --marker TEXT      text that marks a hole (default <FILL>); :N before its\n"
    "                         last character sets the length in tokens\n"
    "  -L, --lines A-B        write these lines anew instead; may be repeated\n"
    "  -l, --length N|auto    tokens of a hole (default auto)\n"
    "  -c, --context N        show the model at most N tokens (default: 2048 around the\n"
    "                         holes, or what it has room for)\n"
    "  -d, --diff             print a unified diff\n"
    "  -i, --in-place         change FILE\n"
    "      --bos              put the tokenizer's BOS token in front of what the model is shown\n"
    "      --json             print one JSON object\n"
    "  -h, --help             this text\n"
    "\n" UM_CLI_OPENING_HELP;

typedef enum fill_form { FORM_FILE, FORM_DIFF, FORM_IN_PLACE, FORM_JSON } fill_form;

typedef struct fill_settings {
    const char *path;
    um_model_choice model;
    const char *marker;
    const char *ranges[RANGES_MAXIMUM]; /* [range_count] of --lines */
    size_t range_count;
    size_t length;
    size_t context;
    bool bos;
    fill_form form;
    um_options *options;
} fill_settings;

/* ---- Output -------------------------------------------------------------- */

/* A filled file. */
typedef struct fill_result {
    const fill_settings *settings;
    const um_fill_plan *plan;
    const um_fill_outcome *outcome;
    um_replacement *replacements; /* [hole_count] */
    um_buffer text;
} fill_result;

static um_status put_json_hole(const fill_result *filled, size_t hole, um_buffer *output,
                               um_error *error) {
    const um_answer *answer = &filled->outcome->result.answers[hole];
    UM_TRY(um_buffer_append_format(
        output, error,
        "  {\"line\": %zu, \"length\": %zu, \"tokens\": %zu, \"ended\": %s, "
        "\"mean_log_confidence\": %.6f, \"text\": ",
        um_fill_plan_line(filled->plan, hole), answer->length, answer->token_count,
        answer->ended ? "true" : "false", filled->outcome->mean_log_confidence[hole]));
    UM_TRY(um_json_append_string(output, answer->text, answer->text_length, error));
    return um_buffer_append_text(output, "}", error);
}

static um_status put_json(const fill_result *filled, um_buffer *output, um_error *error) {
    const um_fill_outcome *outcome = filled->outcome;
    const um_result *result = &outcome->result;
    UM_TRY(um_buffer_append_text(output, "{\"file\": ", error));
    UM_TRY(um_json_append_string(output, filled->plan->name, strlen(filled->plan->name), error));
    UM_TRY(um_buffer_append_format(
        output, error,
        ", \"finish_reason\": \"%s\", \"steps\": %zu, \"forwards\": %zu, "
        "\"shown_tokens\": %zu, \"seconds\": %.6f, \"seed\": \"%llu\",\n \"settings\": %s,\n"
        " \"trials\": [",
        um_finish_name(result->finish), result->steps, result->forwards, outcome->shown_tokens,
        result->seconds, (unsigned long long)result->seed, result->settings));
    for (size_t i = 0; i < outcome->trial_count; i++) {
        UM_TRY(um_buffer_append_format(
            output, error, "%s{\"length\": %zu, \"mean_log_confidence\": %.6f}", i == 0 ? "" : ", ",
            outcome->trials[i].length, outcome->trials[i].mean_log_confidence));
    }
    UM_TRY(um_buffer_append_text(output, "],\n \"holes\": [\n", error));
    for (size_t i = 0; i < result->answer_count; i++) {
        UM_TRY(um_buffer_append_text(output, i == 0 ? "" : ",\n", error));
        UM_TRY(put_json_hole(filled, i, output, error));
    }
    UM_TRY(um_buffer_append_text(output, "],\n \"text\": ", error));
    UM_TRY(um_json_append_string(output, filled->text.data, filled->text.length, error));
    return um_buffer_append_text(output, "}\n", error);
}

/* Whether the file still has the text that was filled: a model takes minutes, and the file may be
 * open in an editor. */
static bool is_unchanged(const fill_result *filled) {
    const um_buffer *before = &filled->plan->text;
    um_buffer now = {0};
    const bool same = um_file_read(filled->settings->path, SIZE_MAX / 2, &now, NULL) == UM_OK &&
                      now.length == before->length &&
                      memcmp(um_buffer_text(&now), um_buffer_text(before), now.length) == 0;
    um_buffer_free(&now);
    return same;
}

/* What cannot be written goes to standard output, so as not to be lost. */
static um_status write_in_place(const fill_result *filled, um_buffer *output, um_error *error) {
    const char *path = filled->settings->path;
    um_status status = UM_OK;
    if (!is_unchanged(filled)) {
        status = UM_RAISE(error, UM_ERR_IO,
                          "%s: has changed since it was read, and stays as it is now; its text of "
                          "then, filled, is on standard output",
                          path);
    } else {
        status = um_file_write(path, filled->text.data, filled->text.length, error);
    }
    if (status != UM_OK) {
        UM_TRY(um_buffer_append(output, filled->text.data, filled->text.length, error));
    }
    return status;
}

static um_status put(const fill_result *filled, um_buffer *output, um_error *error) {
    switch (filled->settings->form) {
        case FORM_DIFF:
            return um_unified_diff(filled->plan->name, &filled->plan->text, &filled->text,
                                   filled->replacements, filled->plan->hole_count, output, error);
        case FORM_IN_PLACE:
            return write_in_place(filled, output, error);
        case FORM_JSON:
            return put_json(filled, output, error);
        case FORM_FILE:
            break;
    }
    return um_buffer_append(output, filled->text.data, filled->text.length, error);
}

static um_status put_together(fill_result *filled, um_error *error) {
    const um_result *result = &filled->outcome->result;
    um_fill_text *texts = NULL;
    UM_TRY(um_allocate(&filled->replacements, result->answer_count, sizeof *filled->replacements,
                       "holes", error));
    UM_TRY(um_allocate(&texts, result->answer_count, sizeof *texts, "holes", error));
    for (size_t i = 0; i < result->answer_count; i++) {
        texts[i] = (um_fill_text){result->answers[i].text, result->answers[i].text_length};
    }
    const um_status status =
        um_fill_plan_apply(filled->plan, texts, &filled->text, filled->replacements, error);
    free(texts);
    return status;
}

static um_status print_result(const fill_settings *settings, const um_fill_plan *plan,
                              const um_fill_outcome *outcome, um_error *error) {
    fill_result filled = {.settings = settings, .plan = plan, .outcome = outcome};
    um_buffer output = {0};
    um_status status = put_together(&filled, error);
    if (status == UM_OK) {
        status = put(&filled, &output, error);
    }
    (void)fwrite(um_buffer_text(&output), 1, output.length, stdout);
    um_buffer_free(&output);
    um_buffer_free(&filled.text);
    free(filled.replacements);
    return status;
}

/* ---- Work ---------------------------------------------------------------- */

static bool is_cancelled(void *user) {
    (void)user;
    return um_cli_interrupted();
}

static void print_trial(void *user, size_t length, double mean_log_confidence) {
    (void)user;
    if (length > 0) {
        (void)fprintf(stderr, "%2zu tokens: mean log-confidence %.3f\n", length,
                      mean_log_confidence);
    }
}

static um_status read_plan(const fill_settings *settings, um_fill_plan *plan, um_error *error) {
    UM_TRY(um_fill_plan_read(plan, settings->path, error));
    if (settings->range_count == 0) {
        UM_TRY(um_fill_plan_find_markers(plan, settings->marker, error));
    }
    for (size_t i = 0; i < settings->range_count; i++) {
        UM_TRY(um_fill_plan_add_lines(plan, settings->ranges[i], error));
    }
    return um_fill_plan_sort(plan, error);
}

static um_status fill_with(const fill_settings *settings, const um_fill_plan *plan,
                           const um_model *model, um_session *session, um_error *error) {
    const bool terminal = isatty(STDERR_FILENO) == 1;
    const um_fill_request request = {.plan = plan,
                                     .options = settings->options,
                                     .length = settings->length,
                                     .context = settings->context,
                                     .bos = settings->bos,
                                     .is_cancelled = is_cancelled,
                                     .tried = terminal ? print_trial : NULL};
    um_fill_outcome outcome = {0};
    um_status status = um_fill_search(session, model, &request, &outcome, error);
    if (status == UM_OK) {
        status = print_result(settings, plan, &outcome, error);
    }
    um_fill_outcome_free(&outcome);
    return status;
}

static um_status fill_plan(const fill_settings *settings, const um_fill_plan *plan,
                           um_error *error) {
    um_model *model = NULL;
    um_threads *threads = NULL;
    um_session *session = NULL;
    um_status status = um_cli_open_model(&settings->model, &model, error);
    if (status == UM_OK) {
        status = um_threads_create(settings->model.threads, &threads, error);
    }
    if (status == UM_OK) {
        status = um_session_create(model, threads, &session, error);
    }
    if (status == UM_OK) {
        um_cli_catch_interrupts();
        status = fill_with(settings, plan, model, session, error);
    }
    um_session_free(session);
    um_threads_free(threads);
    um_model_close(model);
    return status;
}

static int fill(const fill_settings *settings) {
    um_error error = {0};
    um_fill_plan plan = {0};
    um_status status = read_plan(settings, &plan, &error);
    if (status == UM_OK) {
        status = fill_plan(settings, &plan, &error);
    }
    um_fill_plan_free(&plan);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

/* ---- Command line -------------------------------------------------------- */

static int set_form(const um_command *command, fill_settings *settings, fill_form form) {
    if (settings->form != FORM_FILE && settings->form != form) {
        return um_cli_usage(command, "only one of --diff, --in-place and --json");
    }
    settings->form = form;
    return UM_EXIT_OK;
}

static int add_range(const um_command *command, fill_settings *settings) {
    if (settings->range_count == RANGES_MAXIMUM) {
        return um_cli_usage(command, "--lines: at most %d ranges", RANGES_MAXIMUM);
    }
    settings->ranges[settings->range_count++] = optarg;
    return UM_EXIT_OK;
}

static int read_option(const um_command *command, fill_settings *settings, int option) {
    if (um_is_model_option(option)) {
        return um_set_model_option(command, &settings->model, option, optarg);
    }
    switch (option) {
        case 'k':
            settings->marker = optarg;
            return UM_EXIT_OK;
        case 'b':
            settings->bos = true;
            return UM_EXIT_OK;
        case 'L':
            return add_range(command, settings);
        case 'l':
            settings->length = 0;
            return strcmp(optarg, "auto") == 0
                       ? UM_EXIT_OK
                       : um_cli_set_count(command, "--length", optarg, UM_FILL_LENGTH_MAXIMUM,
                                          &settings->length);
        case 'c':
            return um_cli_set_count(command, "--context", optarg, 1U << 24, &settings->context);
        case 'd':
            return set_form(command, settings, FORM_DIFF);
        case 'i':
            return set_form(command, settings, FORM_IN_PLACE);
        case 'j':
            return set_form(command, settings, FORM_JSON);
        default:
            return um_is_decoding_option(option)
                       ? um_set_decoding_option(command, settings->options, option, optarg)
                       : UM_EXIT_USAGE;
    }
}

static int check(const um_command *command, fill_settings *settings, int argc, char **argv) {
    if (argc - optind != 1) {
        return um_cli_usage(command, "one file is needed");
    }
    settings->path = argv[optind];
    if (settings->form == FORM_IN_PLACE && strcmp(settings->path, "-") == 0) {
        return um_cli_usage(command, "--in-place needs a file, not standard input");
    }
    if (settings->range_count > 0 && settings->marker) {
        return um_cli_usage(command, "either --marker or --lines, not both");
    }
    if (!settings->marker) {
        settings->marker = UM_FILL_DEFAULT_MARKER;
    }
    return UM_EXIT_OK;
}

static int parse(const um_command *command, int argc, char **argv, fill_settings *settings) {
    static const struct option own[] = {
        UM_CLI_MODEL_OPTIONS,
        {"marker", required_argument, NULL, 'k'},
        {"lines", required_argument, NULL, 'L'},
        {"length", required_argument, NULL, 'l'},
        {"context", required_argument, NULL, 'c'},
        {"diff", no_argument, NULL, 'd'},
        {"in-place", no_argument, NULL, 'i'},
        {"bos", no_argument, NULL, 'b'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    um_long_options options;
    um_long_options_fill(&options, own);
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:k:L:l:c:dit:h",
                                        options.entries)) != -1) {
        if (option == 'h') {
            return UM_PARSE_HELP;
        }
        const int code = read_option(command, settings, option);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    return check(command, settings, argc, argv);
}

static int run(const um_command *command, int argc, char **argv) {
    fill_settings settings = {0};
    um_error error = {0};
    if (um_options_create(&settings.options, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    int code = parse(command, argc, argv, &settings);
    if (code == UM_EXIT_OK) {
        code = fill(&settings);
    } else if (code == UM_PARSE_HELP) {
        code = um_cli_help_with_decoding(command);
    }
    um_options_free(settings.options);
    return code;
}

const um_command um_command_fill = {.name = "fill",
                                    .summary = "let a model write the missing places of a file",
                                    .help = help,
                                    .run = run};
