/* The pre-tokenizer: splits text into the pieces that BPE works on.
 *
 * It is a chain of steps, each applied to every piece that the step before produced: splits by a
 * regular expression (matches and the text between them both become pieces), and, for the
 * "add_prefix_space" option, a space put before a piece that does not start with one.  Expressions
 * run in PCRE2 with Unicode properties, compiled to machine code if PCRE2 can do that. */
#ifndef UM_TOKENIZER_SPLITTER_H
#define UM_TOKENIZER_SPLITTER_H

#include "base/buffer.h"
#include "base/status.h"

/* Maximum number of steps in a chain. */
#define UM_SPLITTER_MAXIMUM_STEPS 16

/* GPT-2's expression, which the ByteLevel pre-tokenizer uses by itself (Radford et al., 2019). */
extern const char um_splitter_gpt2_pattern[];

/* The expression of the Qwen2 family, Dream and DiffuCoder. */
extern const char um_splitter_qwen2_pattern[];

typedef enum um_split_kind {
    UM_SPLIT_PATTERN,     /* at matches of a regular expression */
    UM_SPLIT_LITERAL,     /* at occurrences of a fixed string */
    UM_SPLIT_PREFIX_SPACE /* no cut: a leading space is added */
} um_split_kind;

/* Immutable once built, shared by threads.  Zero-initialise; release with um_splitter_free. */
typedef struct um_splitter {
    struct um_split_step *steps; /* [step_count] */
    size_t step_count;
} um_splitter;

/* What one thread needs to run a splitter.  Zero-initialise; release with um_split_scratch_free. */
typedef struct um_split_scratch {
    struct um_split_machine *machine; /* created at the first use */
    um_buffer prefixed;
} um_split_scratch;

/* Called with every piece, in order; a failure ends the split and is returned. */
typedef um_status um_piece_function(void *user, const char *piece, size_t length, um_error *error);

/* Append a step.  `pattern` (UTF-8, `length` bytes) is ignored for UM_SPLIT_PREFIX_SPACE.
 * UM_ERR_UNSUPPORTED if the expression does not compile. */
um_status um_splitter_add(um_splitter *splitter, um_split_kind kind, const char *pattern,
                          size_t length, um_error *error);

/* Split `text`, which must be well-formed UTF-8.  UM_ERR_LIMIT if an expression backtracks beyond a
 * limit on it. */
um_status um_splitter_run(const um_splitter *splitter, um_split_scratch *scratch, const char *text,
                          size_t length, um_piece_function *function, void *user, um_error *error);

void um_splitter_free(um_splitter *splitter);
void um_split_scratch_free(um_split_scratch *scratch);

#endif
