/* What every test program includes: cmocka and its prerequisites. */
#ifndef UM_TESTS_TESTING_H
#define UM_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/status.h"

/* Assert success and show the message otherwise. */
#define assert_ok(expression, error)                                                               \
    do {                                                                                           \
        if ((expression) != UM_OK) {                                                               \
            fail_msg("%s: %s", #expression, (error)->message);                                     \
        }                                                                                          \
    } while (0)

#endif
