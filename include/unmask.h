/* unmask: run, train and measure masked diffusion language models for code.
 *
 * The only public header.  Nothing in the library prints, exits or keeps global state; every
 * failure is reported as a um_status, with a message in the um_error that the caller passes (NULL
 * if the message is not wanted).
 */
#ifndef UNMASK_H
#define UNMASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define UM_API __attribute__((visibility("default")))
#else
#define UM_API
#endif

/* ---- Status ------------------------------------------------------------ */

/* One line per status: the enumerator, then the text that um_status_text returns. */
#define UM_STATUS_LIST(X)                                                                          \
    X(UM_OK, "success")                                                                            \
    X(UM_ERR_ARGUMENT, "invalid argument")                                                         \
    X(UM_ERR_IO, "input/output error")                                                             \
    X(UM_ERR_FORMAT, "malformed file")                                                             \
    X(UM_ERR_MISMATCH, "parts that do not fit together")                                           \
    X(UM_ERR_MEMORY, "out of memory")                                                              \
    X(UM_ERR_UNSUPPORTED, "not supported")                                                         \
    X(UM_ERR_LIMIT, "over a limit")                                                                \
    X(UM_ERR_CANCELLED, "cancelled")

typedef enum um_status {
#define UM_STATUS_ENUMERATOR(name, text) name,
    UM_STATUS_LIST(UM_STATUS_ENUMERATOR)
#undef UM_STATUS_ENUMERATOR
} um_status;

/* What went wrong and where, in one line of UTF-8 without a final newline. */
typedef struct um_error {
    um_status status;
    char message[512];
} um_error;

/* The fixed English text of a status; never NULL. */
UM_API const char *um_status_text(um_status status);

/* The version of the library, such as "0.1.0". */
UM_API const char *um_version(void);

/* Release memory that is documented below as "for um_free".  NULL is allowed. */
UM_API void um_free(void *memory);

/* ---- Model -------------------------------------------------------------- */

/* No token. */
#define UM_NO_TOKEN_ID (-1)

/* Weights and tokenizer of one checkpoint.  Immutable: any number of threads and sessions may use
 * one at the same time. */
typedef struct um_model um_model;

/* How to open a model.  Zero-initialise it; every field may stay zero.  The strings are read only
 * during the call. */
typedef struct um_model_options {
    /* "reference", "portable", "avx2" or "avx512"; NULL: the one that the environment variable
     * UNMASK_KERNELS names, else the best that the processor supports. */
    const char *kernels;
    /* Values that config.json may omit or get wrong; NULL keeps what was read. */
    const char *attention;         /* "full", "causal" or "block-causal" */
    size_t attention_block_length; /* positions per block for "block-causal"; 0: as read */
    const char *logit_alignment;   /* "position" or "shifted" */
    const char *mask_token;        /* the text of a token, such as "<|mask|>", or else its id */
    /* "q8_0", "q4_0", "q4_k", "q6_k" or "q4_k_m": quantise the matrices while the model is opened,
     * with one thread per processor; NULL: keep them as stored. */
    const char *quantize;
    /* A directory (created if missing) that keeps quantised weights if quantising them took more
     * than two seconds; they are then mapped from there.  NULL: none. */
    const char *quantize_cache;
    /* Called while weights are quantised: `done` of `total` bytes are finished.  Returning false
     * ends the call with UM_ERR_CANCELLED.  May be NULL. */
    bool (*progress)(void *user, size_t done, size_t total);
    void *progress_user;
} um_model_options;

/* Open a model: a Hugging Face directory with config.json, safetensors, tokenizer files and, if
 * present, generation_config.json; or a GGUF file, which holds all of these.  Weights are mapped,
 * not read.  `options` may be NULL.
 *
 * The mask token comes from `options`, else from config.json, else from generation_config.json,
 * else from the tokenizer.  A Qwen2, Qwen3 or Llama model of which config.json does not say whether
 * it is autoregressive has full attention if it has a mask token, unless `options` say otherwise.
 *
 * UM_ERR_IO and UM_ERR_FORMAT name the file; UM_ERR_UNSUPPORTED names an architecture that is not
 * covered.  UM_ERR_MISMATCH names what does not agree: tensors and config, the sizes of the
 * vocabulary, a mask token with different ids in config and tokenizer, an end or pad token of
 * config.json that is ordinary text to the tokenizer; or it reports a diffusion model without any
 * mask token.  UM_ERR_ARGUMENT: an unknown name in `options`, a block length for attention without
 * blocks, or a request to quantise weights that are already quantised. */
UM_API um_status um_model_open(const char *path, const um_model_options *options, um_model **model,
                               um_error *error);

/* Close a model that no session uses any more.  NULL is allowed. */
UM_API void um_model_close(um_model *model);

/* Facts about a model.  The strings belong to the model. */
typedef struct um_model_info {
    const char *name;              /* the last part of the path, without ".gguf" */
    const char *family;            /* "dream", "qwen2" ... */
    const char *attention;         /* "full", "causal", "block-causal" */
    size_t attention_block_length; /* for "block-causal", else 0 */
    const char *logit_alignment;   /* "position", "shifted" */
    const char *kernels;           /* the set in use, such as "avx2" */
    const char *algorithm; /* the default: "threshold", or "autoregressive" for causal models */
    size_t parameter_count;
    size_t weight_bytes; /* of matrices as stored or quantised, of vectors as f32 */
    size_t layer_count;
    size_t hidden_size;
    size_t head_count;
    size_t kv_head_count;
    size_t context_length;  /* maximum positions of prompt and answers together */
    size_t cache_bytes;     /* of the keys and values of one position, in memory */
    size_t vocabulary_size; /* rows of the embedding */
    size_t tokenizer_size;  /* ids of the tokenizer, at most vocabulary_size */
    /* Special tokens, or UM_NO_TOKEN_ID. */
    int32_t mask_token;
    int32_t bos_token;
    int32_t eos_token;
    int32_t pad_token;
    int32_t end_of_turn_token;
    /* Every token that ends an answer: eos, pad, end of turn and any others that the files name,
     * ascending. */
    const int32_t *end_tokens; /* [end_token_count] */
    size_t end_token_count;
    bool has_chat_format; /* messages can be encoded */
} um_model_info;

UM_API void um_model_get_info(const um_model *model, um_model_info *info);

/* ---- Text and tokens ---------------------------------------------------- */

/* A turn of a conversation. */
typedef struct um_message {
    const char *role;    /* "system", "user" or "assistant" */
    const char *content; /* `content_length` bytes of UTF-8 */
    size_t content_length;
} um_message;

/* The ids of `length` bytes of text; *tokens [*count] is for um_free.  With `special`, names of
 * special tokens in the text ("<|mask|>") become those tokens; without it they are ordinary text,
 * so untrusted text cannot steer the model. */
UM_API um_status um_tokenize(const um_model *model, const char *text, size_t length, bool special,
                             int32_t **tokens, size_t *count, um_error *error);

/* The ids of a conversation in the model's own format, followed by the opening of the assistant's
 * answer; *tokens [*count] is for um_free.  Contents are ordinary text.  Without a system message
 * at the beginning, the system text is that of the model's chat template (docs/API.md); an empty
 * one there means no system turn.  UM_ERR_MISMATCH: the tokenizer has no tokens for conversations;
 * UM_ERR_ARGUMENT: no message, an unknown role. */
UM_API um_status um_tokenize_messages(const um_model *model, const um_message *messages,
                                      size_t message_count, int32_t **tokens, size_t *count,
                                      um_error *error);

/* The text of `count` tokens: well-formed UTF-8, *length bytes and a NUL, for um_free.  With
 * `skip_special`, control tokens add nothing.  If the tokenizer puts a space in front of every
 * text, one space at the start is removed. */
UM_API um_status um_detokenize(const um_model *model, const int32_t *tokens, size_t count,
                               bool skip_special, char **text, size_t *length, um_error *error);

/* The same for tokens that follow the token `previous`: after ordinary text no space is removed.
 * UM_NO_TOKEN_ID: nothing comes before. */
UM_API um_status um_detokenize_after(const um_model *model, int32_t previous, const int32_t *tokens,
                                     size_t count, bool skip_special, char **text, size_t *length,
                                     um_error *error);

/* The bytes of one token (owned by the model, not NUL-terminated, possibly only a part of a UTF-8
 * character); false if no token has that id. */
UM_API bool um_token_bytes(const um_model *model, int32_t token, const char **bytes,
                           size_t *length);

/* Whether `token` is a control token, which answers leave out. */
UM_API bool um_token_is_special(const um_model *model, int32_t token);

/* The id of the token that is exactly `text`, or UM_NO_TOKEN_ID. */
UM_API int32_t um_token_id(const um_model *model, const char *text);

/* The token that the tokenizer names as the beginning of a text (bos_token), or UM_NO_TOKEN_ID.  It
 * is part of a prompt only if the caller lays it there, as the first part of a request
 * (UM_PART_TOKENS), or if the format of a conversation has it. */
UM_API int32_t um_model_bos_token(const um_model *model);

/* ---- Decoding options ---------------------------------------------------- */

/* Choices about decoding, by name.  An option that means nothing to the chosen algorithm is
 * an error when it is used, never ignored.
 *
 * If "algorithm" is not set, a diffusion model commits by "threshold", in blocks and with the cache
 * "dual", which approximates one token per step (docs/DECODING.md, Defaults); if "steps", "eps" or
 * "alg_temp" is set, it commits by the published sampler, "entropy" or LLaDA's "low_confidence",
 * without a cache.  An algorithm that is set explicitly uses a cache or blocks only if they are set
 * too. */
typedef struct um_options um_options;

/* All options at their defaults; free with um_options_free. */
UM_API um_status um_options_create(um_options **options, um_error *error);
UM_API void um_options_free(um_options *options);

/* Set an option from text: ("temperature", "0.4"), ("algorithm", "p2"), ("suppress", "17,18").
 * UM_ERR_ARGUMENT, with `options` as it was: no such option or algorithm, not a number, out of
 * range. */
UM_API um_status um_options_set(um_options *options, const char *name, const char *text,
                                um_error *error);

/* Description of an option, for help texts. */
typedef struct um_option_info {
    const char *name;  /* such as "top_p" */
    const char *value; /* the kind of text it takes: "N", "X", "NAME", "ID", "IDS", "true|false" */
    const char *help;  /* one line */
} um_option_info;

/* Describe option `index`, counted from 0; false past the last one. */
UM_API bool um_option_at(size_t index, um_option_info *info);

/* Name and one-line summary of algorithm `index`, counted from 0; false past the last one. */
UM_API bool um_option_algorithm_at(size_t index, const char **name, const char **summary);

/* ---- Threads -------------------------------------------------------------- */

/* Threads that compute.  Results do not depend on their number. */
typedef struct um_threads um_threads;

/* `count` threads, including the caller's; 0: one per processor that the process may use (affinity
 * and control groups limit them). */
UM_API um_status um_threads_create(size_t count, um_threads **threads, um_error *error);
UM_API size_t um_threads_count(const um_threads *threads);
/* No session may still use the threads.  NULL is allowed. */
UM_API void um_threads_free(um_threads *threads);

/* ---- Sessions -------------------------------------------------------------- */

/* Memory for decoding one sequence at a time.  Only one thread at a time may use it. */
typedef struct um_session um_session;

/* `model` and `threads` must outlive the session.  Sessions with the same `threads` must not run at
 * the same time.  `threads` may be NULL: the calling thread alone. */
UM_API um_status um_session_create(const um_model *model, um_threads *threads, um_session **session,
                                   um_error *error);
/* NULL is allowed. */
UM_API void um_session_free(um_session *session);

/* ---- Requests -------------------------------------------------------------- */

typedef enum um_part_kind {
    UM_PART_TEXT,   /* fixed text */
    UM_PART_TOKENS, /* fixed tokens */
    UM_PART_HOLE    /* to be filled in by the model */
} um_part_kind;

/* A part of a request. */
typedef struct um_part {
    um_part_kind kind;
    const char *text;      /* UM_PART_TEXT: `length` bytes of UTF-8 */
    const int32_t *tokens; /* UM_PART_TOKENS: [length] */
    size_t length;         /* bytes of the text, or tokens of the other kinds; > 0 for a hole */
    bool special;          /* UM_PART_TEXT: as in um_tokenize */
} um_part;

/* What to decode: the messages, if any, then the parts in order.  A prompt to continue is a text
 * and a hole; a conversation is messages and a hole; infilling is texts with holes between them.
 * Mask tokens among fixed tokens are holes too.  A tokenizer that puts a space in front of every
 * text, as Llama 2's does, puts one only in front of text at the beginning or after a control
 * token.
 *
 * With the algorithm "autoregressive", what follows the only hole of a request without messages is
 * moved in front of the hole, marked with <|fim_prefix|>, <|fim_suffix|> and <|fim_middle|>; the
 * canvas in callbacks and results then has that order. */
typedef struct um_request {
    const um_message *messages; /* [message_count], none for plain text */
    size_t message_count;
    const um_part *parts; /* [part_count] */
    size_t part_count;
    const um_options *options; /* NULL: the defaults */
    /* The number of this sample among those of one seed: with a temperature, samples differ, and
     * each stays the same whatever else is decoded. */
    uint32_t sample;
} um_request;

/* What is about to be decoded.  Pointers are valid during the call only. */
typedef struct um_start_event {
    const um_model *model;
    const char *algorithm;
    const char *settings; /* all options in use, as a JSON object */
    size_t steps;         /* upper bound */
    size_t length;
    const int32_t *tokens;      /* [length]: the canvas, with mask_token in the holes */
    int32_t mask_token;         /* UM_NO_TOKEN_ID if the model has none */
    const size_t *hole_starts;  /* [hole_count], ascending */
    const size_t *hole_lengths; /* [hole_count] */
    size_t hole_count;
    const int32_t *end_tokens; /* [end_token_count]: tokens that end an answer */
    size_t end_token_count;
    bool takes_back; /* the algorithm may mask decided positions again */
} um_start_event;

typedef enum um_event_kind {
    UM_EVENT_COMMIT, /* a masked position takes a token */
    UM_EVENT_REMASK  /* a decided position is masked again: only step and position have meaning */
} um_event_kind;

/* Events come by ascending step, and by ascending position within a step. */
typedef struct um_event {
    um_event_kind kind;
    size_t step;
    size_t position; /* in the canvas */
    int32_t token;
    const char *bytes; /* of the token: `byte_count`, not NUL-terminated, possibly not UTF-8 */
    size_t byte_count;
    bool is_special;  /* a control token */
    bool is_end;      /* one that ends an answer */
    float confidence; /* the probability of the token, 0 to 1, in the distribution by which
                         certainty is judged: the model's own, or (with "plain_confidence" false)
                         after temperature, top_p and top_k (docs/TRACE.md) */
    float entropy;    /* of that distribution, in nats */
} um_event;

/* Functions called while a request is decoded, in the thread that called um_generate or
 * um_batch_step.  Zero-initialise; every field may stay zero. */
typedef struct um_callbacks {
    void *user; /* passed to all of them */
    void (*start)(void *user, const um_start_event *start);
    void (*event)(void *user, const um_event *event);
    /* Called before each forward of the model; returning true ends the run with
     * UM_ERR_CANCELLED. */
    bool (*is_cancelled)(void *user);
    /* Receives the trace (docs/TRACE.md), one whole line with its line feed per call.  Returning
     * anything but UM_OK ends the run with that status; the callback fills in *error. */
    um_status (*trace)(void *user, const char *bytes, size_t length, um_error *error);
} um_callbacks;

/* ---- Results ---------------------------------------------------------------- */

/* Why decoding ended: enumerator, name. */
#define UM_FINISH_LIST(X)                                                                          \
    X(UM_FINISH_STOP, "stop")           /* every answer ends at an end token */                    \
    X(UM_FINISH_LENGTH, "length")       /* some answer fills its hole to the end */                \
    X(UM_FINISH_STEPS, "steps")         /* out of steps; some answer is not complete */            \
    X(UM_FINISH_CANCELLED, "cancelled") /* answers as far as decoding got */

typedef enum um_finish {
#define UM_FINISH_ENUMERATOR(name, text) name,
    UM_FINISH_LIST(UM_FINISH_ENUMERATOR)
#undef UM_FINISH_ENUMERATOR
} um_finish;

/* "stop", "length" ...; never NULL. */
UM_API const char *um_finish_name(um_finish finish);

/* The answer that fills one hole. */
typedef struct um_answer {
    char *text; /* UTF-8 without control tokens, `text_length` bytes and a NUL */
    size_t text_length;
    int32_t *tokens; /* [token_count]: up to the first end token or undecided position */
    size_t token_count;
    size_t start;  /* of the hole in the canvas */
    size_t length; /* of the hole */
    bool ended;    /* an end token follows the answer */
} um_answer;

typedef struct um_result {
    um_answer *answers; /* [answer_count], one for each hole in order */
    size_t answer_count;
    int32_t *tokens; /* [length]: the whole final canvas; undecided positions hold the mask */
    size_t length;
    size_t prompt_tokens; /* fixed positions of the canvas */
    size_t answer_tokens; /* the sum of the answers' token_count */
    size_t steps;         /* steps taken */
    size_t forwards;      /* forwards of the model */
    size_t rows;          /* positions computed in all forwards; caches save some */
    double seconds;       /* wall-clock time of decoding */
    /* The parts of `seconds` spent in the layers of the model, in its output projection and in
     * choosing tokens; in a batch, the time for all requests decoded meanwhile. */
    double forward_seconds;
    double projection_seconds;
    double sampling_seconds;
    um_finish finish;
    uint64_t seed;
    const char *algorithm; /* its name; not owned */
    char *settings;        /* all options that were in use, as a JSON object */
} um_result;

/* Decode a request.  `callbacks` may be NULL.  *result is overwritten: filled in after UM_OK and,
 * as far as decoding got, after UM_ERR_CANCELLED; empty otherwise.  Release it with um_result_clear
 * in every case.
 *
 * The same request gives the same result, bit for bit, with any number of threads and in any
 * session; with another set of kernels the last digits of probabilities may differ.
 *
 * UM_ERR_ARGUMENT: invalid options, no hole, a hole without tokens, a negative id; UM_ERR_LIMIT:
 * more positions than the model allows; UM_ERR_MISMATCH: an id beyond the vocabulary, messages for
 * a model without a chat format, an algorithm that needs a mask token for a model without one;
 * UM_ERR_MEMORY. */
UM_API um_status um_generate(um_session *session, const um_request *request,
                             const um_callbacks *callbacks, um_result *result, um_error *error);

/* Release what *result holds and set it to zero. */
UM_API void um_result_clear(um_result *result);

/* ---- Batches ----------------------------------------------------------------- */

/* Requests decoded side by side: one pass of the model computes the positions of all of them.  Each
 * goes at its own pace; a finished one makes room for a waiting one.  The result of a request is,
 * bit for bit, that of um_generate, whatever else is in the batch.
 *
 * Only one thread at a time may use a batch.  The callbacks of a request are called during
 * um_batch_step; they must not call functions of the batch. */
typedef struct um_batch um_batch;

/* A batch that decodes at most `size` (at least 1) requests at a time; any number may wait.
 * `model` and `threads` (may be NULL) are as for um_session_create.  Each of the `size` slots keeps
 * its keys and values for reuse: um_model_info.cache_bytes for each position of the longest request
 * it has had, twice that with the option cfg_scale. */
UM_API um_status um_batch_create(const um_model *model, um_threads *threads, size_t size,
                                 um_batch **batch, um_error *error);

/* Unfinished requests are dropped; their callbacks are not called again.  NULL is allowed. */
UM_API void um_batch_free(um_batch *batch);

/* Add a request, behind those that wait.  Nothing that `request` points to is needed afterwards;
 * `callbacks` (may be NULL) are copied.  *id (`id` may be NULL) identifies the request in
 * um_outcome: 0, 1, 2 ...
 *
 * Errors are those of um_generate that can be detected without decoding; the request is then not
 * added, and the others go on. */
UM_API um_status um_batch_add(um_batch *batch, const um_request *request,
                              const um_callbacks *callbacks, uint64_t *id, um_error *error);

/* Start waiting requests where there is room and take one step of each that is being decoded.
 * Returns how many are not finished; 0 when there is nothing left to do. */
UM_API size_t um_batch_step(um_batch *batch);

/* How a request ended. */
typedef struct um_outcome {
    uint64_t id;
    um_status status; /* as from um_generate; UM_ERR_CANCELLED if its is_cancelled returned true */
    um_error error;
    um_result result; /* release with um_result_clear; empty unless UM_OK or UM_ERR_CANCELLED */
} um_outcome;

/* Take the next finished request out of the batch, in the order in which they finished; false, with
 * *outcome zero, if there is none. */
UM_API bool um_batch_take(um_batch *batch, um_outcome *outcome);

#ifdef __cplusplus
}
#endif

#endif
