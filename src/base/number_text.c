#include "base/number_text.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct locale_change {
    locale_t plain;
    locale_t before;
} locale_change;

/* All categories, not numbers alone: the C library keeps that locale ready and allocates nothing.
 * If it cannot be had, nothing changes. */
static locale_change enter_plain_locale(void) {
    locale_change change = {.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    change.before = uselocale(change.plain);
    return change;
}

static void leave_plain_locale(locale_change change) {
    (void)uselocale(change.before);
    if (change.plain) {
        freelocale(change.plain);
    }
}

double um_number_parse(const char *text, char **end) {
    const locale_change change = enter_plain_locale();
    const double number = strtod(text, end);
    leave_plain_locale(change);
    return number;
}

int um_number_vformat(char *text, size_t size, const char *format, va_list arguments) {
    const locale_change change = enter_plain_locale();
    const int length = vsnprintf(text, size, format, arguments);
    leave_plain_locale(change);
    return length;
}
