#include "decode/schedule.h"

#include <math.h>

float um_schedule_timestep(double eps, size_t steps, size_t index) {
    const float last = (float)eps;
    const float increment = (last - 1.0f) / (float)steps;
    if (index < (steps + 1) / 2) {
        return fmaf(increment, (float)index, 1.0f);
    }
    return fmaf(-increment, (float)(steps - index), last);
}

float um_schedule_reveal_probability(double eps, size_t steps, size_t step) {
    if (step + 1 >= steps) {
        return 1.0f;
    }
    const float t = um_schedule_timestep(eps, steps, step);
    const float s = um_schedule_timestep(eps, steps, step + 1);
    const float ratio = s / t;
    return 1.0f - ratio;
}

size_t um_schedule_commit_count(double eps, size_t steps, size_t step, size_t masked) {
    const float expected = (float)masked * um_schedule_reveal_probability(eps, steps, step);
    return (size_t)expected;
}

size_t um_schedule_equal_share(size_t masked, size_t steps, size_t step) {
    return masked / steps + (step < masked % steps ? 1 : 0);
}

size_t um_schedule_left_masked(size_t positions, size_t steps, size_t step) {
    const double kept = (double)(step + 1) / (double)steps;
    const float left = (float)positions * (float)(1.0 - kept);
    return (size_t)floorf(left);
}
