/* The segments of the canvas that a request asks for; private to the module. */
#ifndef UM_API_REQUEST_LAYOUT_H
#define UM_API_REQUEST_LAYOUT_H

#include "api/internal.h"

/* The messages, then the parts, in the order in which the model reads them. */
typedef struct um_request_layout {
    um_token_list *fixed;        /* [segment_count]: the tokens of each fixed segment */
    um_canvas_segment *segments; /* [segment_count] */
    size_t segment_count;
    size_t capacity;
} um_request_layout;

/* A model that writes from left to right (`hole_last`) does not see what follows a hole.  If parts
 * follow the only hole, and no messages precede it, the model is shown those parts first, in the
 * form in which code models learn to fill in the middle (Qwen2.5-Coder, arXiv 2409.12186, section
 * 3.2.1):
 *
 *     <|fim_prefix|> before <|fim_suffix|> after <|fim_middle|> hole
 *
 * UM_ERR_MISMATCH if the tokenizer lacks one of these tokens.  Free the layout with
 * um_request_layout_free, whatever the outcome. */
um_status um_request_layout_make(const um_model *model, const um_request *request, bool hole_last,
                                 um_request_layout *layout, um_error *error);
void um_request_layout_free(um_request_layout *layout);

#endif
