#include "judge/reward_weights.h"

#define WHOLE_SHARE 0.99 /* the published recipe's "binary_code" is 1 above this */

um_reward_weights um_reward_default_weights(void) {
    return (um_reward_weights){.code = 2.0, .format = 0.5};
}

double um_reward_of(const um_reward_weights *weights, const um_judgement *judgement) {
    double code = judgement->code;
    if (weights->binary_code) {
        code = code > WHOLE_SHARE ? 1.0 : 0.0;
    }
    return weights->code * code + weights->format * judgement->format;
}
