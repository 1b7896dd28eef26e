/* Prompts as users give them, alone or in the lines of --prompts, and the requests for them. */
#ifndef UM_CLI_REQUEST_PROMPT_LINE_H
#define UM_CLI_REQUEST_PROMPT_LINE_H

#include "base/json.h"
#include "cli/request/prompt_request.h"

/* How the prompts of a command are asked; zero-initialise. */
typedef struct um_prompt_form {
    um_options *options; /* of decoding; NULL: the defaults */
    const char *system;  /* before the message of a user, or NULL */
    const char *suffix;  /* follows the hole of prompts without a suffix of their own, or NULL */
    size_t length;       /* of the hole in tokens; 0: by the size of the context */
    bool chat;           /* every prompt is the message of a user */
    bool special;        /* names of special tokens in prompt and suffix are those tokens */
    bool bos;            /* the BOS token comes first */
} um_prompt_form;

/* One prompt, whichever way it came.  Its texts are borrowed. */
typedef struct um_prompt {
    const char *text; /* [length] */
    size_t length;
    const char *suffix; /* [suffix_length], or NULL */
    size_t suffix_length;
    bool chat;           /* it is the message of a user */
    const char *task_id; /* of a line: its JSON text; NULL otherwise */
    size_t index;        /* for the caller, to tell prompts apart */
} um_prompt;

/* Make the request for a prompt and the hole after it, of form->length tokens or else the usual
 * length of an answer; a prompt with masks of its own has no other hole.  `where` names the prompt
 * in messages, or is NULL.  Call um_prompt_request_free whatever the outcome.  Errors of
 * um_prompt_request_put_bos; UM_ERR_LIMIT: the prompt leaves no room for an answer. */
um_status um_prompt_ask(const um_prompt_form *form, const um_prompt *prompt, const um_model *model,
                        const char *where, um_prompt_request *asked, um_error *error);

/* A line of --prompts: an object with "prompt" and, if wanted, "task_id" (a string or an integer;
 * default: the number of the line), "suffix" and "format" ("chat": the prompt is a message). */
typedef struct um_prompt_line {
    um_prompt prompt;
    um_json_line json; /* owns the texts; without an object if the line is blank */
    char *task_id;     /* what prompt.task_id points to */
} um_prompt_line;

/* Read line `number` of `path`, of `length` bytes.  Call um_prompt_line_free whatever the outcome.
 * UM_ERR_FORMAT names the line. */
um_status um_prompt_line_read(const um_prompt_form *form, const char *bytes, size_t length,
                              const char *path, size_t number, um_prompt_line *line,
                              um_error *error);
void um_prompt_line_free(um_prompt_line *line);

#endif
