#include "cli/terminal/text_canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "cli/quote.h"

#define REPLACEMENT_CHARACTER 0xfffd

/* ---- Texts of tokens ----------------------------------------------------- */

static bool tokenizer_bytes(void *user, int32_t token, const char **bytes, size_t *length,
                            bool *special) {
    const um_tokenizer *tokenizer = user;
    *special = um_tokenizer_is_special(tokenizer, token);
    return um_tokenizer_token_bytes(tokenizer, token, bytes, length);
}

um_token_texts um_token_texts_of(const um_tokenizer *tokenizer) {
    return (um_token_texts){(void *)(uintptr_t)tokenizer, tokenizer_bytes};
}

static bool id_bytes(void *user, int32_t token, const char **bytes, size_t *length, bool *special) {
    um_token_id_scratch *scratch = user;
    const int count = snprintf(scratch->text, sizeof scratch->text, "%d ", (int)token);
    *bytes = scratch->text;
    *length = (size_t)count;
    *special = false;
    return true;
}

um_token_texts um_token_texts_as_ids(um_token_id_scratch *scratch) {
    return (um_token_texts){scratch, id_bytes};
}

/* ---- Positions ----------------------------------------------------------- */

static um_status set_token(um_text_canvas *canvas, um_text_position *position, int32_t token,
                           um_error *error) {
    const char *bytes = UM_UTF8_REPLACEMENT;
    size_t length = strlen(UM_UTF8_REPLACEMENT);
    position->special = false;
    (void)canvas->texts.bytes(canvas->texts.user, token, &bytes, &length, &position->special);
    position->start = canvas->bytes.length;
    position->length = length;
    return um_buffer_append(&canvas->bytes, bytes, length, error);
}

static bool holes_fit(const um_canvas_hole *holes, size_t hole_count, size_t length) {
    size_t end = 0;
    for (size_t i = 0; i < hole_count; i++) {
        if (holes[i].start < end || holes[i].start > length ||
            holes[i].length > length - holes[i].start) {
            return false;
        }
        end = holes[i].start + holes[i].length;
    }
    return true;
}

void um_text_canvas_reset(um_text_canvas *canvas) {
    canvas->committed_count = 0;
    canvas->text_count = 0;
    for (size_t i = 0; i < canvas->hole_count; i++) {
        for (size_t j = 0; j < canvas->holes[i].length; j++) {
            canvas->positions[canvas->holes[i].start + j].state = UM_POSITION_MASKED;
        }
    }
}

um_status um_text_canvas_create(const int32_t *tokens, size_t length, const um_canvas_hole *holes,
                                size_t hole_count, um_token_texts texts, um_text_canvas *canvas,
                                um_error *error) {
    if (!holes_fit(holes, hole_count, length)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "view: holes outside the canvas");
    }
    *canvas = (um_text_canvas){.texts = texts, .length = length, .hole_count = hole_count};
    UM_TRY(um_allocate(&canvas->positions, length, sizeof *canvas->positions, "view", error));
    UM_TRY(um_allocate(&canvas->holes, hole_count, sizeof *canvas->holes, "view", error));
    for (size_t i = 0; i < hole_count; i++) {
        canvas->holes[i] = holes[i];
        canvas->answer_count += holes[i].length;
    }
    um_text_canvas_reset(canvas);
    for (size_t i = 0; i < length; i++) {
        if (canvas->positions[i].state == UM_POSITION_FIXED) {
            UM_TRY(set_token(canvas, &canvas->positions[i], tokens[i], error));
        }
    }
    return UM_OK;
}

void um_text_canvas_free(um_text_canvas *canvas) {
    free(canvas->positions);
    free(canvas->holes);
    um_buffer_free(&canvas->bytes);
    *canvas = (um_text_canvas){0};
}

um_status um_text_canvas_apply(um_text_canvas *canvas, const um_trace_event *event,
                               um_error *error) {
    if (event->position >= canvas->length) {
        return UM_OK;
    }
    um_text_position *position = &canvas->positions[event->position];
    if (event->kind == UM_TRACE_COMMIT && position->state == UM_POSITION_MASKED) {
        UM_TRY(set_token(canvas, position, event->token, error));
        position->state = UM_POSITION_COMMITTED;
        position->step = event->step;
        canvas->committed_count++;
        canvas->text_count += position->special ? 0 : 1;
    } else if (event->kind == UM_TRACE_REMASK && position->state == UM_POSITION_COMMITTED) {
        position->state = UM_POSITION_MASKED;
        canvas->committed_count--;
        canvas->text_count -= position->special ? 0 : 1;
    }
    return UM_OK;
}

/* ---- Ends of answers ----------------------------------------------------- */

static bool ends_answer(const um_text_canvas *canvas, size_t index) {
    const um_text_position *position = &canvas->positions[index];
    return position->state == UM_POSITION_COMMITTED && position->special;
}

size_t um_text_canvas_answer_length(const um_text_canvas *canvas, size_t index) {
    const um_canvas_hole *hole = &canvas->holes[index];
    for (size_t i = 0; i < hole->length; i++) {
        if (ends_answer(canvas, hole->start + i)) {
            return i + 1;
        }
    }
    return hole->length;
}

/* ---- Characters ---------------------------------------------------------- */

typedef struct glyph_walk {
    const um_text_canvas *canvas;
    um_glyph_function *function;
    void *user;
    um_glyph glyph; /* kind, position and step of the unfinished character */
    char pending[4];
    size_t pending_length;
} glyph_walk;

static um_status emit(glyph_walk *walk, uint32_t code_point, const char *bytes, size_t length,
                      um_error *error) {
    um_glyph glyph = walk->glyph;
    glyph.code_point = code_point;
    glyph.bytes = bytes;
    glyph.length = length;
    return walk->function(walk->user, &glyph, error);
}

static um_status emit_replacement(glyph_walk *walk, um_error *error) {
    return emit(walk, REPLACEMENT_CHARACTER, UM_UTF8_REPLACEMENT, strlen(UM_UTF8_REPLACEMENT),
                error);
}

static um_status flush(glyph_walk *walk, um_error *error) {
    const bool unfinished = walk->pending_length > 0;
    walk->pending_length = 0;
    return unfinished ? emit_replacement(walk, error) : UM_OK;
}

static um_status push_byte(glyph_walk *walk, const um_glyph *owner, char byte, um_error *error) {
    if (walk->pending_length == 0) {
        walk->glyph = *owner;
    }
    walk->pending[walk->pending_length++] = byte;
    while (walk->pending_length > 0 && !um_utf8_incomplete(walk->pending, walk->pending_length)) {
        uint32_t code_point = 0;
        size_t used = 0;
        const bool valid = um_utf8_next(walk->pending, walk->pending_length, &code_point, &used);
        UM_TRY(valid ? emit(walk, code_point, walk->pending, used, error)
                     : emit_replacement(walk, error));
        walk->pending_length -= used;
        memmove(walk->pending, walk->pending + used, walk->pending_length);
        walk->glyph = *owner;
    }
    return UM_OK;
}

static um_status walk_position(glyph_walk *walk, size_t index, um_error *error) {
    const um_text_position *position = &walk->canvas->positions[index];
    um_glyph owner = {.kind = UM_GLYPH_FIXED, .position = index, .step = position->step};
    const bool committed = position->state == UM_POSITION_COMMITTED;
    if (committed) {
        owner.kind = position->special ? UM_GLYPH_SPECIAL : UM_GLYPH_COMMITTED;
    } else if (position->state == UM_POSITION_MASKED) {
        owner.kind = UM_GLYPH_MASKED;
    }
    if (owner.kind == UM_GLYPH_SPECIAL || owner.kind == UM_GLYPH_MASKED) {
        UM_TRY(flush(walk, error));
        return walk->function(walk->user, &owner, error);
    }
    const char *bytes = walk->canvas->bytes.data + position->start;
    for (size_t i = 0; i < position->length; i++) {
        UM_TRY(push_byte(walk, &owner, bytes[i], error));
    }
    return UM_OK;
}

/* The end of the hole that contains `index` if its answer ends there, otherwise `index`. */
static size_t skip_after_end(const um_text_canvas *canvas, size_t index) {
    if (!ends_answer(canvas, index)) {
        return index;
    }
    for (size_t i = 0; i < canvas->hole_count; i++) {
        const um_canvas_hole *hole = &canvas->holes[i];
        if (index >= hole->start && index - hole->start < hole->length) {
            return hole->start + hole->length;
        }
    }
    return index;
}

static um_status walk_range(const um_text_canvas *canvas, size_t first, size_t last, bool cut,
                            um_glyph_function *function, void *user, um_error *error) {
    glyph_walk walk = {.canvas = canvas, .function = function, .user = user};
    for (size_t i = first; i < last;) {
        const size_t next = cut ? skip_after_end(canvas, i) : i;
        if (next > i) {
            UM_TRY(flush(&walk, error));
            i = next;
            continue;
        }
        UM_TRY(walk_position(&walk, i, error));
        i++;
    }
    return flush(&walk, error);
}

um_status um_text_canvas_walk(const um_text_canvas *canvas, bool cut, um_glyph_function *function,
                              void *user, um_error *error) {
    return walk_range(canvas, 0, canvas->length, cut, function, user, error);
}

typedef struct text_writer {
    um_buffer *text;
    const um_text_form *form;
} text_writer;

static bool is_plain(uint32_t code_point) {
    return code_point == '\n' || code_point == '\t' || um_cli_is_printable(code_point);
}

static um_status write_glyph(void *user, const um_glyph *glyph, um_error *error) {
    const text_writer *writer = user;
    if (glyph->kind == UM_GLYPH_MASKED) {
        return um_buffer_append_text(writer->text, writer->form->mask, error);
    }
    if (writer->form->printable && !is_plain(glyph->code_point)) {
        return um_buffer_append_text(writer->text, UM_UTF8_REPLACEMENT, error);
    }
    return um_buffer_append(writer->text, glyph->bytes, glyph->length, error);
}

um_status um_text_canvas_text(const um_text_canvas *canvas, size_t first, size_t last,
                              const um_text_form *form, um_buffer *text, um_error *error) {
    text_writer writer = {text, form};
    return walk_range(canvas, first, last, true, write_glyph, &writer, error);
}
