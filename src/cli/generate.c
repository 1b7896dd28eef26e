/* unmask generate: complete prompts with a model. */
#include "cli/generate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "cli/decoding_options.h"
#include "cli/generate_live.h"
#include "cli/generate_queue.h"
#include "cli/lines.h"
#include "cli/model_path.h"
#include "cli/open_model.h"
#include "cli/output_check.h"
#include "cli/prompt_request.h"
#include "cli/request_tokens.h"
#include "cli/trace_file.h"

#define PROMPT_MAXIMUM ((size_t)64 << 20)
#define DEFAULT_BATCH 8
#define LONG_PROMPT 4096
#define LONG_ANSWER 256
#define SHORT_ANSWER 64

static const char help[] =
    "usage: unmask generate [--model PATH] [options] [PROMPT | -]\n"
    "\n"
    "Complete a prompt with a masked diffusion model, and print prompt and completion.  The "
    "prompt\n"
    "is the argument, the contents of --file, or standard input.  It is plain text: names of\n"
    "special tokens in it mean nothing, unless --special is given, and no chat template is "
    "applied\n"
    "without --chat.\n"
    "\n"
    "By default each step decides all tokens that the model is sure of, block by\n"
    "block (algorithm threshold, cache dual), without randomness (temperature 0).\n"
    "With --steps N the tokens are decided in N steps, as published (algorithm\n"
    "entropy, no cache).  The same seed gives the same text, whatever the number of\n"
    "threads.\n"
    "\n" UM_CLI_MODEL_HELP UM_CLI_QUANTIZE_HELP
    "  -f, --file FILE        read the prompt from FILE\n"
    "      --prompts FILE     complete a batch: each line an object with \"task_id\" and "
    "\"prompt\"\n"
    "                         (and \"suffix\", or \"format\": \"chat\" for a message); prints one "
    "line\n"
    "                         of JSON for each\n"
    "  -l, --length N         tokens to generate (default: 256, or 64 for models with fewer than\n"
    "                         2048 positions, and no more than the prompt leaves)\n"
    "      --suffix TEXT      fill in the middle: TEXT follows what is generated (a causal model\n"
    "                         is shown it first, with the tokens <|fim_prefix|> and so on)\n"
    "      --special          read names of special tokens in the prompt as those\n"
    "                         tokens; each run of mask tokens is filled in (and\n"
    "                         nothing else unless --length is given)\n"
    "      --chat             the prompt is the message of a user\n"
    "      --system TEXT      with --chat: the system message\n"
    "  -n, --samples N        generate N samples; with --temperature they differ\n"
    "      --batch N          decode N samples or prompts at a time, which changes nothing but "
    "the\n"
    "                         time and the memory (default: 8, or fewer where memory is scarce; 1\n"
    "                         answers each line of --prompts before it reads the next)\n"
    "      --completion-only  print the completion without the prompt\n"
    "      --json             print one line of JSON for each sample\n"
    "      --trace FILE       write a record of every commit to FILE (docs/TRACE.md)\n"
    "      --live, --no-live  show the text while it is written (default: on a terminal)\n"
    "  -t, --threads N        threads (default: one a processor); results do not depend on it\n"
    "      --kernels NAME     reference, portable, avx2, avx512 (default: fastest)\n"
    "  -h, --help             this text\n"
    "\n" UM_CLI_CONFIGURATION_HELP "\n"
    "examples:\n"
    "  printf 'def add(a, b):\\n    \"\"\"Return the sum of a and b.\"\"\"\\n' | unmask generate "
    "-\n"
    "  unmask generate --temperature 0.8 --seed 7 -n 3 -f prompt.py\n"
    "  unmask generate --length 16 --suffix '    return total' 'def total_of(values):'\n";

/* One run of the command. */
typedef struct generator {
    const um_generate_settings *settings;
    um_model *model;
    um_threads *threads;
    um_session *session;      /* with the live view */
    um_generate_queue *queue; /* without it */
    um_model_info info;
    um_trace_file trace;
    bool shows_live;
    um_generate_view view;
    um_buffer output;   /* scratch */
    bool output_failed; /* standard output; main says why */
} generator;

/* ---- Callbacks ---------------------------------------------------------------- */

static void on_start(void *user, const um_start_event *start) {
    generator *state = user;
    um_generate_view_start(&state->view, start);
}

static void on_event(void *user, const um_event *event) {
    generator *state = user;
    um_generate_view_event(&state->view, event);
}

static bool is_cancelled(void *user) {
    generator *state = user;
    um_generate_view_step(&state->view);
    return um_cli_interrupted();
}

static um_status on_trace(void *user, const char *bytes, size_t length, um_error *error) {
    generator *state = user;
    return um_trace_file_write(&state->trace, bytes, length, error);
}

/* ---- The request --------------------------------------------------------------- */

/* A `length` of 0 means no hole after the prompt. */
static void build_request(const generator *state, const um_generate_prompt *prompt, size_t length,
                          um_prompt_request *built) {
    const um_generate_settings *settings = state->settings;
    um_prompt_request_begin(built, settings->options);
    if (prompt->chat) {
        um_prompt_request_say(built, settings->system, prompt->text, prompt->length);
    } else {
        um_prompt_request_add_text(built, prompt->text, prompt->length, settings->special);
    }
    if (length > 0) {
        um_prompt_request_add_hole(built, length);
    }
    if (prompt->suffix) {
        um_prompt_request_add_text(built, prompt->suffix, prompt->suffix_length, settings->special);
    }
}

/* The length of the hole after the prompt: 0 for none, if the prompt has its own. */
static um_status choose_length(const generator *state, const um_generate_prompt *prompt,
                               size_t *length, um_error *error) {
    um_prompt_request built;
    um_request_tokens given;
    build_request(state, prompt, 0, &built);
    UM_TRY(
        um_cli_count_request(state->model, &built.request, prompt->suffix != NULL, &given, error));
    *length = state->settings->length;
    if (*length > 0 || given.has_masks) {
        return UM_OK;
    }
    const size_t context = state->info.context_length;
    if (given.count >= context) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "the prompt has %zu tokens, but %s has room for %zu including the answer: "
                        "shorten the prompt",
                        given.count, state->info.name, context);
    }
    *length = um_cli_default_length(&state->info, given.count, SHORT_ANSWER, LONG_ANSWER);
    return UM_OK;
}

/* ---- Printing ------------------------------------------------------------------- */

static um_status write_output(generator *state, um_error *error) {
    const um_buffer *output = &state->output;
    if (fwrite(output->data, 1, output->length, stdout) != output->length || fflush(stdout) != 0) {
        state->output_failed = true;
        return UM_RAISE(error, UM_ERR_IO, "standard output");
    }
    return UM_OK;
}

static um_status append_plain(const um_generate_output *sample, um_buffer *output,
                              um_error *error) {
    const um_generate_settings *settings = sample->settings;
    if (settings->samples > 1) {
        UM_TRY(um_buffer_append_format(output, error, "---- sample %zu of %zu ----\n",
                                       sample->sample + 1, settings->samples));
    }
    UM_TRY(settings->completion_only ? um_generate_completion(sample, output, error)
                                     : um_generate_text(sample, output, error));
    const bool ends_line = output->length > 0 && output->data[output->length - 1] == '\n';
    return ends_line ? UM_OK : um_buffer_append_text(output, "\n", error);
}

static um_status print_sample(void *user, const um_generate_prompt *prompt, size_t number,
                              const um_result *result, um_error *error) {
    generator *state = user;
    const um_generate_output sample = {.settings = state->settings,
                                       .model = state->model,
                                       .prompt = prompt,
                                       .result = result,
                                       .sample = number};
    um_buffer_clear(&state->output);
    if (state->settings->json || prompt->task_id) {
        UM_TRY(um_generate_json(&sample, &state->output, error));
    } else {
        UM_TRY(append_plain(&sample, &state->output, error));
    }
    return write_output(state, error);
}

static um_status show_sample(generator *state, const um_request *request, um_error *error) {
    const um_callbacks callbacks = {.user = state,
                                    .start = on_start,
                                    .event = on_event,
                                    .is_cancelled = is_cancelled,
                                    .trace = state->trace.stream ? on_trace : NULL};
    um_result result = {0};
    const um_status status = um_generate(state->session, request, &callbacks, &result, error);
    const um_status shown = um_generate_view_finish(&state->view, status == UM_OK ? &result : NULL,
                                                    status == UM_OK ? error : NULL);
    um_result_clear(&result);
    return status == UM_OK ? shown : status;
}

/* `where` names the prompt in messages, or is NULL. */
static um_status run_prompt(generator *state, const um_generate_prompt *prompt, const char *where,
                            um_error *error) {
    if (prompt->length == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s%sthe prompt is empty: give the text to continue as an argument, with "
                        "--file, or on standard input",
                        where ? where : "", where ? ": " : "");
    }
    um_cli_catch_interrupts(); /* not earlier: Ctrl-C must end a wait for a prompt */
    size_t length = 0;
    um_prompt_request built;
    const um_status status = choose_length(state, prompt, &length, error);
    if (status != UM_OK) {
        return where ? um_error_prefix(error, status, "%s", where) : status;
    }
    build_request(state, prompt, length, &built);
    for (size_t i = 0; i < state->settings->samples; i++) {
        built.request.sample = (uint32_t)i;
        UM_TRY(state->queue
                   ? um_generate_queue_add(state->queue, prompt, &built.request, where, error)
                   : show_sample(state, &built.request, error));
    }
    return UM_OK;
}

/* ---- Where prompts come from ----------------------------------------------------- */

static um_status run_single(generator *state, um_error *error) {
    const um_generate_settings *settings = state->settings;
    um_generate_prompt prompt = {.suffix = settings->suffix, .chat = settings->chat};
    prompt.suffix_length = prompt.suffix ? strlen(prompt.suffix) : 0;
    if (settings->prompt && strcmp(settings->prompt, "-") != 0) {
        prompt.text = settings->prompt;
        prompt.length = strlen(settings->prompt);
        return run_prompt(state, &prompt, NULL, error);
    }
    um_buffer text = {0};
    um_status status =
        um_file_read(settings->file ? settings->file : "-", PROMPT_MAXIMUM, &text, error);
    if (status == UM_OK) {
        prompt.text = um_buffer_text(&text);
        prompt.length = text.length;
        status = run_prompt(state, &prompt, NULL, error);
    }
    um_buffer_free(&text);
    return status;
}

/* Read all of a line but its id. */
static um_status read_object(const um_generate_settings *settings, const json_t *object,
                             const char *where, um_generate_prompt *prompt, um_error *error) {
    const char *format = "";
    prompt->suffix = settings->suffix;
    UM_TRY(um_json_require_string(object, where, "prompt", &prompt->text, error));
    UM_TRY(um_json_optional_string(object, where, "suffix", &prompt->suffix, error));
    UM_TRY(um_json_optional_string(object, where, "format", &format, error));
    prompt->length = strlen(prompt->text);
    prompt->suffix_length = prompt->suffix ? strlen(prompt->suffix) : 0;
    prompt->chat = settings->chat || strcmp(format, "chat") == 0;
    if (prompt->chat && (prompt->suffix || settings->special)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: a message of a conversation has no %s", where,
                        prompt->suffix ? "\"suffix\"" : "special tokens: leave --special out");
    }
    return UM_OK;
}

static um_status run_object(generator *state, const json_t *object, const char *where,
                            um_error *error) {
    um_generate_prompt prompt = {0};
    UM_TRY(read_object(state->settings, object, where, &prompt, error));
    const json_t *id = json_object_get(object, "task_id");
    if (!json_is_string(id) && !json_is_integer(id)) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: \"task_id\" is missing or neither a string nor "
                        "an integer",
                        where);
    }
    char *id_text = json_dumps(id, JSON_ENCODE_ANY);
    if (!id_text) {
        return um_error_memory(error, "task_id", 0);
    }
    prompt.task_id = id_text;
    const um_status status = run_prompt(state, &prompt, where, error);
    free(id_text);
    return status;
}

static um_status run_line(void *user, const char *bytes, size_t length, const char *path,
                          size_t number, um_error *error) {
    um_json_line line;
    UM_TRY(um_json_load_line(bytes, length, path, number, &line, error));
    const um_status status = line.object ? run_object(user, line.object, line.where, error) : UM_OK;
    json_decref(line.object);
    return status;
}

/* ---- The command ------------------------------------------------------------------ */

static um_status open_trace(generator *state, um_error *error) {
    const um_generate_settings *settings = state->settings;
    const char *path = settings->trace;
    const char *const inputs[] = {settings->file ? settings->file : "-",
                                  settings->prompts ? settings->prompts : "-"};
    if (!path) {
        return UM_OK;
    }
    UM_TRY(um_cli_check_not_an_input(path, inputs, sizeof inputs / sizeof *inputs, error));
    return um_trace_file_open(path, &state->trace, error);
}

/* As many as keep the keys and values of long prompts within a quarter of the memory. */
static size_t choose_batch(const generator *state) {
    const um_generate_settings *settings = state->settings;
    if (settings->batch > 0) {
        return settings->batch;
    }
    const size_t most =
        !settings->prompts && settings->samples < DEFAULT_BATCH ? settings->samples : DEFAULT_BATCH;
    const size_t context = state->info.context_length;
    const size_t positions = context < LONG_PROMPT ? context : LONG_PROMPT;
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0) {
        return most;
    }
    const size_t memory = (size_t)pages / 4 * (size_t)page_bytes;
    const size_t fitting = memory / (positions * state->info.cache_bytes + 1);
    return fitting < 1 ? 1 : fitting < most ? fitting : most;
}

static um_status open_engine(generator *state, um_error *error) {
    UM_TRY(um_threads_create(state->settings->model.threads, &state->threads, error));
    if (state->shows_live) {
        return um_session_create(state->model, state->threads, &state->session, error);
    }
    const um_generate_queue_setup setup = {.model = state->model,
                                           .threads = state->threads,
                                           .size = choose_batch(state),
                                           .trace = state->trace.stream ? &state->trace : NULL,
                                           .user = state,
                                           .print = print_sample};
    return um_generate_queue_create(&setup, &state->queue, error);
}

/* Samples queued before a failure are still printed; if they fail too, their error is the one that
 * counts. */
static um_status finish_queue(generator *state, um_status status, um_error *error) {
    um_error problem = {0};
    if (!state->queue) {
        return status;
    }
    const um_status finished = um_generate_queue_finish(state->queue, &problem);
    if (finished != UM_OK) {
        *error = problem;
        return finished;
    }
    return status;
}

static um_status run_all(generator *state, um_error *error) {
    const um_generate_settings *settings = state->settings;
    UM_TRY(um_cli_open_model(settings->model.model, &settings->model.options,
                             settings->model.no_quantize_cache, &state->model, error));
    um_model_get_info(state->model, &state->info);
    UM_TRY(open_trace(state, error));
    UM_TRY(open_engine(state, error));
    const um_status status = settings->prompts
                                 ? um_cli_each_line(settings->prompts, run_line, state, error)
                                 : run_single(state, error);
    return um_trace_file_close(&state->trace, finish_queue(state, status, error), error);
}

static bool wants_live(const um_generate_settings *settings, um_terminal *terminal) {
    *terminal = um_terminal_probe(STDOUT_FILENO);
    const bool plain =
        settings->json || settings->prompts || settings->completion_only || settings->batch > 0;
    return settings->live == UM_LIVE_AUTO ? terminal->is_live && !plain
                                          : settings->live == UM_LIVE_ON;
}

static int run_settings(const um_command *command, const um_generate_settings *settings) {
    um_error error = {0};
    generator state = {.settings = settings};
    state.shows_live = wants_live(settings, &state.view.terminal);
    const bool from_input = !settings->prompt && !settings->file && !settings->prompts;
    if (from_input && isatty(STDIN_FILENO) == 1) {
        return um_cli_usage(command, "no prompt: give the text to continue as an argument");
    }
    if (settings->live == UM_LIVE_ON && !state.view.terminal.is_live) {
        return um_cli_usage(command, "--live needs a terminal as standard output");
    }
    const um_status status = run_all(&state, &error);
    um_generate_queue_free(state.queue);
    um_session_free(state.session);
    um_threads_free(state.threads);
    um_model_close(state.model);
    um_buffer_free(&state.output);
    if (state.output_failed) {
        return UM_EXIT_FAILURE;
    }
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

static int run(const um_command *command, int argc, char **argv) {
    um_generate_settings settings = {0};
    int code = um_generate_parse(command, argc, argv, &settings);
    if (code == -1) {
        code = um_cli_help_with_decoding(command);
    } else if (code == UM_EXIT_OK) {
        code = run_settings(command, &settings);
    }
    um_options_free(settings.options);
    return code;
}

const um_command um_command_generate = {
    .name = "generate", .summary = "complete a prompt", .help = help, .run = run};
