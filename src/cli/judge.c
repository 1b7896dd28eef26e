/* unmask judge: run what a model wrote with the tests of its problems, in a sandbox. */
#include "cli/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/output_check.h"
#include "cli/progress_bar.h"

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
    "  -o, --output FILE     write the samples with their results (\"passed\", \"result\", ...)\n"
    "      --reference       judge the problems' own solutions in place of samples\n"
    "      --k LIST          the k of pass@k (default: 1,10,100, where there are so many samples)\n"
    "      --timeout S       seconds for one program with its tests (default: 5)\n"
    "      --memory MIB      address space of each process (default: 512)\n"
    "      --workers N       programs at a time (default: one a processor)\n"
    "      --fresh           new interpreters for each program: slower, and no more in common\n"
    "      --sandbox LEVEL   full (default), namespaces, bubblewrap, seccomp, or none, which "
    "protects\n"
    "                        from accidents only; docs/SANDBOX.md says what each keeps out\n"
    "      --json            print the summary as JSON\n"
    "  -h, --help            this text\n"
    "\n"
    "example:\n"
    "  unmask judge HumanEval.jsonl samples.jsonl --output results.jsonl\n";

typedef struct judge_request {
    um_judge_options judge;
    um_judge_ks ks;
    const char *problems;
    const char *samples; /* NULL: the references */
    const char *output;
    bool json;
} judge_request;

/* ---- Options ------------------------------------------------------------------- */

static bool parse_ks(const um_command *command, const char *text, um_judge_ks *ks) {
    ks->count = 0;
    for (const char *next = text;; next++) {
        char *end = NULL;
        const unsigned long value = strtoul(next, &end, 10);
        if (end == next || *next < '0' || *next > '9' || value == 0 || value > 1000000 ||
            (*end != ',' && *end) || ks->count == UM_JUDGE_MAXIMUM_K) {
            (void)um_cli_usage(command, "--k: \"%s\" is not a list such as 1,10 of at most %d",
                               text, UM_JUDGE_MAXIMUM_K);
            return false;
        }
        ks->values[ks->count++] = value;
        if (!*end) {
            return true;
        }
        next = end;
    }
}

static bool parse_seconds(const um_command *command, const char *text, double *seconds) {
    char *end = NULL;
    errno = 0;
    const double value = strtod(text, &end);
    if (end == text || *end || errno != 0 || !(value > 0 && value <= 86400)) {
        (void)um_cli_usage(command, "--timeout: \"%s\" is not a number of seconds up to 86400",
                           text);
        return false;
    }
    *seconds = value;
    return true;
}

static int set_option(const um_command *command, int option, judge_request *request) {
    switch (option) {
        case 'o':
            request->output = optarg;
            return UM_EXIT_OK;
        case 'r':
            request->samples = NULL;
            return UM_EXIT_OK;
        case 'k':
            return parse_ks(command, optarg, &request->ks) ? UM_EXIT_OK : UM_EXIT_USAGE;
        case 't':
            return parse_seconds(command, optarg, &request->judge.timeout_seconds) ? UM_EXIT_OK
                                                                                   : UM_EXIT_USAGE;
        case 'M': {
            unsigned long long mib = 0;
            if (!um_cli_parse_count(command, "--memory", optarg, 64, 1ULL << 24, &mib)) {
                return UM_EXIT_USAGE;
            }
            request->judge.memory_mib = (size_t)mib;
            return UM_EXIT_OK;
        }
        case 'w':
            return um_cli_set_count(command, "--workers", optarg, 1024, &request->judge.workers);
        case 'f':
            request->judge.fresh = true;
            return UM_EXIT_OK;
        case 's':
            if (um_sandbox_level_from_name(optarg, &request->judge.level)) {
                return UM_EXIT_OK;
            }
            return um_cli_usage(command,
                                "--sandbox: \"%s\" is not full, namespaces, bubblewrap, seccomp or "
                                "none",
                                optarg);
        case 'j':
            request->json = true;
            return UM_EXIT_OK;
        default:
            return UM_EXIT_USAGE;
    }
}

/* ---- Reading ------------------------------------------------------------------- */

typedef struct reading {
    um_problem_set *problems;
    um_sample_list *samples;
} reading;

static um_status read_problem(void *user, const char *line, size_t length, const char *path,
                              size_t number, um_error *error) {
    return um_problem_set_add_line(((reading *)user)->problems, line, length, path, number, error);
}

static um_status read_sample(void *user, const char *line, size_t length, const char *path,
                             size_t number, um_error *error) {
    reading *work = user;
    return um_sample_list_add_line(work->samples, work->problems, line, length, path, number,
                                   error);
}

static um_status read_inputs(const judge_request *request, reading *work, um_error *error) {
    UM_TRY(um_cli_each_line(request->problems, read_problem, work, error));
    if (request->samples) {
        return um_cli_each_line(request->samples, read_sample, work, error);
    }
    for (size_t i = 0; i < um_problem_set_count(work->problems); i++) {
        UM_TRY(um_sample_list_add_reference(work->samples, um_problem_set_at(work->problems, i),
                                            error));
    }
    return UM_OK;
}

/* ---- Judging ------------------------------------------------------------------- */

static um_status report(const judge_request *request, const um_judged *judged, um_error *error) {
    um_buffer text = {0};
    um_status status = request->json ? um_judged_json(judged, &request->ks, &text, error)
                                     : um_judged_table(judged, &request->ks, &text, error);
    if (status == UM_OK) {
        (void)fwrite(text.data, 1, text.length, stdout);
    }
    um_buffer_free(&text);
    if (status == UM_OK && request->output) { /* a disk that is full by now leaves the summary */
        status = um_judged_write(judged, request->output, error);
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

static um_status judge_and_report(const judge_request *request, const reading *work,
                                  um_judge *judge, um_error *error) {
    um_judgement *results = NULL;
    const double start = um_clock_seconds();
    UM_TRY(um_allocate(&results, work->samples->count, sizeof *results, "results", error));
    um_status status = judge_all(judge, work->samples, results, error);
    if (status == UM_OK) {
        const um_judged judged = {.problems = work->problems,
                                  .samples = work->samples,
                                  .results = results,
                                  .sandbox = um_judge_sandbox_text(judge),
                                  .seconds = um_clock_seconds() - start};
        status = report(request, &judged, error);
    }
    free(results);
    return status;
}

/* No more workers than samples: each starts interpreters, which takes longer than most programs. */
static um_judge_options options_for(const judge_request *request, size_t samples) {
    um_judge_options options = request->judge;
    if (options.workers > samples) {
        options.workers = samples > 0 ? samples : 1;
    }
    return options;
}

/* Known before hours of judging, not after them. */
static um_status check_output(const judge_request *request, um_error *error) {
    if (!request->output) {
        return UM_OK;
    }
    const char *const inputs[] = {request->problems, request->samples ? request->samples : "-"};
    UM_TRY(um_cli_check_not_an_input(request->output, inputs, 2, error));
    return um_cli_check_output_file(request->output, error);
}

static um_status judge_samples(const judge_request *request, um_error *error) {
    um_sample_list samples = {0};
    reading work = {.samples = &samples};
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
                                          {"k", required_argument, NULL, 'k'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"memory", required_argument, NULL, 'M'},
                                          {"workers", required_argument, NULL, 'w'},
                                          {"fresh", no_argument, NULL, 'f'},
                                          {"sandbox", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    judge_request request = {.judge = um_judge_default_options(),
                             .ks = {.values = {1, 10, 100}, .count = 3}};
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
        return um_cli_usage(command, reference ? "one file is needed, of problems"
                                               : "two files are needed, of problems and samples");
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
