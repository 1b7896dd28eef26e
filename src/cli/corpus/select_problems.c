/* unmask select-problems: problems of the wanted difficulty from AceCode. */
#include <getopt.h>
#include <stdlib.h>

#include "base/atomic_file.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/output_check.h"
#include "train/completions/problem_selection.h"

#define MAXIMUM_MODELS 64

static const char help[] =
    "usage: unmask select-problems FILE.jsonl... --output FILE.jsonl [options]\n"
    "\n"
    "Choose problems for reinforcement learning out of AceCode by how often models solve them, as\n"
    "DiffuCoder does, and write them as `unmask judge` and training read them.  Each line is an\n"
    "object with \"id\", \"question\", \"test_cases\" and \"inferences\".  A problem is kept by "
    "the mean\n"
    "and the deviation of its pass rates, in percentiles over all problems; many are written a\n"
    "second time, as a function to complete.  - is standard input.\n"
    "\n"
    "  -o, --output FILE        the problems that are kept (required)\n"
    "  -d, --difficulty NAME    hard (default): means up to the 20th percentile,\n"
    "                           deviations from the 40th up; medium: means from the\n"
    "                           25th to the 75th; easy: means from the 75th up; all\n"
    "      --mean-from P        keep means from this percentile up,\n"
    "      --mean-to P          up to this one,\n"
    "      --deviation-from P   and deviations from this one up; 0 to 100, instead of\n"
    "                           the difficulty's\n"
    "      --model NAME         count the pass rates of this model; may be repeated (default:\n"
    "                           qwen_coder_2.5 and llama3_instruct)\n"
    "  -h, --help               this text\n"
    "\n"
    "example:\n"
    "  unmask select-problems acecode.jsonl --difficulty hard --output hard.jsonl\n";

typedef struct selection_options {
    um_problem_filter filter;
    const char *models[MAXIMUM_MODELS];
    size_t model_count;
    const char *output;
    char **inputs;
    size_t input_count;
} selection_options;

static um_status add_line(void *user, const char *line, size_t length, const char *path,
                          size_t number, um_error *error) {
    return um_problem_selection_add_line(user, line, length, path, number, error);
}

static um_status select_and_write(um_problem_selection *selection, const selection_options *options,
                                  um_error *error) {
    UM_TRY(um_cli_check_not_an_input(options->output, (const char *const *)options->inputs,
                                     options->input_count, error));
    UM_TRY(
        um_cli_check_read_once((const char *const *)options->inputs, options->input_count, error));
    UM_TRY(um_cli_check_output_file(options->output, error));
    for (size_t i = 0; i < options->input_count; i++) {
        UM_TRY(um_cli_each_line(options->inputs[i], add_line, selection, error));
    }
    um_problem_selection_counts counts;
    um_buffer lines = {0};
    um_status status =
        um_problem_selection_append(selection, &options->filter, &lines, &counts, error);
    if (status == UM_OK) {
        status = um_file_write(options->output, lines.data, lines.length, error);
    }
    um_buffer_free(&lines);
    UM_TRY(status);
    (void)fprintf(stderr,
                  "%zu of %zu problems, with means of %.4g to %.4g and deviations from %.4g up; "
                  "%zu of them also rewritten as functions to complete: %zu lines\n",
                  counts.kept, counts.problems, counts.mean_from, counts.mean_to,
                  counts.deviation_from, counts.rewritten, counts.kept + counts.rewritten);
    return UM_OK;
}

static int run_selection(const selection_options *options) {
    um_error error = {0};
    um_problem_selection *selection = NULL;
    um_status status =
        um_problem_selection_create(options->models, options->model_count, &selection, &error);
    if (status == UM_OK) {
        um_cli_catch_interrupts(); /* a kill would leave a temporary file */
        status = select_and_write(selection, options, &error);
    }
    um_problem_selection_free(selection);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

/* ---- Options -------------------------------------------------------------------- */

static int set_percentile(const um_command *command, const char *option, const char *text,
                          double *target) {
    char *end = NULL;
    const double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0 && value <= 100)) {
        return um_cli_usage(command, "%s: \"%.40s\" is not a percentile from 0 to 100", option,
                            text);
    }
    *target = value;
    return UM_EXIT_OK;
}

static int set_difficulty(const um_command *command, const char *name, um_problem_filter *filter) {
    return um_problem_filter_from_name(name, filter)
               ? UM_EXIT_OK
               : um_cli_usage(command,
                              "--difficulty: \"%.40s\" is none of hard, medium, easy and all",
                              name);
}

static int add_model(const um_command *command, const char *name, selection_options *options) {
    if (options->model_count == MAXIMUM_MODELS) {
        return um_cli_usage(command, "--model: at most %d models", MAXIMUM_MODELS);
    }
    options->models[options->model_count++] = name;
    return UM_EXIT_OK;
}

/* The texts of the options of the filter; percentiles replace the difficulty's, whatever their
 * order. */
typedef struct percentile_texts {
    const char *difficulty;
    const char *mean_from;
    const char *mean_to;
    const char *deviation_from;
} percentile_texts;

static int set_filter(const um_command *command, const percentile_texts *texts,
                      um_problem_filter *filter) {
    int code = set_difficulty(command, texts->difficulty, filter);
    if (code == UM_EXIT_OK && texts->mean_from) {
        code = set_percentile(command, "--mean-from", texts->mean_from, &filter->mean_from);
    }
    if (code == UM_EXIT_OK && texts->mean_to) {
        code = set_percentile(command, "--mean-to", texts->mean_to, &filter->mean_to);
    }
    if (code == UM_EXIT_OK && texts->deviation_from) {
        code = set_percentile(command, "--deviation-from", texts->deviation_from,
                              &filter->deviation_from);
    }
    return code;
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
                                                 {"difficulty", required_argument, NULL, 'd'},
                                                 {"mean-from", required_argument, NULL, 'f'},
                                                 {"mean-to", required_argument, NULL, 't'},
                                                 {"deviation-from", required_argument, NULL, 'v'},
                                                 {"model", required_argument, NULL, 'm'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    selection_options options = {0};
    percentile_texts texts = {.difficulty = "hard"};
    int option = 0;
    int code = UM_EXIT_OK;
    while ((option = um_cli_next_option(command, argc, argv, ":o:d:h", long_options)) != -1) {
        switch (option) {
            case 'o':
                options.output = optarg;
                break;
            case 'd':
                texts.difficulty = optarg;
                break;
            case 'f':
                texts.mean_from = optarg;
                break;
            case 't':
                texts.mean_to = optarg;
                break;
            case 'v':
                texts.deviation_from = optarg;
                break;
            case 'm':
                code = add_model(command, optarg, &options);
                break;
            case 'h':
                return um_cli_help(command);
            default:
                return UM_EXIT_USAGE;
        }
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    options.inputs = argv + optind;
    options.input_count = (size_t)(argc - optind);
    if (options.input_count == 0 || !options.output) {
        return um_cli_usage(command, "an input file and --output FILE are needed");
    }
    code = set_filter(command, &texts, &options.filter);
    return code == UM_EXIT_OK ? run_selection(&options) : code;
}

const um_command um_command_select_problems = {
    .name = "select-problems",
    .summary = "choose AceCode problems by difficulty for reinforcement learning",
    .help = help,
    .run = run};
