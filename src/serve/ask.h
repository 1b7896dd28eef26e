/* What a client asks for, read from the JSON of its request. */
#ifndef UM_SERVE_ASK_H
#define UM_SERVE_ASK_H

#include "base/json.h"

/* Stop sequences of a request, and samples. */
#define UM_ASK_STOPS_MAXIMUM 16
#define UM_ASK_SAMPLES_MAXIMUM 64

/* A decoding option that holds unless a request says otherwise. */
typedef struct um_serve_setting {
    const char *name; /* as um_options_set takes it */
    const char *text;
} um_serve_setting;

/* Zero-initialise; release with um_ask_free. */
typedef struct um_ask {
    json_t *body;              /* owns most of the texts below */
    json_t *owned;             /* an array of strings: texts that had to be put together */
    unsigned long long number; /* random: identifies the reply */
    unsigned long long seed;   /* of the samples */

    um_message *messages; /* [message_count] of a conversation, or none */
    size_t message_count;
    const char *prefix; /* [prefix_length], if there are no messages */
    size_t prefix_length;
    const char *suffix; /* [suffix_length]: what follows the answer; NULL: it is not in a text */
    size_t suffix_length;

    um_options *options;
    size_t length;  /* most tokens of the answer; 0: not said, unless is_empty */
    bool is_empty;  /* no token is wanted, only the form of a reply */
    size_t samples; /* at least 1 */
    const char *stops[UM_ASK_STOPS_MAXIMUM]; /* [stop_count], none of them empty */
    size_t stop_count;
    bool stream;
    bool frames;                   /* a stream of whole states rather than of pieces */
    bool usage;                    /* a stream ends with the counts of tokens */
    const json_t *response_fields; /* llama.cpp: names of the members wanted, or NULL */
} um_ask;

/* Begin with the JSON text of a request: an object.  Then come the functions below, in any order.
 * UM_ERR_FORMAT: not JSON, or not an object. */
um_status um_ask_begin(um_ask *ask, const char *bytes, size_t length, um_error *error);
void um_ask_free(um_ask *ask);

/* Read what all APIs have: options of decoding (`temperature`, `top_p`, `top_k`, `seed`, and any
 * under `unmask`), on top of settings[count]; `stop`, `stream`, `n`.  Errors name the member. */
um_status um_ask_read_options(um_ask *ask, const um_serve_setting *settings, size_t count,
                              um_error *error);

/* The most tokens of the answer, the first of names[count] that is there; below 0: not said. */
um_status um_ask_read_length(um_ask *ask, const char *const *names, size_t count, um_error *error);

/* A member that would change the answer if it were obeyed, and is not: UM_ERR_UNSUPPORTED unless it
 * is missing, null, false, 0, or empty. */
um_status um_ask_refuse(const um_ask *ask, const char *name, um_error *error);

/* Whether only white space follows the answer. */
bool um_ask_ends_with_answer(const um_ask *ask);

/* Keep a text that had to be put together; *kept belongs to *ask. */
um_status um_ask_keep(um_ask *ask, const um_buffer *text, const char **kept, um_error *error);

#endif
