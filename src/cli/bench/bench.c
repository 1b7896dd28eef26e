/* unmask bench: how fast a model runs here, and how that compares with another program. */
#include "cli/bench/bench.h"

#include "api/parts.h"
#include "base/atomic_file.h"
#include "base/processors.h"
#include "cli/machine.h"
#include "cli/output_check.h"
#include "cli/request/decoding_options.h"
#include "cli/request/model_path.h"
#include "cli/request/open_model.h"
#include "kernels/blas/peak.h"

#define PEAK_SECONDS 0.2 /* for each kind */

static const char help[] =
    "usage: unmask bench [--model DIR] [options]\n"
    "\n"
    "Measure how fast a model runs on this machine: whole runs of a prompt, and\n"
    "single forwards over various numbers of rows, compared with the processor's peak\n"
    "multiplication rate.\n"
    "\n"
    "Each measurement is repeated; the median is shown with the least and the most.\n"
    "\"others\" is the share of all processors' time that other processes took\n"
    "meanwhile; repetitions with a large share are repeated, up to half as many\n"
    "again.  Tokens a second count the committed tokens of the answer only: no\n"
    "prompt, no padding, nothing behind the end.  Ctrl-C ends it and shows what was\n"
    "measured so far.\n"
    "\n" UM_CLI_MODEL_HELP
    "      --only PART        only whole runs (run) or only single forwards (forward)\n"
    "  -r, --repetitions N    repetitions of each measurement (default: 5, and none begins once\n"
    "                         they have taken a minute)\n"
    "      --quiet-limit N    redo a repetition if other processes took more than N\n"
    "                         percent of the processors' time (default: 10)\n"
    "      --json             print one line of JSON instead of the table\n"
    "      --save FILE        write that JSON to FILE as well\n"
    "  -h, --help             this text\n"
    "\n"
    "single forwards:\n"
    "      --rows LIST        numbers of rows (default: 1,4,8,32,128,256,512, as far as the\n"
    "                         model has positions)\n"
    "      --context N        compute the rows over a cache of N valid rows, as a block with a\n"
    "                         cache before it does (default: the rows are the whole canvas)\n"
    "\n"
    "whole runs, besides the decoding options below:\n"
    "      --prompt TEXT      the prompt to complete (default: a short Python function)\n"
    "  -l, --length N         tokens to generate (default: " UM_BENCH_LENGTH_TEXT
    ", or what the context has room for; always\n"
    "                         " UM_BENCH_LENGTH_TEXT " with --against)\n"
    "\n"
    "comparison with another program, in pairs of whole runs, ours first:\n"
    "      --against COMMAND  run COMMAND in a shell; each side is a separate\n"
    "                         process, timed from start to end, opening the model\n"
    "                         included\n"
    "      --against-tokens N answer tokens that COMMAND commits, for its tokens a second\n"
    "      --ours COMMAND     a command in place of our own run of the prompt\n"
    "      --ours-tokens N    answer tokens that this one commits\n"
    "\n" UM_CLI_OPENING_HELP "\n"
    "examples:\n"
    "  unmask bench --model models/tiny\n"
    "  unmask bench --only forward --rows 32 --context 480     a block of 32 with a cache\n"
    "  unmask bench --only run --length 128 --steps 32 --json\n"
    "  unmask bench --threads 2 --length 128 --steps 128 \\\n"
    "      --against 'other-program -m model.gguf -t 2 -n 128' --against-tokens 128\n"
    "  unmask bench --ours 'program -O2' --against 'program -O3' --repetitions 9\n";

static void measure_machine(um_bench_report *report, const um_threads *threads) {
    um_bench_machine *machine = &report->machine;
    const um_compute compute = um_model_compute(report->model, threads);
    const um_machine_watch watch = um_machine_watch_start();
    double seconds = 0;
    machine->threads = um_threads_count(threads);
    for (int kind = 0; kind < UM_PEAK_KINDS && !um_cli_interrupted(); kind++) {
        machine->peaks[kind] = um_peak_measure(&compute, (um_peak_kind)kind, PEAK_SECONDS);
    }
    machine->sgemm = um_cli_interrupted() ? 0 : um_sgemm_peak(compute.pool, PEAK_SECONDS);
    machine->others = um_machine_watch_stop(&watch, &seconds);
}

/* Whole runs come first: the peak memory is theirs only as long as nothing else has run. */
static um_status measure_model(um_bench_report *report, um_threads *threads,
                               um_bench_progress *progress, um_error *error) {
    const um_bench_part part = report->settings->part;
    um_status status = UM_OK;
    if (part != UM_BENCH_RUN) {
        UM_TRY(um_bench_choose_forwards(report, error));
    }
    if (part != UM_BENCH_FORWARD) {
        status = um_bench_measure_run(report, threads, progress, error);
    }
    if (status == UM_OK || status == UM_ERR_CANCELLED) {
        measure_machine(report, threads);
    }
    if (status == UM_OK && part != UM_BENCH_RUN) {
        status = um_bench_measure_forwards(report, threads, progress, error);
    }
    return status;
}

static um_status open_and_measure(um_bench_report *report, um_bench_progress *progress,
                                  um_error *error) {
    const um_bench_settings *settings = report->settings;
    um_threads *threads = NULL;
    UM_TRY(um_cli_open_model(&settings->model, &report->model, error));
    UM_TRY(um_threads_create(settings->model.threads, &threads, error));
    const um_status status = measure_model(report, threads, progress, error);
    um_threads_free(threads);
    return status;
}

static um_status measure(um_bench_report *report, um_error *error) {
    if (report->settings->save) { /* not after minutes of measuring */
        UM_TRY(um_cli_check_output_file(report->settings->save, error));
    }
    um_bench_progress progress = um_bench_progress_start();
    um_bench_machine *machine = &report->machine;
    um_machine_processor_name(machine->processor, sizeof machine->processor);
    machine->processors = um_online_processors();
    const um_status status = report->settings->against
                                 ? um_bench_measure_comparison(report, &progress, error)
                                 : open_and_measure(report, &progress, error);
    um_bench_progress_end(&progress);
    return status;
}

static um_status print(const um_bench_report *report, um_error *error) {
    const um_bench_settings *settings = report->settings;
    um_buffer line = {0};
    um_buffer table = {0};
    um_status status = um_bench_format_json(report, &line, error);
    if (status == UM_OK && !settings->json) {
        status = um_bench_format_table(report, &table, error);
    }
    if (status == UM_OK) {
        (void)fputs(um_buffer_text(settings->json ? &line : &table), stdout);
        status =
            settings->save ? um_file_write(settings->save, line.data, line.length, error) : UM_OK;
    }
    um_buffer_free(&line);
    um_buffer_free(&table);
    return status;
}

static void release(um_bench_report *report) {
    um_repetitions_free(&report->run.repetitions);
    um_repetitions_free(&report->comparison.repetitions);
    for (size_t i = 0; i < report->forward_count; i++) {
        um_repetitions_free(&report->forwards[i].repetitions);
    }
    um_model_close(report->model);
}

static int run_settings(const um_bench_settings *settings) {
    um_error error = {0};
    um_bench_report report = {.settings = settings};
    um_cli_catch_interrupts();
    um_status status = measure(&report, &error);
    report.interrupted = status == UM_ERR_CANCELLED;
    /* Pairs that were measured before one failed are not lost. */
    if (status == UM_OK || status == UM_ERR_CANCELLED || report.comparison.repetitions.count > 0) {
        const um_status printed = print(&report, &error);
        status = printed == UM_OK ? status : printed;
    }
    release(&report);
    return status == UM_OK ? UM_EXIT_OK : um_cli_fail(&error);
}

static int run(const um_command *command, int argc, char **argv) {
    um_bench_settings settings = {0};
    int code = um_bench_parse(command, argc, argv, &settings);
    if (code == UM_PARSE_HELP) {
        code = um_cli_help_with_decoding(command);
    } else if (code == UM_EXIT_OK) {
        code = run_settings(&settings);
    }
    um_bench_settings_free(&settings);
    return code;
}

const um_command um_command_bench = {.name = "bench",
                                     .summary = "measure speed and memory",
                                     .help = help,
                                     .run = run,
                                     .needs_blas = true};
