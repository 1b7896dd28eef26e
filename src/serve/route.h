/* Paths; private to the server. */
#ifndef UM_SERVE_ROUTE_H
#define UM_SERVE_ROUTE_H

#include "serve/exchange.h"

/* What is at a path; NULL if there is nothing. */
const um_route *um_route_find(const char *path);

/* Whether the request may go on to its body; otherwise the refusal has been sent, with *result. */
bool um_route_admit(um_exchange *exchange, const char *method, enum MHD_Result *result);

/* Answer a request that was admitted and is complete. */
enum MHD_Result um_route_answer(um_exchange *exchange, const char *method);

#endif
