/* unmask replay: show a recorded decoding run again. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/mapped_file.h"
#include "cli/cli.h"
#include "cli/output_check.h"
#include "cli/quote.h"
#include "cli/replay/replay_player.h"
#include "cli/terminal/live_view.h"

#define TRACE_MAXIMUM ((size_t)1 << 30)
#define DEFAULT_STEP_SECONDS 0.05 /* if the trace does not say */
#define POLL_SECONDS 0.1          /* how long Ctrl-C may wait */

static const char help[] =
    "usage: unmask replay TRACE [options]\n"
    "\n"
    "Show the decoding run that TRACE (docs/TRACE.md; - for standard input) records: masked "
    "places\n"
    "as blocks, committed tokens in the colour of their step.  On a terminal it is played at the\n"
    "speed of the run; otherwise the final text and a table of the commits are printed.\n"
    "\n"
    "  -m, --model PATH       directory or GGUF file of the tokenizer (default: what the trace\n"
    "                         names, if it is a directory or the model that commands use\n"
    "                         by default; without a tokenizer ids are shown)\n"
    "  -x, --speed X          X times as fast as recorded (default 1; 0: without waiting)\n"
    "  -s, --step             wait for a key at each step: space or right: on, left: back,\n"
    "                         e: to the end, q: stop\n"
    "  -i, --index N          trace number N of a file with several, from 0 (default 0)\n"
    "  -p, --plain            text and table, also on a terminal\n"
    "      --json             one JSON object\n"
    "      --svg FILE         write an SVG picture of the run to FILE (- for standard output)\n"
    "      --html FILE        write a page that plays the run: buttons to play, to step and to\n"
    "                         go anywhere, at any speed\n"
    "  -h, --help             this text\n"
    "\n"
    "examples:\n"
    "  unmask replay run.jsonl --speed 0.5\n"
    "  unmask replay run.jsonl --svg run.svg\n";

typedef enum replay_form { FORM_LIVE, FORM_TEXT, FORM_JSON, FORM_SVG, FORM_HTML } replay_form;

typedef struct replay_options {
    const char *path;
    const char *directory;
    const char *file; /* of the picture or the page */
    double speed;
    bool step;
    unsigned long long index;
    replay_form form;
} replay_options;

/* ---- Reading ------------------------------------------------------------- */

/* Read trace number `index` of the file. */
static um_status read_trace(const char *path, unsigned long long index, um_trace *trace,
                            um_error *error) {
    um_buffer bytes = {0};
    um_status status = um_file_read(path, TRACE_MAXIMUM, &bytes, error);
    const char *where = strcmp(path, "-") == 0 ? "standard input" : path;
    um_trace_source source = {
        .bytes = um_buffer_text(&bytes), .length = bytes.length, .where = where};
    for (unsigned long long i = 0; status == UM_OK; i++) {
        if (source.at == source.length && i > 0) {
            status =
                UM_RAISE(error, UM_ERR_ARGUMENT, "%s: holds %llu trace%s; --index counts from 0",
                         where, i, i == 1 ? "" : "s");
            break;
        }
        status = um_trace_read_next(&source, trace, error);
        if (status != UM_OK || i == index) {
            break;
        }
        um_trace_free(trace);
    }
    um_buffer_free(&bytes);
    return status;
}

/* ---- Playing ------------------------------------------------------------- */

typedef struct player {
    const um_replay *replay;
    um_live_view *view;
    size_t shown; /* events that the view has */
    double step_seconds;
} player;

/* Bring the view to the state after the first `steps` steps. */
static um_status show_steps(player *state, size_t steps, bool now, um_error *error) {
    const um_trace *trace = state->replay->trace;
    if (state->shown > 0 && trace->events[state->shown - 1].step >= steps) {
        um_live_view_reset(state->view);
        state->shown = 0;
    }
    while (state->shown < trace->event_count && trace->events[state->shown].step < steps) {
        UM_TRY(um_live_view_event(state->view, &trace->events[state->shown++], error));
    }
    return um_live_view_refresh(state->view, now, error);
}

/* Returns early after Ctrl-C. */
static void sleep_until(double deadline) {
    for (double rest = deadline - um_clock_seconds(); rest > 0 && !um_cli_interrupted();
         rest = deadline - um_clock_seconds()) {
        const double part = fmin(rest, POLL_SECONDS);
        const struct timespec duration = {.tv_nsec = (long)(part * 1e9)};
        (void)nanosleep(&duration, NULL);
    }
}

/* The number of steps after which more is seen than now.  Steps that decide nothing are skipped: a
 * file may have any number of them. */
static size_t next_stop(const player *state) {
    const um_trace *trace = state->replay->trace;
    return state->shown < trace->event_count ? trace->events[state->shown].step + 1
                                             : state->replay->steps;
}

static um_status play(player *state, double speed, um_error *error) {
    UM_TRY(um_live_view_refresh(state->view, true, error));
    const double start = um_clock_seconds();
    for (size_t step = 0; step < state->replay->steps && !um_cli_interrupted();) {
        step = next_stop(state);
        if (speed > 0) {
            sleep_until(start + (double)step * state->step_seconds / speed);
        }
        if (!um_cli_interrupted()) {
            UM_TRY(show_steps(state, step, false, error));
        }
    }
    return UM_OK;
}

static um_status play_by_key(player *state, um_error *error) {
    const um_trace *trace = state->replay->trace;
    size_t step = 0;
    for (;;) {
        UM_TRY(show_steps(state, step, true, error));
        switch (um_terminal_read_key()) {
            case UM_KEY_FORWARD:
                if (step == state->replay->steps) {
                    return UM_OK;
                }
                step = next_stop(state);
                break;
            case UM_KEY_BACK:
                step = state->shown > 0 ? trace->events[state->shown - 1].step : 0;
                break;
            case UM_KEY_RUN:
                return show_steps(state, state->replay->steps, true, error);
            case UM_KEY_QUIT:
                return UM_OK;
        }
    }
}

static um_status show_live(const um_replay *replay, const replay_options *options,
                           um_terminal terminal, um_error *error) {
    const um_trace_header *header = &replay->trace->header;
    const um_trace_end *end = &replay->trace->end;
    const bool timed = replay->trace->has_end && end->seconds > 0 && replay->steps > 0;
    player state = {.replay = replay,
                    .step_seconds =
                        timed ? end->seconds / (double)replay->steps : DEFAULT_STEP_SECONDS};
    const um_live_view_setup setup = {
        .terminal = terminal,
        .tokens = header->tokens,
        .length = header->length,
        .holes = header->holes,
        .hole_count = header->hole_count,
        .steps = replay->steps,
        .texts = replay->texts,
        .seconds_per_step = timed ? state.step_seconds : -1,
    };
    UM_TRY(um_live_view_create(&setup, &state.view, error));
    um_cli_catch_interrupts();
    um_status status =
        options->step ? play_by_key(&state, error) : play(&state, options->speed, error);
    if (status == UM_OK) {
        const bool complete = state.shown == replay->trace->event_count;
        status =
            um_live_view_finish(state.view, complete && replay->trace->has_end ? end : NULL, error);
    }
    um_live_view_free(state.view);
    if (status == UM_OK && um_cli_interrupted()) {
        status = UM_RAISE(error, UM_ERR_CANCELLED, "interrupted");
    }
    return status;
}

/* ---- All forms ----------------------------------------------------------- */

/* Write a picture or a page to a file, or to `output` if the file is "-". */
static um_status write_file(const um_replay *replay, const replay_options *options,
                            um_buffer *output, um_error *error) {
    const char *path = options->file;
    UM_TRY(options->form == FORM_SVG ? um_replay_svg(replay, output, error)
                                     : um_replay_page(replay, output, error));
    if (strcmp(path, "-") == 0) {
        return UM_OK;
    }
    um_cli_catch_interrupts(); /* a kill would leave a temporary file */
    const um_status status = um_file_write(path, output->data, output->length, error);
    um_buffer_clear(output);
    return status;
}

static um_status show(const um_replay *replay, const replay_options *options, um_error *error) {
    const um_terminal terminal = um_terminal_probe(STDOUT_FILENO);
    if (options->form == FORM_LIVE && terminal.is_live) {
        return show_live(replay, options, terminal, error);
    }
    um_buffer output = {0};
    um_status status = UM_OK;
    if (options->form == FORM_SVG || options->form == FORM_HTML) {
        status = write_file(replay, options, &output, error);
    } else if (options->form == FORM_JSON) {
        status = um_replay_json(replay, &output, error);
    } else {
        status = um_replay_text(replay, &output, error);
    }
    if (status == UM_OK) {
        (void)fwrite(um_buffer_text(&output), 1, output.length, stdout);
    }
    um_buffer_free(&output);
    return status;
}

static um_status tell_no_tokenizer(const um_trace *trace, um_error *error) {
    const char *model = *trace->header.model ? trace->header.model : "the model";
    um_buffer name = {0};
    const um_status status = um_cli_append_printable(&name, model, strlen(model), error);
    if (status == UM_OK) {
        (void)fprintf(stderr, "no tokenizer of %s here, so ids are shown; --model names one\n",
                      um_buffer_text(&name));
    }
    um_buffer_free(&name);
    return status;
}

static um_status replay_file(const replay_options *options, um_error *error) {
    um_trace trace = {0};
    um_tokenizer *tokenizer = NULL;
    um_token_id_scratch ids;
    um_replay replay = {.trace = &trace, .for_terminal = isatty(STDOUT_FILENO) == 1};
    if (options->file) {
        UM_TRY(um_cli_check_not_an_input(options->file, &options->path, 1, error));
    }
    um_status status = read_trace(options->path, options->index, &trace, error);
    if (status == UM_OK) {
        status = um_replay_find_tokenizer(options->directory, &trace.header, &tokenizer, error);
    }
    if (status == UM_OK && !tokenizer) {
        status = tell_no_tokenizer(&trace, error);
    }
    if (status == UM_OK) {
        replay.texts = tokenizer ? um_token_texts_of(tokenizer) : um_token_texts_as_ids(&ids);
        status = um_replay_prepare(&replay, error);
    }
    if (status == UM_OK) {
        status = show(&replay, options, error);
    }
    um_text_canvas_free(&replay.canvas);
    um_tokenizer_free(tokenizer);
    um_trace_free(&trace);
    return status;
}

/* ---- Command line -------------------------------------------------------- */

static bool parse_speed(const um_command *command, const char *text, double *speed) {
    char *end = NULL;
    *speed = strtod(text, &end);
    if (end == text || *end || !isfinite(*speed) || *speed < 0) {
        (void)um_cli_usage(command, "--speed: \"%s\" is not a number of 0 or more", text);
        return false;
    }
    return true;
}

/* False if there is another form already, after a message. */
static bool set_form(const um_command *command, replay_options *options, replay_form form,
                     const char *file) {
    if (options->form != FORM_LIVE) {
        (void)um_cli_usage(command,
                           "give only one of --plain, --json, --svg and --html, and only once");
        return false;
    }
    options->form = form;
    options->file = file;
    return true;
}

/* False for a wrong option, after a message. */
static bool read_option(const um_command *command, replay_options *options, int option) {
    switch (option) {
        case 'm':
            options->directory = optarg;
            return true;
        case 'x':
            return parse_speed(command, optarg, &options->speed);
        case 's':
            options->step = true;
            return true;
        case 'i':
            return um_cli_parse_count(command, "--index", optarg, 0, 1000000000, &options->index);
        case 'p':
            return set_form(command, options, FORM_TEXT, NULL);
        case 'j':
            return set_form(command, options, FORM_JSON, NULL);
        case 'g':
        case 'w':
            return set_form(command, options, option == 'g' ? FORM_SVG : FORM_HTML, optarg);
        default:
            return false;
    }
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {
        {"model", required_argument, NULL, 'm'}, {"speed", required_argument, NULL, 'x'},
        {"step", no_argument, NULL, 's'},        {"index", required_argument, NULL, 'i'},
        {"plain", no_argument, NULL, 'p'},       {"json", no_argument, NULL, 'j'},
        {"svg", required_argument, NULL, 'g'},   {"html", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    replay_options options = {.speed = 1};
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:x:si:ph", long_options)) != -1) {
        if (option == 'h') {
            return um_cli_help(command);
        }
        if (!read_option(command, &options, option)) {
            return UM_EXIT_USAGE;
        }
    }
    if (argc - optind != 1) {
        return um_cli_usage(command, "one trace file is needed");
    }
    options.path = argv[optind];
    if (options.step && options.form != FORM_LIVE) {
        return um_cli_usage(
            command,
            "--step works only on a terminal and excludes --plain, --json, --svg and --html");
    }
    if (options.step && isatty(STDIN_FILENO) != 1) {
        return um_cli_usage(command, "--step reads keys: standard input must be a terminal");
    }
    um_error error = {0};
    return replay_file(&options, &error) == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

const um_command um_command_replay = {
    .name = "replay", .summary = "show a recorded decoding run again", .help = help, .run = run};
