/* From the library's events to the live view: shows decoding on the terminal while it happens. */
#ifndef UM_CLI_GENERATE_GENERATE_LIVE_H
#define UM_CLI_GENERATE_GENERATE_LIVE_H

#include "cli/terminal/live_view.h"

/* Zero-initialise all but `terminal`. */
typedef struct um_generate_view {
    um_terminal terminal; /* um_terminal_probe of standard output */
    const um_model *model;
    um_live_view *view; /* of the current sample */
    um_status status;   /* the first failure */
    um_error error;
} um_generate_view;

/* To be called by the callbacks of um_generate. */
void um_generate_view_start(um_generate_view *view, const um_start_event *start);
void um_generate_view_event(um_generate_view *view, const um_event *event);
void um_generate_view_step(um_generate_view *view); /* between steps */

/* Leave the final text on the screen (`result` is what um_generate filled in, NULL after a failure)
 * and get ready for the next sample.  Returns the first failure of the view. */
um_status um_generate_view_finish(um_generate_view *view, const um_result *result, um_error *error);

#endif
