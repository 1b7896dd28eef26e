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
    um_free(fit->before.tokens);
    um_free(fit->after.tokens);
    *fit = (um_request_fit){0};
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

/* ---- Texts and their tokens ------------------------------------------------------------------ */

/* The last, or the first, part of a text that may be shown at all, so that nobody waits until a
 * long one is tokenised. */
static um_fit_text nearest_end(const char *text, size_t length, size_t tokens) {
    if (length / BYTES_OF_A_TOKEN <= tokens) {
        return (um_fit_text){.text = text, .length = length};
    }
    const size_t start = um_utf8_previous(text, length - tokens * BYTES_OF_A_TOKEN);
    return (um_fit_text){.text = text + start, .length = length - start};
}

static um_fit_text nearest_start(const char *text, size_t length, size_t tokens) {
    if (length / BYTES_OF_A_TOKEN <= tokens) {
        return (um_fit_text){.text = text, .length = length};
    }
    return (um_fit_text){.text = text, .length = um_utf8_previous(text, tokens * BYTES_OF_A_TOKEN)};
}

static um_status tokenize(const um_model *model, um_fit_text *text, um_error *error) {
    return um_tokenize(model, text->text, text->length, false, &text->tokens, &text->count, error);
}

um_status um_request_fit_begin(const um_model *model, const um_ask *ask,
                               const um_fit_limits *limits, um_request_fit *fit, um_error *error) {
    fit->ask = ask;
    fit->limits = *limits;
    um_model_get_info(model, &fit->info);
    if (ask->message_count > 0) {
        return um_tokenize_messages(model, ask->messages, ask->message_count, &fit->before.tokens,
                                    &fit->before.count, error);
    }
    if (!ask->suffix) {
        fit->before = (um_fit_text){.text = ask->prefix, .length = ask->prefix_length};
        return tokenize(model, &fit->before, error);
    }
    fit->before = nearest_end(ask->prefix, ask->prefix_length, limits->context);
    fit->after = nearest_start(ask->suffix, ask->suffix_length, limits->context);
    UM_TRY(tokenize(model, &fit->before, error));
    return tokenize(model, &fit->after, error);
}

/* ---- The canvas ---------------------------------------------------------------------------------
 */

static void add_part(um_request_fit *fit, um_part part) {
    fit->parts[fit->request.part_count++] = part;
}

static void add_hole(um_request_fit *fit, size_t length) {
    fit->hole_length = length;
    add_part(fit, (um_part){.kind = UM_PART_HOLE, .length = length});
}

/* Text is left to the request, which knows what it follows, unless it must be cut: then it is
 * tokens [first, first + shown). */
static void add_text(um_request_fit *fit, const um_fit_text *text, size_t first, size_t shown) {
    if (shown > 0) {
        add_part(fit,
                 shown == text->count
                     ? (um_part){.kind = UM_PART_TEXT, .text = text->text, .length = text->length}
                     : (um_part){.kind = UM_PART_TOKENS,
                                 .tokens = text->tokens + first,
                                 .length = shown});
    }
}

/* What ends with the answer: messages, or a text to continue. */
static um_status lay_continuation(um_request_fit *fit, size_t length, um_error *error) {
    const size_t used = fit->before.count;
    const size_t context = fit->info.context_length;
    if (used >= context) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "the prompt has %zu tokens, but %s has room for %zu together with the "
                        "answer: shorten it",
                        used, fit->info.name, context);
    }
    if (fit->ask->message_count == 0) {
        add_text(fit, &fit->before, 0, used);
    }
    add_hole(fit, um_size_smaller(length, context - used));
    return UM_OK;
}

/* How many tokens of each text are shown: at least half of the room is for what comes first, and
 * what one does not need the other may have. */
static void share_room(size_t room, size_t before, size_t after, size_t *shown_before,
                       size_t *shown_after) {
    const size_t half = room - room / 2;
    const size_t left = room > after ? room - after : 0;
    *shown_before = um_size_smaller(before, left > half ? left : half);
    *shown_after = um_size_smaller(after, room - *shown_before);
}

static void lay_infilling(um_request_fit *fit, size_t length) {
    const um_ask *ask = fit->ask;
    const size_t context = fit->info.context_length;
    const size_t most = context > 2 * CAUSAL_MARKS ? context - CAUSAL_MARKS : context;
    const size_t hole = um_size_smaller(length, most - most / 2);
    size_t shown_before;
    size_t shown_after;
    share_room(um_size_smaller(most - hole, fit->limits.context), fit->before.count,
               fit->after.count, &shown_before, &shown_after);
    fit->is_cut = shown_before < fit->before.count || fit->before.length < ask->prefix_length ||
                  shown_after < fit->after.count || fit->after.length < ask->suffix_length;
    add_text(fit, &fit->before, fit->before.count - shown_before, shown_before);
    add_hole(fit, hole);
    add_text(fit, &fit->after, 0, shown_after);
}

um_status um_request_fit_lay(um_request_fit *fit, size_t length, um_error *error) {
    fit->request = (um_request){.messages = fit->ask->messages,
                                .message_count = fit->ask->message_count,
                                .parts = fit->parts,
                                .options = fit->ask->options};
    if (!fit->ask->suffix) {
        return lay_continuation(fit, length, error);
    }
    lay_infilling(fit, length);
    return UM_OK;
}
