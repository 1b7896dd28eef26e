/* Writing all of it. */
#ifndef UM_BASE_WRITE_ALL_H
#define UM_BASE_WRITE_ALL_H

#include <stddef.h>

/* Write bytes[length] to the descriptor, whatever interrupts that.  0, or the errno of what failed,
 * after which a part may be written. */
int um_write_all(int descriptor, const void *bytes, size_t length);

#endif
