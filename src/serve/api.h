/* The APIs: each reads the JSON of its requests and says how replies are written. */
#ifndef UM_SERVE_API_H
#define UM_SERVE_API_H

#include "serve/job.h"

typedef struct um_api {
    /* Read ask->body, after um_ask_begin and um_ask_read_options. */
    um_status (*read)(um_ask *ask, um_error *error);
    um_dialect dialect;
} um_api;

extern const um_api um_api_chat;        /* OpenAI and Mercury: /v1/chat/completions */
extern const um_api um_api_completions; /* OpenAI: /v1/completions */
extern const um_api um_api_fim;         /* Mistral and Mercury: /v1/fim/completions */
extern const um_api um_api_infill;      /* llama.cpp: /infill */

/* Read a member "prompt", "suffix" ... that is a text; NULL and 0 if it is missing. */
um_status um_api_read_text(const um_ask *ask, const char *name, const char **text, size_t *length,
                           um_error *error);

/* Refuse what would change the answer of any API, if it were obeyed. */
um_status um_api_refuse_unsupported(const um_ask *ask, um_error *error);

/* Read "stream_options": {"include_usage": true}, and Mercury's "diffusing". */
um_status um_api_read_stream_options(um_ask *ask, um_error *error);

#endif
