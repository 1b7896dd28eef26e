/* One request on a connection and its reply; private to the server. */
#ifndef UM_SERVE_EXCHANGE_H
#define UM_SERVE_EXCHANGE_H

#include <microhttpd.h>

#include "serve/api.h"
#include "serve/server.h"

struct um_server {
    um_server_options options;
    um_model_info info; /* with `name` */
    um_buffer name;     /* of the model, in UTF-8 */
    struct MHD_Daemon *daemon;
    um_engine *engine;
    atomic_bool is_draining;
    atomic_size_t exchanges; /* that have begun and are not over */
};

typedef struct um_route um_route;

/* From the first bytes of a request to the last of its reply. */
typedef struct um_exchange {
    um_server *server;
    struct MHD_Connection *connection;
    const um_route *route; /* NULL: there is no such path */
    um_buffer body;        /* of the request */
    size_t received;       /* bytes of it so far */
    bool is_too_long;
    um_status status;  /* of collecting the body */
    um_job *job;       /* a reference, or NULL */
    um_buffer pending; /* of a stream: read from the job, not yet sent */
    size_t sent;       /* bytes of `pending` */
    bool has_ended;    /* nothing more comes from the job */
    /* For the log: */
    char method[12];
    char path[64];
    int code;
    double began;
} um_exchange;

/* Longest body of a request, in bytes. */
#define UM_BODY_MAXIMUM ((size_t)2 << 20)
#define UM_TOO_LONG "the request is longer than 2 MiB"

/* For so long a client may neither send nor take anything. */
#define UM_IDLE_SECONDS 60U

/* What is at a path. */
struct um_route {
    const char *path;
    enum MHD_Result (*answer)(um_exchange *exchange); /* to GET */
    const um_api *api;                                /* or to POST */
    bool is_open;                                     /* needs no key */
};

/* Reply with `code` and the text of *value, which is released; or with an error. */
enum MHD_Result um_exchange_reply_json(um_exchange *exchange, int code, json_t *value);
enum MHD_Result um_exchange_reply_error(um_exchange *exchange, int code, const char *message);

/* The same with any text. */
enum MHD_Result um_exchange_reply_text(um_exchange *exchange, int code, const char *type,
                                       const char *text, size_t length);

/* Answer the body of the request with this API. */
enum MHD_Result um_exchange_answer(um_exchange *exchange, const um_api *api);

void um_exchange_free(um_exchange *exchange);

#endif
