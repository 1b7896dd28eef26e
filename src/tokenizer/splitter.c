#include "tokenizer/splitter.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/memory.h"
#include "tokenizer/pattern.h"

/* Longest expression that is compiled, in bytes. */
#define PATTERN_MAXIMUM ((size_t)1 << 16)

/* Steps of backtracking that a match may take: a fixed number and some for every byte of the
 * text, so that sane expressions always finish and exponential ones do not run for ever. */
#define MATCH_LIMIT_FIXED 100000U
#define MATCH_LIMIT_PER_BYTE 64U

#define JIT_STACK_START ((size_t)32 << 10)
#define JIT_STACK_MAXIMUM ((size_t)4 << 20)

const char um_splitter_gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const char um_splitter_qwen2_pattern[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

typedef struct um_split_step {
    um_split_kind kind;
    pcre2_code *code; /* NULL for UM_SPLIT_PREFIX_SPACE */
    bool compiled;    /* to machine code */
} um_split_step;

typedef struct um_split_machine {
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
} um_split_machine;

/* ---- Building ------------------------------------------------------------- */

/* Compile an expression in PCRE2's syntax; `shown` is the expression as it is in the file. */
static um_status compile_ready(const char *ready, size_t ready_length, const char *shown,
                               uint32_t options, um_split_step *step, um_error *error) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    step->code = pcre2_compile((PCRE2_SPTR)ready, ready_length, options, &code, &offset, NULL);
    if (!step->code) {
        PCRE2_UCHAR text[128] = "";
        (void)pcre2_get_error_message(code, text, sizeof text);
        return UM_RAISE(error, UM_ERR_UNSUPPORTED, "expression \"%.200s\": %s", shown,
                        (const char *)text);
    }
    step->compiled = pcre2_jit_compile(step->code, PCRE2_JIT_COMPLETE) == 0;
    return UM_OK;
}

static um_status compile(const char *pattern, size_t length, bool literal, um_split_step *step,
                         um_error *error) {
    if (length > PATTERN_MAXIMUM) {
        return UM_RAISE(error, UM_ERR_LIMIT, "the expression has %zu bytes, at most %zu are read",
                        length, PATTERN_MAXIMUM);
    }
    if (literal) {
        return compile_ready(pattern, length, pattern, PCRE2_UTF | PCRE2_LITERAL, step, error);
    }
    um_buffer ready = {0};
    um_status status = um_pattern_translate(pattern, length, &ready, error);
    if (status == UM_OK) {
        /* Multi-line, as in Oniguruma, for which these expressions are written. */
        status = compile_ready(um_buffer_text(&ready), ready.length, pattern,
                               PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                               step, error);
    }
    um_buffer_free(&ready);
    return status;
}

um_status um_splitter_add(um_splitter *splitter, um_split_kind kind, const char *pattern,
                          size_t length, um_error *error) {
    if (splitter->step_count == UM_SPLITTER_MAXIMUM_STEPS) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED, "more than %d steps in the pre-tokenizer",
                        UM_SPLITTER_MAXIMUM_STEPS);
    }
    if (!splitter->steps) {
        UM_TRY(um_allocate(&splitter->steps, UM_SPLITTER_MAXIMUM_STEPS, sizeof *splitter->steps,
                           "pre-tokenizer", error));
    }
    um_split_step *step = &splitter->steps[splitter->step_count];
    *step = (um_split_step){.kind = kind};
    if (kind != UM_SPLIT_PREFIX_SPACE) {
        UM_TRY(compile(pattern, length, kind == UM_SPLIT_LITERAL, step, error));
    }
    splitter->step_count++;
    return UM_OK;
}

/* ---- Running -------------------------------------------------------------- */

static um_status make_machine(um_split_scratch *scratch, um_error *error) {
    if (scratch->machine) {
        return UM_OK;
    }
    UM_TRY(um_allocate(&scratch->machine, 1, sizeof *scratch->machine, "pre-tokenizer", error));
    um_split_machine *machine = scratch->machine;
    machine->match = pcre2_match_data_create(1, NULL);
    machine->context = pcre2_match_context_create(NULL);
    machine->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAXIMUM, NULL);
    if (!machine->match || !machine->context) {
        um_split_scratch_free(scratch);
        return um_error_memory(error, "pre-tokenizer", JIT_STACK_START);
    }
    /* Without a stack of its own, machine code uses 32 KiB of the thread's stack. */
    pcre2_jit_stack_assign(machine->context, NULL, machine->stack);
    return UM_OK;
}

static void limit_match(um_split_machine *machine, size_t length) {
    const size_t limit = MATCH_LIMIT_FIXED + (length < UINT32_MAX / (2 * MATCH_LIMIT_PER_BYTE)
                                                  ? length * MATCH_LIMIT_PER_BYTE
                                                  : UINT32_MAX / 2);
    (void)pcre2_set_match_limit(machine->context, (uint32_t)limit);
}

/* Find the next match in text[from..length); *found tells whether there is one. */
static um_status find(const um_split_step *step, um_split_machine *machine, const char *text,
                      size_t length, size_t from, bool *found, um_error *error) {
    const int result = step->compiled
                           ? pcre2_jit_match(step->code, (PCRE2_SPTR)text, length, from, 0,
                                             machine->match, machine->context)
                           : pcre2_match(step->code, (PCRE2_SPTR)text, length, from,
                                         PCRE2_NO_UTF_CHECK, machine->match, machine->context);
    *found = result >= 0;
    if (result >= 0 || result == PCRE2_ERROR_NOMATCH) {
        return UM_OK;
    }
    PCRE2_UCHAR message[128] = "";
    (void)pcre2_get_error_message(result, message, sizeof message);
    return UM_RAISE(error, UM_ERR_LIMIT, "pre-tokenizer: at byte %zu of the text: %s", from,
                    (const char *)message);
}

static um_status run_steps(const um_splitter *splitter, size_t step, um_split_scratch *scratch,
                           const char *text, size_t length, um_piece_function *function, void *user,
                           um_error *error);

static um_status add_space(const um_splitter *splitter, size_t step, um_split_scratch *scratch,
                           const char *text, size_t length, um_piece_function *function, void *user,
                           um_error *error) {
    if (text[0] == ' ') {
        return run_steps(splitter, step + 1, scratch, text, length, function, user, error);
    }
    /* Taken out of the scratch while it is in use, in case a later step adds a space too. */
    um_buffer prefixed = scratch->prefixed;
    scratch->prefixed = (um_buffer){0};
    um_buffer_clear(&prefixed);
    um_status status = um_buffer_append(&prefixed, " ", 1, error);
    if (status == UM_OK) {
        status = um_buffer_append(&prefixed, text, length, error);
    }
    if (status == UM_OK) {
        status = run_steps(splitter, step + 1, scratch, prefixed.data, prefixed.length, function,
                           user, error);
    }
    um_buffer_free(&scratch->prefixed);
    scratch->prefixed = prefixed;
    return status;
}

static size_t next_character(const char *text, size_t length, size_t at) {
    do {
        at++;
    } while (at < length && ((uint8_t)text[at] & 0xC0) == 0x80);
    return at;
}

static um_status split(const um_splitter *splitter, size_t step, um_split_scratch *scratch,
                       const char *text, size_t length, um_piece_function *function, void *user,
                       um_error *error) {
    um_split_machine *machine = scratch->machine;
    const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(machine->match);
    size_t done = 0;
    size_t from = 0;
    while (from < length) {
        limit_match(machine, length - from);
        bool found = false;
        UM_TRY(find(&splitter->steps[step], machine, text, length, from, &found, error));
        if (!found) {
            break;
        }
        const size_t start = bounds[0], end = bounds[1];
        /* \K in a look-around can make a match end before it starts. */
        if (start < done || end < start) {
            return UM_RAISE(error, UM_ERR_UNSUPPORTED, "pre-tokenizer: matches that overlap");
        }
        UM_TRY(run_steps(splitter, step + 1, scratch, text + done, start - done, function, user,
                         error));
        UM_TRY(run_steps(splitter, step + 1, scratch, text + start, end - start, function, user,
                         error));
        done = end;
        from = end > from ? end : next_character(text, length, end);
    }
    return run_steps(splitter, step + 1, scratch, text + done, length - done, function, user,
                     error);
}

/* Apply the steps from `step` on; empty pieces are dropped. */
static um_status run_steps(const um_splitter *splitter, size_t step, um_split_scratch *scratch,
                           const char *text, size_t length, um_piece_function *function, void *user,
                           um_error *error) {
    if (length == 0) {
        return UM_OK;
    }
    if (step == splitter->step_count) {
        return function(user, text, length, error);
    }
    if (splitter->steps[step].kind == UM_SPLIT_PREFIX_SPACE) {
        return add_space(splitter, step, scratch, text, length, function, user, error);
    }
    return split(splitter, step, scratch, text, length, function, user, error);
}

um_status um_splitter_run(const um_splitter *splitter, um_split_scratch *scratch, const char *text,
                          size_t length, um_piece_function *function, void *user, um_error *error) {
    UM_TRY(make_machine(scratch, error));
    return run_steps(splitter, 0, scratch, text, length, function, user, error);
}

void um_splitter_free(um_splitter *splitter) {
    for (size_t i = 0; i < splitter->step_count; i++) {
        pcre2_code_free(splitter->steps[i].code);
    }
    free(splitter->steps);
    *splitter = (um_splitter){0};
}

void um_split_scratch_free(um_split_scratch *scratch) {
    if (scratch->machine) {
        pcre2_match_data_free(scratch->machine->match);
        pcre2_match_context_free(scratch->machine->context);
        pcre2_jit_stack_free(scratch->machine->stack);
        free(scratch->machine);
    }
    um_buffer_free(&scratch->prefixed);
    *scratch = (um_split_scratch){0};
}
