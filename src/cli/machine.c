#include "cli/machine.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/processors.h"

#define NAME_FILE "/proc/cpuinfo"
#define WORK_FILE "/proc/stat"

/* If the line is "KEY : value", copy the value. */
static bool take_value(const char *line, const char *key, char *value, size_t size) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, key, strlen(key)) != 0 || !colon) {
        return false;
    }
    const char *start = colon + 1 + strspn(colon + 1, " \t");
    (void)snprintf(value, size, "%.*s", (int)strcspn(start, "\n"), start);
    return true;
}

bool um_parse_processor_name(FILE *file, char *text, size_t size) {
    char line[256];
    char implementer[32] = "";
    char part[32] = "";
    while (fgets(line, sizeof line, file)) {
        if (take_value(line, "model name", text, size)) {
            return true;
        }
        (void)take_value(line, "CPU implementer", implementer, sizeof implementer);
        (void)take_value(line, "CPU part", part, sizeof part);
    }
    (void)snprintf(text, size, "ARM, implementer %s, part %s", implementer, part);
    return *implementer && *part;
}

void um_machine_processor_name(char *text, size_t size) {
    FILE *file = fopen(NAME_FILE, "r");
    if (!file || !um_parse_processor_name(file, text, size)) {
        (void)snprintf(text, size, "unknown");
    }
    if (file) {
        (void)fclose(file);
    }
}

double um_machine_peak_memory(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss * 1024 : 0;
}

bool um_parse_processor_ticks(const char *line, double *ticks) {
    unsigned long long user = 0, nice = 0, system = 0, idle = 0;
    unsigned long long wait = 0, interrupts = 0, soft = 0, steal = 0;
    /* The fields after these, for guests, are included in the first two. */
    const int fields = sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice,
                              &system, &idle, &wait, &interrupts, &soft, &steal);
    *ticks = (double)user + (double)nice + (double)system + (double)interrupts + (double)soft +
             (double)steal;
    return fields >= 4;
}

double um_others_share(double busy, double own, double seconds, size_t processors) {
    const double capacity = seconds * (double)processors;
    const double share = capacity > 0 ? (busy - own) / capacity : 0;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* Seconds of work of all processors; below 0: unknown. */
static double read_busy(void) {
    char line[256];
    double ticks = 0;
    FILE *file = fopen(WORK_FILE, "r");
    const bool known =
        file && fgets(line, sizeof line, file) && um_parse_processor_ticks(line, &ticks);
    if (file) {
        (void)fclose(file);
    }
    const long rate = sysconf(_SC_CLK_TCK);
    return known && rate > 0 ? ticks / (double)rate : -1;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static double read_own(void) {
    struct timespec time = {0};
    struct rusage children = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec + seconds_of(children.ru_utime) +
           seconds_of(children.ru_stime);
}

um_machine_watch um_machine_watch_start(void) {
    return (um_machine_watch){.busy = read_busy(), .own = read_own(), .start = um_clock_seconds()};
}

double um_machine_watch_stop(const um_machine_watch *watch, double *seconds) {
    *seconds = um_clock_seconds() - watch->start;
    const double own = read_own() - watch->own;
    const double busy = read_busy();
    if (busy < 0 || watch->busy < 0) {
        return -1;
    }
    return um_others_share(busy - watch->busy, own, *seconds, um_online_processors());
}
