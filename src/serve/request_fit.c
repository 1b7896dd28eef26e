#include "serve/request_fit.h"

#include "base/memory.h"
#include "base/utf8.h"

/* Tokens that show a causal model what follows its answer. */
#define CAUSAL_MARKS 3

/* More than a token of code has. */
#define BYTES_OF_A_TOKEN ((size_t)64)

/* The first length that a search tries. */
#define SHORTEST_TRIAL 4

void um_request_fit_free(um_request_fit *fit) {
    um_free(fit->prefix);
    um_free(fit->suffix);
    *fit = (um_request_fit){0};
}

static void add_part(um_request_fit *fit, um_part part) {
    fit->parts[fit->request.part_count++] = part;
}

size_t um_request_fit_lengths(const um_ask *ask, const um_fit_limits *limits,
                              size_t lengths[UM_TRIALS_MAXIMUM]) {
    const size_t allowed = ask->suffix ? limits->infilling_length : limits->length;
    const size_t most = ask->length > 0 ? um_size_smaller(ask->length, allowed) : allowed;
    size_t count = 0;
    if (ask->suffix && limits->searches) {
        for (size_t length = SHORTEST_TRIAL; length < most && count + 1 < UM_TRIALS_MAXIMUM;
             length *= 2) {
            lengths[count++] = length;
        }
    }
    lengths[count++] = most;
    return count;
}

static void add_hole(um_request_fit *fit, size_t length) {
    fit->hole_length = length;
    add_part(fit, (um_part){.kind = UM_PART_HOLE, .length = length});
}

/* ---- What ends with the answer --------------------------------------------------------------- */

/* The hole after `used` tokens. */
static um_status add_last_hole(const um_model_info *info, size_t used, size_t length,
                               um_request_fit *fit, um_error *error) {
    if (used >= info->context_length) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "the prompt has %zu tokens, but %s has room for %zu together with the "
                        "answer: shorten it",
                        used, info->name, info->context_length);
    }
    add_hole(fit, um_size_smaller(length, info->context_length - used));
    return UM_OK;
}

static um_status fit_messages(const um_model *model, const um_ask *ask, const um_model_info *info,
                              size_t length, um_request_fit *fit, um_error *error) {
    size_t used = 0;
    UM_TRY(
        um_tokenize_messages(model, ask->messages, ask->message_count, &fit->prefix, &used, error));
    fit->request.messages = ask->messages;
    fit->request.message_count = ask->message_count;
    return add_last_hole(info, used, length, fit, error);
}

static um_status fit_continuation(const um_model *model, const um_ask *ask,
                                  const um_model_info *info, size_t length, um_request_fit *fit,
                                  um_error *error) {
    size_t used = 0;
    UM_TRY(um_tokenize(model, ask->prefix, ask->prefix_length, false, &fit->prefix, &used, error));
    if (used > 0) {
        add_part(fit, (um_part){
                          .kind = UM_PART_TEXT, .text = ask->prefix, .length = ask->prefix_length});
    }
    return add_last_hole(info, used, length, fit, error);
}

/* ---- Infilling ------------------------------------------------------------------------- */

/* How many tokens of each text are shown: at least half of the room is for what comes first, and
 * what one does not need the other may have. */
static void share_room(size_t room, size_t before, size_t after, size_t *shown_before,
                       size_t *shown_after) {
    const size_t half = room - room / 2;
    const size_t left = room > after ? room - after : 0;
    *shown_before = um_size_smaller(before, left > half ? left : half);
    *shown_after = um_size_smaller(after, room - *shown_before);
}

typedef struct text_span {
    const char *text;
    size_t length;
} text_span;

/* The last, or the first, part of a text that may be shown at all, so that nobody waits until a
 * long one is tokenised. */
static text_span nearest_end(const char *text, size_t length, size_t tokens) {
    if (length / BYTES_OF_A_TOKEN <= tokens) {
        return (text_span){text, length};
    }
    const size_t start = um_utf8_previous(text, length - tokens * BYTES_OF_A_TOKEN);
    return (text_span){text + start, length - start};
}

static text_span nearest_start(const char *text, size_t length, size_t tokens) {
    if (length / BYTES_OF_A_TOKEN <= tokens) {
        return (text_span){text, length};
    }
    return (text_span){text, um_utf8_previous(text, tokens * BYTES_OF_A_TOKEN)};
}

/* Text is left to the request, which knows what it follows, unless it must be cut. */
static um_part text_part(text_span span, int32_t *tokens, size_t count, size_t first,
                         size_t shown) {
    return shown == count
               ? (um_part){.kind = UM_PART_TEXT, .text = span.text, .length = span.length}
               : (um_part){.kind = UM_PART_TOKENS, .tokens = tokens + first, .length = shown};
}

static um_status fit_infilling(const um_model *model, const um_ask *ask, const um_model_info *info,
                               const um_fit_limits *limits, size_t length, um_request_fit *fit,
                               um_error *error) {
    size_t before = 0;
    size_t after = 0;
    const text_span prefix = nearest_end(ask->prefix, ask->prefix_length, limits->context);
    const text_span suffix = nearest_start(ask->suffix, ask->suffix_length, limits->context);
    UM_TRY(um_tokenize(model, prefix.text, prefix.length, false, &fit->prefix, &before, error));
    UM_TRY(um_tokenize(model, suffix.text, suffix.length, false, &fit->suffix, &after, error));
    const size_t most = info->context_length > 2 * CAUSAL_MARKS
                            ? info->context_length - CAUSAL_MARKS
                            : info->context_length;
    const size_t hole = um_size_smaller(length, most - most / 2);
    size_t shown_before;
    size_t shown_after;
    share_room(um_size_smaller(most - hole, limits->context), before, after, &shown_before,
               &shown_after);
    fit->is_cut = shown_before < before || prefix.length < ask->prefix_length ||
                  shown_after < after || suffix.length < ask->suffix_length;
    if (shown_before > 0) {
        add_part(fit, text_part(prefix, fit->prefix, before, before - shown_before, shown_before));
    }
    add_hole(fit, hole);
    if (shown_after > 0) {
        add_part(fit, text_part(suffix, fit->suffix, after, 0, shown_after));
    }
    return UM_OK;
}

um_status um_request_fit_make(const um_model *model, const um_ask *ask, const um_fit_limits *limits,
                              size_t length, um_request_fit *fit, um_error *error) {
    um_model_info info;
    um_model_get_info(model, &info);
    fit->request.parts = fit->parts;
    fit->request.options = ask->options;
    if (ask->message_count > 0) {
        return fit_messages(model, ask, &info, length, fit, error);
    }
    if (ask->suffix) {
        return fit_infilling(model, ask, &info, limits, length, fit, error);
    }
    return fit_continuation(model, ask, &info, length, fit, error);
}
