/* The request that a prompt makes: messages or text, a hole for the answer, and text behind it. */
#ifndef UM_CLI_PROMPT_REQUEST_H
#define UM_CLI_PROMPT_REQUEST_H

#include "unmask.h"

/* A request with what it points to: once begun it must not be moved.  Texts are borrowed. */
typedef struct um_prompt_request {
    um_message messages[2];
    um_part parts[3];
    um_request request;
} um_prompt_request;

/* Begin one without anything in it. */
void um_prompt_request_begin(um_prompt_request *prompt, const um_options *options);

/* What a user says, after the `system` message unless that is NULL. */
void um_prompt_request_say(um_prompt_request *prompt, const char *system, const char *text,
                           size_t length);

/* The next part of the canvas; up to three of them. */
void um_prompt_request_add_text(um_prompt_request *prompt, const char *text, size_t length,
                                bool special);
void um_prompt_request_add_hole(um_prompt_request *prompt, size_t length);

#endif
