#include "cli/request/batch_size.h"

#include <unistd.h>

#include "base/memory.h"

#define LONG_PROMPT 4096 /* positions */

size_t um_cli_batch_size(const um_model_info *info, size_t given, size_t most, size_t processes) {
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    if (given > 0) {
        return given;
    }
    if (pages <= 0 || page_bytes <= 0) {
        return most;
    }
    const size_t positions = um_size_smaller(info->context_length, LONG_PROMPT);
    const size_t memory = (size_t)pages / 4 * (size_t)page_bytes / processes;
    const size_t fitting = memory / (positions * info->cache_bytes + 1);
    return fitting < 1 ? 1 : um_size_smaller(fitting, most);
}
