/* What the operating system reports about the machine and its other processes. */
#ifndef UM_CLI_MACHINE_H
#define UM_CLI_MACHINE_H

#include <stdio.h>

#include "base/status.h"

/* The processor's name into `text`; "unknown" if the system does not give it. */
void um_machine_processor_name(char *text, size_t size);

/* The peak resident memory of this process so far, in bytes. */
double um_machine_peak_memory(void);

/* The processor time that went to other processes between two moments. */
typedef struct um_machine_watch {
    double start;
    double own;  /* seconds of this process and of its ended children */
    double busy; /* seconds of all processors since the system started; below 0: unknown */
} um_machine_watch;

um_machine_watch um_machine_watch_start(void);

/* Set *seconds to the seconds since the start, and return the share (0 to 1) of all processors'
 * time that went to other processes; below 0 if the system does not report it.  The system counts
 * in hundredths of a second: over less than a tenth of a second the share means little. */
double um_machine_watch_stop(const um_machine_watch *watch, double *seconds);

/* ---- Parts, also used by tests ------------------------------------------- */

/* The processor's name in a file like /proc/cpuinfo: the model's name, or on ARM, which has none,
 * the numbers of implementer and part.  False if there is neither. */
bool um_parse_processor_name(FILE *file, char *text, size_t size);

/* The ticks of work in the first line of /proc/stat: all but idling and waiting; time that the host
 * gave to other machines counts as work.  False for any other text. */
bool um_parse_processor_ticks(const char *line, double *ticks);

/* The share (0 to 1) of the time of `processors` over `seconds` that went to others, given the
 * seconds of work of everything and of this process, both of limited resolution. */
double um_others_share(double busy, double own, double seconds, size_t processors);

#endif
