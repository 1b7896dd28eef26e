#define _GNU_SOURCE
#include "judge/worker.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "judge/answer.h"
#include "judge/harness.h"

#define NONCE_BYTES 16
#define MESSAGE_BYTES 32768
/* Seconds for an interpreter to start, and for a warm one to end its child. */
#define START_SECONDS 20.0
#define STOP_SECONDS 5.0

/* ---- The Python texts ------------------------------------------------------------ */

static um_status join(um_buffer *text, um_error *error, const char *const *parts) {
    for (; *parts; parts++) {
        UM_TRY(um_buffer_append_text(text, *parts, error));
    }
    return UM_OK;
}

um_status um_worker_sources_create(um_worker_sources *sources, um_error *error) {
    const char *const fresh_program[] = {um_harness_wire, um_harness_program, "\nrun_program(3)\n",
                                         NULL};
    const char *const fresh_tests[] = {um_harness_wire, um_harness_foreseen, um_harness_verdict,
                                       "\nrun_tests(3, 4)\n", NULL};
    const char *const warm_program[] = {um_harness_wire, um_harness_program, um_harness_zygote,
                                        "\nrun_zygote(3)\n", NULL};
    const char *const warm_tests[] = {um_harness_wire,          um_harness_foreseen,
                                      um_harness_verdict,       um_harness_zygote,
                                      "\nrun_test_server(3)\n", NULL};
    UM_TRY(join(&sources->fresh[UM_WORKER_PROGRAM], error, fresh_program));
    UM_TRY(join(&sources->fresh[UM_WORKER_TESTS], error, fresh_tests));
    UM_TRY(join(&sources->warm[UM_WORKER_PROGRAM], error, warm_program));
    return join(&sources->warm[UM_WORKER_TESTS], error, warm_tests);
}

void um_worker_sources_free(um_worker_sources *sources) {
    for (int side = 0; side < UM_WORKER_SIDES; side++) {
        um_buffer_free(&sources->warm[side]);
        um_buffer_free(&sources->fresh[side]);
    }
}

/* ---- Warm interpreters ------------------------------------------------------------ */

static unsigned cpu_seconds(const um_worker *worker) {
    return (unsigned)ceil(worker->options->timeout_seconds) + 1;
}

static void close_end(int *descriptor) {
    if (*descriptor >= 0) {
        (void)close(*descriptor);
        *descriptor = -1;
    }
}

static um_status make_pair(int kind, int ends[2], um_error *error) {
    if (socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, ends) < 0) {
        return um_error_set_errno(error, errno, "a socket to the sandbox");
    }
    return UM_OK;
}

/* Send a warm interpreter its settings, and wait until it says that it is ready. */
static um_status greet(const um_worker *worker, int control, um_error *error) {
    size_t filter_bytes = 0;
    const char *filter = um_sandbox_child_filter(worker->sandbox, &filter_bytes);
    const uint32_t head[3] = {cpu_seconds(worker), um_sandbox_threads(worker->sandbox),
                              um_sandbox_has_scratch(worker->sandbox)};
    um_buffer settings = {0};
    const um_channel_wait wait = {.deadline = um_clock_seconds() + START_SECONDS};
    char ready[5];
    um_status status = um_buffer_append(&settings, head, sizeof head, error);
    if (status == UM_OK && filter_bytes > 0) {
        status = um_buffer_append(&settings, filter, filter_bytes, error);
    }
    if (status == UM_OK &&
        (um_channel_send_packet(control, settings.data, settings.length, NULL, 0) !=
             UM_CHANNEL_DONE ||
         um_channel_receive_packet(control, ready, sizeof ready, &wait) != UM_CHANNEL_DONE)) {
        status = UM_RAISE(error, UM_ERR_IO,
                          "the Python in the sandbox does not start: is its standard library "
                          "complete, and is the memory limit of %zu MiB enough?",
                          worker->options->memory_mib);
    }
    um_buffer_free(&settings);
    return status;
}

static void end_warm(um_worker *worker, um_worker_side side) {
    um_warm_interpreter *warm = &worker->warm[side];
    if (warm->pid != 0) {
        (void)um_sandbox_end(worker->sandbox, warm->pid);
        close_end(&warm->control);
        warm->pid = 0;
    }
}

static um_status start_warm(um_worker *worker, um_worker_side side, um_error *error) {
    int ends[2];
    um_warm_interpreter *warm = &worker->warm[side];
    UM_TRY(make_pair(SOCK_SEQPACKET, ends, error));
    const um_sandbox_process process = {.source = um_buffer_text(&worker->sources->warm[side]),
                                        .descriptors = &ends[1],
                                        .descriptor_count = 1,
                                        .role = side == UM_WORKER_PROGRAM ? UM_SECCOMP_ZYGOTE
                                                                          : UM_SECCOMP_TESTS};
    um_status status = um_sandbox_start(worker->sandbox, &process, &warm->pid, error);
    close_end(&ends[1]);
    if (status != UM_OK) {
        close_end(&ends[0]);
        return status;
    }
    warm->control = ends[0];
    status = greet(worker, warm->control, error);
    if (status != UM_OK) {
        end_warm(worker, side);
    }
    return status;
}

um_status um_worker_warm_up(um_worker *worker, um_error *error) {
    for (int side = 0; side < UM_WORKER_SIDES; side++) {
        if (worker->warm[side].pid == 0) {
            UM_TRY(start_warm(worker, (um_worker_side)side, error));
        }
    }
    return UM_OK;
}

void um_worker_close(um_worker *worker) {
    for (int side = 0; side < UM_WORKER_SIDES; side++) {
        end_warm(worker, (um_worker_side)side);
    }
    um_buffer_free(&worker->program);
    um_buffer_free(&worker->job);
}

/* ---- The processes of one trial ----------------------------------------------------- */

typedef struct trial {
    um_worker *worker;
    pid_t fresh[UM_WORKER_SIDES];
    bool started[UM_WORKER_SIDES];
    int verdict; /* socket on which the tests report to us */
    int program_status;
    bool program_ended; /* program_status says how */
    bool program_lost;  /* the interpreter that started it has ended */
} trial;

/* Let a warm interpreter start its part of a trial; replace the interpreter once if it has died. */
static um_status start_child(um_worker *worker, um_worker_side side, const int *descriptors,
                             size_t count, um_error *error) {
    static const char command[] = "start";
    for (int attempt = 0; attempt < 2; attempt++) {
        if (worker->warm[side].pid == 0) {
            UM_TRY(start_warm(worker, side, error));
        }
        if (um_channel_send_packet(worker->warm[side].control, command, sizeof command - 1,
                                   descriptors, count) == UM_CHANNEL_DONE) {
            return UM_OK;
        }
        end_warm(worker, side);
    }
    return UM_RAISE(error, UM_ERR_IO, "the sandbox ends as soon as it is started");
}

static um_status start_side(trial *run, um_worker_side side, const int *descriptors, size_t count,
                            um_error *error) {
    um_worker *worker = run->worker;
    if (worker->options->fresh) {
        const um_sandbox_process process = {.source = um_buffer_text(&worker->sources->fresh[side]),
                                            .descriptors = descriptors,
                                            .descriptor_count = count,
                                            .role = UM_SECCOMP_FRESH,
                                            .cpu_seconds = cpu_seconds(worker)};
        UM_TRY(um_sandbox_start(worker->sandbox, &process, &run->fresh[side], error));
    } else {
        UM_TRY(start_child(worker, side, descriptors, count, error));
    }
    run->started[side] = true;
    return UM_OK;
}

/* Start a pair of processes with a socket between them, and another from the tests to us. */
static um_status start_trial(trial *run, um_error *error) {
    int calls[2] = {-1, -1};
    int report[2] = {-1, -1};
    UM_TRY(make_pair(SOCK_STREAM, calls, error));
    um_status status = make_pair(SOCK_STREAM, report, error);
    if (status == UM_OK) {
        status = start_side(run, UM_WORKER_PROGRAM, &calls[0], 1, error);
    }
    if (status == UM_OK) {
        const int both[2] = {report[1], calls[1]};
        status = start_side(run, UM_WORKER_TESTS, both, 2, error);
    }
    run->verdict = report[0];
    close_end(&calls[0]);
    close_end(&calls[1]);
    close_end(&report[1]);
    return status;
}

static bool ask_to_stop(const um_worker *worker, um_worker_side side) {
    static const char command[] = "stop";
    return um_channel_send_packet(worker->warm[side].control, command, sizeof command - 1, NULL,
                                  0) == UM_CHANNEL_DONE;
}

/* Wait until a warm interpreter that was `asked` has ended its part; end the interpreter too if it
 * does not answer, or if something was left behind.  Returns whether *status says how the part
 * ended. */
static bool await_stop(um_worker *worker, um_worker_side side, bool asked, int *status) {
    struct {
        int32_t status;
        uint32_t dirty;
    } answer = {0};
    const um_channel_wait wait = {.deadline = um_clock_seconds() + STOP_SECONDS};
    const bool answered =
        asked && um_channel_receive_packet(worker->warm[side].control, &answer, sizeof answer,
                                           &wait) == UM_CHANNEL_DONE;
    if (!answered || answer.dirty) {
        end_warm(worker, side);
    }
    *status = answer.status;
    return answered;
}

static void note_end(trial *run, int side, bool known, int status) {
    if (side == UM_WORKER_PROGRAM) {
        run->program_ended = known;
        run->program_lost = !known;
        run->program_status = status;
    }
}

/* The program first: the tests may be waiting for it. */
static void end_trial(trial *run) {
    um_worker *worker = run->worker;
    bool asked[UM_WORKER_SIDES] = {false, false};
    for (int side = 0; side < UM_WORKER_SIDES && !worker->options->fresh; side++) {
        asked[side] = run->started[side] && ask_to_stop(worker, (um_worker_side)side);
    }
    for (int side = 0; side < UM_WORKER_SIDES; side++) {
        int status = 0;
        bool known = true;
        if (!run->started[side]) {
            continue;
        }
        if (worker->options->fresh) {
            status = um_sandbox_end(worker->sandbox, run->fresh[side]);
        } else {
            known = await_stop(worker, (um_worker_side)side, asked[side], &status);
        }
        note_end(run, side, known, status);
    }
    close_end(&run->verdict);
}

/* ---- The job and the verdict ---------------------------------------------------------- */

static um_status make_nonce(char nonce[2 * NONCE_BYTES + 1], um_error *error) {
    unsigned char bytes[NONCE_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return um_error_set_errno(error, errno, "random bytes");
    }
    for (size_t i = 0; i < NONCE_BYTES; i++) {
        (void)snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
    }
    return UM_OK;
}

static um_status write_job(um_worker *worker, const um_attempt *attempt, const char *nonce,
                           um_error *error) {
    const um_problem *problem = attempt->problem;
    const char *const before[] = {nonce, um_problem_format_name(problem->format), problem->prompt};
    const char *const after[] = {problem->entry_point, problem->test, problem->setup};
    um_buffer *job = &worker->job;
    um_buffer_clear(job);
    for (size_t i = 0; i < 3; i++) {
        UM_TRY(um_channel_append_field(job, before[i], strlen(before[i]), error));
    }
    UM_TRY(um_channel_append_field(job, um_buffer_text(&worker->program), worker->program.length,
                                   error));
    for (size_t i = 0; i < 3; i++) {
        UM_TRY(um_channel_append_field(job, after[i], strlen(after[i]), error));
    }
    for (size_t i = 0; i < problem->assert_count; i++) {
        const char *text = problem->asserts[i];
        UM_TRY(um_channel_append_field(job, text, strlen(text), error));
    }
    return UM_OK;
}

static bool is_text(const char *field, size_t length, const char *text) {
    return strlen(text) == length && memcmp(field, text, length) == 0;
}

/* Set the text to one printable line, cut between characters. */
static void set_text(um_judgement *result, const char *bytes, size_t length) {
    size_t count = length < sizeof result->text - 1 ? length : sizeof result->text - 1;
    while (count > 0 && count < length && ((unsigned char)bytes[count] & 0xc0) == 0x80) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        result->text[i] = byte < ' ' || byte == 0x7f ? ' ' : bytes[i];
    }
    result->text[count] = '\0';
}

static void set_message(um_judgement *result, um_verdict verdict, const char *text) {
    result->verdict = verdict;
    result->tests_passed = 0;
    set_text(result, text, strlen(text));
}

static um_verdict verdict_from(const char *field, size_t length) {
    static const um_verdict all[] = {UM_VERDICT_PASSED, UM_VERDICT_FAILED, UM_VERDICT_ERROR,
                                     UM_VERDICT_SYNTAX};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (is_text(field, length, um_verdict_name(all[i]))) {
            return all[i];
        }
    }
    return UM_VERDICT_ENDED;
}

/* A verdict of passed holds only if the bits agree with it. */
static void read_bits(um_judgement *result, const char *bits, size_t length) {
    result->tests_total = length > 0 ? length : 1;
    result->tests_passed = 0;
    for (size_t i = 0; i < length; i++) {
        result->tests_passed += bits[i] == '1';
    }
    if (result->verdict == UM_VERDICT_PASSED && result->tests_passed != result->tests_total) {
        result->verdict = UM_VERDICT_FAILED;
    }
}

/* Handle one message: (nonce, "format", kind) or (nonce, "verdict", status, bits, text).  Returns
 * false if it was the last one, or neither of these. */
static bool read_message(const char *message, size_t length, const char *nonce,
                         um_judgement *result, bool *judged) {
    const char *fields[5];
    size_t lengths[5];
    size_t count = 0;
    size_t at = 0;
    while (count < 5 &&
           um_channel_next_field(message, length, &at, &fields[count], &lengths[count])) {
        count++;
    }
    if (count < 3 || at != length || !is_text(fields[0], lengths[0], nonce)) {
        return false;
    }
    if (count == 3 && is_text(fields[1], lengths[1], "format")) {
        const bool python = is_text(fields[2], lengths[2], "python");
        const bool syntax = is_text(fields[2], lengths[2], "syntax");
        result->format = python ? 1 : syntax ? 0.5 : 0;
        return true;
    }
    if (count == 5 && is_text(fields[1], lengths[1], "verdict")) {
        result->verdict = verdict_from(fields[2], lengths[2]);
        read_bits(result, fields[3], lengths[3]);
        set_text(result, fields[4], lengths[4]);
        *judged = true;
    }
    return false;
}

/* Say why there is no verdict, or why the program could not answer. */
static void explain_end(const trial *run, um_judgement *result) {
    char text[120];
    const int status = run->program_status;
    if (!run->program_ended || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        if (!result->text[0]) {
            set_message(result, UM_VERDICT_ENDED, "the tests ended without a verdict");
        }
        return;
    }
    if (WIFSIGNALED(status)) {
        (void)snprintf(text, sizeof text, "the program was ended by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(text, sizeof text, "the program ended itself with status %d",
                       WEXITSTATUS(status));
    }
    set_message(result, UM_VERDICT_ENDED, text);
}

static um_channel_outcome converse(trial *run, const char *nonce, const um_channel_wait *wait,
                                   um_judgement *result, bool *judged) {
    char message[MESSAGE_BYTES];
    size_t length = 0;
    um_channel_outcome outcome =
        um_channel_send(run->verdict, run->worker->job.data, run->worker->job.length, wait);
    bool more = true;
    while (outcome == UM_CHANNEL_DONE && more) {
        outcome = um_channel_receive(run->verdict, message, sizeof message, &length, wait);
        more = outcome == UM_CHANNEL_DONE && read_message(message, length, nonce, result, judged);
    }
    return outcome;
}

/* Time counts from where the interpreters are there.  *lost: the interpreter of the program ended,
 * which is the machine's doing (no memory, no process left), not the program's. */
static um_status run_trial(um_worker *worker, const char *nonce, um_channel_wait wait,
                           um_judgement *result, bool *lost, um_error *error) {
    trial run = {.worker = worker, .verdict = -1};
    bool judged = false;
    um_channel_outcome outcome = UM_CHANNEL_CLOSED;
    const um_status status = start_trial(&run, error);
    if (status == UM_OK) {
        wait.deadline = um_clock_seconds() + worker->options->timeout_seconds;
        outcome = converse(&run, nonce, &wait, result, &judged);
    }
    end_trial(&run);
    UM_TRY(status);
    *lost = run.program_lost &&
            (judged ? result->verdict == UM_VERDICT_ENDED : outcome == UM_CHANNEL_CLOSED);
    if (outcome == UM_CHANNEL_CANCELLED) {
        return UM_RAISE(error, UM_ERR_CANCELLED, "cancelled");
    }
    if (outcome == UM_CHANNEL_LATE) {
        char text[60];
        (void)snprintf(text, sizeof text, "not done after %g s", worker->options->timeout_seconds);
        set_message(result, UM_VERDICT_TIMEOUT, text);
    } else if (!judged || result->verdict == UM_VERDICT_ENDED) {
        explain_end(&run, result);
    }
    return UM_OK;
}

/* ---- One attempt ------------------------------------------------------------------------ */

um_status um_worker_judge(um_worker *worker, const um_attempt *attempt, bool (*wanted)(void *user),
                          void *user, um_judgement *result, um_error *error) {
    const um_problem *problem = attempt->problem;
    const double start = um_clock_seconds();
    const um_channel_wait wait = {.wanted = wanted, .user = user};
    const um_judgement none = {.tests_total = problem->assert_count ? problem->assert_count : 1};
    char nonce[2 * NONCE_BYTES + 1];
    bool exact = true;
    bool lost = false;
    *result = none;
    um_buffer_clear(&worker->program);
    UM_TRY(
        um_problem_program(problem, attempt->completion, attempt->length, &worker->program, error));
    if (problem->format == UM_PROBLEM_CHAT) {
        const um_answer_block block = um_answer_first_block(attempt->completion, attempt->length);
        exact = block.exact;
        if (!block.found) {
            set_message(result, UM_VERDICT_SYNTAX, "the answer has no ```python block");
            result->seconds = um_clock_seconds() - start;
            return UM_OK;
        }
    }
    UM_TRY(make_nonce(nonce, error));
    UM_TRY(write_job(worker, attempt, nonce, error));
    UM_TRY(run_trial(worker, nonce, wait, result, &lost, error));
    if (lost) {
        *result = none;
        UM_TRY(run_trial(worker, nonce, wait, result, &lost, error));
    }
    result->format = exact ? result->format : 0.0;
    result->code =
        result->format == 1.0 ? (double)result->tests_passed / (double)result->tests_total : 0.0;
    result->seconds = um_clock_seconds() - start;
    return UM_OK;
}
