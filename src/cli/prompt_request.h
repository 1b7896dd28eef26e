/* The request for a prompt: messages or text, a hole for the answer, and text after it. */
#ifndef UM_CLI_PROMPT_REQUEST_H
#define UM_CLI_PROMPT_REQUEST_H

#include "unmask.h"

/* A request with what it points to: once begun it must not be moved.  Texts are borrowed. */
typedef struct um_prompt_request {
    um_message messages[2];
    um_part parts[3];
    um_request request;
} um_prompt_request;

/* Begin an empty request. */
void um_prompt_request_begin(um_prompt_request *prompt, const um_options *options);

/* Add what the user says, after the `system` message unless that is NULL. */
void um_prompt_request_say(um_prompt_request *prompt, const char *system, const char *text,
                           size_t length);

/* Add the next part of the canvas; at most three of them. */
void um_prompt_request_add_text(um_prompt_request *prompt, const char *text, size_t length,
                                bool special);
void um_prompt_request_add_hole(um_prompt_request *prompt, size_t length);

#endif
