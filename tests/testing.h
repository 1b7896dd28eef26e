/* What every test program includes: cmocka and its prerequisites. */
#ifndef UM_TESTS_TESTING_H
#define UM_TESTS_TESTING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/status.h"

/* Whether the address sanitizer is active.  Arithmetic costs six times as much under it, so tests
 * of long training then show only that it runs; that it learns they show in the release build. */
#if defined(__SANITIZE_ADDRESS__)
#define UM_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UM_SANITIZED true
#endif
#endif
#ifndef UM_SANITIZED
#define UM_SANITIZED false
#endif

/* Assert success and show the message otherwise. */
#define assert_ok(expression, error)                                                               \
    do {                                                                                           \
        if ((expression) != UM_OK) {                                                               \
            fail_msg("%s: %s", #expression, (error)->message);                                     \
        }                                                                                          \
    } while (0)

/* For doubles: assert_float_equal would round their last digits away. */
#define assert_double_near(actual, expected, tolerance)                                            \
    do {                                                                                           \
        const double um_actual = (actual);                                                         \
        const double um_expected = (expected);                                                     \
        if (!(fabs(um_actual - um_expected) <= (tolerance))) {                                     \
            fail_msg("%s is %.17g, not %.17g", #actual, um_actual, um_expected);                   \
        }                                                                                          \
    } while (0)

#endif
