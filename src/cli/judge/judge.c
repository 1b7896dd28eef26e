/* unmask judge: run what a model wrote with the tests of its problems, in a sandbox. */
#include "cli/judge/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/processors.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/output_check.h"
#include "cli/terminal/progress_bar.h"

static const char help[] =
    "usage: unmask judge PROBLEMS.jsonl SAMPLES.jsonl [options]\n"
    "       unmask judge PROBLEMS.jsonl --reference [options]\n"
    "\n"
    "Run each sample with the tests of its problem, in a sandbox, and print how many pass, by "
    "level\n"
    "and format, with pass@k.  Problems are in the form of HumanEval, AceCode or MBPP; a sample "
    "is\n"
    "an object with \"task_id\" and \"completion\" a line, as `unmask generate --prompts` writes "
    "it.\n"
    "One of the files may be -, standard input.\n"
    "\n"
    "  -o, --output FILE      write the samples with their results (\"passed\", \"result\", ...)\n"
    "      --reference        judge the problems' own solutions in place of "
    "samples\n" UM_CLI_JUDGE_HELP "      --json             print the summary as JSON\n"
    "  -h, --help             this text\n"
    "\n"
    "example:\n"
    "  unmask judge HumanEval.jsonl samples.jsonl --output results.jsonl\n";

typedef struct judge_request {
    um_judge_choice choice;
    const char *problems;
    const char *samples; /* NULL: the references */
    const char *output;
    bool json;
} judge_request;

/* ---- Options ------------------------------------------------------------------- */

static int set_option(const um_command *command, int option, judge_request *request) {
    if (um_is_judge_option(option)) {
        return um_set_judge_option(command, &request->choice, option, optarg);
    }
    switch (option) {
        case 'o':
            request->output = optarg;
            return UM_EXIT_OK;
        case 'r':
            request->samples = NULL;
            return UM_EXIT_OK;
        case 'j':
            request->json = true;
            return UM_EXIT_OK;
        default:
            return UM_EXIT_USAGE;
    }
}

/* ---- Reading ------------------------------------------------------------------- */

typedef struct reading {
    const char *problems_path;
    um_problem_set *problems;
    um_sample_list *samples;
} reading;

static um_status read_sample(void *user, const char *line, size_t length, const char *path,
                             size_t number, um_error *error) {
    reading *work = user;
    if (um_problem_set_count(work->problems) == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: holds no problems", work->problems_path);
    }
    return um_sample_list_add_line(work->samples, work->problems, line, length, path, number,
                                   error);
}

static um_status read_inputs(const judge_request *request, reading *work, um_error *error) {
    UM_TRY(um_problem_set_add_file(work->problems, request->problems, error));
    if (request->samples) {
        UM_TRY(um_cli_each_line(request->samples, read_sample, work, error));
        return work->samples->count > 0
                   ? UM_OK
                   : UM_RAISE(error, UM_ERR_FORMAT, "%s: holds no samples", request->samples);
    }
    for (size_t i = 0; i < um_problem_set_count(work->problems); i++) {
        UM_TRY(um_sample_list_add_reference(work->samples, um_problem_set_at(work->problems, i),
                                            error));
    }
    return UM_OK;
}

/* ---- Judging ------------------------------------------------------------------- */

/* Where the results go, or "".  What an interrupted run has must not replace the results of a whole
 * one. */
static um_status name_results(const judge_request *request, bool interrupted, char *path,
                              size_t size, um_error *error) {
    const int length = snprintf(path, size, "%s%s", request->output ? request->output : "",
                                request->output && interrupted ? ".partial" : "");
    return length >= 0 && (size_t)length < size
               ? UM_OK
               : UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", request->output);
}

/* Print the summary and write the results to `path`, unless that is "". */
static um_status report(const judge_request *request, const um_judged *judged, const char *path,
                        um_error *error) {
    um_buffer text = {0};
    um_status status = request->json ? um_judged_json(judged, &request->choice.ks, &text, error)
                                     : um_judged_table(judged, &request->choice.ks, &text, error);
    if (status == UM_OK) {
        (void)fwrite(text.data, 1, text.length, stdout);
    }
    um_buffer_free(&text);
    if (status == UM_OK && *path) { /* last: a full disk must not lose the summary */
        status = um_judged_write(judged, path, error);
    }
    return status;
}

static um_status judge_all(um_judge *judge, const um_sample_list *samples, um_judgement *results,
                           um_error *error) {
    um_attempt *attempts = NULL;
    UM_TRY(um_allocate(&attempts, samples->count, sizeof *attempts, "attempts", error));
    for (size_t i = 0; i < samples->count; i++) {
        const um_sample *sample = &samples->samples[i];
        attempts[i] = (um_attempt){
            .problem = sample->problem, .completion = sample->completion, .length = sample->length};
    }
    um_progress_bar bar = um_progress_bar_start("judging");
    bar.unit = "programs";
    const um_watch watch = {.progress = um_progress_bar_watch, .user = &bar};
    const um_status status =
        um_judge_batch(judge, attempts, samples->count, results, &watch, error);
    um_progress_bar_end(&bar);
    free(attempts);
    return status;
}

/* Move the samples that have been judged (those whose tests were counted) to the front; returns
 * their number. */
static size_t gather_judged(um_sample_list *samples, um_judgement *results) {
    size_t judged = 0;
    for (size_t i = 0; i < samples->count; i++) {
        if (results[i].tests_total > 0) {
            const um_sample sample = samples->samples[judged];
            samples->samples[judged] = samples->samples[i];
            samples->samples[i] = sample;
            const um_judgement result = results[judged];
            results[judged] = results[i];
            results[i] = result;
            judged++;
        }
    }
    return judged;
}

/* Samples that were judged before Ctrl-C are still reported and written, to a file of their own. */
static um_status judge_and_report(const judge_request *request, const reading *work,
                                  um_judge *judge, um_error *error) {
    char path[4096] = "";
    um_judgement *results = NULL;
    const double start = um_clock_seconds();
    UM_TRY(um_allocate(&results, work->samples->count, sizeof *results, "results", error));
    const um_status status = judge_all(judge, work->samples, results, error);
    const bool interrupted = status == UM_ERR_CANCELLED;
    um_sample_list done = *work->samples;
    done.count = interrupted ? gather_judged(work->samples, results) : done.count;
    const bool has_results = status == UM_OK || (interrupted && done.count > 0);
    um_status reported =
        has_results ? name_results(request, interrupted, path, sizeof path, error) : UM_OK;
    if (has_results && reported == UM_OK) {
        const um_judged judged = {.problems = work->problems,
                                  .samples = &done,
                                  .results = results,
                                  .sandbox = um_judge_sandbox_text(judge),
                                  .seconds = um_clock_seconds() - start,
                                  .interrupted = interrupted,
                                  .ks_are_asked_for = request->choice.has_ks};
        reported = report(request, &judged, path, error);
    }
    free(results);
    if (interrupted && reported == UM_OK) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "interrupted after %zu of %zu samples%s%s",
                        done.count, work->samples->count, *path ? "; see " : "", path);
    }
    return status == UM_OK || interrupted ? reported : status;
}

/* No more workers than samples: each starts interpreters, which takes longer than most programs. */
static um_judge_options options_for(const judge_request *request, size_t samples) {
    um_judge_options options = request->choice.judge;
    if (options.workers == 0) {
        options.workers = um_usable_processors();
    }
    if (options.workers > samples) {
        options.workers = samples > 0 ? samples : 1;
    }
    return options;
}

/* Checked before hours of judging, not after them. */
static um_status check_output(const judge_request *request, um_error *error) {
    if (!request->output) {
        return UM_OK;
    }
    const char *const inputs[] = {request->problems, request->samples ? request->samples : "-"};
    for (int interrupted = 0; interrupted < 2; interrupted++) {
        char path[4096];
        UM_TRY(name_results(request, interrupted != 0, path, sizeof path, error));
        UM_TRY(um_cli_check_not_an_input(path, inputs, 2, error));
    }
    return um_cli_check_output_file(request->output, error);
}

static um_status judge_samples(const judge_request *request, um_error *error) {
    um_sample_list samples = {0};
    reading work = {.problems_path = request->problems, .samples = &samples};
    um_judge *judge = NULL;
    UM_TRY(check_output(request, error));
    UM_TRY(um_problem_set_create(&work.problems, error));
    um_status status = read_inputs(request, &work, error);
    if (status == UM_OK) {
        const um_judge_options options = options_for(request, samples.count);
        um_cli_catch_interrupts();
        status = um_judge_create(&options, &judge, error);
    }
    if (status == UM_OK) {
        (void)fprintf(stderr, "sandbox: %s\n", um_judge_sandbox_text(judge));
        status = judge_and_report(request, &work, judge, error);
    }
    um_judge_free(judge);
    um_sample_list_free(&samples);
    um_problem_set_free(work.problems);
    return status;
}

static int run(const um_command *command, int argc, char **argv) {
    static const struct option names[] = {{"output", required_argument, NULL, 'o'},
                                          {"reference", no_argument, NULL, 'r'},
                                          UM_CLI_JUDGE_OPTIONS,
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    judge_request request = {.choice = um_judge_default_choice()};
    bool reference = false;
    int option = 0;
    while ((option = um_cli_next_option(command, argc, argv, ":o:h", names)) != -1) {
        if (option == 'h') {
            return um_cli_help(command);
        }
        reference = reference || option == 'r';
        const int code = set_option(command, option, &request);
        if (code != UM_EXIT_OK) {
            return code;
        }
    }
    if (argc - optind != (reference ? 1 : 2)) {
        return um_cli_usage(command, reference ? "give one file: the problems"
                                               : "give two files: problems and samples");
    }
    request.problems = argv[optind];
    request.samples = reference ? NULL : argv[optind + 1];
    if (request.samples && strcmp(request.problems, "-") == 0 &&
        strcmp(request.samples, "-") == 0) {
        return um_cli_usage(command, "only one of the files can be standard input");
    }
    um_error error = {0};
    return judge_samples(&request, &error) == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

const um_command um_command_judge = {.name = "judge",
                                     .summary = "run samples with the tests of their problems",
                                     .help = help,
                                     .run = run};
