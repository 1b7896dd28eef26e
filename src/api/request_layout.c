#include "api/request_layout.h"

#include <stdlib.h>

#include "base/memory.h"
#include "tokenizer/fim.h"

#define FIM_TOKENS 3

static void lay_fixed(um_request_layout *layout, const um_token_list *tokens) {
    layout->segments[layout->segment_count++] =
        (um_canvas_segment){.length = tokens->length, .tokens = tokens->ids};
}

/* Whether what comes next continues a text: it stands neither at the beginning nor after a control
 * token, such as the one for the beginning of a text. */
static bool continues(const um_model *model, const um_request_layout *layout) {
    for (size_t i = layout->segment_count; i > 0; i--) {
        const um_canvas_segment *segment = &layout->segments[i - 1];
        if (segment->is_hole) {
            return true;
        }
        if (segment->length > 0) {
            return !um_tokenizer_is_special(model->tokenizer, segment->tokens[segment->length - 1]);
        }
    }
    return false;
}

static um_status lay_text(const um_model *model, const um_part *part, um_request_layout *layout,
                          um_error *error) {
    um_token_list *tokens = &layout->fixed[layout->segment_count];
    return continues(model, layout)
               ? um_tokenizer_continue(model->tokenizer, part->text, part->length, part->special,
                                       tokens, error)
               : um_tokenizer_encode(model->tokenizer, part->text, part->length, part->special,
                                     tokens, error);
}

static um_status lay_part(const um_model *model, const um_part *part, um_request_layout *layout,
                          um_error *error) {
    um_token_list *tokens = &layout->fixed[layout->segment_count];
    switch (part->kind) {
        case UM_PART_HOLE:
            layout->segments[layout->segment_count++] =
                (um_canvas_segment){.is_hole = true, .length = part->length};
            return UM_OK;
        case UM_PART_TEXT:
            UM_TRY(lay_text(model, part, layout, error));
            break;
        case UM_PART_TOKENS:
            UM_TRY(um_token_list_append_all(tokens, part->tokens, part->length, error));
            break;
        default:
            return UM_RAISE(error, UM_ERR_ARGUMENT, "a part of unknown kind %d", (int)part->kind);
    }
    lay_fixed(layout, tokens);
    return UM_OK;
}

static um_status lay_parts(const um_model *model, const um_request *request, size_t first,
                           size_t end, um_request_layout *layout, um_error *error) {
    for (size_t i = first; i < end; i++) {
        UM_TRY(lay_part(model, &request->parts[i], layout, error));
    }
    return UM_OK;
}

/* ---- Filling in the middle from left to right ------------------------------------ */

/* The index of the only hole of a request without messages if parts follow it; otherwise
 * request->part_count. */
static size_t find_middle(const um_request *request) {
    size_t holes = 0;
    size_t hole = request->part_count;
    for (size_t i = 0; i < request->part_count; i++) {
        if (request->parts[i].kind == UM_PART_HOLE) {
            holes++;
            hole = i;
        }
    }
    bool followed = false;
    for (size_t i = hole; i < request->part_count; i++) {
        followed = followed || (i > hole && request->parts[i].length > 0);
    }
    return holes == 1 && followed && request->message_count == 0 ? hole : request->part_count;
}

static um_status lay_token(int32_t id, um_request_layout *layout, um_error *error) {
    um_token_list *tokens = &layout->fixed[layout->segment_count];
    UM_TRY(um_token_list_append(tokens, id, error));
    lay_fixed(layout, tokens);
    return UM_OK;
}

static um_status lay_fim(const um_model *model, const um_request *request, size_t hole,
                         um_request_layout *layout, um_error *error) {
    um_fim_tokens fim;
    const char *missing = um_fim_tokens_find(model->tokenizer, &fim);
    if (missing) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s writes from left to right, and its tokenizer has no token \"%s\" to "
                        "show it what follows the hole: leave that out",
                        model->name, missing);
    }
    UM_TRY(lay_token(fim.prefix, layout, error));
    UM_TRY(lay_parts(model, request, 0, hole, layout, error));
    UM_TRY(lay_token(fim.suffix, layout, error));
    UM_TRY(lay_parts(model, request, hole + 1, request->part_count, layout, error));
    UM_TRY(lay_token(fim.middle, layout, error));
    return lay_part(model, &request->parts[hole], layout, error);
}

/* ---- Both ------------------------------------------------------------------------- */

um_status um_request_layout_make(const um_model *model, const um_request *request, bool hole_last,
                                 um_request_layout *layout, um_error *error) {
    *layout = (um_request_layout){.capacity = request->part_count + 1 + FIM_TOKENS};
    UM_TRY(um_allocate(&layout->fixed, layout->capacity, sizeof *layout->fixed, "request", error));
    UM_TRY(um_allocate(&layout->segments, layout->capacity, sizeof *layout->segments, "request",
                       error));
    const size_t middle = hole_last ? find_middle(request) : request->part_count;
    if (middle < request->part_count) {
        return lay_fim(model, request, middle, layout, error);
    }
    if (request->message_count > 0) {
        UM_TRY(um_append_messages(model, request->messages, request->message_count,
                                  &layout->fixed[0], error));
        lay_fixed(layout, &layout->fixed[0]);
    }
    return lay_parts(model, request, 0, request->part_count, layout, error);
}

void um_request_layout_free(um_request_layout *layout) {
    for (size_t i = 0; layout->fixed && i < layout->capacity; i++) {
        um_token_list_free(&layout->fixed[i]);
    }
    free(layout->fixed);
    free(layout->segments);
}
