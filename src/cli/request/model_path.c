#include "cli/request/model_path.h"

#include <stdlib.h>

#include "base/mapped_file.h"

#define INSTALLED UM_DATA_DIRECTORY "/models/tiny"
#define LOCAL "models/tiny"

um_status um_cli_model_path(const char *given, const char **path, um_error *error) {
    static const char *const places[] = {INSTALLED, LOCAL};
    const char *from_environment = getenv("UNMASK_MODEL");
    *path = given ? given : from_environment;
    if (*path && (given || **path)) {
        return UM_OK;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (um_file_exists(places[i], "config.json")) {
            *path = places[i];
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_IO,
                    "no model: give --model PATH, or set UNMASK_MODEL; there is none in %s and "
                    "none in %s",
                    INSTALLED, LOCAL);
}
