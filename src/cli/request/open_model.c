#include "cli/request/open_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/request/model_path.h"
#include "cli/terminal/progress_bar.h"

/* The user's cache directory by the XDG Base Directory Specification; false if there is none. */
static bool find_cache(char *path, size_t path_size) {
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length = -1;
    if (cache && *cache == '/') {
        length = snprintf(path, path_size, "%s/unmask", cache);
    } else if (home && *home == '/') {
        length = snprintf(path, path_size, "%s/.cache/unmask", home);
    }
    return length > 0 && (size_t)length < path_size;
}

um_status um_cli_open_model(const um_model_choice *choice, um_model **model, um_error *error) {
    char cache[4096];
    const char *path = NULL;
    um_model_options with = choice->options;
    UM_TRY(um_cli_model_path(choice->model, &path, error));
    if (choice->no_quantize_cache && !with.quantize) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "--no-quantize-cache has no effect without --quantize: leave it out");
    }
    if (!with.quantize) {
        return um_model_open(path, &with, model, error);
    }
    um_progress_bar bar = um_progress_bar_start("quantising");
    with.quantize_cache =
        !choice->no_quantize_cache && find_cache(cache, sizeof cache) ? cache : NULL;
    with.progress = um_progress_bar_watch;
    with.progress_user = &bar;
    um_cli_catch_interrupts();
    const um_status status = um_model_open(path, &with, model, error);
    um_progress_bar_end(&bar);
    return status;
}
