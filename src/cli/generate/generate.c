/* unmask generate: complete prompts with a model. */
#include "cli/generate/generate.h"

#include <string.h>
#include <unistd.h>

#include "base/mapped_file.h"
#include "cli/generate/generate_live.h"
#include "cli/lines.h"
#include "cli/output_check.h"
#include "cli/request/batch_size.h"
#include "cli/request/decoding_options.h"
#include "cli/request/model_path.h"
#include "cli/request/open_model.h"
#include "cli/request/sample_queue.h"
#include "cli/request/trace_file.h"

#define PROMPT_MAXIMUM ((size_t)64 << 20)

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
    "entropy, for LLaDA models low_confidence; no cache).  The same seed gives the same text, "
    "whatever the number of\n"
    "threads.\n"
    "\n" UM_CLI_MODEL_HELP "  -f, --file FILE        read the prompt from FILE\n"
    "      --prompts FILE     complete a batch: each line an object with \"prompt\" (and "
    "\"task_id\",\n"
    "                         by default the number of the line; \"suffix\"; \"format\": \"chat\" "
    "for a\n"
    "                         message); prints one line of JSON for each\n"
    "  -l, --length N         tokens to generate (default: 256, or 64 for models with fewer than\n"
    "                         2048 positions, and no more than the prompt leaves)\n"
    "      --suffix TEXT      fill in the middle: TEXT follows what is generated (a causal model\n"
    "                         is shown it first, with the tokens <|fim_prefix|> and so on)\n"
    "      --special          read names of special tokens in the prompt as those\n"
    "                         tokens; each run of mask tokens is filled in (and\n"
    "                         nothing else unless --length is given)\n"
    "      --chat             the prompt is the message of a user\n"
    "      --system TEXT      with --chat: the system message\n"
    "      --bos              put the tokenizer's BOS token in front of the prompt, as the authors "
    "of\n"
    "                         Dream do for base models\n"
    "  -n, --samples N        generate N samples; with --temperature they differ\n"
    "      --batch N          decode N samples or prompts at a time, which changes nothing but "
    "the\n"
    "                         time and the memory (default: 8, or fewer where memory is scarce; 1\n"
    "                         answers each line of --prompts before it reads the next)\n"
    "      --completion-only  print the completion without the prompt\n"
    "      --json             print one line of JSON for each sample\n"
    "      --trace FILE       write a record of every commit to FILE (docs/TRACE.md)\n"
    "      --live, --no-live  show the text while it is written (default: on a terminal)\n"
    "  -h, --help             this text\n"
    "\n" UM_CLI_OPENING_HELP "\n"
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
    um_session *session;    /* with the live view */
    um_sample_queue *queue; /* without it */
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

static um_status print_sample(void *user, const um_prompt *prompt, size_t number,
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

/* All samples of the prompt. */
static um_status run_request(generator *state, const um_prompt *prompt, um_request *request,
                             const char *where, um_error *error) {
    for (size_t i = 0; i < state->settings->samples; i++) {
        request->sample = (uint32_t)i;
        UM_TRY(state->queue ? um_sample_queue_add(state->queue, prompt, request, where, error)
                            : show_sample(state, request, error));
    }
    return UM_OK;
}

/* `where` names the prompt in messages, or is NULL. */
static um_status run_prompt(generator *state, const um_prompt *prompt, const char *where,
                            um_error *error) {
    if (prompt->length == 0) { /* not one of a line: um_prompt_line_read refuses that */
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "the prompt is empty: give the text to continue as an argument, with "
                        "--file, or on standard input");
    }
    um_cli_catch_interrupts(); /* not earlier: Ctrl-C must end a wait for a prompt */
    um_prompt_request asked;
    um_status status =
        um_prompt_ask(&state->settings->form, prompt, state->model, where, &asked, error);
    if (status == UM_OK) {
        status = run_request(state, prompt, &asked.request, where, error);
    }
    um_prompt_request_free(&asked);
    return status;
}

/* ---- Where prompts come from ----------------------------------------------------- */

static um_status run_single(generator *state, um_error *error) {
    const um_generate_settings *settings = state->settings;
    um_prompt prompt = {.suffix = settings->form.suffix, .chat = settings->form.chat};
    prompt.suffix_length = prompt.suffix ? strlen(prompt.suffix) : 0;
    if (settings->prompt && strcmp(settings->prompt, "-") != 0) {
        prompt.text = settings->prompt;
        prompt.length = strlen(settings->prompt);
        return run_prompt(state, &prompt, NULL, error);
    }
    um_buffer text = {0};
    um_status status =
        um_cli_read_file(settings->file ? settings->file : "-", PROMPT_MAXIMUM, &text, error);
    if (status == UM_OK) {
        prompt.text = um_buffer_text(&text);
        prompt.length = text.length;
        status = run_prompt(state, &prompt, NULL, error);
    }
    um_buffer_free(&text);
    return status;
}

static um_status run_line(void *user, const char *bytes, size_t length, const char *path,
                          size_t number, um_error *error) {
    generator *state = user;
    um_prompt_line line;
    um_status status =
        um_prompt_line_read(&state->settings->form, bytes, length, path, number, &line, error);
    if (status == UM_OK && line.json.object) {
        status = run_prompt(state, &line.prompt, line.json.where, error);
    }
    um_prompt_line_free(&line);
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

static size_t choose_batch(const generator *state) {
    const um_generate_settings *settings = state->settings;
    const bool is_few = !settings->prompts && settings->samples < UM_BATCH_USUAL;
    return um_cli_batch_size(&state->info, settings->batch,
                             is_few ? settings->samples : UM_BATCH_USUAL, 1);
}

static um_status open_engine(generator *state, um_error *error) {
    UM_TRY(um_threads_create(state->settings->model.threads, &state->threads, error));
    if (state->shows_live) {
        return um_session_create(state->model, state->threads, &state->session, error);
    }
    const um_sample_queue_setup setup = {.model = state->model,
                                         .threads = state->threads,
                                         .size = choose_batch(state),
                                         .trace = state->trace.stream ? &state->trace : NULL,
                                         .user = state,
                                         .print = print_sample};
    return um_sample_queue_create(&setup, &state->queue, error);
}

/* Samples queued before a failure are still printed; if they fail too, their error is the one that
 * counts. */
static um_status finish_queue(generator *state, um_status status, um_error *error) {
    um_error problem = {0};
    if (!state->queue) {
        return status;
    }
    const um_status finished = um_sample_queue_finish(state->queue, &problem);
    if (finished != UM_OK) {
        *error = problem;
        return finished;
    }
    return status;
}

static um_status run_all(generator *state, um_error *error) {
    const um_generate_settings *settings = state->settings;
    UM_TRY(um_cli_open_model(&settings->model, &state->model, error));
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
    um_sample_queue_free(state.queue);
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
    if (code == UM_PARSE_HELP) {
        code = um_cli_help_with_decoding(command);
    } else if (code == UM_EXIT_OK) {
        code = run_settings(command, &settings);
    }
    um_options_free(settings.form.options);
    return code;
}

const um_command um_command_generate = {
    .name = "generate", .summary = "complete a prompt", .help = help, .run = run};
