/* Write a whole buffer, however many calls of write(2) that takes. */
#ifndef UM_BASE_WRITE_ALL_H
#define UM_BASE_WRITE_ALL_H

#include <stddef.h>

/* Write bytes[length] to the descriptor, despite interrupts and partial writes.  Returns 0, or the
 * errno of the failure, after which a part may have been written. */
int um_write_all(int descriptor, const void *bytes, size_t length);

#endif
