/* What the operating system tells about the machine and about who uses it. */
#ifndef UM_CLI_BENCH_MACHINE_H
#define UM_CLI_BENCH_MACHINE_H

#include "base/status.h"

/* The processor's name into `text`; "unknown" where the system does not tell. */
void um_machine_processor_name(char *text, size_t size);

/* The largest memory that was resident so far in this process, in bytes. */
double um_machine_peak_memory(void);

/* The processor time that went to other processes between two moments. */
typedef struct um_machine_watch {
    double start;
    double own;  /* seconds of this process and of its ended children */
    double busy; /* seconds of all processors since the system started; below 0: unknown */
} um_machine_watch;

um_machine_watch um_machine_watch_start(void);

/* Seconds since the start, and the share (0 to 1) of all processors' time that went to others;
 * below 0 where the system does not tell.  The system counts in hundredths of a second: over less
 * than a tenth of one the share means little. */
double um_machine_watch_stop(const um_machine_watch *watch, double *seconds);

/* ---- Parts, also used by tests ------------------------------------------- */

/* The ticks that the first line of /proc/stat counts as work: everything but waiting; time that
 * the host gave to other machines is work.  False for any other text. */
bool um_parse_processor_ticks(const char *line, double *ticks);

/* The share of `processors` over `seconds` that went to others, given the seconds of work of all
 * and our own, both of limited resolution. */
double um_others_share(double busy, double own, double seconds, size_t processors);

#endif
