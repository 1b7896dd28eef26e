/* Rewards from executed tests: the programs that a model wrote are run in a sandbox and judged.
 *
 * The program of an attempt runs in one process, and the problem's tests in another; both are
 * sandboxed, and share nothing but a socket that carries calls and plain values.  What the program
 * does to its own process cannot change a verdict (docs/SANDBOX.md). */
#ifndef UM_JUDGE_JUDGE_H
#define UM_JUDGE_JUDGE_H

#include "base/watch.h"
#include "judge/problem.h"
#include "judge/sandbox.h"

typedef struct um_judge_options {
    um_sandbox_level level; /* refused, never weakened, if the system lacks it */
    double timeout_seconds; /* wall time for an attempt with all its tests, above 0 */
    size_t memory_mib;      /* address space of each of the two processes, at least 64 */
    size_t workers;         /* attempts judged at a time; 0: one per usable processor */
    bool fresh;             /* new interpreters for each attempt, instead of warm ones */
    const char *python;     /* the interpreter, below /usr; read during um_judge_create only */
} um_judge_options;

/* full, 5 s, 512 MiB, one worker per processor, warm, /usr/bin/python3. */
um_judge_options um_judge_default_options(void);

typedef enum um_verdict {
    UM_VERDICT_PASSED,  /* every test passed */
    UM_VERDICT_FAILED,  /* a test ran, and did not pass */
    UM_VERDICT_ERROR,   /* no test was reached: an exception while the program was defined */
    UM_VERDICT_SYNTAX,  /* not Python, or (chat) no Python block */
    UM_VERDICT_TIMEOUT, /* time ran out before the last test */
    UM_VERDICT_ENDED    /* the process ended itself, or hit a limit */
} um_verdict;

/* "passed", "failed", "error", "syntax", "timeout" or "ended". */
const char *um_verdict_name(um_verdict verdict);

typedef struct um_judgement {
    um_verdict verdict;
    size_t tests_passed; /* of the asserts; 0 after a timeout or an end */
    size_t tests_total;  /* at least 1; 0: not judged */
    double format;       /* 1, 0.5 or 0; see um_judge_batch */
    double code;         /* tests_passed / tests_total if format is 1, otherwise 0 */
    double seconds;      /* wall time */
    char text[256];      /* one printable line: "passed", or what went wrong */
} um_judgement;

typedef struct um_attempt {
    const um_problem *problem;
    const char *completion; /* UTF-8, special tokens removed */
    size_t length;          /* in bytes */
} um_attempt;

typedef struct um_judge um_judge;

/* Start the workers' sandboxes and try one.  Keep the judge for a whole training run: warm
 * interpreters are what makes it fast.  If possible, call this before the process holds gigabytes
 * or many threads: each sandbox starts as a copy of the process.
 *
 * UM_ERR_ARGUMENT: options out of range.  UM_ERR_UNSUPPORTED: there is no Python, or the system
 * does not offer the level; the message then says what is missing and which weaker levels there
 * are.  UM_ERR_IO: Python does not start, or the trial fails. */
um_status um_judge_create(const um_judge_options *options, um_judge **judge, um_error *error);

/* End every process that the judge started.  NULL is allowed. */
void um_judge_free(um_judge *judge);

/* One line that says how programs are confined and, below the level full, what is missing. */
const char *um_judge_sandbox_text(const um_judge *judge);

/* Judge `count` attempts, as many at a time as there are workers; results[i] is the judgement of
 * attempts[i], and depends on nothing else.  Only one thread may call this at a time.
 *
 * The format reward of a chat answer (rewards.py of apple/ml-diffucoder): the answer must be text
 * without ```, one block from "```python\n" to "```\n" without ``` inside, and nothing after it;
 * the reward is then 1 if ast.parse accepts the block, 0.5 if that raises SyntaxError, and
 * otherwise 0.  In the other formats the whole program is parsed.  The code reward is the share of
 * tests that pass.  A test is an assert statement of the problem's list, or one at the top level of
 * check(); a check() without such a statement is a single test.
 *
 * What a program does is never an error.  `watch` (may be NULL) is told of attempts, by one thread
 * at a time, not always the caller's; if it stops the batch, UM_ERR_CANCELLED, and some of
 * `results` are all zeros: not judged.  UM_ERR_IO, UM_ERR_UNSUPPORTED: a sandbox could not be
 * restarted. */
um_status um_judge_batch(um_judge *judge, const um_attempt *attempts, size_t count,
                         um_judgement *results, const um_watch *watch, um_error *error);

#endif
