#include "base/number_list.h"

#include <math.h>
#include <string.h>

#include "base/number_text.h"
#include "base/text.h"

#define NUMBER_LENGTH 31 /* maximum characters of a number */

static um_status read_number(const char *item, size_t length, double maximum, double *value,
                             um_error *error) {
    char number[NUMBER_LENGTH + 1] = "";
    char *end = NULL;
    memcpy(number, item, length <= NUMBER_LENGTH ? length : 0);
    const double given = um_number_parse(number, &end);
    if (end == number || *end || strspn(number, "0123456789.eE+-") != length ||
        !(given >= 0 && given <= maximum)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "\"%.*s\" is not a number from 0 to %g",
                        (int)(length < 40 ? length : 40), item, maximum);
    }
    *value = fabs(given); /* -0 is 0 */
    return UM_OK;
}

static um_status insert(double value, size_t most, um_number_list *list, um_error *error) {
    size_t at = 0;
    while (at < list->count && list->values[at] < value) {
        at++;
    }
    if (at < list->count && list->values[at] == value) {
        return UM_OK;
    }
    if (list->count == most) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "more than %zu numbers", most);
    }
    memmove(list->values + at + 1, list->values + at, (list->count - at) * sizeof *list->values);
    list->values[at] = value;
    list->count++;
    return UM_OK;
}

um_status um_number_list_read(const char *text, double maximum, size_t most, um_number_list *list,
                              um_error *error) {
    list->count = 0;
    for (const char *rest = text; rest;) {
        size_t length = 0;
        double value = 0;
        const char *item = um_text_next_item(&rest, &length);
        UM_TRY(read_number(item, length, maximum, &value, error));
        UM_TRY(insert(value, most, list, error));
    }
    return UM_OK;
}
