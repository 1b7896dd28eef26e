/* The text of an answer while it is decoded: what is settled from the left, and all of it with its
 * undecided places. */
#ifndef UM_SERVE_LIVE_TEXT_H
#define UM_SERVE_LIVE_TEXT_H

#include "base/buffer.h"

/* What stands for an undecided token: U+2591, a light shade. */
#define UM_UNDECIDED "\xE2\x96\x91"

/* Zero-initialise; release with um_live_text_free. */
typedef struct um_live_text {
    const um_model *model;
    size_t start;          /* of the hole in the canvas */
    size_t length;         /* of the hole */
    int32_t previous;      /* the token in front of the hole, or UM_NO_TOKEN_ID */
    int32_t *tokens;       /* [length]: UM_NO_TOKEN_ID where undecided */
    float *log_confidence; /* [length]: in nats, of decided tokens */
    size_t decided;
    size_t changes;  /* events so far */
    size_t end;      /* the first end token, or `length`; always that if takes_back */
    size_t settled;  /* tokens in front of the first undecided one, at most `end` */
    bool takes_back; /* the algorithm may mask decided tokens again: nothing is settled before the
                        end */
} um_live_text;

/* Begin with the only hole of the canvas. */
um_status um_live_text_begin(um_live_text *live, const um_start_event *start, um_error *error);
void um_live_text_event(um_live_text *live, const um_event *event);
void um_live_text_free(um_live_text *live);

/* Append the settled text.  What a later token may still change, the bytes of an unfinished
 * character, is left out. */
um_status um_live_text_settled(const um_live_text *live, um_buffer *text, um_error *error);

/* Append the text of all places up to the first end token, UM_UNDECIDED for each undecided one. */
um_status um_live_text_frame(const um_live_text *live, um_buffer *text, um_error *error);

/* The share of decided places, 0 to 1. */
double um_live_text_progress(const um_live_text *live);

/* The mean over the first `count` tokens of the logarithm of the probability with which each was
 * decided; for none, as low as it can be. */
double um_live_text_mean_log_confidence(const um_live_text *live, size_t count);

#endif
