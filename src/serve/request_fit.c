#include "serve/request_fit.h"

#include "base/memory.h"

/* Tokens that show a causal model what follows its answer. */
#define CAUSAL_MARKS 3

void um_request_fit_free(um_request_fit *fit) {
    um_free(fit->prefix);
    um_free(fit->suffix);
    *fit = (um_request_fit){0};
}

static void add_part(um_request_fit *fit, um_part part) {
    fit->parts[fit->request.part_count++] = part;
}

static size_t wanted_length(const um_ask *ask, size_t most) {
    return ask->length > 0 ? um_size_smaller(ask->length, most) : most;
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
    add_part(fit, (um_part){.kind = UM_PART_HOLE,
                            .length = um_size_smaller(length, info->context_length - used)});
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

/* Text is left to the request, which knows what it follows, unless it must be cut. */
static um_part text_part(const char *text, size_t length, int32_t *tokens, size_t count,
                         size_t first, size_t shown) {
    return shown == count
               ? (um_part){.kind = UM_PART_TEXT, .text = text, .length = length}
               : (um_part){.kind = UM_PART_TOKENS, .tokens = tokens + first, .length = shown};
}

static um_status fit_infilling(const um_model *model, const um_ask *ask, const um_model_info *info,
                               const um_fit_limits *limits, size_t length, um_request_fit *fit,
                               um_error *error) {
    size_t before = 0;
    size_t after = 0;
    UM_TRY(
        um_tokenize(model, ask->prefix, ask->prefix_length, false, &fit->prefix, &before, error));
    UM_TRY(um_tokenize(model, ask->suffix, ask->suffix_length, false, &fit->suffix, &after, error));
    const size_t most = info->context_length > 2 * CAUSAL_MARKS
                            ? info->context_length - CAUSAL_MARKS
                            : info->context_length;
    const size_t hole = um_size_smaller(length, most - most / 2);
    size_t shown_before;
    size_t shown_after;
    share_room(um_size_smaller(most - hole, limits->context), before, after, &shown_before,
               &shown_after);
    fit->is_cut = shown_before < before || shown_after < after;
    if (shown_before > 0) {
        add_part(fit, text_part(ask->prefix, ask->prefix_length, fit->prefix, before,
                                before - shown_before, shown_before));
    }
    add_part(fit, (um_part){.kind = UM_PART_HOLE, .length = hole});
    if (shown_after > 0) {
        add_part(fit,
                 text_part(ask->suffix, ask->suffix_length, fit->suffix, after, 0, shown_after));
    }
    return UM_OK;
}

um_status um_request_fit_make(const um_model *model, const um_ask *ask, const um_fit_limits *limits,
                              um_request_fit *fit, um_error *error) {
    um_model_info info;
    um_model_get_info(model, &info);
    fit->request.parts = fit->parts;
    fit->request.options = ask->options;
    if (ask->message_count > 0) {
        return fit_messages(model, ask, &info, wanted_length(ask, limits->length), fit, error);
    }
    if (ask->suffix) {
        return fit_infilling(model, ask, &info, limits,
                             wanted_length(ask, limits->infilling_length), fit, error);
    }
    return fit_continuation(model, ask, &info, wanted_length(ask, limits->length), fit, error);
}
