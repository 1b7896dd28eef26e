/* The record of a decoding run: which tokens were committed in which order, and how sure the model
 * was.  The live view, the replay, the AR-ness metrics and reinforcement learning all read this
 * one record.  docs/TRACE.md describes its form on disk. */
#ifndef UM_DECODE_TRACE_H
#define UM_DECODE_TRACE_H

#include "base/buffer.h"
#include "base/status.h"
#include "decode/canvas.h"

typedef struct um_trace_header {
    const char *model;     /* a name for people; "" if unknown */
    const char *algorithm; /* such as "entropy" */
    const char *settings;  /* the decoding options as the text of a JSON object */
    uint64_t seed;
    uint32_t sequence;
    size_t steps; /* nominal number of steps */
    size_t vocabulary_size;
    int32_t mask_token;
    size_t length;
    const int32_t *tokens;       /* [length]: the canvas before the first step */
    const um_canvas_hole *holes; /* [hole_count]: the answer positions */
    size_t hole_count;
} um_trace_header;

typedef enum um_trace_event_kind {
    UM_TRACE_COMMIT,
    UM_TRACE_REMASK /* only step and position are meaningful */
} um_trace_event_kind;

/* Events come in ascending step, and by ascending position within a step. */
typedef struct um_trace_event {
    um_trace_event_kind kind;
    size_t step;
    size_t position;
    int32_t token;
    float confidence; /* probability of the token when it was chosen, in [0, 1] */
    float entropy;    /* of the distribution it was chosen from, in nats */
} um_trace_event;

#define UM_TRACE_END_REASON_LIST(X)                                                                \
    X(UM_TRACE_COMPLETE, "complete")     /* every position was committed */                        \
    X(UM_TRACE_STOP_TOKEN, "stop_token") /* what is left cannot change the answer */               \
    X(UM_TRACE_OUT_OF_STEPS, "steps")    /* some positions are still masked */                     \
    X(UM_TRACE_CANCELLED, "cancelled")                                                             \
    X(UM_TRACE_FAILED, "failed")

typedef enum um_trace_end_reason {
#define UM_TRACE_ENUMERATOR(name, text) name,
    UM_TRACE_END_REASON_LIST(UM_TRACE_ENUMERATOR)
#undef UM_TRACE_ENUMERATOR
} um_trace_end_reason;

const char *um_trace_end_reason_name(um_trace_end_reason reason);

/* How sure the model was before anything was committed, at every position that the first step
 * looked at, such as all masked ones, or those of the first block.  The distributions are the same
 * as those of commits. */
typedef struct um_trace_first_step {
    size_t count;             /* 0: not known */
    const size_t *positions;  /* [count], ascending, masked before the first step */
    const float *confidences; /* [count]: probability of the token that would have been taken */
    const float *entropies;   /* [count], in nats */
} um_trace_first_step;

typedef struct um_trace_end {
    um_trace_end_reason reason;
    size_t steps;     /* steps gone through */
    size_t forwards;  /* requests to the denoiser: with guidance two a step */
    size_t rows;      /* rows computed in all of them; 0 if an old trace does not say */
    size_t committed; /* positions committed in the end */
    size_t masked;    /* positions left masked */
    double seconds;
    um_trace_first_step first_step; /* valid as long as the trace, or during the call of a sink */
    /* Parts of `seconds`, not in the record: spent in the layers, on going from hidden states to
     * logits, and on choosing tokens; in a batch those of all canvases decoded meanwhile. */
    double forward_seconds;
    double projection_seconds;
    double sampling_seconds;
} um_trace_end;

/* Receives a trace as it is made.  Every function may be NULL; a failure stops the run.  What the
 * pointers of a header point to is valid only during the call. */
typedef struct um_trace_sink {
    void *user;
    um_status (*header)(void *user, const um_trace_header *header, um_error *error);
    um_status (*event)(void *user, const um_trace_event *event, um_error *error);
    um_status (*end)(void *user, const um_trace_end *end, um_error *error);
} um_trace_sink;

/* ---- In memory ----------------------------------------------------------- */

/* A whole trace.  Zero-initialise; um_trace_free. */
typedef struct um_trace {
    um_trace_header header; /* points into this trace's own memory */
    um_trace_event *events; /* [event_count] */
    size_t event_count;
    bool has_end; /* false: the run was cut short before its end record */
    um_trace_end end;
    /* Private. */
    size_t event_capacity;
    char *texts[3];
    int32_t *tokens;
    um_canvas_hole *holes;
    size_t *first_positions;
    float *first_confidences;
    float *first_entropies;
} um_trace;

/* A sink that keeps everything in `trace`, which must outlive it. */
um_trace_sink um_trace_recorder(um_trace *trace);

void um_trace_free(um_trace *trace);

/* The canvas after the first `event_count` events, into tokens[header.length]. */
void um_trace_replay(const um_trace *trace, size_t event_count, int32_t *tokens);

/* Make hole h only lengths[h] positions long, from 1 to its length, as if the run had never known
 * of the positions after that: their events and first-step values are left out, and so are the
 * steps after the last remaining event.  The other counts of the end record stay. */
void um_trace_shorten_holes(um_trace *trace, const size_t *lengths);

/* ---- As JSON Lines -------------------------------------------------------- */

/* Writes each record as one line with one call of `write`; zero-initialise `line`. */
typedef struct um_trace_writer {
    void *user;
    um_status (*write)(void *user, const char *bytes, size_t length, um_error *error);
    um_buffer line; /* private: scratch */
} um_trace_writer;

um_trace_sink um_trace_writer_sink(um_trace_writer *writer);
void um_trace_writer_free(um_trace_writer *writer);

/* Read one trace from bytes[length]; `where` names it in messages ("run.jsonl: line 7: ...").
 * Zero-initialise *trace, and um_trace_free it whatever the outcome.
 *
 * A file may hold several traces one after the other: *used is how many bytes this one took.  If
 * `used` is NULL, there must be exactly one.  A trace without an end record is accepted (has_end
 * false), a line that is cut off is not.  UM_ERR_FORMAT names the line: steps out of order, a
 * position outside the holes, committed twice, a token outside the vocabulary ... */
um_status um_trace_read(const char *bytes, size_t length, const char *where, um_trace *trace,
                        size_t *used, um_error *error);

/* A file of traces, read one after the other; messages count the lines of the whole file. */
typedef struct um_trace_source {
    const char *bytes; /* [length] */
    size_t length;
    const char *where; /* names it in messages */
    size_t at;         /* bytes read so far; 0 to begin with */
    size_t line;       /* lines read so far; 0 to begin with */
} um_trace_source;

/* Read the next trace, as um_trace_read does; there is one as long as source->at < source->length.
 * After a failure the source is in the middle of that trace. */
um_status um_trace_read_next(um_trace_source *source, um_trace *trace, um_error *error);

/* After a failure: go on to the next record that starts a trace; false if there is none. */
bool um_trace_skip_to_next(um_trace_source *source);

#endif
