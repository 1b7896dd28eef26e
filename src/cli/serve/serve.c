/* unmask serve: answers editors and other programs over HTTP. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/request/batch_size.h"
#include "cli/request/decoding_options.h"
#include "cli/request/model_path.h"
#include "cli/request/open_model.h"
#include "cli/request/request_tokens.h"
#include "serve/server.h"

#define DEFAULT_PORT 8080
#define DEFAULT_QUEUE 64
#define DEFAULT_CONTEXT 2048

#define USUAL_LENGTH 256
#define SMALL_LENGTH 80
#define USUAL_INFILLING_LENGTH 64
#define SMALL_INFILLING_LENGTH 40

/* How long the end waits for requests that are being decoded, unless told otherwise. */
#define DEFAULT_GRACE 10

#define SETTINGS_MAXIMUM 64
#define KEY_MAXIMUM 1024

enum {
    OPTION_BATCH = 500,
    OPTION_QUEUE,
    OPTION_INFILLING_LENGTH,
    OPTION_SEARCH,
    OPTION_ORIGIN,
    OPTION_KEY,
    OPTION_GRACE
};

static const char help[] =
    "usage: unmask serve [--model PATH] [options]\n"
    "\n"
    "Answer editors and other programs over HTTP, at http://127.0.0.1:8080 unless told otherwise:\n"
    "  GET  /                      a page that shows the text while it is written\n"
    "  POST /v1/chat/completions   OpenAI's API; with \"diffusing\": true, as Mercury has it, a\n"
    "                              stream shows the whole text after each step\n"
    "  POST /v1/completions        OpenAI's; with \"suffix\" it fills in between\n"
    "  POST /v1/fim/completions    Mistral's and Mercury's for code between prompt and suffix\n"
    "  POST /infill                llama.cpp's, which llama.vim and llama.vscode use\n"
    "  GET  /v1/models, /health, /metrics (Prometheus), /props\n"
    "Requests are decoded side by side.  One whose client goes away is dropped at its next step.\n"
    "Ctrl-C takes no more requests and ends when those under way are answered (--grace).\n"
    "docs/SERVER.md has what editors need to be told, and every member of a request.\n"
    "\n" UM_CLI_MODEL_HELP
    "  -H, --host ADDRESS     listen on this address or name (default: 127.0.0.1, this machine\n"
    "                         only; 0.0.0.0: every address)\n"
    "  -p, --port N           and on this port (default: 8080; 0: any that is free)\n"
    "      --api-key KEY      clients must send \"Authorization: Bearer KEY\" (default:\n"
    "                         UNMASK_API_KEY, which other users of the machine cannot see)\n"
    "      --allow-origin O   let pages of this origin, or of any (*), use the server\n"
    "  -l, --length N         most tokens of an answer; requests may ask for fewer (default: 256,\n"
    "                         or 80 for models with fewer than 2048 positions)\n"
    "      --infilling-length N\n"
    "                         most tokens of one with text behind it (default: 64, or 40)\n"
    "      --search-length    try 4, 8, 16 ... tokens for those, up to that length, side by side,\n"
    "                         and answer with what the model is surest of\n"
    "  -c, --context N        most tokens of the text around that one which the model is shown\n"
    "                         (default: 2048)\n"
    "      --batch N          decode N answers at a time (default: 8, or fewer where memory is\n"
    "                         scarce)\n"
    "      --queue N          refuse requests while N are unfinished (default: 64)\n"
    "      --grace N          after Ctrl-C wait at most N seconds for answers (default: 10)\n"
    "  -q, --quiet            print no line for each request\n"
    "  -h, --help             this text\n"
    "\n" UM_CLI_OPENING_HELP "\n"
    "examples:\n"
    "  unmask serve\n"
    "  unmask serve --model diffucoder-q4_k_m.gguf --steps 64 --port 8012\n"
    "  curl http://127.0.0.1:8080/v1/completions -d '{\"prompt\": \"def add(a, b):\\n\"}'\n";

/* The command line, and the texts that its settings point to. */
typedef struct serve_settings {
    um_model_choice model;
    um_server_options server;
    um_serve_setting decoding[SETTINGS_MAXIMUM];
    size_t batch;
    unsigned long long grace; /* seconds */
    bool is_quiet;
} serve_settings;

/* ---- Running --------------------------------------------------------------------- */

static void print_line(void *user, const char *line) {
    (void)user;
    /* A reader that has stopped reading must not stop the server: the line is dropped then. */
    struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&output, 1, 0) > 0 && (output.revents & POLLOUT) != 0) {
        (void)fprintf(stderr, "%s\n", line);
    }
}

static void wait_a_moment(void) {
    const struct timespec moment = {.tv_nsec = 100000000L};
    (void)nanosleep(&moment, NULL);
}

static void say_where(const um_server *server, const um_server_options *options,
                      const um_model_info *info) {
    const bool is_v6 = strchr(options->host, ':') != NULL;
    (void)fprintf(stderr, "%s at http://%s%s%s:%u, %zu answers at a time; Ctrl-C ends it\n",
                  info->name, is_v6 ? "[" : "", options->host, is_v6 ? "]" : "",
                  um_server_port(server), options->engine.batch);
}

static void run_until_interrupted(um_server *server, unsigned long long grace) {
    while (!um_cli_interrupted()) {
        wait_a_moment();
    }
    for (unsigned long long i = 0; !um_server_drain(server) && i < grace * 10; i++) {
        wait_a_moment();
    }
}

static void choose_sizes(serve_settings *settings, const um_model_info *info) {
    um_engine_setup *engine = &settings->server.engine;
    if (engine->limits.length == 0) {
        engine->limits.length = um_cli_usual_length(info, SMALL_LENGTH, USUAL_LENGTH);
    }
    if (engine->limits.infilling_length == 0) {
        engine->limits.infilling_length =
            um_cli_usual_length(info, SMALL_INFILLING_LENGTH, USUAL_INFILLING_LENGTH);
    }
    engine->batch = um_cli_batch_size(info, settings->batch, UM_BATCH_USUAL, 1);
}

static um_status serve_model(serve_settings *settings, um_model *model, um_error *error) {
    um_model_info info;
    um_model_get_info(model, &info);
    choose_sizes(settings, &info);
    um_threads *threads = NULL;
    um_server *server = NULL;
    um_status status = um_threads_create(settings->model.threads, &threads, error);
    if (status == UM_OK) {
        settings->server.engine.model = model;
        settings->server.engine.threads = threads;
        status = um_server_start(&settings->server, &server, error);
    }
    if (status == UM_OK) {
        say_where(server, &settings->server, &info);
        run_until_interrupted(server, settings->grace);
    }
    um_server_stop(server);
    um_threads_free(threads);
    return status;
}

static int serve(serve_settings *settings) {
    um_error error = {0};
    um_model *model = NULL;
    um_cli_catch_interrupts();
    um_status status = um_cli_open_model(&settings->model, &model, &error);
    if (status == UM_OK) {
        status = serve_model(settings, model, &error);
    }
    um_model_close(model);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

/* ---- Command line -------------------------------------------------------------------- */

/* Options are tried when they are read, so that a mistake is found before the model is opened, and
 * kept as text: every request begins with them. */
static int set_decoding(const um_command *command, serve_settings *settings, int option) {
    um_options *tried = NULL;
    um_error error = {0};
    if (settings->server.setting_count == SETTINGS_MAXIMUM) {
        return um_cli_usage(command, "more than %d decoding options", SETTINGS_MAXIMUM);
    }
    if (um_options_create(&tried, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    const int code = um_set_decoding_option(command, tried, option, optarg);
    um_options_free(tried);
    settings->decoding[settings->server.setting_count++] =
        (um_serve_setting){.name = um_decoding_option_name(option), .text = optarg};
    return code;
}

/* A key that no header could hold would lock everybody out. */
static int check_key(const um_command *command, const char *name, const char *key) {
    const size_t length = strlen(key);
    for (size_t i = 0; i < length; i++) {
        if (key[i] <= ' ' || key[i] > '~') {
            return um_cli_usage(command, "%s: a key has printable ASCII characters only", name);
        }
    }
    return length > 0 && length <= KEY_MAXIMUM
               ? UM_EXIT_OK
               : um_cli_usage(command, "%s: a key has 1 to %d characters", name, KEY_MAXIMUM);
}

static int set_port(const um_command *command, serve_settings *settings) {
    unsigned long long port = 0;
    if (!um_cli_parse_count(command, "--port", optarg, 0, 65535, &port)) {
        return UM_EXIT_USAGE;
    }
    settings->server.port = (unsigned)port;
    return UM_EXIT_OK;
}

static int read_option(const um_command *command, serve_settings *settings, int option) {
    um_engine_setup *engine = &settings->server.engine;
    if (um_is_model_option(option)) {
        return um_set_model_option(command, &settings->model, option, optarg);
    }
    if (um_is_decoding_option(option)) {
        return set_decoding(command, settings, option);
    }
    switch (option) {
        case 'H':
            settings->server.host = optarg;
            return UM_EXIT_OK;
        case 'p':
            return set_port(command, settings);
        case OPTION_KEY:
            settings->server.api_key = optarg;
            return check_key(command, "--api-key", optarg);
        case OPTION_ORIGIN:
            settings->server.allow_origin = optarg;
            return UM_EXIT_OK;
        case 'l':
            return um_cli_set_count(command, "--length", optarg, 1U << 20, &engine->limits.length);
        case OPTION_INFILLING_LENGTH:
            return um_cli_set_count(command, "--infilling-length", optarg, 1U << 20,
                                    &engine->limits.infilling_length);
        case OPTION_SEARCH:
            engine->limits.searches = true;
            return UM_EXIT_OK;
        case 'c':
            return um_cli_set_count(command, "--context", optarg, 1U << 24,
                                    &engine->limits.context);
        case OPTION_BATCH:
            return um_cli_set_count(command, "--batch", optarg, UM_BATCH_MAXIMUM, &settings->batch);
        case OPTION_QUEUE:
            return um_cli_set_count(command, "--queue", optarg, 4096, &engine->queue);
        case OPTION_GRACE:
            return um_cli_parse_count(command, "--grace", optarg, 0, 86400, &settings->grace)
                       ? UM_EXIT_OK
                       : UM_EXIT_USAGE;
        case 'q':
            settings->is_quiet = true;
            return UM_EXIT_OK;
        default:
            return UM_EXIT_USAGE;
    }
}

static int parse(const um_command *command, int argc, char **argv, serve_settings *settings) {
    static const struct option own[] = {
        UM_CLI_MODEL_OPTIONS,
        {"host", required_argument, NULL, 'H'},
        {"port", required_argument, NULL, 'p'},
        {"api-key", required_argument, NULL, OPTION_KEY},
        {"allow-origin", required_argument, NULL, OPTION_ORIGIN},
        {"length", required_argument, NULL, 'l'},
        {"infilling-length", required_argument, NULL, OPTION_INFILLING_LENGTH},
        {"search-length", no_argument, NULL, OPTION_SEARCH},
        {"context", required_argument, NULL, 'c'},
        {"batch", required_argument, NULL, OPTION_BATCH},
        {"queue", required_argument, NULL, OPTION_QUEUE},
        {"grace", required_argument, NULL, OPTION_GRACE},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    um_long_options options;
    um_long_options_fill(&options, own);
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":m:H:p:l:c:qt:h", options.entries)) !=
           -1) {
        if (option == 'h') {
            return UM_PARSE_HELP;
        }
        const int code = read_option(command, settings, option);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    return optind == argc ? UM_EXIT_OK : um_cli_usage(command, "takes no arguments");
}

static int run(const um_command *command, int argc, char **argv) {
    const char *key = getenv("UNMASK_API_KEY");
    serve_settings settings = {
        .server = {.host = "127.0.0.1",
                   .port = DEFAULT_PORT,
                   .api_key = key && key[0] != '\0' ? key : NULL,
                   .engine = {.queue = DEFAULT_QUEUE, .limits = {.context = DEFAULT_CONTEXT}}}};
    settings.server.settings = settings.decoding;
    settings.grace = DEFAULT_GRACE;
    const int code = parse(command, argc, argv, &settings);
    if (code == UM_PARSE_HELP) {
        return um_cli_help_with_decoding(command);
    }
    if (code != UM_EXIT_OK) {
        return code;
    }
    if (settings.server.api_key &&
        check_key(command, "UNMASK_API_KEY", settings.server.api_key) != UM_EXIT_OK) {
        return UM_EXIT_USAGE;
    }
    settings.server.log = settings.is_quiet ? NULL : print_line;
    return serve(&settings);
}

const um_command um_command_serve = {
    .name = "serve",
    .summary = "answer editors and other programs over HTTP, as OpenAI, Mercury, llama.cpp do",
    .help = help,
    .run = run};
