/* How many positions each step commits: the published rules, in their order of float32
 * operations, because an early rounding decides whether a step commits one token less. */
#ifndef UM_DECODE_SCHEDULE_H
#define UM_DECODE_SCHEDULE_H

#include <stddef.h>

/* Element `index` (0 .. steps) of torch.linspace(1, eps, steps + 1) in float32, bit for bit:
 * the first half counts up from 1, the second half down from eps, each with one fused
 * multiply-add.  steps is 1 to 2^20. */
float um_schedule_timestep(double eps, size_t steps, size_t index);

/* Probability with which a position that is masked before step `step` (0 .. steps - 1) is
 * revealed in it: 1 - s/t of its timesteps t > s, and 1 in the last step. */
float um_schedule_reveal_probability(double eps, size_t steps, size_t step);

/* Positions that Dream's confidence-ordered samplers commit in step `step` when `masked` are
 * open: trunc(masked * (1 - s/t)), and all in the last step. */
size_t um_schedule_commit_count(double eps, size_t steps, size_t step, size_t masked);

/* LLaDA's share of `masked` positions for step `step` of `steps`: an equal share, and one more in
 * each of the first `masked` mod `steps` steps. */
size_t um_schedule_equal_share(size_t masked, size_t steps, size_t step);

/* Positions that Open-dLLM's p2 sampler leaves masked after step `step`:
 * floor(positions * (1 - (step + 1) / steps)). */
size_t um_schedule_left_masked(size_t positions, size_t steps, size_t step);

#endif
