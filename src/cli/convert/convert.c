/* unmask convert: a model from one layout or type of weights to another. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/convert/convert_files.h"
#include "cli/request/model_options.h"
#include "cli/terminal/progress_bar.h"

static const char help[] =
    "usage: unmask convert IN OUT [--type TYPE] [options]\n"
    "\n"
    "Write the model IN, a Hugging Face directory or a GGUF file, to OUT: a GGUF file where its\n"
    "name ends in .gguf, else a Hugging Face directory, which must not exist.  OUT appears whole\n"
    "or not at all.\n"
    "\n"
    "      --type TYPE        how weights are stored (default: as in IN; quantised ones in a\n"
    "                         directory: f16)\n"
    "                           f32 f16 bf16   plain numbers\n"
    "                           q8_0           8 bits: a quarter of f32, hardly any loss\n"
    "                           q6_k q4_k      6 and 4 bits with scales by search\n"
    "                           q4_k_m         4 bits, 6 where it matters most: the usual choice\n"
    "                           q4_0           4 bits with plain scales: the fastest\n"
    "                         directories hold plain numbers only; quantised weights are widened\n"
    "  -t, --threads N        threads (default: one a processor); results do not depend on it\n"
    "      --json             print the summary as one JSON object\n"
    "  -h, --help             this text\n"
    "\n"
    "Vectors (norms, biases) stay f32 in GGUF files.  With a 4-bit type the output\n"
    "projection (or the embedding, if the two are tied) is q6_k.  Rows of q4_k and\n"
    "q6_k are multiples of 256 weights, those of q4_0 and q8_0 of 32; a matrix that\n"
    "does not fit is stored as q8_0, or as f16 if its rows are no multiple of 32, and\n"
    "is counted in the summary.  Quantising weights that are already quantised loses\n"
    "more accuracy: start from the original where you can.\n"
    "\n"
    "These are stored in OUT as they are given here; else as in IN.\n" UM_CLI_CONVENTION_HELP "\n"
    "examples:\n"
    "  unmask convert models/tiny tiny.gguf --type q8_0\n"
    "  unmask generate --model tiny.gguf --file prompt.py\n"
    "  unmask convert DiffuCoder-7B diffucoder-q4_k_m.gguf --type q4_k_m\n"
    "  unmask convert diffucoder-q4_k_m.gguf widened --type f32\n"
    "  unmask convert adapted-llama adapted.gguf --attention full --mask-token '<|mask|>'\n";

/* The quantised types that a mix gives to matrices. */
static const char *blocks_of(um_weight_mix mix) {
    switch (mix) {
        case UM_MIX_Q4_0:
            return "q6_k or q4_0";
        case UM_MIX_Q4_K:
        case UM_MIX_Q4_K_M:
            return "q6_k or q4_k";
        default:
            return um_weight_mix_name(mix);
    }
}

static void print_text(const um_convert_request *request, const um_convert_result *result,
                       double seconds) {
    (void)printf("%s: %s, %zu tensors, %.2f MB of weights (%.2f MB before), %.1f s\n",
                 request->output, um_weight_mix_name(result->mix), result->tensors,
                 (double)result->bytes / 1e6, (double)result->source_bytes / 1e6, seconds);
    if (result->fallbacks > 0) {
        (void)printf("note: the rows of %zu matri%s are not whole blocks of %s: stored as q8_0 or "
                     "f16\n",
                     result->fallbacks, result->fallbacks == 1 ? "x" : "ces",
                     blocks_of(result->mix));
    }
    for (size_t i = 0; i < result->note_count; i++) {
        (void)printf("note: %s\n", result->notes[i]);
    }
}

static int print_json(const um_convert_request *request, const um_convert_result *result,
                      double seconds) {
    um_error error = {0};
    um_buffer out = {0};
    um_status status = um_buffer_append_text(&out, "{\"input\": ", &error);
    if (status == UM_OK) {
        status = um_json_append_string(&out, request->input, strlen(request->input), &error);
    }
    if (status == UM_OK) {
        status = um_buffer_append_text(&out, ", \"output\": ", &error);
    }
    if (status == UM_OK) {
        status = um_json_append_string(&out, request->output, strlen(request->output), &error);
    }
    if (status == UM_OK) {
        status = um_buffer_append_format(
            &out, &error,
            ", \"type\": \"%s\", \"tensors\": %zu, \"fallbacks\": %zu, \"weight_bytes\": %zu, "
            "\"source_bytes\": %zu, \"seconds\": %.3f, \"notes\": [",
            um_weight_mix_name(result->mix), result->tensors, result->fallbacks, result->bytes,
            result->source_bytes, seconds);
    }
    for (size_t i = 0; i < result->note_count && status == UM_OK; i++) {
        status =
            um_buffer_append_format(&out, &error, "%s\"%s\"", i > 0 ? ", " : "", result->notes[i]);
    }
    if (status == UM_OK) {
        (void)printf("%s]}\n", um_buffer_text(&out));
    }
    um_buffer_free(&out);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

static int convert(um_convert_request *request, bool json) {
    um_error error = {0};
    um_convert_result result = {0};
    um_progress_bar bar = um_progress_bar_start("converting");
    request->watch = (um_watch){um_progress_bar_watch, &bar};
    request->opened = um_cli_catch_interrupts; /* not earlier: Ctrl-C must end a wait for a pipe */
    const double start = um_clock_seconds();
    const um_status status = um_cli_convert(request, &result, &error);
    um_progress_bar_end(&bar);
    if (status != UM_OK) {
        return um_cli_fail(&error);
    }
    const double seconds = um_clock_seconds() - start;
    if (json) {
        return print_json(request, &result, seconds);
    }
    print_text(request, &result, seconds);
    return UM_EXIT_OK;
}

static int set_type(const um_command *command, const char *name, um_convert_request *request) {
    request->has_mix = um_weight_mix_from_name(name, &request->mix);
    return request->has_mix ? UM_EXIT_OK
                            : um_cli_usage(command,
                                           "--type: \"%.40s\" is none of f32, f16, bf16, q8_0, "
                                           "q4_0, q4_k, q6_k and q4_k_m",
                                           name);
}

static int parse(const um_command *command, int argc, char **argv, um_convert_request *request,
                 bool *json) {
    static const struct option long_options[] = {{"type", required_argument, NULL, 'T'},
                                                 {"threads", required_argument, NULL, 't'},
                                                 {"json", no_argument, NULL, 'J'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 UM_CLI_CONVENTION_OPTIONS,
                                                 {NULL, 0, NULL, 0}};
    um_model_choice choice = {0};
    int option = 0;
    int code = UM_EXIT_OK;
    while ((option = um_cli_next_option(command, argc, argv, ":t:h", long_options)) != -1) {
        switch (option) {
            case 'T':
                code = set_type(command, optarg, request);
                break;
            case 'J':
                *json = true;
                break;
            case 'h':
                return UM_PARSE_HELP;
            default:
                code = um_is_model_option(option)
                           ? um_set_model_option(command, &choice, option, optarg)
                           : UM_EXIT_USAGE; /* um_cli_next_option has printed why */
        }
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    request->threads = choice.threads;
    request->conventions = choice.options;
    return UM_EXIT_OK;
}

static int run(const um_command *command, int argc, char **argv) {
    um_convert_request request = {0};
    bool json = false;
    const int code = parse(command, argc, argv, &request, &json);
    if (code != UM_EXIT_OK) {
        return code == UM_PARSE_HELP ? um_cli_help(command) : code;
    }
    if (argc - optind != 2) {
        return um_cli_usage(command, "give a model and the path to write it to");
    }
    request.input = argv[optind];
    request.output = argv[optind + 1];
    if (!*request.input || !*request.output) {
        return um_cli_usage(command, "the name of a model or of what to write is empty");
    }
    return convert(&request, json);
}

const um_command um_command_convert = {.name = "convert",
                                       .summary = "write a model in another layout or type",
                                       .help = help,
                                       .run = run};
