#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "base/processors.h"

#ifdef __linux__
#include <sched.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 4096

size_t um_online_processors(void) {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

static size_t bound_processors(void) {
#ifdef __linux__
    cpu_set_t bound;
    if (sched_getaffinity(0, sizeof bound, &bound) == 0 && CPU_COUNT(&bound) > 0) {
        return (size_t)CPU_COUNT(&bound);
    }
#endif
    return um_online_processors();
}

size_t um_quota_processors(const char *text) {
    char *end = NULL;
    const unsigned long long quota = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    const unsigned long long period = end && *end == ' ' ? strtoull(end, NULL, 10) : 0;
    if (quota == 0 || period == 0) {
        return 0;
    }
    return (size_t)(quota / period + (quota % period != 0 ? 1 : 0));
}

/* The first line of a file that starts with `start`, without that; false if there is none. */
static bool read_line(const char *path, const char *start, char line[PATH_SIZE]) {
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, PATH_SIZE, file)) {
        found = strncmp(line, start, strlen(start)) == 0;
    }
    if (file) {
        (void)fclose(file);
    }
    if (found) {
        line[strcspn(line, "\n")] = '\0';
        memmove(line, line + strlen(start), strlen(line + strlen(start)) + 1);
    }
    return found;
}

/* The smallest quota of the group at `path` and those around it; 0 for none. */
static size_t smallest_quota(char path[PATH_SIZE]) {
    size_t smallest = 0;
    for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
        char file[2 * PATH_SIZE];
        char line[PATH_SIZE];
        *end = '\0';
        (void)snprintf(file, sizeof file, "/sys/fs/cgroup%s/cpu.max", path);
        const size_t quota = read_line(file, "", line) ? um_quota_processors(line) : 0;
        smallest = quota > 0 && (smallest == 0 || quota < smallest) ? quota : smallest;
    }
    return smallest;
}

size_t um_usable_processors(void) {
    char group[PATH_SIZE];
    const size_t bound = bound_processors();
    const size_t quota = read_line("/proc/self/cgroup", "0::", group) ? smallest_quota(group) : 0;
    return quota > 0 && quota < bound ? quota : bound;
}
