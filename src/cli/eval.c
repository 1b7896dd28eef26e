/* unmask eval: how many problems a model solves. */
#include "cli/eval.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "cli/decoding_options.h"
#include "cli/model_path.h"
#include "cli/open_model.h"
#include "eval/comparison.h"
#include "eval/report.h"

static const char help[] =
    "usage: unmask eval [--model PATH] --problems FILE --output DIR [options]\n"
    "       unmask eval --compare DIR DIR\n"
    "\n"
    "Let a model solve problems, run what it writes with their tests in a sandbox, and print how\n"
    "many it solves: pass@k with intervals, by level and format, and what an answer costs.\n"
    "\n"
    "FILE is JSON Lines (or one JSON array) of HumanEval, MBPP, their plus versions,\n"
    "human-eval-infilling, or the task family of the recipes; the form is found by itself.  A "
    "base\n"
    "model is shown the published prompt, and its answer ends at the published stop sequences;\n"
    "with --instruct the problem is a message, and the answer has been begun.\n"
    "\n"
    "Under mpirun the problems are split over the processes, and the result is the same.\n"
    "\n"
    "DIR keeps the run: samples.jsonl (as human-eval and EvalPlus read it), results.jsonl,\n"
    "report.json and report.html.  Stopped or killed at any moment, the same command goes on.  "
    "The\n"
    "same seed gives the same samples, whatever the batch or the threads.\n"
    "\n" UM_CLI_MODEL_HELP UM_CLI_QUANTIZE_HELP "      --problems FILE    the problems\n"
    "  -o, --output DIR       where the run is kept\n"
    "      --form FORM        auto (default), humaneval, mbpp, infilling or family\n"
    "  -n, --samples N        samples of each problem (default: 1); with more than one, give a\n"
    "                         --temperature.  A later run may ask for more\n"
    "  -l, --length N         tokens of an answer (default: 512, or 128 for models with fewer "
    "than\n"
    "                         2048 positions, and no more than the prompt leaves)\n"
    "      --infilling-length N\n"
    "                         the same for holes in code, which are short\n"
    "      --instruct         ask in a conversation\n"
    "      --system TEXT      the system message of conversations\n"
    "      --shots N          of MBPP: show N solved examples first (ids 1 to 10, which are then "
    "not\n"
    "                         asked; the paper has 3)\n"
    "      --ids FIRST-LAST   only problems with these numbers for ids (the test part of MBPP is\n"
    "                         11-510)\n"
    "      --batch N          decode N samples at a time, which changes nothing but the time and\n"
    "                         the memory (default: 8)\n"
    "      --k LIST           the k of pass@k (default: 1,5,10,25,50,100, up to the "
    "samples)\n" UM_CLI_JUDGE_HELP "      --json             print the report as JSON\n"
    "  -t, --threads N        threads (default: one a processor); results do not depend on it\n"
    "      --kernels NAME     reference, avx2 or avx512 (default: the fastest)\n"
    "  -h, --help             this text\n"
    "\n" UM_CLI_CONFIGURATION_HELP "\n"
    "examples:\n"
    "  unmask eval -m DiffuCoder-7B-Base --problems HumanEval.jsonl --output run/base\n"
    "  unmask eval --problems mbpp.jsonl --ids 11-510 --shots 3 -n 10 --temperature 0.4 -o "
    "run/mbpp\n"
    "  unmask eval --compare run/base run/instruct\n";

static um_status write_file(const um_eval_run *run, const char *name, const um_buffer *text,
                            um_error *error) {
    char path[UM_EVAL_PATH_SIZE + 32];
    UM_TRY(um_path_join(path, sizeof path, run->directory.path, name, error));
    return um_file_write(path, um_buffer_text(text), text->length, error);
}

static um_status dump(const json_t *report, um_buffer *text, um_error *error) {
    char *dumped = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    if (!dumped) {
        return um_error_memory(error, "the report", 0);
    }
    const um_status status = um_buffer_append_format(text, error, "%s\n", dumped);
    free(dumped);
    return status;
}

/* What is printed and written of a report. */
typedef struct texts {
    um_buffer json;
    um_buffer table;
    um_buffer page;
} texts;

static um_status make_texts(const json_t *report, texts *made, um_error *error) {
    UM_TRY(dump(report, &made->json, error));
    UM_TRY(um_eval_report_table(report, &made->table, error));
    return um_eval_report_page(report, &made->page, error);
}

/* A disk that is full by now leaves the summary. */
static um_status put_texts(const um_eval_run *run, const texts *made, um_error *error) {
    const um_buffer *shown = run->request->json ? &made->json : &made->table;
    (void)fwrite(um_buffer_text(shown), 1, shown->length, stdout);
    UM_TRY(write_file(run, UM_EVAL_REPORT_FILE, &made->json, error));
    return write_file(run, UM_EVAL_PAGE_FILE, &made->page, error);
}

static um_status report_run(const um_eval_run *run, um_error *error) {
    json_t *report = NULL;
    texts made = {0};
    um_eval_ks ks = {.count = run->request->judge.ks.count};
    memcpy(ks.values, run->request->judge.ks.values, sizeof ks.values);
    const um_eval_facts facts = {.settings = run->settings,
                                 .model = run->info.name,
                                 .problems = run->request->problems,
                                 .sandbox = um_judge_sandbox_text(run->judge)};
    um_status status = um_eval_report_create(&run->records, &facts, &ks, &report, error);
    if (status == UM_OK) {
        status = make_texts(report, &made, error);
    }
    if (status == UM_OK) {
        status = put_texts(run, &made, error);
    }
    um_buffer_free(&made.json);
    um_buffer_free(&made.table);
    um_buffer_free(&made.page);
    json_decref(report);
    return status;
}

static int compare_runs(const um_eval_request *request) {
    um_error error = {0};
    um_buffer text = {0};
    json_t *comparison = NULL;
    um_status status =
        um_eval_compare(request->compare[0], request->compare[1], &comparison, &error);
    if (status == UM_OK) {
        status = request->json ? dump(comparison, &text, &error)
                               : um_eval_comparison_text(comparison, &text, &error);
    }
    if (status == UM_OK) {
        (void)fwrite(um_buffer_text(&text), 1, text.length, stdout);
    }
    um_buffer_free(&text);
    json_decref(comparison);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

static int evaluate(const um_eval_request *request) {
    um_error error = {0};
    um_eval_run run = {.directory = {.lock_descriptor = -1}};
    um_train_ranks ranks = {0};
    um_status status = um_train_ranks_start(0, request->output, &ranks, &error);
    if (status == UM_OK) {
        ranks.keeps_all = true;
        status = um_eval_run_complete(request, &ranks, &run, &error);
    }
    if (status == UM_OK && um_train_ranks_first(&ranks)) {
        status = report_run(&run, &error);
    }
    um_eval_run_free(&run);
    return um_train_ranks_end(&ranks, status, &error);
}

static int run(const um_command *command, int argc, char **argv) {
    um_eval_request request = {0};
    int code = um_eval_parse(command, argc, argv, &request);
    if (code == -1) {
        code = um_cli_help_with_decoding(command);
    } else if (code == UM_EXIT_OK) {
        code = request.compare[0] ? compare_runs(&request) : evaluate(&request);
    }
    um_options_free(request.options);
    return code;
}

const um_command um_command_eval = {.name = "eval",
                                    .summary = "let a model solve problems, and judge its answers",
                                    .help = help,
                                    .run = run};
