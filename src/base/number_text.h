/* Numbers as text with a decimal point, whatever locale the host program has chosen.  During a call
 * the calling thread is in the locale "C"; other threads and the process are left alone. */
#ifndef UM_BASE_NUMBER_TEXT_H
#define UM_BASE_NUMBER_TEXT_H

#include <stdarg.h>

#include "base/status.h"

/* As strtod. */
double um_number_parse(const char *text, char **end);

/* As vsnprintf. */
int um_number_vformat(char *text, size_t size, const char *format, va_list arguments)
    UM_PRINTF_LIKE(3, 0);

#endif
