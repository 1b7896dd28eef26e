/* A set of numbers that a user gives as one text, such as "0,0.2,1.5". */
#ifndef UM_BASE_NUMBER_LIST_H
#define UM_BASE_NUMBER_LIST_H

#include "base/status.h"

#define UM_NUMBER_LIST_SIZE 32

typedef struct um_number_list {
    double values[UM_NUMBER_LIST_SIZE]; /* [count], ascending, none twice */
    size_t count;
} um_number_list;

/* Read comma-separated decimal numbers from 0 to `maximum`, in any order.  UM_ERR_ARGUMENT names
 * the first item that is not such a number, or says that there are more than `most` (up to
 * UM_NUMBER_LIST_SIZE) different ones. */
um_status um_number_list_read(const char *text, double maximum, size_t most, um_number_list *list,
                              um_error *error);

#endif
