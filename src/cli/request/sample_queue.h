/* Samples decoded side by side and printed in the order in which they were asked for. */
#ifndef UM_CLI_REQUEST_SAMPLE_QUEUE_H
#define UM_CLI_REQUEST_SAMPLE_QUEUE_H

#include "cli/request/prompt_line.h"
#include "cli/request/trace_file.h"

typedef struct um_sample_queue um_sample_queue;

typedef struct um_sample_queue_setup {
    const um_model *model;
    um_threads *threads;
    size_t size;          /* samples that are decoded at a time, at least 1 */
    um_trace_file *trace; /* for the traces, one after the other; borrowed, or NULL */
    void *user;           /* passed to `print` */
    um_status (*print)(void *user, const um_prompt *prompt, size_t sample, const um_result *result,
                       um_error *error);
} um_sample_queue_setup;

/* What `setup` points to must outlive *queue. */
um_status um_sample_queue_create(const um_sample_queue_setup *setup, um_sample_queue **queue,
                                 um_error *error);
/* Samples that were not printed are dropped.  NULL is allowed. */
void um_sample_queue_free(um_sample_queue *queue);

/* Queue sample number request->sample; `prompt` and `request` are not needed afterwards.  `where`
 * (may be NULL) begins the message if it fails.  A queue of size 1 decodes and prints it right
 * away, a larger one when enough others wait.
 *
 * A request that is refused leaves the samples before it pending.  Any other failure is that of the
 * first sample, in order, that failed; those before it have been printed, and nothing after it will
 * be. */
um_status um_sample_queue_add(um_sample_queue *queue, const um_prompt *prompt,
                              const um_request *request, const char *where, um_error *error);

/* Wall-clock seconds that decoding took so far, without printing. */
double um_sample_queue_seconds(const um_sample_queue *queue);

/* Decode and print all samples queued.  UM_OK after a failure that has been returned already. */
um_status um_sample_queue_finish(um_sample_queue *queue, um_error *error);

#endif
