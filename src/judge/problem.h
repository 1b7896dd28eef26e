/* Programming problems with tests: read from JSON Lines, and turned into programs.
 *
 * Forms of a line:
 *  - HumanEval (Chen et al., arXiv:2107.03374): "task_id", "prompt", "entry_point" and "test",
 *    which defines check(candidate); optionally "format": "completion" (default), "infilling" (with
 *    "suffix", and the default if there is one) or "chat".
 *  - AceCode (Zeng et al., arXiv:2502.01718): "id" or "task_id", "question" or "prompt", and
 *    "test_cases", a list of assert statements; "chat" unless "format" says otherwise.
 *  - MBPP (Austin et al., arXiv:2108.07732): "task_id", "prompt" or "text", and "test_list";
 *    optionally "test_imports" (a list), "test_setup_code" and, as in MBPP+ (Liu et al.,
 *    arXiv:2305.01210), "test", a script that is one more test; "program" unless "format" says
 *    otherwise.
 * "level" (a whole number) and "key" (text) are kept; other members are ignored. */
#ifndef UM_JUDGE_PROBLEM_H
#define UM_JUDGE_PROBLEM_H

#include "base/buffer.h"
#include "base/status.h"

/* How a completion becomes a program. */
typedef enum um_problem_format {
    UM_PROBLEM_COMPLETION, /* program = prompt + completion */
    UM_PROBLEM_INFILLING,  /* program = prompt + completion + suffix */
    UM_PROBLEM_CHAT,       /* program = the first ```python block of the completion */
    UM_PROBLEM_PROGRAM     /* program = completion */
} um_problem_format;

#define UM_PROBLEM_FORMATS (UM_PROBLEM_PROGRAM + 1)

/* Every text is NUL-terminated UTF-8 owned by the set, and "" if the line has none. */
typedef struct um_problem {
    const char *id; /* a numeric id is kept as decimal text */
    const char *prompt;
    const char *suffix;
    um_problem_format format;
    int64_t level; /* 0 if the line has none */
    const char *key;
    const char *reference;      /* "canonical_solution" or "code": a completion that passes */
    const char *entry_point;    /* the function passed to check(); "" with asserts */
    const char *test;           /* Python that defines check(candidate); "" with asserts */
    const char *setup;          /* Python that runs before the asserts */
    const char *const *asserts; /* [assert_count] statements; NULL if there is a check() */
    size_t assert_count;
} um_problem;

/* "completion", "infilling", "chat" or "program". */
const char *um_problem_format_name(um_problem_format format);

/* The format of that name, which the member "format" of a line has; `where` names the line in the
 * message of UM_ERR_FORMAT. */
um_status um_problem_format_parse(const char *name, const char *where, um_problem_format *format,
                                  um_error *error);

typedef struct um_problem_set um_problem_set;

um_status um_problem_set_create(um_problem_set **set, um_error *error);
/* NULL is allowed. */
void um_problem_set_free(um_problem_set *set);

/* Add the problem of one line of `length` bytes (a line of white space adds none).  `path` and
 * `number` name the line in messages.  UM_ERR_FORMAT: not an object of a form above, or an id that
 * the set already has; UM_ERR_LIMIT: more than 10,000 asserts.  A failure leaves the set as it
 * was. */
um_status um_problem_set_add_line(um_problem_set *set, const char *bytes, size_t length,
                                  const char *path, size_t number, um_error *error);

/* Add the problems in the contents of a file: lines, or one JSON array of such objects (the form in
 * which sanitized MBPP is published).  `path` names the file in messages.  If one problem is
 * invalid, those before it have been added. */
um_status um_problem_set_add_text(um_problem_set *set, const um_buffer *text, const char *path,
                                  um_error *error);

/* The same for the file at `path` ("-": standard input). */
um_status um_problem_set_add_file(um_problem_set *set, const char *path, um_error *error);

size_t um_problem_set_count(const um_problem_set *set);
/* Problem `index` < count, in the order of the lines; valid as long as the set. */
const um_problem *um_problem_set_at(const um_problem_set *set, size_t index);
/* The problem with that id, or NULL. */
const um_problem *um_problem_set_find(const um_problem_set *set, const char *id);

/* Append the program that results from `completion` (`length` bytes) to `program`.  A chat answer
 * without a ```python block gives an empty program; if the closing fence is missing, the program is
 * all that follows the opening one. */
um_status um_problem_program(const um_problem *problem, const char *completion, size_t length,
                             um_buffer *program, um_error *error);

#endif
