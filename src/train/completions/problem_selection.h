/* Selects problems for reinforcement learning from AceCode (Zeng et al., arXiv 2502.01718), by the
 * difficulty filter of DiffuCoder (arXiv 2506.20639, section 4; its published script
 * recipes/process_data.py).
 *
 * A line of the input is an object with "id", "question", "test_cases" (assert statements),
 * "source" if there is one, and "inferences": objects with "model_name", "completion" and
 * "pass_rate" from 0 to 1.  The pass rates of the named models give each problem a mean and a
 * deviation, and the filter keeps problems by percentiles of these two over *all* problems.
 *
 * The paper speaks of the hardest 20% of problems and the 40% with the most variance; comments in
 * the script say 25% and 50%.  The script's code, which is the default here, keeps means up to the
 * 20th percentile and deviations from the 40th on, the upper 60%. */
#ifndef UM_TRAIN_COMPLETIONS_PROBLEM_SELECTION_H
#define UM_TRAIN_COMPLETIONS_PROBLEM_SELECTION_H

#include "base/buffer.h"
#include "base/status.h"

/* Percentiles, 0 to 100, both ends kept. */
typedef struct um_problem_filter {
    double mean_from;
    double mean_to;
    double deviation_from;
} um_problem_filter;

/* "hard", "medium", "easy", or "all", which keeps every problem; false for other names. */
bool um_problem_filter_from_name(const char *name, um_problem_filter *filter);

typedef struct um_problem_selection um_problem_selection;

/* Count the pass rates of the `model_count` models with these names; 0: "qwen_coder_2.5" and
 * "llama3_instruct", as the script does.  The names are copied.  Release with
 * um_problem_selection_free. */
um_status um_problem_selection_create(const char *const *models, size_t model_count,
                                      um_problem_selection **selection, um_error *error);

/* Add the problem on one line; a line of only white space has none.  `path` and `number` name the
 * line in messages.  UM_ERR_FORMAT: not JSON, a member that is missing or of another type, a pass
 * rate outside 0 to 1, no inference of the named models, the id of an earlier problem. */
um_status um_problem_selection_add_line(um_problem_selection *selection, const char *bytes,
                                        size_t length, const char *path, size_t number,
                                        um_error *error);

typedef struct um_problem_selection_counts {
    size_t problems;  /* added */
    size_t kept;      /* by the filter */
    size_t rewritten; /* of those, written a second time, as a function to complete */
    double mean_from; /* the limits at the filter's percentiles */
    double mean_to;
    double deviation_from;
} um_problem_selection_counts;

/* Append the problems that `filter` keeps to `lines`, as JSON Lines: "task_id" (the id),
 * "format": "chat", "prompt", "test_cases" and "source".
 *
 * The prompt is the question and, unless the question has a line that closes a fenced block, a line
 * feed, "Test cases: " and the first test.  A problem whose question does not contain "you", in
 * upper or lower case, is written a second time, with "/completion" after its id, if the completion
 * with the best pass rate (of any model; the first of equals) begins with the head of a function:
 * the prompt then asks to complete this function, with the question as its docstring.  Unlike the
 * script, this requires the colon and line end of the head; without them the prompt would contain
 * the whole program.
 *
 * UM_ERR_ARGUMENT: no problem was added, or none is kept. */
um_status um_problem_selection_append(const um_problem_selection *selection,
                                      const um_problem_filter *filter, um_buffer *lines,
                                      um_problem_selection_counts *counts, um_error *error);

/* NULL is allowed. */
void um_problem_selection_free(um_problem_selection *selection);

#endif
