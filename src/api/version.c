#include "unmask.h"

const char *um_version(void) {
    return UM_VERSION_TEXT;
}
