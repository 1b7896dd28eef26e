#include "decode/canvas.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static um_status check_segment(const um_canvas_segment *segment, size_t number, um_error *error) {
    if (segment->is_hole && segment->length == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "canvas segment %zu: a hole of 0 masks; give it at least 1 or leave it out",
                        number);
    }
    for (size_t i = 0; !segment->is_hole && i < segment->length; i++) {
        if (segment->tokens[i] < 0) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "canvas segment %zu: token %zu has the negative id %ld", number, i,
                            (long)segment->tokens[i]);
        }
    }
    return UM_OK;
}

static um_status total_length(const um_canvas_segment *segments, size_t segment_count,
                              size_t *length, um_error *error) {
    *length = 0;
    for (size_t s = 0; s < segment_count; s++) {
        UM_TRY(check_segment(&segments[s], s, error));
        if (!um_size_add(*length, segments[s].length, length) ||
            *length > UM_CANVAS_MAXIMUM_LENGTH) {
            return UM_RAISE(error, UM_ERR_LIMIT, "canvas: more than %zu positions",
                            UM_CANVAS_MAXIMUM_LENGTH);
        }
    }
    return UM_OK;
}

/* Open `position`, in the last hole if `continues`, else in a new one. */
static void open_position(um_canvas *canvas, size_t position, bool continues) {
    canvas->tokens[position] = canvas->mask_token;
    canvas->states[position] = UM_POSITION_MASKED;
    canvas->answer_count++;
    canvas->masked_count++;
    if (!continues) {
        canvas->holes[canvas->hole_count++] = (um_canvas_hole){.start = position};
    }
    canvas->holes[canvas->hole_count - 1].length++;
}

static void lay_segment(um_canvas *canvas, const um_canvas_segment *segment, size_t start) {
    bool in_hole = false;
    for (size_t i = 0; i < segment->length; i++) {
        const bool is_open = segment->is_hole || segment->tokens[i] == canvas->mask_token;
        if (is_open) {
            open_position(canvas, start + i, in_hole);
        } else {
            canvas->tokens[start + i] = segment->tokens[i];
        }
        in_hole = is_open;
    }
}

/* An upper bound on the holes that um_canvas_create will make, for one allocation. */
static size_t count_holes(const um_canvas_segment *segments, size_t segment_count,
                          int32_t mask_token) {
    size_t count = 0;
    for (size_t s = 0; s < segment_count; s++) {
        count += segments[s].is_hole ? 1 : 0;
        for (size_t i = 0; !segments[s].is_hole && i < segments[s].length; i++) {
            count += segments[s].tokens[i] == mask_token ? 1 : 0;
        }
    }
    return count;
}

um_status um_canvas_create(const um_canvas_segment *segments, size_t segment_count,
                           int32_t mask_token, um_canvas *canvas, um_error *error) {
    *canvas = (um_canvas){.mask_token = mask_token};
    if (mask_token < UM_NO_TOKEN_ID) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "canvas: the mask token has the negative id %ld",
                        (long)mask_token);
    }
    size_t length = 0;
    UM_TRY(total_length(segments, segment_count, &length, error));
    const size_t holes = count_holes(segments, segment_count, mask_token);
    if (holes == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "canvas: no masked position; add a hole of at least 1 mask");
    }
    um_status status = um_allocate(&canvas->tokens, length, sizeof(int32_t), "canvas", error);
    if (status == UM_OK) {
        status = um_allocate(&canvas->states, length, 1, "canvas", error);
    }
    if (status == UM_OK) {
        status = um_allocate(&canvas->holes, holes, sizeof(um_canvas_hole), "canvas", error);
    }
    if (status != UM_OK) {
        um_canvas_free(canvas);
        return status;
    }
    for (size_t s = 0; s < segment_count; s++) {
        lay_segment(canvas, &segments[s], canvas->length);
        canvas->length += segments[s].length;
    }
    return UM_OK;
}

um_status um_canvas_create_prompt(const int32_t *prompt, size_t prompt_length, size_t answer_length,
                                  int32_t mask_token, um_canvas *canvas, um_error *error) {
    const um_canvas_segment segments[] = {
        {.is_hole = false, .length = prompt_length, .tokens = prompt},
        {.is_hole = true, .length = answer_length},
    };
    return um_canvas_create(segments, 2, mask_token, canvas, error);
}

void um_canvas_free(um_canvas *canvas) {
    free(canvas->tokens);
    free(canvas->states);
    free(canvas->holes);
    *canvas = (um_canvas){0};
}

void um_canvas_commit(um_canvas *canvas, size_t position, int32_t token) {
    canvas->tokens[position] = token;
    canvas->states[position] = UM_POSITION_COMMITTED;
    canvas->masked_count--;
}

void um_canvas_remask(um_canvas *canvas, size_t position) {
    canvas->tokens[position] = canvas->mask_token;
    canvas->states[position] = UM_POSITION_MASKED;
    canvas->masked_count++;
}

static size_t collect(const um_canvas *canvas, bool masked_only, size_t *positions) {
    size_t count = 0;
    for (size_t h = 0; h < canvas->hole_count; h++) {
        const um_canvas_hole *hole = &canvas->holes[h];
        for (size_t p = hole->start; p < hole->start + hole->length; p++) {
            if (!masked_only || canvas->states[p] == UM_POSITION_MASKED) {
                positions[count++] = p;
            }
        }
    }
    return count;
}

size_t um_canvas_answer_positions(const um_canvas *canvas, size_t *positions) {
    return collect(canvas, false, positions);
}

size_t um_canvas_masked_positions(const um_canvas *canvas, size_t *positions) {
    return collect(canvas, true, positions);
}

static bool is_among(int32_t token, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == token) {
            return true;
        }
    }
    return false;
}

size_t um_canvas_hole_answer_length(const um_canvas *canvas, size_t hole,
                                    const int32_t *stop_tokens, size_t stop_token_count,
                                    bool *stopped) {
    const size_t start = canvas->holes[hole].start;
    const size_t length = canvas->holes[hole].length;
    size_t count = 0;
    bool stop = false;
    while (count < length && canvas->states[start + count] != UM_POSITION_MASKED && !stop) {
        stop = is_among(canvas->tokens[start + count], stop_tokens, stop_token_count);
        count += stop ? 0 : 1;
    }
    if (stopped) {
        *stopped = stop;
    }
    return count;
}

bool um_canvas_is_settled(const um_canvas *canvas, const int32_t *stop_tokens,
                          size_t stop_token_count) {
    for (size_t h = 0; h < canvas->hole_count; h++) {
        bool stopped;
        const size_t count =
            um_canvas_hole_answer_length(canvas, h, stop_tokens, stop_token_count, &stopped);
        if (!stopped && count < canvas->holes[h].length) {
            return false;
        }
    }
    return true;
}
