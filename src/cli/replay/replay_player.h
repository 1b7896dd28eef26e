/* A recorded run as part of an HTML page: the text with each token in the colour of its step and,
 * if scripts run, buttons to play it, to step and to go anywhere. */
#ifndef UM_CLI_REPLAY_REPLAY_PLAYER_H
#define UM_CLI_REPLAY_REPLAY_PLAYER_H

#include "cli/replay/replay.h"

/* Positions that are shown; longer canvases are cut, with a note. */
#define UM_REPLAY_PLAYER_POSITIONS 16384

extern const char um_replay_player_style[];
extern const char um_replay_player_script[];
extern const char um_replay_player_sha256[]; /* of the script, in base64 */

/* Append the run as an element, with `title` (any text) above it. */
um_status um_replay_player(const um_replay *replay, const char *title, um_buffer *page,
                           um_error *error);

/* Append a page that contains nothing else. */
um_status um_replay_page(const um_replay *replay, um_buffer *page, um_error *error);

#endif
